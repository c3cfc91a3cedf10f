//! Limits, budgets and prices: from what the file says to what is counted by.

use pointsman_config::{BudgetSpec, LimitSpec, PriceSpec, Spec};
use pointsman_cost::{PriceKey, Rates};
use pointsman_router::RouterBuilder;
use pointsman_state::{AccountId, AccountSpec, BudgetLimit, Limits};

/// Adds every account that is shared: quotas, providers' budgets, tags, callers.
pub(super) fn accounts(mut builder: RouterBuilder, spec: &Spec) -> RouterBuilder {
    for (name, quota) in &spec.quotas {
        builder = builder.account(AccountSpec {
            id: AccountId::quota(name),
            limits: limits(&quota.limits),
            budget: quota.budget.as_ref().map(budget),
        });
    }
    for (vendor, money) in &spec.provider_budgets {
        builder = builder.account(AccountSpec {
            id: AccountId::provider(vendor),
            limits: Limits::default(),
            budget: Some(budget(money)),
        });
    }
    for (tag, money) in &spec.tag_budgets {
        builder = builder.tag(tag, Limits::default(), Some(budget(money)));
    }
    for caller in &spec.server.keys {
        let money = caller.budget.as_ref().map(budget);
        builder = builder.caller(&caller.name, limits(&caller.limits), money);
    }
    builder
}

pub(super) fn limits(of: &LimitSpec) -> Limits {
    Limits {
        rpm: of.rpm,
        tpm: of.tpm,
        itpm: of.itpm,
        otpm: of.otpm,
        rpd: of.rpd,
        tpd: of.tpd,
        max_parallel_requests: of.max_parallel_requests,
        daily_reset_time: of.daily_reset_time,
    }
}

pub(super) fn budget(of: &BudgetSpec) -> BudgetLimit {
    // The file's duration is a window's text by its own rules.
    let window = of.duration.and_then(|duration| duration.to_string().parse().ok());
    BudgetLimit { max: of.max, window }
}

/// The rates that the file sets.
pub(super) fn rates(of: &PriceSpec) -> Rates {
    let mut rates = Rates::default();
    for (name, rate) in &of.rates {
        if let Some(key) = PriceKey::parse(name) {
            rates.set(key, *rate);
        }
    }
    rates
}
