//! All places of a store: deployments, accounts, the turns of groups.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use pointsman_clock::Instant;
use pointsman_health::Health;
use pointsman_types::{DeploymentId, GroupName};
use smallvec::SmallVec;

use crate::{
    AccountId, AccountIx, AccountSpec, Allowances, Bound, Demand, Entry, MemberSpec, Refusal, Row,
    Sight, Slot, Whose,
    account::Account,
    cell::{Cell, Turns, lock, turns_of},
};

/// All places of a store. Places are added and never removed, so an index stays good.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) places: Vec<Place>,
    pub(crate) accounts: Vec<Mutex<Account>>,
    /// What keeps the limits that other instances share.
    allowances: Option<Arc<dyn Allowances>>,
    /// What a journal remembered of accounts that were not bound yet.
    written: HashMap<Arc<str>, Entry>,
    by_id: HashMap<DeploymentId, Slot>,
    by_account: HashMap<AccountId, AccountIx>,
    /// The turns of each group that calls named, by the hash of its name.
    turns: RwLock<HashMap<u64, Arc<Mutex<Turns>>>>,
    /// The groups of the present topology.
    serving: HashSet<GroupName>,
}

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) cell: Mutex<Cell>,
}

/// Shared accounts under their locks.
pub(crate) type Locked<'a> = SmallVec<[(AccountIx, MutexGuard<'a, Account>); 4]>;

impl Table {
    /// An empty table that remembers what a journal holds.
    pub(crate) fn remembering(written: HashMap<Arc<str>, Entry>) -> Self {
        Self { written, ..Self::default() }
    }

    /// An empty table whose limits are shared.
    pub(crate) fn sharing(allowances: Arc<dyn Allowances>) -> Self {
        Self { allowances: Some(allowances), ..Self::default() }
    }

    pub(crate) fn bind(
        &mut self,
        members: &[MemberSpec],
        accounts: &[AccountSpec],
        now: Instant,
    ) -> Bound {
        let accounts: Vec<AccountIx> =
            accounts.iter().map(|one| self.bind_account(one, now)).collect();
        let mut sizes: HashMap<&GroupName, usize> = HashMap::new();
        for member in members {
            *sizes.entry(&member.group).or_default() += 1;
        }
        let slots = members
            .iter()
            .map(|member| {
                let shared = member.accounts.iter().filter_map(|at| accounts.get(*at)).copied();
                self.bind_member(member, shared.collect(), sizes[&member.group] == 1, now)
            })
            .collect();
        self.serving = sizes.into_keys().cloned().collect();
        Bound { slots, accounts }
    }

    fn bind_account(&mut self, spec: &AccountSpec, now: Instant) -> AccountIx {
        let ix = if let Some(ix) = self.by_account.get(&spec.id) {
            *ix
        } else {
            let ix = AccountIx(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
            let account = Account::new(spec.id.text(), self.written.get(spec.id.as_str()));
            self.accounts.push(Mutex::new(account));
            self.by_account.insert(spec.id.clone(), ix);
            ix
        };
        let by = self.allowances.as_deref();
        lock(&self.accounts[ix.0 as usize]).configure(spec.limits, spec.budget, by, now);
        ix
    }

    fn bind_member(
        &mut self,
        member: &MemberSpec,
        mut shared: SmallVec<[AccountIx; 4]>,
        lone: bool,
        now: Instant,
    ) -> Slot {
        let slot = if let Some(slot) = self.by_id.get(&member.id) {
            *slot
        } else {
            let joins = self.serving.contains(&member.group);
            let health = if joins { Health::joining(now) } else { Health::new() };
            let name = AccountId::deployment(&member.id);
            let own = Account::new(name.text(), self.written.get(name.as_str()));
            let slot = Slot(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
            let cell = Mutex::new(Cell::new(member.clone(), own, health));
            self.places.push(Place { cell });
            self.by_id.insert(member.id.clone(), slot);
            slot
        };
        shared.sort_unstable();
        shared.dedup();
        let mut cell = lock(&self.places[slot.0 as usize].cell);
        let by = self.allowances.as_deref();
        cell.own.configure(member.limits, member.budget, by, now);
        if cell.spec.credential != member.credential {
            cell.health.rekeyed(now);
        }
        (cell.spec, cell.accounts, cell.lone) = (member.clone(), shared, lone);
        slot
    }

    /// Locks the accounts of a member and of a call, each once, in the order of all locks.
    pub(crate) fn lock_accounts(&self, of: &[AccountIx], and: &[AccountIx]) -> Locked<'_> {
        let mut all: SmallVec<[AccountIx; 8]> = of.iter().chain(and).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|ix| (ix, lock(&self.accounts[ix.0 as usize]))).collect()
    }

    /// The turns of the group of that name's hash.
    pub(crate) fn turns(&self, group: u64) -> Arc<Mutex<Turns>> {
        let known = self.turns.read().unwrap_or_else(PoisonError::into_inner).get(&group).cloned();
        known.unwrap_or_else(|| {
            let mut all = self.turns.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(group).or_default())
        })
    }

    pub(crate) fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
        out.rows.clear();
        out.refused.clear();
        let served = {
            let turns = self.turns(need.group);
            let turns = lock(&turns);
            (out.set, out.total) = (turns.set, turns.total);
            turns.served.clone()
        };
        // Members whose upstream has nothing left, unless nobody else is willing.
        let mut dry: SmallVec<[(Row, Refusal); 4]> = SmallVec::new();
        for (at, slot) in among.iter().enumerate() {
            let cell = lock(&self.places[slot.0 as usize].cell);
            match self.look(&cell, at, turns_of(&served, *slot), need, now) {
                Ok(row) => match cell.dry(now) {
                    Some(refusal) => dry.push((row, refusal)),
                    None => out.rows.push(row),
                },
                Err(refusal) => out.refused.push((at, refusal)),
            }
        }
        if out.rows.is_empty() {
            out.rows.extend(dry.into_iter().map(|(row, _)| row));
        } else {
            out.refused.extend(dry.into_iter().map(|(row, refusal)| (row.at, refusal)));
        }
    }

    fn look(
        &self,
        cell: &Cell,
        at: usize,
        served: u64,
        need: &Demand,
        now: Instant,
    ) -> Result<Row, Refusal> {
        let mut row = cell.row(at, served, need, now);
        let price = cell.money(need);
        for ix in cell.accounts.iter().chain(&need.accounts) {
            let account = lock(&self.accounts[ix.0 as usize]);
            let refusal = account.view(Whose::Account(*ix), &need.take, price, now);
            row = match (row, refusal) {
                (row, Some(refusal)) => Err(refusal.and(row.err())),
                (Err(refusal), None) => Err(refusal),
                (Ok(row), None) => Ok(Row {
                    headroom: row.headroom.min(account.headroom(now)),
                    near: row.near || account.is_near(&need.take, price, now),
                    ..row
                }),
            };
        }
        row
    }

    /// Does something with the account of that name, if it is bound.
    pub(crate) fn with_account(&self, name: &str, then: impl FnOnce(&mut Account)) {
        if let Some(id) = name.strip_prefix("deployment:") {
            if let Some(slot) = self.by_id.get(id) {
                then(&mut lock(&self.places[slot.0 as usize].cell).own);
            }
        } else if let Some(ix) = self.by_account.get(name) {
            then(&mut lock(&self.accounts[ix.0 as usize]));
        }
    }

    /// What a journal is behind by.
    pub(crate) fn behind(&self, end: bool, now: Instant) -> Vec<Entry> {
        let own = self.places.iter().filter_map(|place| lock(&place.cell).own.behind(end, now));
        let shared = self.accounts.iter().filter_map(|account| lock(account).behind(end, now));
        own.chain(shared).collect()
    }
}
