//! What must hold of a world once it is over. What can be checked at every step is checked there:
//! by the [`Witness`], the upstreams and the callers.

mod calls;
mod capacity;
mod groups;

use pointsman_clock::Instant;

use super::{log::Book, scene::Scene, traffic::CallPlan, witness::Witness};

/// A world that is over.
pub(crate) struct Over<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) plans: &'a [CallPlan],
    pub(crate) witness: &'a Witness,
    pub(crate) now: Instant,
    /// Members that a reload took out for a while.
    pub(crate) removed: &'a [usize],
}

/// Checks everything.
pub(crate) fn check(over: &Over<'_>, book: &mut Book) {
    capacity::check(over, book);
    calls::check(over, book);
    groups::check(over, book);
}
