//! `retry_policy`, `model_group_retry_policy`, `allowed_fails_policy`: by what went wrong.

use std::collections::BTreeMap;

use pointsman_types::{ErrorKind, Penalty};

use crate::{
    RetryPolicy, keys,
    read::{Field, Fields, Reading},
};

/// LiteLLM's classes of errors, and the kinds that they are here.
const CLASSES: [(&str, &[ErrorKind]); 9] = [
    ("BadRequestError", &[ErrorKind::BadRequest]),
    ("AuthenticationError", &[ErrorKind::Authentication]),
    ("TimeoutError", &[ErrorKind::Timeout]),
    // LiteLLM has one class for every 429.
    ("RateLimitError", &[ErrorKind::RateLimited, ErrorKind::QuotaExhausted]),
    ("ContentPolicyViolationError", &[ErrorKind::ContentPolicy]),
    ("InternalServerError", &[ErrorKind::Server]),
    ("ServiceUnavailableError", &[ErrorKind::Overloaded]),
    ("BadGatewayError", &[ErrorKind::Connection]),
    ("NotFoundError", &[ErrorKind::NotFound]),
];

/// Reads one number for each class that is there.
fn by_kind(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
    suffix: &str,
) -> BTreeMap<ErrorKind, u32> {
    let mut read = BTreeMap::new();
    for (class, kinds) in CLASSES {
        if let Some(number) = reading.take(fields, &format!("{class}{suffix}"), Reading::whole) {
            read.extend(kinds.iter().map(|&kind| (kind, number)));
        }
    }
    read
}

/// The `allowed_fails_policy` of the router or a `model_info`; empty when there is none.
pub(crate) fn read_allowed_fails(
    reading: &mut Reading<'_>,
    section: &Fields<'_>,
    path: &'static str,
) -> BTreeMap<ErrorKind, u32> {
    let read = reading.take(section, "allowed_fails_policy", |reading, field| {
        let fields = reading.fields(field.node, path, &keys::ALLOWED_FAILS)?;
        let mut read = by_kind(reading, &fields, "AllowedFails");
        // What is the caller's fault is never counted.
        read.retain(|kind, _| kind.penalty() != Penalty::None);
        Some(read)
    });
    read.unwrap_or_default()
}

/// The policy for every group; `None` when there is none.
pub(crate) fn read(reading: &mut Reading<'_>, router: &Fields<'_>) -> Option<RetryPolicy> {
    reading.take(router, "retry_policy", |reading, field| {
        policy(reading, field, "router_settings.retry_policy.")
    })
}

/// The policies of single groups. `known` says whether a name is that of a group.
pub(crate) fn read_groups(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    mut known: impl FnMut(&mut Reading<'_>, Field<'_>, &str),
) -> BTreeMap<String, RetryPolicy> {
    let read = reading.take(router, "model_group_retry_policy", |reading, field| {
        let Some(entries) = field.node.entries() else {
            reading.wrong(field, "a mapping of groups to policies");
            return None;
        };
        let mut read = BTreeMap::new();
        for entry in entries {
            let group = field.entry(entry);
            known(reading, group, &entry.key);
            let path = "router_settings.model_group_retry_policy.";
            if let Some(policy) = policy(reading, group, path) {
                read.insert(entry.key.to_string(), policy);
            }
        }
        Some(read)
    });
    read.unwrap_or_default()
}

fn policy(reading: &mut Reading<'_>, field: Field<'_>, path: &'static str) -> Option<RetryPolicy> {
    let fields = reading.fields(field.node, path, &keys::RETRY)?;
    let default = reading.take(&fields, "DefaultRetries", Reading::whole);
    Some(RetryPolicy { by_kind: by_kind(reading, &fields, "Retries"), default })
}
