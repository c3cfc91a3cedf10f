//! What the state must know of deployments and accounts.

use std::{fmt, sync::Arc, time::Duration};

use pointsman_cost::{BudgetLimit, Price};
use pointsman_health::Policy;
use pointsman_limits::Limits;
use pointsman_types::{DeploymentId, GroupName};

/// What the state must know of a deployment.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// State is bound to this, across reloads.
    pub id: DeploymentId,
    /// The group it serves.
    pub group: GroupName,
    /// What it may be asked.
    pub limits: Limits,
    /// What it may cost.
    pub budget: Option<BudgetLimit>,
    /// Shared accounts that each of its calls draws on, as indices into the accounts that are bound
    /// with it.
    pub accounts: Vec<usize>,
    /// What its tokens cost; `None` when unknown.
    pub price: Option<Price>,
    /// How it cools and recovers.
    pub health: Policy,
    /// How old a latency sample may be.
    pub latency_ttl: Duration,
    /// A hash of its credential and host: a refused key cools all that share it. `None`: it has
    /// none.
    pub credential: Option<u64>,
    /// A hash of its host: one that cannot be reached cools all of its deployments.
    pub host: u64,
}

impl MemberSpec {
    /// A member without limits and with the default health policy.
    pub fn new(id: DeploymentId, group: GroupName) -> Self {
        Self {
            host: id.stable_hash(),
            id,
            group,
            limits: Limits::default(),
            budget: None,
            accounts: Vec::new(),
            price: None,
            health: Policy::default(),
            latency_ttl: Duration::from_hours(1),
            credential: None,
        }
    }
}

/// The place of one shared account in a store; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountIx(pub u32);

/// Names an account that several deployments or calls draw on; its state is bound to this, across
/// reloads.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// All deployments of one vendor.
    pub fn provider(vendor: &str) -> Self {
        Self(format!("provider:{vendor}").into())
    }

    /// A named quota.
    pub fn quota(name: &str) -> Self {
        Self(format!("quota:{name}").into())
    }

    /// All calls with one tag.
    pub fn tag(tag: &str) -> Self {
        Self(format!("tag:{tag}").into())
    }

    /// All calls of one caller.
    pub fn caller(name: &str) -> Self {
        Self(format!("key:{name}").into())
    }

    /// The own account of a deployment.
    pub fn deployment(id: &DeploymentId) -> Self {
        Self(format!("deployment:{id}").into())
    }

    /// The kind and the name, as in `quota:team`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl std::borrow::Borrow<str> for AccountId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An account that several deployments or calls draw on.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    /// Its name.
    pub id: AccountId,
    /// What may be asked of it.
    pub limits: Limits,
    /// What it may cost.
    pub budget: Option<BudgetLimit>,
}
