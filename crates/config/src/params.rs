//! `litellm_params`, and what `model_info` and the entry itself add to it.

use std::{collections::BTreeMap, time::Duration};

use pointsman_types::{Decimal, Secret};

use crate::{
    BudgetSpec, Grade, Place,
    keys::Says,
    limits,
    read::{Field, Fields, Given, Reading},
};

/// What one `litellm_params` says.
#[derive(Default)]
pub(crate) struct Params {
    pub(crate) vendor: String,
    pub(crate) model: String,
    pub(crate) model_at: Place,
    /// The model is `*` alone: whatever vendor's model is asked for.
    pub(crate) any_vendor: bool,
    pub(crate) api_key: Option<Secret>,
    pub(crate) api_base: Option<String>,
    /// Empty: none is set.
    pub(crate) organizations: Vec<String>,
    pub(crate) weight: Option<(Decimal, Place)>,
    pub(crate) order: Option<i64>,
    pub(crate) tags: Vec<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    pub(crate) num_retries: Option<u32>,
    pub(crate) cooldown_time: Option<Duration>,
    pub(crate) budget: Option<BudgetSpec>,
    /// Names of quotas, not yet known to exist.
    pub(crate) quotas: Vec<Given>,
    /// Names of groups, not yet known to exist.
    pub(crate) silent_models: Vec<Given>,
    pub(crate) drops_unknown: Option<bool>,
    pub(crate) always_dropped: Vec<String>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) defaults: Vec<(String, String)>,
    /// The variable in `unless_env` is set.
    pub(crate) left_out: bool,
}

impl Params {
    /// Reads a `litellm_params`; vendor and model are empty after an error in them.
    pub(crate) fn read(reading: &mut Reading<'_>, fields: &Fields<'_>, at: Place) -> Self {
        let mut read = Self::default();
        let model = read.model(reading, fields, at);
        read.endpoint(reading, fields);
        read.routing(reading, fields);
        read.accounts(reading, fields);
        read.vendor_settings(reading, fields);
        read.request_defaults(reading, fields);
        if model.is_some() {
            read.simulated(reading, fields);
        }
        read
    }

    fn model(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>, at: Place) -> Option<()> {
        let provider = reading.take(fields, "custom_llm_provider", Reading::text);
        let given = fields.get("model").is_some();
        let elsewhere = fields.first(&["api_base", "base_url", "api_key"]).is_some();
        let model = reading.take(fields, "model", |reading, field| {
            let model = reading.text(field)?;
            let parts = split(&model.text, provider.as_ref().map(|one| one.text.as_str()));
            if parts.0.is_empty() || parts.1.is_empty() {
                reading.wrong(field, "vendor/model, like openai/gpt-4o-mini");
                return None;
            }
            self.any_vendor = !parts.2 && parts.1 == "*" && !elsewhere;
            if !parts.2 && !self.any_vendor {
                let name = model.shown();
                let message = format!("{}: {name} names no vendor: taken for openai", field.name());
                reading.note(field.node.at, Grade::Approximate, message);
            }
            self.model_at = field.node.at;
            let own = matches!(parts.0, "openai" | "azure");
            let bridged = if own { self.without_bridge(reading, field, parts.1) } else { parts.1 };
            Some((parts.0.to_owned(), bridged.to_owned()))
        });
        if !given {
            reading.error(at, "litellm_params.model is missing");
        }
        (self.vendor, self.model) = model?;
        Some(())
    }

    /// A model's name without LiteLLM's word for its family, or for the API that it is asked by.
    fn without_bridge<'m>(
        &mut self,
        reading: &mut Reading<'_>,
        field: Field<'_>,
        model: &'m str,
    ) -> &'m str {
        let family =
            ["o_series/", "gpt5_series/"].into_iter().find_map(|of| model.strip_prefix(of));
        let model = family.unwrap_or(model);
        if let Some(model) = model.strip_prefix("chat_completions/") {
            self.settings.insert(BY_CHAT.to_owned(), "true".to_owned());
            return model;
        }
        let Some(model) = model.strip_prefix("responses/") else { return model };
        let message = format!("{}: each API of the model is asked by its own name", field.name());
        reading.note(field.node.at, Grade::Approximate, message);
        model
    }

    fn endpoint(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        let url = |reading: &mut Reading<'_>, field: Field<'_>| {
            let url = reading.filled(field)?;
            let lower = url.text.to_ascii_lowercase();
            if !lower.starts_with("http://") && !lower.starts_with("https://") {
                reading.wrong(field, "an address that starts with http:// or https://");
                return None;
            }
            Some(url.text)
        };
        let api_base = reading.take(fields, "api_base", url);
        // As in LiteLLM, `base_url` wins.
        self.api_base = reading.take(fields, "base_url", url).or(api_base);
        self.api_key = reading
            .take(fields, "api_key", |reading, field| Some(reading.filled(field)?.text.into()));
        let organizations = reading.take(fields, "organization", |reading, field| {
            if field.node.is_list() {
                return reading.texts(field);
            }
            Some(vec![reading.filled(field)?])
        });
        self.organizations = plain(organizations);
    }

    fn routing(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        self.weight = reading
            .take(fields, "weight", |reading, field| Some((reading.amount(field)?, field.node.at)));
        self.order = reading.take(fields, "order", Reading::whole);
        self.tags = plain(reading.take(fields, "tags", Reading::texts));
        self.timeout = reading.take(fields, "timeout", Reading::timeout);
        self.stream_timeout = reading.take(fields, "stream_timeout", Reading::timeout);
        let old_name = reading.take(fields, "max_retries", Reading::whole);
        self.num_retries = reading.take(fields, "num_retries", Reading::whole).or(old_name);
        self.cooldown_time = reading.take(fields, "cooldown_time", Reading::duration);
    }

    /// Money, quotas, copies of calls, and what is left out of requests.
    fn accounts(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        self.budget = limits::budget(reading, fields);
        self.quotas = reading.take(fields, "quotas", Reading::texts).unwrap_or_default();
        self.silent_models =
            reading.take(fields, "silent_model", Reading::text_or_texts).unwrap_or_default();
        self.drops_unknown = reading.take(fields, "drop_params", drops);
        self.always_dropped = plain(reading.take(fields, "additional_drop_params", Reading::texts));
    }

    /// The region that a deployment runs in, by LiteLLM's key or the vendor's own.
    pub(crate) fn region(&self) -> Option<String> {
        const KEYS: [&str; 5] = [
            "region_name",
            "aws_region_name",
            "vertex_location",
            "vertex_ai_location",
            "watsonx_region_name",
        ];
        KEYS.iter().find_map(|&key| self.settings.get(key)).cloned()
    }

    fn vendor_settings(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        for field in fields.iter().filter(|field| field.says() == Says::Setting) {
            // `vertex_credentials` may be written out as a mapping.
            let read = reading.take(fields, field.key, |reading, field| {
                if field.node.entries().is_some() {
                    return reading.json(field);
                }
                Some(reading.filled(field)?.text)
            });
            if let Some(text) = read {
                self.settings.insert(field.key.to_owned(), text);
            }
        }
        if reading.take(fields, BY_CHAT, Reading::flag) == Some(true) {
            self.settings.insert(BY_CHAT.to_owned(), "true".to_owned());
        }
    }

    fn request_defaults(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        for key in ["tools", "tool_choice"] {
            if let Some(json) = reading.take(fields, key, Reading::json) {
                self.apply(key, json);
            }
        }
        for field in fields.iter().filter(|field| field.says() == Says::Param) {
            if let Some(json) = reading.take(fields, field.key, Reading::json) {
                self.apply(field.key, json);
            }
        }
        let extra = reading.take(fields, "extra_body", |reading, field| {
            let Some(entries) = field.node.entries() else {
                reading.wrong(field, "a mapping of request parameters");
                return None;
            };
            let mut read = Vec::with_capacity(entries.len());
            for entry in entries {
                let json = reading.json(field.part(&entry.node));
                read.extend(json.map(|json| (entry.key.to_string(), json)));
            }
            Some(read)
        });
        for (name, json) in extra.unwrap_or_default() {
            self.apply(&name, json);
        }
    }

    fn apply(&mut self, name: &str, json: String) {
        self.defaults.retain(|(other, _)| other != name);
        self.defaults.push((name.to_owned(), json));
    }

    /// The keys that only a simulated deployment has.
    fn simulated(&mut self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        const KEYS: [&str; 3] = ["latency", "reply", "unless_env"];
        if self.vendor != "simulated" {
            for field in fields.iter().filter(|field| KEYS.contains(&field.key)) {
                let message = format!("{} is for the vendor simulated alone", field.name());
                reading.error(field.at, message);
            }
            return;
        }
        let latency = reading.take(fields, "latency", Reading::duration);
        if let Some(latency) = latency {
            let nanos = i128::try_from(latency.as_nanos()).unwrap_or(i128::MAX);
            let seconds = Decimal::from_i128_with_scale(nanos, 9).normalize();
            self.settings.insert("latency".into(), seconds.to_string());
        }
        if let Some(reply) = reading.take(fields, "reply", Reading::value) {
            self.settings.insert("reply".into(), reply.text);
        }
        self.left_out = reading
            .take(fields, "unless_env", |reading, field| {
                let name = reading.text(field)?.text;
                Some(reading.variable(&name).is_some())
            })
            .unwrap_or(false);
    }
}

/// `drop_params`; many write the names there.
pub(crate) fn drops(reading: &mut Reading<'_>, field: Field<'_>) -> Option<bool> {
    if !field.node.is_list() {
        return reading.flag(field);
    }
    let message = format!(
        "{}: found a list, wanted true or false: names go into additional_drop_params",
        field.name()
    );
    reading.error(field.node.at, message);
    None
}

pub(crate) fn plain(texts: Option<Vec<Given>>) -> Vec<String> {
    texts.unwrap_or_default().into_iter().map(|text| text.text).collect()
}

/// Asks for responses by way of chat.
const BY_CHAT: &str = "use_chat_completions_api";

/// Vendors of bare model names, by their first letters.
const BARE: [(&str, &[&str]); 4] = [
    (
        "openai",
        &[
            "gpt-",
            "o1",
            "o3",
            "o4",
            "chatgpt-",
            "text-embedding-",
            "ft:",
            "whisper-",
            "tts-",
            "dall-e",
            "omni-moderation",
            "davinci-",
            "babbage-",
            "codex-",
            "computer-use-",
        ],
    ),
    ("anthropic", &["claude"]),
    ("vertex_ai", &["gemini"]),
    ("cohere", &["command"]),
];

/// Vendor and model of a `model`, and whether the vendor is certain.
///
/// LiteLLM knows the vendors of bare names from its own list of models; by their first letters
/// they are told apart here.
fn split<'a>(model: &'a str, provider: Option<&'a str>) -> (&'a str, &'a str, bool) {
    if let Some(provider) = provider {
        let rest = model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
        return (provider, rest.unwrap_or(model), true);
    }
    if let Some((vendor, rest)) = model.split_once('/') {
        return (vendor, rest, true);
    }
    let known = BARE.iter().find(|(_, starts)| starts.iter().any(|start| model.starts_with(start)));
    (known.map_or("openai", |(vendor, _)| vendor), model, known.is_some())
}
