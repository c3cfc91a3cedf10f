//! The life of a request: resolve, filter, pick, reserve, send, settle, decide.
//!
//! This is the one crate that awaits. What it decides by is pure and lives below: strategies,
//! health, limits, cost, retry. `docs/request.md` walks through a call.

mod answer;
mod attempt;
mod builder;
mod cache;
mod candidates;
mod claim;
mod events;
mod exhausted;
mod explain;
mod fit;
mod grouping;
mod hedge;
mod journey;
mod ledger;
mod live;
mod mirror;
mod mock;
mod need;
mod pattern;
mod pins;
mod plan;
mod probe;
mod race;
mod refused;
mod router;
mod settings;
mod stream;
mod tags;
mod topology;
mod trace;
mod waiting;

pub use answer::{Answer, Failure, Payload};
pub use builder::{BuildError, Fault, Member, RouterBuilder};
pub use events::{Event, Observer};
pub use explain::{ExplainedMember, Explanation};
pub use fit::{Info, Unfit};
pub use probe::{Probe, Probeable, Probed};
pub use router::{AccountState, Described, GroupState, MemberState, Router};
pub use settings::{
    Affinity, AffinityKey, CacheSettings, Fallbacks, GroupSet, Mirror, OnExhausted, RetriesByKind,
    Settings, TagRule,
};
pub use stream::AnswerStream;
pub use trace::{Decision, Trace, Verdict};
