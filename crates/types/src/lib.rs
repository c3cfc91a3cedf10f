//! The nouns every layer of Pointsman shares.
//!
//! No behaviour lives here beyond what a type must know of itself: an [`ErrorKind`] knows its
//! [`Scope`], [`Blame`] and [`Penalty`] (the failure table), a [`DeploymentId`] its stable hash,
//! a [`Secret`] how not to be printed. Money is [`Decimal`] everywhere, in US dollars.

mod deployment;
mod error;
mod ids;
mod outcome;
mod rate;
mod tier;
mod usage;

pub use deployment::{Deployment, Operation};
pub use error::{Blame, Error, ErrorDetail, ErrorKind, Penalty, Scope};
pub use ids::{DeploymentId, GroupName, Ix, stable_hash};
pub use outcome::{Attempt, Charge, Outcome, Verdict};
pub use rate::{Rate, RateHeaders};
pub use rust_decimal::Decimal;
pub use secrecy::{ExposeSecret, SecretString as Secret};
pub use tier::ServiceTier;
pub use usage::Usage;
