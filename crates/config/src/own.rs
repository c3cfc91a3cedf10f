//! `router_settings.pointsman`: what LiteLLM lacks, as far as it concerns routing.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Affinity, AffinityKey, Hedge, HedgeAfter, Mirror, OnExhausted, RetryBudget, RouterSpec, keys,
    names::Names,
    read::{Field, Fields, Reading, quoted},
};

/// Reads the block into the router's settings.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    own: &Fields<'_>,
    names: &Names,
    spec: &mut RouterSpec,
) {
    if let Some(time) = reading.take(own, "ramp_time", Reading::duration) {
        spec.ramp_time = time;
    }
    if let Some(time) = reading.take(own, "stall_timeout", Reading::timeout) {
        spec.stall_timeout = time;
    }
    spec.ttft_timeout = reading.take(own, "ttft_timeout", Reading::timeout);
    if let Some(attempts) = reading.take(own, "max_attempts", Reading::above_zero) {
        spec.max_attempts = attempts;
    }
    spec.retry_budget = reading.take(own, "retry_budget", retry_budget).unwrap_or_default();
    spec.hedge = reading.take(own, "hedge", |reading, field| hedge(reading, field, names));
    spec.affinity = reading.take(own, "affinity", |reading, field| affinity(reading, field, names));
    spec.on_exhausted = reading.take(own, "on_exhausted", on_exhausted).unwrap_or_default();
    spec.mirror = reading
        .take(own, "mirror", |reading, field| mirrors(reading, field, names))
        .unwrap_or_default();
}

fn retry_budget(reading: &mut Reading<'_>, field: Field<'_>) -> Option<RetryBudget> {
    let path = "router_settings.pointsman.retry_budget.";
    let fields = reading.fields(field.node, path, &keys::RETRY_BUDGET)?;
    let plain = RetryBudget::default();
    let share = |reading: &mut Reading<'_>, field: Field<'_>| {
        reading.real(field, (0, 1), "a share from 0 to 1")
    };
    let rate = |reading: &mut Reading<'_>, field: Field<'_>| {
        reading.real(field, (0, 1_000_000), "a number of retries a second, at most 1000000")
    };
    Some(RetryBudget {
        ratio: reading.take(&fields, "ratio", share).unwrap_or(plain.ratio),
        per_second: reading.take(&fields, "per_second", rate).unwrap_or(plain.per_second),
        burst: reading.take(&fields, "burst", Reading::whole).unwrap_or(plain.burst),
    })
}

fn hedge(reading: &mut Reading<'_>, field: Field<'_>, names: &Names) -> Option<Hedge> {
    let path = "router_settings.pointsman.hedge.";
    let fields = reading.fields(field.node, path, &keys::HEDGE)?;
    let groups = reading.take(&fields, "groups", |reading, field| names.list(reading, field));
    let after = reading.take(&fields, "after", |reading, field| {
        if reading.text(field)?.text == "auto" {
            return Some(HedgeAfter::Auto);
        }
        reading.timeout(field).map(HedgeAfter::Fixed)
    });
    Some(Hedge { groups, after: after.unwrap_or(HedgeAfter::Auto) })
}

fn affinity(reading: &mut Reading<'_>, field: Field<'_>, names: &Names) -> Option<Affinity> {
    let path = "router_settings.pointsman.affinity.";
    let fields = reading.fields(field.node, path, &keys::AFFINITY)?;
    if fields.get("key").is_none() {
        reading.error(field.at, format!("{path}key is missing"));
    }
    let key = reading.take(&fields, "key", |reading, field| {
        let text = reading.text(field)?;
        let key = affinity_key(&text.text);
        if key.is_none() {
            let message =
                format!("{}: wanted user, prompt_cache_key, prefix or header:NAME", field.name());
            reading.error(text.at, message);
        }
        key
    });
    let groups = reading.take(&fields, "groups", |reading, field| names.list(reading, field));
    let bound = reading.take(&fields, "bound", |reading, field| {
        reading.real(field, (1, 1_000_000), "a number of at least 1, like 1.25")
    });
    Some(Affinity { key: key?, groups, bound: bound.unwrap_or(1.25) })
}

fn affinity_key(text: &str) -> Option<AffinityKey> {
    match text {
        "user" => Some(AffinityKey::User),
        "prompt_cache_key" => Some(AffinityKey::PromptCacheKey),
        "prefix" => Some(AffinityKey::Prefix),
        _ => {
            let header = text.strip_prefix("header:")?.trim();
            let token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let fits = !header.is_empty() && header.bytes().all(token);
            fits.then(|| AffinityKey::Header(header.to_ascii_lowercase()))
        }
    }
}

fn on_exhausted(reading: &mut Reading<'_>, field: Field<'_>) -> Option<OnExhausted> {
    const WANTED: &str = "refuse, last_resort or {wait: {max: 10s, queue: 1000}}";
    if field.node.entries().is_none() {
        let text = reading.text(field)?;
        let read = match text.text.as_str() {
            "refuse" => Some(OnExhausted::Refuse),
            "last_resort" => Some(OnExhausted::LastResort),
            _ => None,
        };
        if read.is_none() {
            reading.wrong(field, WANTED);
        }
        return read;
    }
    let path = "router_settings.pointsman.on_exhausted.";
    let fields = reading.fields(field.node, path, &keys::EXHAUSTED)?;
    if field.node.entries().is_some_and(<[_]>::is_empty) {
        reading.error(field.node.at, format!("{}: wanted {WANTED}", field.name()));
    }
    let wait = fields.iter().find(|field| field.key == "wait")?;
    reading.graded(wait, |reading, field| {
        let path = "router_settings.pointsman.on_exhausted.wait.";
        let fields = reading.fields(field.node, path, &keys::WAIT)?;
        let OnExhausted::Wait { max, queue } = WAIT else { return None };
        Some(OnExhausted::Wait {
            max: reading.take(&fields, "max", Reading::timeout).unwrap_or(max),
            queue: reading.take(&fields, "queue", Reading::above_zero).unwrap_or(queue),
        })
    })
}

/// Waiting, where nothing says how long.
const WAIT: OnExhausted = OnExhausted::Wait { max: Duration::from_secs(10), queue: 1000 };

fn mirrors(
    reading: &mut Reading<'_>,
    field: Field<'_>,
    names: &Names,
) -> Option<BTreeMap<String, Mirror>> {
    let path = "router_settings.pointsman.mirror.";
    let mut read = BTreeMap::new();
    for entry in reading.mapping(field, "groups to {to: other-group, share: 0.05}")? {
        let group = names.owner(&entry.key).unwrap_or(&entry.key);
        if names.owner(group).is_none() {
            let (shown, near) = (quoted(group), names.near(reading, group));
            reading.error(entry.at, format!("{}: {shown} names no group{near}", field.name()));
        }
        let Some(fields) = reading.fields(&entry.node, path, &keys::MIRROR) else { continue };
        if fields.get("to").is_none() {
            reading.error(entry.at, format!("{path}to is missing"));
        }
        let to = reading.take(&fields, "to", |reading, field| {
            let to = reading.text(field)?;
            if names.owner(&to.text) == Some(group) {
                reading.wrong(field, "another group than the one that is copied");
                return None;
            }
            (!names.unknown(reading, &field.name(), &to)).then_some(to.text)
        });
        let share = reading.take(&fields, "share", |reading, field| {
            reading.real(field, (0, 1), "a share from 0 to 1")
        });
        if let Some(to) = to.filter(|to| names.served(to) && names.served(group)) {
            read.insert(group.to_owned(), Mirror { to, share: share.unwrap_or(1.0) });
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinity_keys() {
        assert_eq!(affinity_key("user"), Some(AffinityKey::User));
        let header = |name: &str| Some(AffinityKey::Header(name.into()));
        assert_eq!(affinity_key("header:X-Session-Id"), header("x-session-id"));
        assert_eq!(affinity_key("header: x"), header("x"));
        for text in ["header:", "header", "header:a b", "header:é", "users", ""] {
            assert_eq!(affinity_key(text), None, "{text}");
        }
    }
}
