//! The store in memory of one process.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_health::{Cooldown, Health};
use pointsman_types::{DeploymentId, GroupName, Outcome};

use crate::{
    Demand, Grant, GrantId, MemberSpec, Refusal, Report, Sight, Slot, StateStore,
    cell::{Cell, Turns, lock},
};

/// The state of all deployments, in this process.
///
/// One small lock for each deployment and one for the turns of each group, taken in that order's
/// reverse: turns, then cell. Nothing is awaited while one is held.
#[derive(Debug)]
pub struct MemoryStore {
    table: RwLock<Table>,
    seed: u64,
}

#[derive(Debug, Default)]
struct Table {
    places: Vec<Place>,
    by_id: HashMap<DeploymentId, Slot>,
    turns: HashMap<GroupName, Arc<Mutex<Turns>>>,
    /// The groups of the present topology.
    serving: HashSet<GroupName>,
}

#[derive(Clone, Debug)]
struct Place {
    cell: Arc<Mutex<Cell>>,
    turns: Arc<Mutex<Turns>>,
}

impl MemoryStore {
    /// An empty store; the seed decides the jitter of cooldowns.
    pub fn new(seed: u64) -> Self {
        Self { table: RwLock::default(), seed }
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, at: Slot) -> Place {
        self.table().places[at.0 as usize].clone()
    }
}

impl Table {
    fn bind(&mut self, member: &MemberSpec, lone: bool, now: Instant) -> Slot {
        let turns = Arc::clone(self.turns.entry(member.group.clone()).or_default());
        let slot = if let Some(slot) = self.by_id.get(&member.id) {
            self.places[slot.0 as usize].turns = turns;
            *slot
        } else {
            let joins = self.serving.contains(&member.group);
            let health = if joins { Health::joining(now) } else { Health::new() };
            let slot = Slot(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
            self.places.push(Place { cell: Arc::new(Mutex::new(Cell::new(health))), turns });
            self.by_id.insert(member.id.clone(), slot);
            slot
        };
        let mut cell = lock(&self.places[slot.0 as usize].cell);
        (cell.limits, cell.policy, cell.lone) = (member.limits, member.health, lone);
        slot
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    fn bind(&self, members: &[MemberSpec], now: Instant) -> Arc<[Slot]> {
        let mut sizes: HashMap<&GroupName, usize> = HashMap::new();
        for member in members {
            *sizes.entry(&member.group).or_default() += 1;
        }
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let slots = members
            .iter()
            .map(|member| table.bind(member, sizes[&member.group] == 1, now))
            .collect();
        table.serving = sizes.into_keys().cloned().collect();
        slots
    }

    fn view(&self, among: &[Slot], now: Instant, out: &mut Sight) {
        out.rows.clear();
        out.refused.clear();
        let table = self.table();
        let Some(first) = among.first() else { return };
        let turns = lock(&table.places[first.0 as usize].turns);
        (out.set, out.total) = (turns.set, turns.total);
        for (at, slot) in among.iter().enumerate() {
            let cell = lock(&table.places[slot.0 as usize].cell);
            match cell.row(at, turns.epoch, now) {
                Ok(row) => out.rows.push(row),
                Err(refusal) => out.refused.push((at, refusal)),
            }
        }
    }

    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        let place = self.place(at);
        let mut turns = lock(&place.turns);
        lock(&place.cell).reserve(at, id, need, &mut turns, now)
    }

    fn first_content(&self, grant: &Grant, now: Instant) {
        lock(&self.place(grant.slot).cell).first_content(grant, now);
    }

    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
        let place = self.place(grant.slot);
        lock(&place.cell).settle(grant, outcome, self.seed, now)
    }

    fn report(&self, at: Slot, now: Instant) -> Report {
        lock(&self.place(at).cell).report(now)
    }
}
