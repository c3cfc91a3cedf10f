//! `general_settings`, and the callers of the gateway.

use std::{collections::BTreeMap, time::Duration};

use pointsman_types::Secret;

use crate::{
    CallerSpec, Grade, HealthChecks, Place, ServerSpec, keys, limits,
    names::Names,
    read::{Field, Fields, Given, Reading},
};

/// Reads what concerns the gateway.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    [general, litellm]: [&Fields<'_>; 2],
    pointsman: &Fields<'_>,
    names: &Names,
) -> ServerSpec {
    let master_key = master_key(reading, general, litellm);
    let probes = reading.take(general, "background_health_checks", Reading::flag);
    let interval = reading.take(general, "health_check_interval", Reading::timeout);
    let interval = interval.unwrap_or(Duration::from_mins(5));
    let keys = reading.take(pointsman, "keys", |reading, field| callers(reading, field, names));
    let keys = keys.unwrap_or_default();
    if let (Some(field), None) = (pointsman.get("keys"), &master_key)
        && !keys.is_empty()
    {
        let message = format!(
            "{}: there is no general_settings.master_key, so who shows no key gets in, too",
            field.name()
        );
        reading.note(field.at, Grade::Approximate, message);
    }
    let health_checks = probes.unwrap_or(false).then_some(HealthChecks { interval });
    ServerSpec { master_key, keys, health_checks }
}

/// The key that opens everything: the file's, or as in LiteLLM that of the environment where the
/// file says nothing at all of it.
fn master_key(
    reading: &mut Reading<'_>,
    general: &Fields<'_>,
    litellm: &Fields<'_>,
) -> Option<Secret> {
    const VARIABLE: &str = "LITELLM_MASTER_KEY";
    let said = general.iter().any(|field| field.key == "master_key");
    let mut key = reading.take(general, "master_key", |reading, field| {
        reading.text(field).map(|key| Secret::from(key.text))
    });
    if !said && let Some(text) = reading.variable(VARIABLE).filter(|text| !text.is_empty()) {
        let message = format!("general_settings.master_key is that of {VARIABLE}");
        reading.note(Place { line: 1, column: 1 }, Grade::Exact, message);
        key = Some(text.into());
    }
    if let Some(field) = litellm.get("master_key") {
        let name = field.name();
        if key.is_some() {
            let message =
                format!("{name}: LiteLLM does not read it here: it is for general_settings");
            reading.note(field.at, Grade::Ignored, message);
        } else if !said {
            let message = format!(
                "{name}: nothing reads it here and the gateway would be open: put it into \
                 general_settings"
            );
            reading.error(field.at, message);
        }
    }
    key
}

const PATH: &str = "router_settings.pointsman.keys.";

fn callers(reading: &mut Reading<'_>, field: Field<'_>, names: &Names) -> Option<Vec<CallerSpec>> {
    let mut read = Vec::new();
    let (mut by_name, mut by_hash) = (BTreeMap::new(), BTreeMap::new());
    for item in reading.list(field, "callers")? {
        let Some(fields) = reading.fields(item.node, PATH, &keys::CALLER) else { continue };
        for key in ["name", "hash"] {
            if fields.get(key).is_none() {
                reading.error(item.node.at, format!("{PATH}{key} is missing"));
            }
        }
        let name = reading.take(&fields, "name", |reading, field| {
            let name = reading.text(field)?;
            let line = name.at.line;
            if let Some(first) = by_name.insert(name.text.clone(), line) {
                let (field, shown) = (field.name(), name.shown());
                let message =
                    format!("{field}: {shown} is used on line {first} and on line {line}");
                reading.error(name.at, message);
            }
            Some(name.text)
        });
        let hash = reading.take(&fields, "hash", |reading, field| {
            let text = reading.text(field)?;
            let Some(hash) = sha256(&text) else {
                reading.wrong(field, "`sha256:` and the 64 hexadecimal digits of the key's hash");
                return None;
            };
            let line = text.at.line;
            if let Some(first) = by_hash.insert(hash, line) {
                let message = format!(
                    "{}: the same hash is on line {first} and on line {line}",
                    field.name()
                );
                reading.error(text.at, message);
            }
            Some(hash)
        });
        let models = reading
            .take(&fields, "models", |reading, field| models(reading, field, names))
            .unwrap_or_default();
        let limits = limits::own(reading, &fields);
        let budget = limits::budget(reading, &fields);
        let (Some(name), Some(hash)) = (name, hash) else { continue };
        read.push(CallerSpec { name, at: item.node.at, hash, models, limits, budget });
    }
    Some(read)
}

/// The models of a caller. One that nobody serves stays in the list: an empty list is all models.
fn models(reading: &mut Reading<'_>, field: Field<'_>, names: &Names) -> Option<Vec<String>> {
    let read = reading.texts(field)?;
    if read.is_empty() {
        let message = format!("{}: the list is empty; leave it out for all models", field.name());
        reading.error(field.node.at, message);
    }
    for model in &read {
        // A pattern is a name in its own right: it may allow what a wildcard group serves.
        if !model.text.contains('*') {
            names.unknown(reading, &field.name(), model);
        }
    }
    Some(read.into_iter().map(|model| model.text).collect())
}

/// `sha256:` and 64 digits of either case.
fn sha256(text: &Given) -> Option<[u8; 32]> {
    let digits = text.text.trim().strip_prefix("sha256:")?.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(hash)
}
