//! What every implementation of a port must do, to be run on one's own.
//!
//! A suite panics at the first thing that is not as it must be, and says what.

#![expect(clippy::expect_used, reason = "a suite is a test: it fails by panicking")]

mod journal;
mod state_store;

pub use journal::journal;
pub use state_store::state_store;
