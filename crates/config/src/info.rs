//! `model_info`: what is known of a model, and how a deployment is judged.

use std::{collections::BTreeMap, time::Duration};

use pointsman_types::ErrorKind;

use crate::{
    HealthCheck, ModelInfo,
    read::{Fields, Given, Reading},
    retry_policy,
};

/// What one `model_info` says.
#[derive(Default)]
pub(crate) struct Info {
    pub(crate) id: Option<Given>,
    pub(crate) order: Option<i64>,
    pub(crate) cooldown_time: Option<Duration>,
    pub(crate) allowed_fails: Option<u32>,
    pub(crate) allowed_fails_policy: BTreeMap<ErrorKind, u32>,
    pub(crate) model: ModelInfo,
    pub(crate) health_check: HealthCheck,
}

impl Info {
    /// Reads a `model_info`; `base_model` may stand in `litellm_params`, too.
    pub(crate) fn read(reading: &mut Reading<'_>, info: &Fields<'_>, params: &Fields<'_>) -> Self {
        let path = "model_info.allowed_fails_policy.";
        Self {
            id: reading.take(info, "id", Reading::text),
            order: reading.take(info, "order", Reading::whole),
            cooldown_time: reading.take(info, "cooldown_time", Reading::duration),
            allowed_fails: reading.take(info, "allowed_fails", Reading::whole),
            allowed_fails_policy: retry_policy::read_allowed_fails(reading, info, path),
            model: model(reading, info, params),
            health_check: health_check(reading, info),
        }
    }
}

fn model(reading: &mut Reading<'_>, info: &Fields<'_>, params: &Fields<'_>) -> ModelInfo {
    let mut text = |fields, key| reading.take(fields, key, Reading::text).map(|one| one.text);
    let base_model = text(info, "base_model");
    let other = text(params, "base_model");
    let mode = text(info, "mode");
    let mut tokens = |key| reading.take(info, key, Reading::above_zero);
    let (input, output) = (tokens("max_input_tokens"), tokens("max_output_tokens"));
    let either = tokens("max_tokens");
    let mut supports = BTreeMap::new();
    for field in info.iter() {
        let Some(name) = field.key.strip_prefix("supports_") else { continue };
        if let Some(flag) = reading.take(info, field.key, Reading::flag) {
            supports.insert(name.to_owned(), flag);
        }
    }
    ModelInfo {
        base_model: base_model.or(other),
        mode,
        max_input_tokens: input,
        max_output_tokens: output.or(either),
        supports,
    }
}

fn health_check(reading: &mut Reading<'_>, info: &Fields<'_>) -> HealthCheck {
    let off = reading.take(info, "disable_background_health_check", Reading::flag);
    HealthCheck {
        enabled: !off.unwrap_or(false),
        model: reading.take(info, "health_check_model", Reading::text).map(|one| one.text),
        timeout: reading.take(info, "health_check_timeout", Reading::timeout),
        max_tokens: reading.take(info, "health_check_max_tokens", Reading::above_zero),
    }
}
