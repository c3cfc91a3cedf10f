//! The life of a request: resolve, filter, pick, reserve, send, settle, decide.
//!
//! This is the one crate that awaits. What it decides by is pure and lives below: strategies,
//! health, limits, cost, retry. `docs/request.md` walks through a call.

mod answer;
mod attempt;
mod builder;
mod candidates;
mod journey;
mod plan;
mod refused;
mod router;
mod settings;
mod stream;
mod tags;
mod topology;
mod trace;

pub use answer::{Answer, Failure, Payload};
pub use builder::{BuildError, Fault, Member, RouterBuilder};
pub use router::{GroupState, MemberState, Router};
pub use settings::{Fallbacks, RetriesByKind, Settings, TagRule};
pub use stream::AnswerStream;
pub use trace::{Decision, Trace, Verdict};
