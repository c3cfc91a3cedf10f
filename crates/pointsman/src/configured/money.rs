//! Limits, budgets and prices: from what the file says to what is counted by.

use std::{borrow::Cow, collections::BTreeMap};

use pointsman_config::{BudgetSpec, Finding, Grade, LimitSpec, PriceSpec, Spec};
use pointsman_cost::{PriceKey, Rates};
use pointsman_prices::Book;
use pointsman_router::RouterBuilder;
use pointsman_state::{AccountId, AccountSpec, BudgetLimit, Limits};
use pointsman_types::Decimal;

use super::Surroundings;

/// The price book: the file that the configuration names, else the one that is shipped.
pub(super) fn book(
    spec: &Spec,
    around: Surroundings<'_>,
    findings: &mut Vec<Finding>,
) -> Cow<'static, Book> {
    let Some((file, at)) = &spec.prices else { return Cow::Borrowed(Book::shipped()) };
    let read = (around.file)(file)
        .and_then(|text| Book::from_litellm_json(&text).map_err(|error| error.to_string()));
    match read {
        Ok((book, problems)) => {
            for problem in problems {
                let message = format!("{file}: {problem}");
                findings.push(Finding::new(*at, Grade::Approximate, message));
            }
            Cow::Owned(book)
        }
        Err(why) => {
            let message = format!("the price file {file:?} cannot be used: {why}");
            findings.push(Finding::new(*at, Grade::Error, message));
            Cow::Borrowed(Book::shipped())
        }
    }
}

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
    let mut rates = named(&of.rates);
    for tier in &of.tiers {
        rates.set_tier(tier.from, &named(&tier.rates));
    }
    rates
}

fn named(prices: &BTreeMap<String, Decimal>) -> Rates {
    let mut rates = Rates::default();
    for (name, rate) in prices {
        if let Some(key) = PriceKey::parse(name) {
            rates.set(key, *rate);
        }
    }
    rates
}
