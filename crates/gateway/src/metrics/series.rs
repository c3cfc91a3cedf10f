//! What is counted as it happens, and the handles through which it is.

use std::{sync::atomic::AtomicU64, time::Duration};

use pointsman::{
    router::Trace,
    types::{DeploymentId, ErrorKind, GroupName, Outcome, Usage, Verdict},
};
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::Known;

/// Labels by name.
pub(super) type Labels<const N: usize> = [(&'static str, String); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Times<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
type Sums<const N: usize> = Family<Labels<N>, Counter<f64, AtomicU64>>;

/// How a call ended that was answered.
const OK: &str = "ok";

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Families {
    requests: Counts<2>,
    retries: Counts<1>,
    fallbacks: Counts<1>,
    request_time: Times<1>,
    attempts: Counts<2>,
    failures: Counts<3>,
    cooldowns: Counts<2>,
    ttft: Times<2>,
    attempt_time: Times<2>,
    tokens: Counts<3>,
    spend: Sums<2>,
    pub(super) overhead: Histogram,
}

impl Families {
    pub(super) fn new() -> Self {
        let slow: fn() -> Histogram = || Histogram::new(exponential_buckets(0.005, 2.0, 16));
        Self {
            requests: Family::default(),
            retries: Family::default(),
            fallbacks: Family::default(),
            request_time: Family::new_with_constructor(slow),
            attempts: Family::default(),
            failures: Family::default(),
            cooldowns: Family::default(),
            ttft: Family::new_with_constructor(slow),
            attempt_time: Family::new_with_constructor(slow),
            tokens: Family::default(),
            spend: Family::default(),
            overhead: Histogram::new(exponential_buckets(0.000_025, 2.0, 14)),
        }
    }

    /// Makes them known under their names.
    pub(super) fn register(&self, to: &mut Registry) {
        to.register(
            "requests",
            "Calls by the group they were for and how they ended: ok, cached, or the kind of failure",
            self.requests.clone(),
        );
        to.register("retries", "Attempts after the first in their group", self.retries.clone());
        to.register(
            "fallbacks",
            "Groups that failed and were followed by a fallback or the end",
            self.fallbacks.clone(),
        );
        to.register_with_unit(
            "request_duration",
            "From the call to its answer, or to the first content of a stream",
            Unit::Seconds,
            self.request_time.clone(),
        );
        to.register("attempts", "Sends to deployments", self.attempts.clone());
        to.register("failures", "Sends that failed, by kind", self.failures.clone());
        to.register("cooldowns", "Cooldowns entered or prolonged", self.cooldowns.clone());
        to.register_with_unit(
            "time_to_first_token",
            "From the send to the first content of a stream",
            Unit::Seconds,
            self.ttft.clone(),
        );
        to.register_with_unit(
            "attempt_duration",
            "From the send to the end of the answer",
            Unit::Seconds,
            self.attempt_time.clone(),
        );
        to.register(
            "tokens",
            "Tokens by class; input has what was read from and written to a cache, output has \
             reasoning",
            self.tokens.clone(),
        );
        to.register("spend_usd", "US dollars spent, where the price is known", self.spend.clone());
        to.register_with_unit(
            "overhead",
            "What the gateway itself took for a call",
            Unit::Seconds,
            self.overhead.clone(),
        );
    }

    /// The handles of a group.
    pub(super) fn group(&self, name: &GroupName) -> OfGroup {
        let group = || ("group", name.to_string());
        let ended = |how: &str| [group(), ("outcome", how.to_owned())];
        OfGroup {
            group: name.clone(),
            ok: self.requests.get_or_create_owned(&ended(OK)),
            cached: self.requests.get_or_create_owned(&ended("cached")),
            retries: self.retries.get_or_create_owned(&[group()]),
            fallbacks: self.fallbacks.get_or_create_owned(&[group()]),
            time: self.request_time.get_or_create_owned(&[group()]),
            deployments: Known::default(),
        }
    }

    /// The handles of a deployment.
    fn deployment(&self, id: &DeploymentId, group: &GroupName) -> OfDeployment {
        let labels = of(id, group);
        let tokens = |class: &str| {
            let [deployment, group] = of(id, group);
            self.tokens.get_or_create_owned(&[deployment, group, ("class", class.to_owned())])
        };
        OfDeployment {
            id: id.clone(),
            group: group.clone(),
            attempts: self.attempts.get_or_create_owned(&labels),
            ttft: self.ttft.get_or_create_owned(&labels),
            time: self.attempt_time.get_or_create_owned(&labels),
            input: tokens("input"),
            output: tokens("output"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            reasoning: tokens("reasoning"),
            spend: self.spend.get_or_create_owned(&labels),
        }
    }

    /// A deployment cools.
    pub(super) fn cooled(&self, deployment: &DeploymentId, kind: ErrorKind) {
        let labels = [("deployment", deployment.to_string()), ("kind", kind.name().to_owned())];
        self.cooldowns.get_or_create(&labels).inc();
    }
}

/// The labels of a deployment.
pub(super) fn of(id: &DeploymentId, group: &GroupName) -> Labels<2> {
    [("deployment", id.to_string()), ("group", group.to_string())]
}

/// The handles of a group.
#[derive(Debug)]
pub(super) struct OfGroup {
    group: GroupName,
    ok: Counter,
    cached: Counter,
    retries: Counter,
    fallbacks: Counter,
    time: Histogram,
    deployments: Known<DeploymentId, OfDeployment>,
}

impl OfGroup {
    pub(super) fn cached(&self) {
        self.cached.inc();
    }

    /// An attempt for it was settled.
    pub(super) fn attempt(&self, to: &DeploymentId, outcome: &Outcome, all: &Families) {
        let make = || all.deployment(to, &self.group);
        self.deployments.with(to, make, |of| of.attempt(outcome, all));
    }

    /// A call ended.
    pub(super) fn call(
        &self,
        failure: Option<ErrorKind>,
        trace: &Trace,
        total: Duration,
        all: &Families,
    ) {
        match failure {
            None => self.ok.inc(),
            Some(kind) => {
                let labels =
                    [("group", self.group.to_string()), ("outcome", kind.name().to_owned())];
                all.requests.get_or_create(&labels).inc()
            }
        };
        self.retries.inc_by(u64::from(trace.retries));
        self.fallbacks.inc_by(u64::from(trace.fallbacks));
        self.time.observe(total.as_secs_f64());
    }
}

/// The handles of a deployment.
#[derive(Debug)]
struct OfDeployment {
    id: DeploymentId,
    group: GroupName,
    attempts: Counter,
    ttft: Histogram,
    time: Histogram,
    input: Counter,
    output: Counter,
    cache_read: Counter,
    cache_write: Counter,
    reasoning: Counter,
    spend: Counter<f64, AtomicU64>,
}

impl OfDeployment {
    fn attempt(&self, outcome: &Outcome, all: &Families) {
        self.attempts.inc();
        if let Verdict::Failure { kind, .. } = outcome.verdict {
            let [deployment, group] = of(&self.id, &self.group);
            let labels = [deployment, group, ("kind", kind.name().to_owned())];
            all.failures.get_or_create(&labels).inc();
        }
        if let Some(after) = outcome.first_content {
            self.ttft.observe(after.as_secs_f64());
        }
        self.time.observe(outcome.total.as_secs_f64());
        let charged = &outcome.charged;
        let usage = outcome.usage.unwrap_or_else(|| Usage::text(charged.input, charged.output));
        self.input.inc_by(usage.input);
        self.output.inc_by(usage.output);
        self.cache_read.inc_by(usage.cache_read);
        self.cache_write.inc_by(usage.cache_write + usage.cache_write_long);
        self.reasoning.inc_by(usage.reasoning);
        if let Some(money) = charged.money.and_then(|money| f64::try_from(money).ok()) {
            self.spend.inc_by(money);
        }
    }
}
