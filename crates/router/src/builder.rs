//! From deployments, settings and ports to a router.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use pointsman_clock::{Clock, SystemClock};
use pointsman_cost::Price;
use pointsman_provider::{Provider, Target, Vendor};
use pointsman_state::{
    AccountId, AccountSpec, BudgetLimit, HealthPolicy, Limits, MemberSpec, MemoryStore, StateStore,
};
use pointsman_strategy::Pick;
use pointsman_types::{Deployment, ExposeSecret, stable_hash};

use crate::{Info, Observer, Probe, Router, Settings, grouping, live::Lives, topology::Topology};

/// A deployment with all that is decided by.
#[derive(Clone, Debug)]
pub struct Member {
    /// The endpoint.
    pub deployment: Deployment,
    /// What it may be asked.
    pub limits: Limits,
    /// What it may cost.
    pub budget: Option<BudgetLimit>,
    /// The shared accounts that its calls draw on: its quotas, its provider's budget.
    pub accounts: Vec<AccountId>,
    /// How it cools and recovers.
    pub health: HealthPolicy,
    /// How old a latency sample may be. 1 h.
    pub latency_ttl: Duration,
    /// What its tokens cost; `None` when unknown.
    pub price: Option<Price>,
    /// What is known of its model.
    pub info: Info,
    /// Groups that get a copy of every call that is sent here; their answers are dropped.
    pub mirrors: Vec<String>,
    /// How it is asked whether it is well.
    pub probe: Probe,
}

impl From<Deployment> for Member {
    fn from(deployment: Deployment) -> Self {
        Self {
            deployment,
            limits: Limits::default(),
            budget: None,
            accounts: Vec::new(),
            health: HealthPolicy::default(),
            latency_ttl: Duration::from_hours(1),
            price: None,
            info: Info::default(),
            mirrors: Vec::new(),
            probe: Probe::default(),
        }
    }
}

impl Member {
    /// What the state must know of it.
    fn spec(&self, target: &Target, accounts: &[AccountSpec]) -> MemberSpec {
        let place = |id: &AccountId| accounts.iter().position(|account| account.id == *id);
        let host = http::Uri::try_from(&target.base).ok();
        let host = host.and_then(|uri| Some(uri.authority()?.as_str().to_owned()));
        let host = host.unwrap_or_else(|| target.base.clone());
        let key = self.deployment.api_key.as_ref().map(|key| key.expose_secret().to_owned());
        let key = key.or_else(|| {
            // Whoever signs with several settings shares them as one credential.
            let settings = &self.deployment.settings;
            (!settings.is_empty()).then(|| format!("{settings:?}"))
        });
        MemberSpec {
            id: self.deployment.id.clone(),
            group: self.deployment.group.clone(),
            limits: self.limits,
            budget: self.budget,
            accounts: self.accounts.iter().filter_map(place).collect(),
            price: self.price.clone(),
            health: self.health,
            latency_ttl: self.latency_ttl,
            credential: key.map(|key| stable_hash(format!("{host}\n{key}").as_bytes())),
            host: stable_hash(host.as_bytes()),
        }
    }
}

/// Why a router cannot be built: every fault at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// The faults.
    pub faults: Vec<Fault>,
}

/// One fault of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which one, in the order they were given; `None` for a fault of the whole.
    pub member: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.faults.iter().map(|fault| fault.message.as_str()).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for BuildError {}

/// Builds a [`Router`].
#[derive(Clone, Debug, Default)]
pub struct RouterBuilder {
    providers: Vec<Arc<dyn Provider>>,
    members: Vec<Member>,
    accounts: Vec<AccountSpec>,
    callers: Vec<String>,
    tags: Vec<String>,
    settings: Settings,
    observer: Option<Arc<dyn Observer>>,
    store: Option<Arc<dyn StateStore>>,
    clock: Option<Arc<dyn Clock>>,
    seed: u64,
}

impl RouterBuilder {
    /// Serves the deployments of this provider's vendor; a later one of the same name wins.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Adds a deployment, or a [`Member`] with limits, health policy and price.
    #[must_use]
    pub fn deployment(mut self, member: impl Into<Member>) -> Self {
        self.members.push(member.into());
        self
    }

    /// Adds an account that members draw on: a named quota, a provider's budget.
    #[must_use]
    pub fn account(mut self, account: AccountSpec) -> Self {
        self.accounts.push(account);
        self
    }

    /// Adds the account of a caller: calls whose options name it draw on it.
    #[must_use]
    pub fn caller(mut self, name: &str, limits: Limits, budget: Option<BudgetLimit>) -> Self {
        self.accounts.push(AccountSpec { id: AccountId::caller(name), limits, budget });
        self.callers.push(name.to_owned());
        self
    }

    /// Adds the account of a tag: calls that carry it draw on it.
    #[must_use]
    pub fn tag(mut self, tag: &str, limits: Limits, budget: Option<BudgetLimit>) -> Self {
        self.accounts.push(AccountSpec { id: AccountId::tag(tag), limits, budget });
        self.tags.push(tag.to_owned());
        self
    }

    /// Tells this observer what happens to calls.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Picks by this strategy, where a group has none of its own.
    #[must_use]
    pub fn strategy(mut self, pick: Arc<dyn Pick>) -> Self {
        self.settings.strategy = pick;
        self
    }

    /// Behaves like this; replaces all settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Keeps the live state here. Default: in memory.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn StateStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Tells the time by this clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Seeds all chance. Two routers of one seed that see the same decide the same.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the router.
    ///
    /// # Errors
    ///
    /// Every fault at once: a vendor without provider, an address that is none, an id used twice.
    pub fn build(self) -> Result<Router, BuildError> {
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::new()));
        let store = self.store.clone().unwrap_or_else(|| Arc::new(MemoryStore::new(self.seed)));
        let (seed, observer, lives) = (self.seed, self.observer.clone(), Lives::default());
        let topology = self.topology(store.as_ref(), clock.as_ref(), &lives)?;
        Ok(Router::new(topology, store, clock, observer, lives, seed))
    }

    /// Every fault there is; [`build`](Self::build) succeeds when there is none.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = self.twins();
        for (at, member) in self.members.iter().enumerate() {
            if let Err(message) = self.address(member) {
                faults.push(Fault { member: Some(at), message });
            }
        }
        faults.extend(self.unpriced());
        if self.members.is_empty() {
            faults.push(Fault { member: None, message: "there is no deployment".into() });
        }
        faults
    }

    /// Checks everything, then binds it to the state of a store.
    pub(crate) fn topology(
        self,
        store: &dyn StateStore,
        clock: &dyn Clock,
        lives: &Lives,
    ) -> Result<Topology, BuildError> {
        let faults = self.check();
        if !faults.is_empty() {
            return Err(BuildError { faults });
        }
        let ready: Vec<_> =
            self.members.iter().filter_map(|member| self.address(member).ok()).collect();
        let specs: Vec<MemberSpec> = self
            .members
            .iter()
            .zip(&ready)
            .map(|(member, (_, target))| member.spec(target, &self.accounts))
            .collect();
        let bound = store.bind(&specs, &self.accounts, clock.now());
        let ids = self.accounts.iter().map(|account| account.id.clone());
        let accounts = grouping::accounts(
            ids.zip(bound.accounts.iter().copied()).collect(),
            self.tags,
            self.callers,
        );
        let nodes = self.members.into_iter().zip(ready).zip(bound.slots);
        let nodes = nodes.map(|((member, ready), slot)| grouping::node(member, ready, slot));
        Ok(grouping::topology(nodes.collect(), accounts, self.settings, lives))
    }

    /// The vendors that the providers serve.
    pub fn vendors(&self) -> Vec<Vendor> {
        self.providers.iter().map(|one| one.vendor()).collect()
    }

    fn address(&self, member: &Member) -> Result<(Arc<dyn Provider>, Target), String> {
        let vendor = member.deployment.vendor.as_str();
        let provider = self.providers.iter().rev().find(|one| one.vendor().name == vendor);
        let provider = provider.ok_or_else(|| {
            let mut known: Vec<&str> = self.providers.iter().map(|one| one.vendor().name).collect();
            known.sort_unstable();
            format!("no provider serves the vendor `{vendor}`; there is {}", known.join(", "))
        })?;
        Ok((Arc::clone(provider), provider.target(&member.deployment)?))
    }

    /// A budget over a deployment whose price is not known could not be kept.
    fn unpriced(&self) -> Vec<Fault> {
        let budgets =
            |id: &AccountId| self.accounts.iter().any(|one| one.id == *id && one.budget.is_some());
        let unpriced = self.members.iter().enumerate().filter(|(_, one)| one.price.is_none());
        unpriced
            .filter_map(|(at, member)| {
                let of = if member.budget.is_some() {
                    "its own".to_owned()
                } else {
                    member.accounts.iter().find(|id| budgets(id))?.to_string()
                };
                let id = &member.deployment.id;
                let message = format!(
                    "`{id}` has a budget ({of}) and no known price: set `input_cost_per_token` and \
                     `output_cost_per_token`"
                );
                Some(Fault { member: Some(at), message })
            })
            .collect()
    }

    fn twins(&self) -> Vec<Fault> {
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut faults = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            let id = member.deployment.id.as_str();
            if let Some(before) = first.insert(id, at) {
                let message = format!("deployments {before} and {at} have the same id `{id}`");
                faults.push(Fault { member: Some(at), message });
            }
        }
        faults
    }
}
