//! `retry_policy` and `model_group_retry_policy`: retries by what went wrong.

use std::collections::BTreeMap;

use pointsman_types::ErrorKind;

use crate::{
    RetryPolicy, keys,
    read::{Field, Fields, Reading},
};

/// LiteLLM's classes of errors, and the kinds that they are here.
const CLASSES: [(&str, &[ErrorKind]); 8] = [
    ("BadRequestErrorRetries", &[ErrorKind::BadRequest]),
    ("AuthenticationErrorRetries", &[ErrorKind::Authentication]),
    ("TimeoutErrorRetries", &[ErrorKind::Timeout]),
    // LiteLLM has one class for every 429.
    ("RateLimitErrorRetries", &[ErrorKind::RateLimited, ErrorKind::QuotaExhausted]),
    ("ContentPolicyViolationErrorRetries", &[ErrorKind::ContentPolicy]),
    ("InternalServerErrorRetries", &[ErrorKind::Server]),
    ("ServiceUnavailableErrorRetries", &[ErrorKind::Overloaded]),
    ("NotFoundErrorRetries", &[ErrorKind::NotFound]),
];

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
    let mut policy = RetryPolicy {
        default: reading.take(&fields, "DefaultRetries", Reading::whole),
        ..RetryPolicy::default()
    };
    for (class, kinds) in CLASSES {
        if let Some(retries) = reading.take(&fields, class, Reading::whole) {
            policy.by_kind.extend(kinds.iter().map(|&kind| (kind, retries)));
        }
    }
    Some(policy)
}
