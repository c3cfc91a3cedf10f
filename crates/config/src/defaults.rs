//! What holds for every deployment that does not say otherwise.

use std::time::Duration;

use crate::{
    Grade,
    keys::{self, Says},
    model_list::ModelList,
    names::Names,
    params::drops,
    read::{Fields, Reading},
};

/// `default_litellm_params`, `default_max_parallel_requests`, `drop_params` and
/// `enable_azure_ad_token_refresh`.
#[derive(Default)]
pub(crate) struct Defaults {
    params: Vec<(String, String)>,
    pub(crate) num_retries: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    max_parallel_requests: Option<u32>,
    drop_params: Option<bool>,
    /// Whether Azure's deployments without a credential take the machine's identity.
    azure_identity: bool,
}

/// LiteLLM's key, and the deployments' setting of the same name.
const AZURE_IDENTITY: &str = "enable_azure_ad_token_refresh";

impl Defaults {
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        router: &Fields<'_>,
        litellm: &Fields<'_>,
    ) -> Self {
        let read = reading.take(router, "default_litellm_params", |reading, field| {
            let path = "router_settings.default_litellm_params.";
            let fields = reading.fields(field.node, path, &keys::PARAMS)?;
            Some(Self::params(reading, &fields))
        });
        let mut read = read.unwrap_or_default();
        read.max_parallel_requests =
            reading.take(router, "default_max_parallel_requests", Reading::above_zero);
        let own = read.drop_params;
        read.drop_params = reading.take(litellm, "drop_params", drops).or(own);
        read.azure_identity =
            reading.take(litellm, AZURE_IDENTITY, Reading::flag).unwrap_or_default();
        read
    }

    fn params(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Self {
        let mut read = Self::default();
        for field in fields.iter() {
            let key = field.key;
            match (key, field.says()) {
                (
                    "timeout" | "stream_timeout" | "num_retries" | "max_retries" | "drop_params",
                    _,
                ) => {}
                ("tools" | "tool_choice", _) | (_, Says::Param) => {
                    if let Some(json) = reading.take(fields, key, Reading::json) {
                        read.params.push((key.to_owned(), json));
                    }
                }
                _ => {
                    let message = format!("{}: set it in litellm_params", field.name());
                    reading.note(field.at, Grade::Ignored, message);
                }
            }
        }
        read.timeout = reading.take(fields, "timeout", Reading::timeout);
        read.stream_timeout = reading.take(fields, "stream_timeout", Reading::timeout);
        let old_name = reading.take(fields, "max_retries", Reading::whole);
        read.num_retries = reading.take(fields, "num_retries", Reading::whole).or(old_name);
        read.drop_params = reading.take(fields, "drop_params", drops);
        read
    }

    /// Gives the deployments what they do not say themselves, and checks what only the whole list
    /// can: the groups that get copies.
    pub(crate) fn apply(self, reading: &mut Reading<'_>, list: &mut ModelList, names: &Names) {
        for one in &mut list.deployments {
            // As in LiteLLM these win over the deployment's own.
            for (name, json) in &self.params {
                one.deployment.params.retain(|(other, _)| other != name);
                one.deployment.params.push((name.clone(), json.clone()));
            }
            one.limits.max_parallel_requests =
                one.limits.max_parallel_requests.or(self.max_parallel_requests);
            one.silent_models.retain(|model| names.served(model));
            if self.azure_identity && one.deployment.vendor.starts_with("azure") {
                let settings = &mut one.deployment.settings;
                settings.insert(AZURE_IDENTITY.to_owned(), "true".to_owned());
            }
        }
        for (at, own) in std::mem::take(&mut list.drop_params) {
            if let Some(one) = list.deployments.get_mut(at) {
                one.drop_params = own.or(self.drop_params).unwrap_or(false);
            }
        }
        for name in std::mem::take(&mut list.silent_models) {
            names.unknown(reading, "litellm_params.silent_model", &name);
        }
    }
}
