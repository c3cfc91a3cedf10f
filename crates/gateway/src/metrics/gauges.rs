//! How everything stands at this moment.

use std::{collections::HashSet, sync::atomic::AtomicU64};

use pointsman::{
    Router,
    state::{AccountReport, SpendReport},
};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::series::{Labels, of};
use crate::state::{STATES, standing};

type Whole<const N: usize> = Family<Labels<N>, Gauge>;
type Money<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;

/// Reads it all and makes it known.
pub(super) fn register(router: &Router, to: &mut Registry) {
    let (state, in_flight) = (Whole::<3>::default(), Whole::<2>::default());
    let (left, budget) = (Whole::<3>::default(), Money::<2>::default());
    let (shared, purse) = (Whole::<2>::default(), Money::<1>::default());
    // Some groups are made of others: each deployment is told once, under its own.
    let mut told = HashSet::new();
    for group in router.state() {
        for member in group.members.iter().filter(|one| told.insert(one.id.clone())) {
            let report = &member.report;
            let labels = of(&member.id, &group.name);
            in_flight.get_or_create(&labels).set(report.in_flight.into());
            let now = standing(report).state;
            for name in STATES {
                let labels = with(&labels, ("state", name.to_owned()));
                state.get_or_create(&labels).set(i64::from(name == now));
            }
            for (limit, value) in remaining(&report.account) {
                left.get_or_create(&with(&labels, ("limit", limit.to_owned()))).set(value);
            }
            if let Some(value) = report.account.spend.as_ref().and_then(unspent) {
                budget.get_or_create(&labels).set(value);
            }
        }
    }
    for account in router.accounts() {
        let name = || ("account", account.name.clone());
        for (limit, value) in remaining(&account.report) {
            shared.get_or_create(&[name(), ("limit", limit.to_owned())]).set(value);
        }
        if let Some(value) = account.report.spend.as_ref().and_then(unspent) {
            purse.get_or_create(&[name()]).set(value);
        }
    }
    to.register("deployment_state", "1 for the state that a deployment is in, else 0", state);
    to.register("in_flight", "Sends under way", in_flight);
    to.register("limit_remaining", "What is left of a deployment's limit", left);
    to.register("budget_remaining_usd", "US dollars left of a deployment's budget", budget);
    to.register("account_limit_remaining", "What is left of a shared account's limit", shared);
    to.register("account_budget_remaining_usd", "US dollars left of a shared budget", purse);
}

fn with(labels: &Labels<2>, one: (&'static str, String)) -> Labels<3> {
    let [a, b] = labels.clone();
    [a, b, one]
}

/// What is left of each limit.
fn remaining(of: &AccountReport) -> impl Iterator<Item = (&'static str, i64)> {
    of.windows.iter().map(|one| {
        let left = one.value.saturating_sub(one.used);
        (one.limit.name(), i64::try_from(left).unwrap_or(i64::MAX))
    })
}

/// What is neither spent nor reserved of a budget.
fn unspent(of: &SpendReport) -> Option<f64> {
    f64::try_from(of.max - of.spent - of.reserved).ok()
}
