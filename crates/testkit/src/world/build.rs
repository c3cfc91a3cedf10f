//! From a scene to a router, once and at every reload.

use std::{collections::HashMap, time::Duration};

use pointsman_provider::FallbackTarget;
use pointsman_retry::{BudgetPolicy, Policy};
use pointsman_router::{
    CacheSettings, Fallbacks, Member, Mirror, OnExhausted, Router, RouterBuilder, Settings, TagRule,
};
use pointsman_state::{AccountId, AccountSpec, BudgetLimit, HealthPolicy, Limits, Price};
use pointsman_strategy::builtin;
use pointsman_types::{Decimal, Deployment, stable_hash};

use super::{
    Mutant,
    scene::{Exhausted, MemberPlan, Scene},
};

/// US dollars for a token of a prompt, and of an answer.
fn price(member: &str) -> Price {
    let input = Decimal::new(1 + i64::try_from(stable_hash(member.as_bytes()) % 7).unwrap_or(0), 5);
    Price::new(input, input * Decimal::new(4, 0))
}

impl Scene {
    /// A router's builder: everything but clock, store and provider.
    pub(crate) fn builder(&self, mutant: Option<Mutant>) -> RouterBuilder {
        let mut builder = Router::builder().seed(self.seed).settings(self.settings(mutant));
        for (at, quota) in self.quotas.iter().enumerate() {
            let id = AccountId::quota(&format!("q{at}"));
            builder = builder.account(AccountSpec { id, limits: *quota, budget: None });
        }
        for (at, (limits, budget)) in self.callers.iter().enumerate() {
            builder = builder.caller(&format!("c{at}"), *limits, budget.map(budget_of));
        }
        for plan in &self.members {
            builder = builder.deployment(self.deployment(plan, mutant));
        }
        builder
    }

    fn deployment(&self, plan: &MemberPlan, mutant: Option<Mutant>) -> Member {
        let group = &self.groups[plan.group];
        let host = format!("http://host{}.invalid", plan.host);
        let mut deployment = Deployment::new(group, "scripted", "model")
            .with_id(&plan.id)
            .with_base(host)
            .with_key(format!("key{}", plan.key));
        (deployment.weight, deployment.order) = (plan.weight, plan.order);
        deployment.tags.clone_from(&plan.tags);
        if mutant != Some(Mutant::ForgetTimeout) {
            deployment.timeout = plan.timeout;
            deployment.stream_timeout = plan.stream_timeout;
        }
        let mut member = Member::from(deployment);
        member.limits = plan.limits;
        member.budget = plan.budget.map(budget_of);
        let quotas = plan.quotas.iter().map(|at| AccountId::quota(&format!("q{at}")));
        member.accounts = quotas.collect();
        member.price = plan.priced.then(|| price(&plan.id));
        member.info.max_input_tokens = plan.window;
        member.health = HealthPolicy {
            cooldown_time: plan.cooldown_time,
            allowed_fails: self.allowed_fails,
            disabled: self.disable_cooldowns,
            ..HealthPolicy::default()
        };
        member
    }

    fn settings(&self, mutant: Option<Mutant>) -> Settings {
        let mutates = |one| mutant == Some(one);
        let (ratio, per_second, burst) = self.retry_budget;
        let free = BudgetPolicy { ratio: 1e6, per_second: 1e6, burst: u32::MAX };
        let strategies = self
            .groups
            .iter()
            .zip(&self.strategies)
            .filter_map(|(group, name)| Some((group.clone(), builtin(name)?)));
        let hour = Duration::from_hours(1);
        let mut settings = Settings {
            group_strategies: strategies.collect(),
            retry: Policy {
                num_retries: self.num_retries,
                max_attempts: self.max_attempts,
                ..Policy::default()
            },
            timeout: if mutates(Mutant::ForgetDeadline) { hour } else { self.timeout },
            ttft_timeout: self.ttft_timeout,
            stall_timeout: Some(self.stall_timeout),
            fallbacks: self.fallbacks(mutant),
            tags: self.tags.then_some(TagRule::Any),
            pre_call_checks: self.checks,
            retry_budget: if mutates(Mutant::ForgetRetryBudget) {
                free
            } else {
                BudgetPolicy { ratio, per_second, burst }
            },
            on_exhausted: match self.exhausted {
                Exhausted::Refuse => OnExhausted::Refuse,
                Exhausted::LastResort => OnExhausted::LastResort,
                Exhausted::Wait(most, queue) => OnExhausted::Wait { most, queue },
            },
            cache: self.cache.then(CacheSettings::default),
            ..Settings::default()
        };
        if mutates(Mutant::ForgetStall) {
            settings.stall_timeout = None;
        }
        if let Some(after) = self.hedge {
            settings.hedge = HashMap::from([("*".to_owned(), after)]);
        }
        if let Some(share) = self.mirror {
            let mirror = Mirror { to: "copies".into(), share };
            settings.mirror = HashMap::from([("g0".to_owned(), mirror)]);
        }
        settings
    }

    fn fallbacks(&self, mutant: Option<Mutant>) -> Fallbacks {
        if mutant == Some(Mutant::ForgetFallbacks) {
            return Fallbacks::default();
        }
        let target = |at: &usize| FallbackTarget::from(self.groups[*at].as_str());
        let map = |of: &std::collections::BTreeMap<usize, Vec<usize>>| {
            of.iter()
                .map(|(from, to)| (self.groups[*from].clone(), to.iter().map(target).collect()))
                .collect()
        };
        Fallbacks {
            general: map(&self.fallbacks),
            default: self.default_fallbacks.iter().map(target).collect(),
            context_window: map(&self.long_fallbacks),
            content_policy: map(&self.vile_fallbacks),
            most: self.max_fallbacks,
        }
    }
}

fn budget_of(max: Decimal) -> BudgetLimit {
    BudgetLimit { max, window: None }
}

/// The same limits, twice.
pub(crate) fn doubled(limits: Limits) -> Limits {
    Limits {
        rpm: limits.rpm.map(|rpm| rpm * 2),
        tpm: limits.tpm.map(|tpm| tpm * 2),
        max_parallel_requests: limits.max_parallel_requests.map(|slots| slots * 2),
        ..limits
    }
}
