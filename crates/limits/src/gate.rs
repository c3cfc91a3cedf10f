//! What one deployment is limited by, taken together.

use pointsman_clock::Instant;

use crate::{Slots, Stamp, Window};

/// The limits of one deployment, as configured; unset means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any 60 seconds (`rpm`).
    pub rpm: Option<u32>,
    /// Requests under way at one time (`max_parallel_requests`).
    pub max_parallel_requests: Option<u32>,
}

/// Which limit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Requests in any 60 seconds.
    Rpm,
    /// Requests under way at one time.
    Slots,
}

/// Why a request does not fit, and when it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which limit refused.
    pub limit: Limit,
    /// How much of it is used.
    pub used: u64,
    /// The limit itself.
    pub value: u64,
    /// The first moment at which the request would fit, if nothing else happens. `None` for slots,
    /// which free by an event, and for a limit of nothing at all, which never frees.
    pub until: Option<Instant>,
}

/// The capacity that one request took from a [`Gate`]; settle it exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "capacity is lost unless the hold is settled"]
pub struct Hold {
    request: Option<Stamp>,
}

/// The state behind the [`Limits`] of one deployment.
///
/// Without limits it counts what is in flight and allocates nothing. Limits are an argument, so a
/// reload changes them under a running gate; a request window is kept only while `rpm` is set.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_limits::{Gate, Limit, Limits};
/// let limits = Limits { rpm: None, max_parallel_requests: Some(1) };
/// let (mut gate, now) = (Gate::default(), Instant::from_secs(1));
/// let hold = gate.reserve(&limits, now).unwrap();
/// let refusal = gate.view(&limits, now).unwrap();
/// assert_eq!((refusal.limit, refusal.until), (Limit::Slots, None));
/// gate.settle(hold, false);
/// assert_eq!(gate.view(&limits, now), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gate {
    requests: Window,
    slots: Slots,
}

impl Gate {
    /// Why a request would be refused at `now`; `None` if it fits. Changes nothing.
    ///
    /// When both limits refuse, the request window is named: it has a moment, before which no
    /// freed slot would help.
    pub fn view(&self, limits: &Limits, now: Instant) -> Option<Refusal> {
        let full = |rpm: u32| self.requests.fits_at(1, u64::from(rpm), now).err();
        if let Some((rpm, until)) = limits.rpm.and_then(|rpm| Some((rpm, full(rpm)?))) {
            return Some(Refusal {
                limit: Limit::Rpm,
                used: self.requests.used(now),
                value: u64::from(rpm),
                until: until.moment(),
            });
        }
        let refused = !self.slots.fits(limits.max_parallel_requests);
        refused.then(|| Refusal {
            limit: Limit::Slots,
            used: u64::from(self.slots.taken()),
            value: u64::from(limits.max_parallel_requests.unwrap_or(u32::MAX)),
            until: None,
        })
    }

    /// Takes a slot and a request, both or neither.
    ///
    /// # Errors
    /// The refusal that [`view`](Self::view) tells.
    pub fn reserve(&mut self, limits: &Limits, now: Instant) -> Result<Hold, Refusal> {
        if let Some(refusal) = self.view(limits, now) {
            return Err(refusal);
        }
        // The view has found room for both.
        let request = limits.rpm.and_then(|rpm| self.requests.take(1, u64::from(rpm), now).ok());
        let _taken = self.slots.take(limits.max_parallel_requests);
        Ok(Hold { request })
    }

    /// Frees the slot. The request stays in its window, unless the attempt was `unsent`: then it
    /// is given back in the second in which it was reserved.
    pub fn settle(&mut self, hold: Hold, unsent: bool) {
        if let Some(stamp) = hold.request
            && unsent
        {
            self.requests.give_back(stamp, 1);
        }
        self.slots.free();
    }

    /// Requests that hold a slot, limited or not.
    pub const fn in_flight(&self) -> u32 {
        self.slots.taken()
    }

    /// Requests that count at `now`; only those reserved while `rpm` was set.
    pub fn requests(&self, now: Instant) -> u64 {
        self.requests.used(now)
    }
}
