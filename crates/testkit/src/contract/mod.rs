//! What every implementation of a port must do, to be run on one's own.
//!
//! A suite panics at the first thing that is not as it must be, and says what.

mod journal;

pub use journal::journal;
