//! The port: where the live state is.

use std::{
    fmt::Debug,
    sync::{Arc, Weak},
};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_health::{Cooldown, Pass};
use pointsman_limits::Take;
use pointsman_types::{Error, Outcome, RateHeaders, Usage};
use smallvec::SmallVec;

use crate::{AccountIx, AccountReport, AccountSpec, Claim, MemberSpec, Refusal, Report, Sight};

/// The place of one deployment's state in a store. Slots are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// Names one grant: unique among all instances that share a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantId(pub u64);

/// What a call needs of a member.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Requests and tokens, as estimated.
    pub take: Take,
    /// What else it is expected to be billed for: tokens that no limit counts, pieces, and the
    /// service tier that it asks for.
    pub units: Usage,
    /// A hash of the name of the group that takes turns: the one that the call was for.
    pub group: u64,
    /// Accounts that the call draws on wherever it goes: its caller's, its tags'.
    pub accounts: SmallVec<[AccountIx; 4]>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The turn that a first attempt takes; `None` for retries, which take none.
    pub turn: Option<Turn>,
    /// Whether a member that cools softly may be claimed ahead of its time, as its probe.
    pub last_resort: bool,
}

impl Demand {
    /// All that it is expected to be billed for.
    pub fn expected(&self) -> Usage {
        let mut usage = self.units;
        usage.input = usage.input.saturating_add(self.take.input);
        usage.output = usage.output.saturating_add(self.take.output);
        usage
    }
}

/// The turn of a group that a pick was made for.
///
/// A pick sees how often each member was served; if another call took a turn meanwhile, that view
/// is old, and the claim is refused so that the caller looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// A hash of the set of candidates.
    pub set: u64,
    /// Turns taken by that set, as seen.
    pub total: u64,
}

/// What was claimed of shared accounts: of none, in most configurations, and a grant is moved a lot.
pub(crate) type Claims = SmallVec<[(AccountIx, Claim); 1]>;

/// Claimed capacity. It is not `Clone`, so it settles once; hold it in a [`crate::Lease`].
#[derive(Debug)]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// Whose capacity it is.
    pub slot: Slot,
    pub(crate) pass: Pass,
    /// What was claimed of the deployment's own account.
    pub(crate) own: Claim,
    /// What was claimed of accounts that are shared.
    pub(crate) shared: Claims,
}

impl Grant {
    /// Whether the attempt is the member's probe.
    pub fn is_probe(&self) -> bool {
        self.pass.is_probe()
    }
}

/// What an attempt has come to before its end.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// The upstream's headers are there, and this is what they say of its limits.
    Headers(&'a RateHeaders),
    /// The first content has come: frees a probe.
    FirstContent,
}

/// Is told when capacity frees that somebody may wait for.
pub trait Freed: Debug + Send + Sync {
    /// A member's capacity freed, or its standing changed, at one of these slots.
    fn freed(&self, at: Slot);
}

/// What [`StateStore::bind`] bound, in the order in which it was given.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Where the state of each member is.
    pub slots: Vec<Slot>,
    /// Where each account is.
    pub accounts: Vec<AccountIx>,
}

/// Where the live state of deployments is.
///
/// `view` never blocks or changes anything and takes no chance; `reserve` is the linearisation
/// point; `settle` is called from `Drop`. Time is an argument everywhere.
///
/// ```
/// use async_trait::async_trait;
/// use pointsman_clock::Instant;
/// use pointsman_state::*;
/// use pointsman_types::{Error, Outcome};
/// use std::sync::{Weak, atomic::{AtomicU64, Ordering}};
///
/// /// Counts what is reserved, and leaves the rest to the store in memory.
/// #[derive(Debug)]
/// struct Counting(MemoryStore, AtomicU64);
///
/// #[async_trait]
/// impl StateStore for Counting {
///     fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound {
///         self.0.bind(members, accounts, now)
///     }
///     fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
///         self.0.view(among, need, now, out);
///     }
///     async fn reserve(&self, at: Slot, need: &Demand, id: GrantId, now: Instant) -> Result<Grant, Refusal> {
///         self.1.fetch_add(1, Ordering::Relaxed);
///         self.0.reserve(at, need, id, now).await
///     }
///     fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant) {
///         self.0.progress(grant, what, now);
///     }
///     fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
///         self.0.settle(grant, outcome, now)
///     }
///     fn report(&self, at: Slot, now: Instant) -> Report {
///         self.0.report(at, now)
///     }
///     fn account(&self, at: AccountIx, now: Instant) -> AccountReport {
///         self.0.account(at, now)
///     }
///     fn on_free(&self, listener: Weak<dyn Freed>) {
///         self.0.on_free(listener);
///     }
///     async fn flush(&self, end: bool, now: Instant) -> Result<(), Error> {
///         self.0.flush(end, now).await
///     }
/// }
/// ```
#[async_trait]
pub trait StateStore: Debug + Send + Sync + 'static {
    /// Binds all members and shared accounts of a topology to their state, by id: known ones keep
    /// it, and take the new settings. A member that joins a group which already serves ramps.
    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound;

    /// What a decision among the members of one group sees: a row for each willing one, a refusal
    /// for each other. `out` is cleared first and its memory reused.
    fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight);

    /// Claims the capacity for one attempt: all of it, in every account, or nothing. The in-flight
    /// count is up before this returns. Dropping the future gives everything back.
    ///
    /// # Errors
    ///
    /// Why not, and until when.
    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal>;

    /// What the attempt has come to before its end.
    fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant);

    /// Gives the capacity back, charges what was used and learns from the outcome; queues and never
    /// blocks. Returns the cooldown that this began or prolonged.
    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown>;

    /// How one member stands, for people.
    fn report(&self, at: Slot, now: Instant) -> Report;

    /// How one shared account stands, for people.
    fn account(&self, at: AccountIx, now: Instant) -> AccountReport;

    /// Tells this listener whenever capacity frees.
    fn on_free(&self, listener: Weak<dyn Freed>);

    /// Writes down what must survive a restart; called every second, and with `end` when nothing is
    /// under way any more.
    ///
    /// # Errors
    ///
    /// What could not be written, and why.
    async fn flush(&self, end: bool, now: Instant) -> Result<(), Error>;
}

const _: fn(&dyn StateStore) = |_| ();

/// What must survive a restart, of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: Arc<str>,
    /// When it was made. Later entries of an account have a later moment, over all restarts, so it
    /// tells which of two is the newer one.
    pub at: Instant,
    /// What was spent in the present window of its budget, in US dollars.
    pub spent: pointsman_types::Decimal,
    /// What may have been spent: at least `spent` and all that is reserved. After a crash this
    /// counts, so that no budget is ever overshot.
    pub claimed: pointsman_types::Decimal,
    /// The first spend of that window; where nothing was spent yet, the moment at which it was
    /// first reserved.
    pub since: Instant,
}

/// Keeps spend across restarts.
///
/// An entry replaces an older one of its account and never a newer one, in whatever order they
/// come: `at` tells. Writing queues; whoever must know that an entry is safe awaits it, and may
/// leave before.
///
/// ```
/// use async_trait::async_trait;
/// use pointsman_state::{Entry, Journal};
/// use pointsman_types::Error;
/// use std::{collections::HashMap, sync::{Arc, Mutex}};
///
/// /// Survives nothing; for tests.
/// #[derive(Debug, Default)]
/// struct Forgetful(Mutex<HashMap<Arc<str>, Entry>>);
///
/// #[async_trait]
/// impl Journal for Forgetful {
///     fn load(&self) -> Result<Vec<Entry>, Error> {
///         Ok(self.0.lock().unwrap().values().cloned().collect())
///     }
///     async fn write(&self, entries: Vec<Entry>) -> Result<(), Error> {
///         let mut all = self.0.lock().unwrap();
///         for entry in entries {
///             if all.get(&entry.account).is_none_or(|old| old.at < entry.at) {
///                 all.insert(Arc::clone(&entry.account), entry);
///             }
///         }
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Journal: Debug + Send + Sync + 'static {
    /// All entries, the newest of each account.
    ///
    /// # Errors
    ///
    /// What cannot be read, and why.
    fn load(&self) -> Result<Vec<Entry>, Error>;

    /// Writes entries; when this resolves they survive a power cut. Those of several callers at one
    /// time are written together.
    ///
    /// # Errors
    ///
    /// What could not be written, and why.
    async fn write(&self, entries: Vec<Entry>) -> Result<(), Error>;
}

const _: fn(&dyn Journal) = |_| ();
