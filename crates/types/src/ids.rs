//! Names: what survives a reload (`id`, `name`) and what indexes one topology (`ix`).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The name of one deployment: unique in a configuration and stable across reloads.
///
/// Live state (health, latency, in-flight, spend) is bound to it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(Arc<str>);

/// The public name of a model group: the deployments that share a `model_name`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupName(Arc<str>);

/// Indexes the deployments of one topology; meaningless in the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ix(pub u32);

impl Ix {
    /// The index as a `usize`, for slices.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

impl DeploymentId {
    /// A hash of the id that never changes between builds, processes and machines.
    pub fn stable_hash(&self) -> u64 {
        stable_hash(self.0.as_bytes())
    }
}

/// FNV-1a over 64 bits with a final mix: stable for ever, unlike the standard library's hashers.
///
/// Use it for values that must agree between instances and restarts, not against an adversary.
///
/// ```
/// assert_eq!(pointsman_types::stable_hash(b"a"), pointsman_types::stable_hash(b"a"));
/// assert_ne!(pointsman_types::stable_hash(b"a"), pointsman_types::stable_hash(b"b"));
/// ```
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

macro_rules! name {
    ($($name:ident),*) => {$(
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

name!(DeploymentId, GroupName);
