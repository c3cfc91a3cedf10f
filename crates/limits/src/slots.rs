//! Parallel requests.

/// The requests that are under way, and whether another may start.
///
/// A refusal has no moment: a slot frees when some call ends.
///
/// ```
/// use pointsman_limits::Slots;
/// let mut slots = Slots::default();
/// assert!(slots.take(Some(1)));
/// assert!(!slots.take(Some(1)));
/// slots.free();
/// assert_eq!(slots.taken(), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    taken: u32,
}

impl Slots {
    /// How many are taken, limited or not.
    pub const fn taken(&self) -> u32 {
        self.taken
    }

    /// Whether another one may be taken under `limit`; always when that is unset.
    pub fn fits(&self, limit: Option<u32>) -> bool {
        self.taken < limit.unwrap_or(u32::MAX)
    }

    /// Takes one; false when none is left.
    #[must_use]
    pub fn take(&mut self, limit: Option<u32>) -> bool {
        let fits = self.fits(limit);
        self.taken += u32::from(fits);
        fits
    }

    /// Frees one that was taken.
    pub fn free(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }
}
