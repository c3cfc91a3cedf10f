//! Which deployment takes the call.
//!
//! A strategy sees [`Candidate`]s, the willing members of a group at one instant, and picks one.
//! It is pure: time and chance are arguments, so a pick replays from its trace.
//!
//! [`builtin`] has the strategies by name, [`Affinity`] wraps any of them, and [`Pick`] is what to
//! implement for one of your own. Which one is for what: `docs/strategies.md`.
//!
//! ```
//! use pointsman_strategy::{
//!     Ask, Candidate, builtin,
//!     clock::{Dice, Instant},
//! };
//!
//! let pick = builtin("simple-shuffle").unwrap();
//! let among = [Candidate::of(1).weight(0), Candidate::of(2).weight(3)];
//! let ask = Ask::at(Instant::from_secs(1));
//! assert_eq!(pick.pick(&ask, &among, &mut Dice::new(7)), Some(1));
//! ```

mod affinity;
mod candidate;
mod drain_time;
mod headroom;
mod latency;
mod least;
mod least_busy;
mod lowest_cost;
mod lowest_latency;
mod lowest_usage;
mod peak_ewma;
mod round_robin;
mod share;
mod simple_shuffle;

use std::{fmt::Debug, sync::Arc};

/// Time and chance, as this crate is handed them.
pub use pointsman_clock as clock;
/// The words that all crates share.
pub use pointsman_types as types;

pub use affinity::Affinity;
pub use candidate::{Ask, Candidate, Estimate, Used};
pub use drain_time::DrainTime;
pub use headroom::Headroom;
pub use least_busy::LeastBusy;
pub use lowest_cost::LowestCost;
pub use lowest_latency::LowestLatency;
pub use lowest_usage::LowestUsage;
pub use peak_ewma::PeakEwma;
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
///
///     fn score(&self, _: &Ask, _: &[Candidate], _: usize) -> Option<f64> {
///         None
///     }
///
///     fn weighs(&self) -> bool {
///         false
///     }
/// }
///
/// let among = [Candidate::of(2), Candidate::of(1)];
/// assert_eq!(First.pick(&Ask::at(Instant::EPOCH), &among, &mut Dice::new(0)), Some(1));
/// ```
pub trait Pick: Debug + Send + Sync + 'static {
    /// The index of the member that takes the call.
    fn pick(&self, ask: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize>;

    /// What the strategy goes by at the member `at`, in its own unit, for people to read.
    ///
    /// `None` where it goes by nothing, has not seen it yet, or `at` is out of range.
    fn score(&self, ask: &Ask, among: &[Candidate], at: usize) -> Option<f64>;

    /// Whether it goes by the size of calls: the estimate, prices, tokens used or in flight. Where
    /// nobody does, a prompt is not weighed at all.
    fn weighs(&self) -> bool;
}

const _: fn(&dyn Pick) = |_| ();

/// The names of the built-in strategies, as in `routing_strategy`, the default first.
pub const NAMES: [&str; 11] = [
    "simple-shuffle",
    "provider-budget-routing",
    "least-busy",
    "latency-based-routing",
    "cost-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
    "round-robin",
    "peak-ewma",
    "drain-time",
    "headroom",
];

/// What the built-in strategies may be told, as in `routing_strategy_args`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StrategyArgs {
    /// `latency-based-routing`: by what share of the best latency others may be slower. 0.
    pub lowest_latency_buffer: f64,
}

/// The built-in strategy of that name, told nothing; `None` for an unknown one.
pub fn builtin(name: &str) -> Option<Arc<dyn Pick>> {
    builtin_with(name, &StrategyArgs::default())
}

/// The built-in strategy of that name; `None` for an unknown one. What does not concern it is
/// passed over.
///
/// ```
/// use pointsman_clock::Dice;
/// use pointsman_strategy::{Ask, Candidate, StrategyArgs, builtin_with};
///
/// let args = StrategyArgs { lowest_latency_buffer: 0.5 };
/// let pick = builtin_with("latency-based-routing", &args).unwrap();
/// let among = [1.0, 1.4, 2.0].map(|seconds| Candidate::of(1).per_token(seconds));
/// let at = |seed| pick.pick(&Ask::default(), &among, &mut Dice::new(seed)).unwrap();
/// assert!((0..100).all(|seed| at(seed) < 2));
/// ```
pub fn builtin_with(name: &str, args: &StrategyArgs) -> Option<Arc<dyn Pick>> {
    Some(match name {
        // Budgets always apply, so the second name asks for nothing more.
        "simple-shuffle" | "provider-budget-routing" => Arc::new(SimpleShuffle),
        "least-busy" => Arc::new(LeastBusy),
        "latency-based-routing" => Arc::new(LowestLatency::new(args.lowest_latency_buffer)),
        "cost-based-routing" => Arc::new(LowestCost),
        "usage-based-routing" | "usage-based-routing-v2" => Arc::new(LowestUsage),
        "round-robin" => Arc::new(RoundRobin),
        "peak-ewma" => Arc::new(PeakEwma),
        "drain-time" => Arc::new(DrainTime),
        "headroom" => Arc::new(Headroom),
        _ => return None,
    })
}
