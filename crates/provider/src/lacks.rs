//! What an upstream turns out not to have, though its dialect does.

use std::sync::atomic::{AtomicU8, Ordering};

/// Something that a dialect has, and some of those who speak it lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// There is chat, and nothing at the path of responses.
    Responses,
    /// A stream cannot be asked for its usage.
    StreamUsage,
}

impl Lack {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What one upstream was found to lack, since it was configured.
///
/// ```
/// use pointsman_provider::{Lack, Lacks};
/// let known = Lacks::default();
/// known.add(Lack::Responses);
/// assert!(known.has(Lack::Responses) && !known.has(Lack::StreamUsage));
/// ```
#[derive(Debug, Default)]
pub struct Lacks(AtomicU8);

impl Lacks {
    /// Whether it is known to lack this.
    pub fn has(&self, lack: Lack) -> bool {
        self.0.load(Ordering::Relaxed) & lack.bit() != 0
    }

    /// From now on it is.
    pub fn add(&self, lack: Lack) {
        self.0.fetch_or(lack.bit(), Ordering::Relaxed);
    }

    /// What is known now, and this.
    #[must_use]
    pub fn and(&self, lack: Lack) -> Self {
        Self(AtomicU8::new(self.0.load(Ordering::Relaxed) | lack.bit()))
    }
}
