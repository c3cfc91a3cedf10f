//! Capacity that is given back, whatever happens.

use std::{fmt, sync::Arc, time::Duration};

use pointsman_clock::{Clock, Instant};
use pointsman_health::Cooldown;
use pointsman_types::{Outcome, Verdict};

use crate::{Demand, Grant, GrantId, Refusal, Slot, StateStore};

/// Claimed capacity that settles exactly once: with an outcome, or, when it is dropped without
/// one, as a call whose caller left.
pub struct Lease {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    since: Instant,
    grant: Option<Grant>,
}

impl Lease {
    /// Claims the capacity for one attempt.
    ///
    /// # Errors
    ///
    /// Why not, and until when.
    pub async fn claim(
        store: &Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        at: Slot,
        need: &Demand,
        id: GrantId,
    ) -> Result<Self, Refusal> {
        let since = clock.now();
        let grant = store.reserve(at, need, id, since).await?;
        Ok(Self { store: Arc::clone(store), clock, since, grant: Some(grant) })
    }

    /// Whether the attempt is the member's probe.
    pub fn is_probe(&self) -> bool {
        self.grant.as_ref().is_some_and(Grant::is_probe)
    }

    /// How long it has been held.
    pub fn held(&self) -> Duration {
        self.clock.now() - self.since
    }

    /// This moment, by the clock that the lease is held under.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The attempt's first content has come.
    pub fn first_content(&self) {
        if let Some(grant) = &self.grant {
            self.store.first_content(grant, self.clock.now());
        }
    }

    /// Settles with what the attempt came to. Returns the cooldown that this began or prolonged.
    pub fn settle(mut self, outcome: &Outcome) -> Option<Cooldown> {
        let grant = self.grant.take()?;
        self.store.settle(grant, outcome, self.clock.now())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            let outcome = Outcome::bare(Verdict::Dropped, self.held());
            self.store.settle(grant, &outcome, self.clock.now());
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("since", &self.since)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}
