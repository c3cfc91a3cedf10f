//! Which deployment takes the call.
//!
//! A strategy sees [`Candidate`]s, the willing members of a group at one instant, and picks one.
//! It is pure: time and chance are arguments, so a pick replays from its trace.
//!
//! ```
//! use pointsman_clock::{Dice, Instant};
//! use pointsman_strategy::{Ask, Candidate, builtin};
//!
//! let pick = builtin("simple-shuffle").unwrap();
//! let among = [Candidate::of(1).weight(0), Candidate::of(2).weight(3)];
//! let ask = Ask::at(Instant::from_secs(1));
//! assert_eq!(pick.pick(&ask, &among, &mut Dice::new(7)), Some(1));
//! ```

mod candidate;
mod round_robin;
mod simple_shuffle;

use std::{fmt::Debug, sync::Arc};

pub use candidate::{Ask, Candidate, Estimate, Used};
use pointsman_clock::Entropy;
pub use round_robin::RoundRobin;
pub use simple_shuffle::SimpleShuffle;

/// Picks one member for a call.
///
/// Total and pure: `None` exactly when `among` is empty, else an index into it, the same for the
/// same arguments. Filtering (health, limits, tiers, what was tried) has happened before.
///
/// ```
/// use pointsman_clock::{Dice, Entropy, Instant};
/// use pointsman_strategy::{Ask, Candidate, Pick};
///
/// /// Always the member with the lowest index.
/// #[derive(Debug)]
/// struct First;
///
/// impl Pick for First {
///     fn pick(&self, _: &Ask, among: &[Candidate], _: &mut dyn Entropy) -> Option<usize> {
///         (0..among.len()).min_by_key(|&at| among[at].ix)
///     }
/// }
///
/// let among = [Candidate::of(2), Candidate::of(1)];
/// assert_eq!(First.pick(&Ask::at(Instant::EPOCH), &among, &mut Dice::new(0)), Some(1));
/// ```
pub trait Pick: Debug + Send + Sync + 'static {
    /// The index of the member that takes the call.
    fn pick(&self, ask: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize>;
}

const _: fn(&dyn Pick) = |_| ();

/// The names of the built-in strategies, as in `routing_strategy`, the default first.
pub const NAMES: [&str; 2] = ["simple-shuffle", "round-robin"];

/// The built-in strategy of that name; `None` for an unknown one.
pub fn builtin(name: &str) -> Option<Arc<dyn Pick>> {
    match name {
        // Budgets always apply, so this name of LiteLLM's asks for nothing more.
        "simple-shuffle" | "provider-budget-routing" => Some(Arc::new(SimpleShuffle)),
        "round-robin" => Some(Arc::new(RoundRobin)),
        _ => None,
    }
}
