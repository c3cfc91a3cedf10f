//! Time and chance, as arguments.
//!
//! Policy never asks for the time or throws dice: it is handed an [`Instant`] and an [`Entropy`].
//! A [`Clock`] is asked once per decision, at the edge; tests use a [`ManualClock`] and a seeded
//! [`Dice`], so every decision replays.

mod chance;
mod instant;
mod system;

pub use chance::{Dice, Entropy, EntropyExt};
pub use instant::{Clock, Instant, ManualClock};
pub use system::SystemClock;
