//! Capacity that is given back, whatever happens.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pointsman_clock::{Clock, Instant};
use pointsman_health::Cooldown;
use pointsman_types::{Charge, Outcome, RateHeaders, Verdict};

use crate::{Demand, Grant, GrantId, Progress, Refusal, Slot, StateStore};

/// Claimed capacity that settles exactly once: with an outcome, or, when it is dropped without
/// one, as a call whose caller left.
pub struct Lease {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    since: Instant,
    grant: Option<Grant>,
    sent: AtomicBool,
    /// What is charged if it is dropped after the send: the prompt, as estimated.
    prompt: Charge,
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
        Ok(Self {
            store: Arc::clone(store),
            clock,
            since,
            grant: Some(grant),
            sent: AtomicBool::new(false),
            prompt: Charge::default(),
        })
    }

    /// The same lease with what the prompt is charged as, if it is dropped after the send.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Charge) -> Self {
        self.prompt = prompt;
        self
    }

    /// What the prompt is charged as, if nothing better is known.
    pub fn prompt(&self) -> Charge {
        self.prompt
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

    /// The attempt leaves this process: from here on it counts as made.
    pub fn sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// The upstream's headers are there.
    pub fn headers(&self, rate: &RateHeaders) {
        self.progress(Progress::Headers(rate));
    }

    /// The attempt's first content has come.
    pub fn first_content(&self) {
        self.progress(Progress::FirstContent);
    }

    fn progress(&self, what: Progress<'_>) {
        if let Some(grant) = &self.grant {
            self.store.progress(grant, what, self.clock.now());
        }
    }

    /// Settles with what the attempt came to. Returns the cooldown that this began or prolonged.
    pub fn settle(mut self, outcome: &Outcome) -> Option<Cooldown> {
        let grant = self.grant.take()?;
        self.store.settle(grant, outcome, self.clock.now())
    }

    /// Settles as a drop does. Returns what the attempt came to, unless it was settled before.
    pub fn abandon(&mut self) -> Option<Outcome> {
        let grant = self.grant.take()?;
        let sent = *self.sent.get_mut();
        let charged = if sent { self.prompt } else { Charge::default() };
        let outcome = Outcome { sent, charged, ..Outcome::bare(Verdict::Dropped, self.held()) };
        self.store.settle(grant, &outcome, self.clock.now());
        Some(outcome)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.abandon();
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
