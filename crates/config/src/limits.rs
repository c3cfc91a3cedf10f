//! Limits and budgets of deployments, quotas, callers, providers and tags.

use std::collections::BTreeMap;

use pointsman_types::Decimal;

use crate::{
    BudgetSpec, Grade, LimitSpec, QuotaSpec, keys,
    read::{Field, Fields, Reading, short},
};

/// The limits of a deployment. `rpm`, `tpm` and the like are looked up in the entry, in
/// `litellm_params`, in `model_info`.
pub(crate) fn of_deployment(reading: &mut Reading<'_>, places: [&Fields<'_>; 3]) -> LimitSpec {
    let params = places[1];
    LimitSpec {
        rpm: limit(reading, places, "rpm"),
        tpm: limit(reading, places, "tpm"),
        itpm: limit(reading, places, "itpm"),
        otpm: limit(reading, places, "otpm"),
        rpd: limit(reading, places, "rpd"),
        tpd: limit(reading, places, "tpd"),
        daily_reset_time: reading
            .take(params, "daily_reset_time", Reading::time_of_day)
            .unwrap_or_default(),
        max_parallel_requests: reading.take(params, "max_parallel_requests", Reading::above_zero),
    }
}

/// The first that is set and not 0, which means no limit, as in LiteLLM.
fn limit<T: TryFrom<Decimal> + Default + PartialEq>(
    reading: &mut Reading<'_>,
    places: [&Fields<'_>; 3],
    key: &str,
) -> Option<T> {
    let mut first = None;
    for fields in places {
        let read: Option<T> = reading.take(fields, key, Reading::whole);
        if let (Some(limit), Some(field)) = (read, fields.get(key)) {
            if limit == T::default() {
                let message = format!("{}: 0 means no limit", field.name());
                reading.note(field.at, Grade::Approximate, message);
            } else if first.is_none() {
                first = Some(limit);
            }
        }
    }
    first
}

/// The limits of a quota or a caller, where 0 would be a mistake.
pub(crate) fn own(reading: &mut Reading<'_>, fields: &Fields<'_>) -> LimitSpec {
    LimitSpec {
        rpm: reading.take(fields, "rpm", Reading::above_zero),
        tpm: reading.take(fields, "tpm", Reading::above_zero),
        itpm: reading.take(fields, "itpm", Reading::above_zero),
        otpm: reading.take(fields, "otpm", Reading::above_zero),
        rpd: reading.take(fields, "rpd", Reading::above_zero),
        tpd: reading.take(fields, "tpd", Reading::above_zero),
        daily_reset_time: reading
            .take(fields, "daily_reset_time", Reading::time_of_day)
            .unwrap_or_default(),
        max_parallel_requests: reading.take(fields, "max_parallel_requests", Reading::above_zero),
    }
}

/// `max_budget` and `budget_duration` among other keys, or LiteLLM's older names for them.
pub(crate) fn budget(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Option<BudgetSpec> {
    // As in LiteLLM, the older names win.
    let sums = ["budget_limit", "max_budget"].map(|key| {
        reading.take(fields, key, |reading, field| {
            Some((reading.amount(field)?, field.node.at, field))
        })
    });
    let times = ["time_period", "budget_duration"]
        .map(|key| reading.take(fields, key, Reading::budget_duration));
    let sum = sums.into_iter().flatten().next();
    let duration = times.into_iter().flatten().next();
    let time = fields.first(&["time_period", "budget_duration"]);
    let Some((max, at, field)) = sum else {
        if let (Some(time), None) = (time, fields.first(&["budget_limit", "max_budget"])) {
            let message = format!("{}: there is no sum of money for it", time.name());
            reading.note(time.at, Grade::Approximate, message);
        }
        return None;
    };
    if max.is_zero() {
        let message = format!("{}: 0 allows no call; LiteLLM takes it for no limit", field.name());
        reading.note(at, Grade::Approximate, message);
    }
    if time.is_none() {
        let message = format!("{}: without a duration it never starts anew", field.name());
        reading.note(at, Grade::Approximate, message);
    }
    Some(BudgetSpec { max, duration, at })
}

/// `provider_budget_config` or `tag_budget_config`: budgets by name.
pub(crate) fn budgets<'t>(
    reading: &mut Reading<'_>,
    field: Field<'t>,
    path: &'static str,
    mut known: impl FnMut(&mut Reading<'_>, Field<'t>, &str),
) -> Option<BTreeMap<String, BudgetSpec>> {
    let mut read = BTreeMap::new();
    for entry in reading.mapping(field, "names to budgets")? {
        let one = field.entry(entry);
        known(reading, one, &entry.key);
        let Some(fields) = reading.fields(one.node, path, &keys::BUDGET) else { continue };
        if let Some(budget) = budget(reading, &fields) {
            read.insert(entry.key.to_string(), budget);
        } else if fields.first(&["budget_limit", "max_budget"]).is_none() {
            let name = short(&entry.key);
            let message = format!("{}: {name} has no sum of money: no limit", field.name());
            reading.note(entry.at, Grade::Approximate, message);
        }
    }
    Some(read)
}

/// `router_settings.pointsman.quotas`.
pub(crate) fn quotas(
    reading: &mut Reading<'_>,
    pointsman: &Fields<'_>,
) -> BTreeMap<String, QuotaSpec> {
    let read = reading.take(pointsman, "quotas", |reading, field| {
        let mut read = BTreeMap::new();
        for entry in reading.mapping(field, "names to limits")? {
            let path = "router_settings.pointsman.quotas.";
            let Some(fields) = reading.fields(&entry.node, path, &keys::QUOTA) else { continue };
            let limits = own(reading, &fields);
            let budget = budget(reading, &fields);
            if fields.iter().next().is_none() {
                let message = format!("{}: {} limits nothing", field.name(), short(&entry.key));
                reading.error(entry.at, message);
            }
            read.insert(entry.key.to_string(), QuotaSpec { at: entry.at, limits, budget });
        }
        Some(read)
    });
    read.unwrap_or_default()
}
