//! The router's own request fields: read here, and taken out before an upstream sees the body.

use std::time::Duration;

use pointsman_types::ErrorKind;
use serde::Deserialize;
use serde_json::Value;

use crate::{BodyFault, Envelope};

/// The fields of a request that are the router's, as in LiteLLM.
pub const OWN_FIELDS: &[&str] = &[
    "num_retries",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "disable_fallbacks",
    "max_fallbacks",
    "timeout",
    "stream_timeout",
    "priority",
    "routing_strategy",
    "specific_deployment",
    "allowed_model_region",
    "fastest_response",
    "cache",
    "mock_response",
    "tags",
    "litellm_metadata",
    "litellm_session_id",
    "litellm_trace_id",
    "no-log",
];

/// Fields that would let a caller redirect a call or its credential.
const REFUSED: &[&str] = &[
    "api_key",
    "api_base",
    "base_url",
    "api_version",
    "custom_llm_provider",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_bedrock_runtime_endpoint",
    "azure_ad_token",
    "vertex_credentials",
    "vertex_project",
    "vertex_location",
];

/// A request raises its time to at most this.
const LONGEST: Duration = Duration::from_hours(1);

/// Where a call falls back to, and what changes in it there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FallbackTarget {
    /// The name whose failure it is for, `*` for those without a target of their own; `None`: any.
    pub of: Option<String>,
    /// A group, an alias, or a deployment's id.
    pub model: String,
    /// Members of the body that are set there: name and JSON text.
    pub overrides: Vec<(String, String)>,
}

impl From<&str> for FallbackTarget {
    fn from(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }
}

/// What a request says about its own routing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Retries in each group.
    pub num_retries: Option<u32>,
    /// The whole call's deadline, until the first content.
    pub timeout: Option<Duration>,
    /// One attempt's wait for the first content of a stream.
    pub stream_timeout: Option<Duration>,
    /// Routing tags.
    pub tags: Vec<String>,
    /// Place in a waiting line: lower ones first.
    pub priority: Option<i64>,
    /// The affinity key.
    pub key: Option<String>,
    /// Where to fall back to, instead of the configured targets.
    pub fallbacks: Option<Vec<FallbackTarget>>,
    /// Whether no fallback is wanted.
    pub disable_fallbacks: bool,
    /// The same after a prompt that was too long.
    pub context_window_fallbacks: Option<Vec<FallbackTarget>>,
    /// The same after filtered content.
    pub content_policy_fallbacks: Option<Vec<FallbackTarget>>,
    /// At most so many fallbacks.
    pub max_fallbacks: Option<u32>,
    /// The name of a strategy to pick by, instead of the group's.
    pub strategy: Option<String>,
    /// The region that members must be in.
    pub region: Option<String>,
    /// Whether the model names several, and the first answer of any is wanted.
    pub fastest_response: bool,
    /// What the request says about kept answers.
    pub cache: CacheOptions,
    /// The text to answer with, instead of asking anybody.
    pub mock_response: Option<String>,
    /// The session that the call belongs to.
    pub session: Option<String>,
    /// The value of the header that the group's affinity goes by.
    pub mark: Option<String>,
    /// The name of the caller whose account the call draws on; set by who authenticated it.
    pub caller: Option<String>,
}

/// What a request says about kept answers (`cache`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct CacheOptions {
    /// Whether a kept answer is wanted, where none is by default.
    pub use_cache: bool,
    /// Whether no kept answer is wanted.
    pub no_cache: bool,
    /// Whether the answer is not to be kept.
    pub no_store: bool,
    /// How old a kept answer may be, in seconds.
    #[serde(alias = "s-max-age", alias = "s-maxage")]
    pub s_maxage: Option<u64>,
    /// How long the answer is good, in seconds.
    pub ttl: Option<u64>,
}

impl CallOptions {
    /// Reads the options of a request body.
    ///
    /// # Errors
    ///
    /// Names the field that has a wrong type, a wrong value, or that no request may have.
    pub fn read(body: &Envelope) -> Result<Self, BodyFault> {
        if let Some(name) = REFUSED.iter().find(|name| body.has(name)) {
            return Err(BodyFault::of(name, refused(name)));
        }
        // Other shapes of `metadata` are the vendor's business.
        let value = |name: &str| -> Value {
            body.raw(name).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
        };
        let (metadata, own) = (value("metadata"), value("litellm_metadata"));
        let mut tags = tags(&metadata, "metadata")?;
        tags.extend(self::tags(&own, "litellm_metadata")?);
        // As in LiteLLM, what is no list is nobody's tags.
        tags.extend(value("tags").as_array().into_iter().flatten().filter_map(text));
        let session = [&metadata["session_id"], &own["session_id"], &value("litellm_session_id")]
            .into_iter()
            .find_map(text);
        Ok(Self {
            num_retries: body.read("num_retries", "a whole number, 0 or more")?,
            timeout: seconds(body, "timeout")?,
            stream_timeout: seconds(body, "stream_timeout")?,
            tags,
            priority: body.read("priority", "a whole number")?,
            key: body.read::<String>("user", "a string")?,
            fallbacks: fallbacks(body, "fallbacks")?,
            context_window_fallbacks: fallbacks(body, "context_window_fallbacks")?,
            content_policy_fallbacks: fallbacks(body, "content_policy_fallbacks")?,
            disable_fallbacks: body.read("disable_fallbacks", "a boolean")?.unwrap_or(false),
            max_fallbacks: body.read("max_fallbacks", "a whole number, 0 or more")?,
            strategy: body.read("routing_strategy", "the name of a strategy")?,
            region: body.read("allowed_model_region", "the name of a region")?,
            fastest_response: body.read("fastest_response", "a boolean")?.unwrap_or(false),
            cache: body.read("cache", "an object")?.unwrap_or_default(),
            mock_response: body.read("mock_response", "a string")?,
            session,
            mark: None,
            caller: None,
        })
    }

    /// The request's own fallbacks after a failure of that kind, of what goes by those names; the
    /// first name with an entry counts. `None` if the request has none for such a kind.
    pub fn fallbacks_after(&self, kind: ErrorKind, names: &[&str]) -> Option<Vec<&FallbackTarget>> {
        let own = match kind {
            ErrorKind::ContextWindow => self.context_window_fallbacks.as_ref(),
            ErrorKind::ContentPolicy => self.content_policy_fallbacks.as_ref(),
            _ => None,
        };
        // An entry is used alone; where there is none the general ones are.
        if let Some(own) = own.filter(|own| own.is_empty() || has_entry(own, names)) {
            return Some(entry(own, names));
        }
        self.fallbacks.as_ref().map(|general| entry(general, names))
    }

    /// The names that the request's own fallbacks lead to, after whatever failure.
    pub fn own_targets(&self) -> impl Iterator<Item = &str> {
        let lists =
            [&self.fallbacks, &self.context_window_fallbacks, &self.content_policy_fallbacks];
        lists.into_iter().flatten().flatten().map(|target| target.model.as_str())
    }

    /// Whether the request has fallbacks after filtered content, of what goes by those names.
    pub fn minds_filters(&self, names: &[&str]) -> bool {
        self.content_policy_fallbacks.as_ref().is_some_and(|own| has_entry(own, names))
    }

    /// A time in seconds, as requests and headers give it; bounded by one hour.
    ///
    /// ```
    /// use pointsman_provider::CallOptions;
    /// use std::time::Duration;
    /// assert_eq!(CallOptions::time(1.5), Some(Duration::from_millis(1_500)));
    /// assert_eq!(CallOptions::time(1e9), Some(Duration::from_secs(3_600)));
    /// assert_eq!(CallOptions::time(0.0), None);
    /// ```
    pub fn time(seconds: f64) -> Option<Duration> {
        // A NaN survives `clamp` and is no duration.
        let bounded = seconds.clamp(0.0, LONGEST.as_secs_f64());
        Duration::try_from_secs_f64(bounded).ok().filter(|time| !time.is_zero())
    }
}

fn refused(name: &str) -> String {
    format!("`{name}` cannot be set on a request: it is configured here")
}

fn seconds(body: &Envelope, name: &str) -> Result<Option<Duration>, BodyFault> {
    let want = "a number of seconds above 0";
    let Some(seconds) = body.read::<f64>(name, want)? else { return Ok(None) };
    let wrong = || BodyFault::of(name, format!("`{name}` must be {want}, not {seconds}"));
    CallOptions::time(seconds).map(Some).ok_or_else(wrong)
}

/// A text with something in it.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn tags(metadata: &Value, name: &str) -> Result<Vec<String>, BodyFault> {
    let Some(tags) = metadata["tags"].as_array() else { return Ok(Vec::new()) };
    let wrong = || BodyFault::of(name, format!("`{name}.tags` must be a list of strings"));
    tags.iter().map(|tag| tag.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn has_entry(targets: &[FallbackTarget], names: &[&str]) -> bool {
    !entry(targets, names).is_empty()
}

/// The targets for the first of the names that has any, else for every name; and those for any.
fn entry<'a>(targets: &'a [FallbackTarget], names: &[&str]) -> Vec<&'a FallbackTarget> {
    let of = |name: &str| targets.iter().any(|target| target.of.as_deref() == Some(name));
    let name = names.iter().copied().find(|name| of(name)).unwrap_or("*");
    let meant = |target: &&FallbackTarget| target.of.as_deref().is_none_or(|of| of == name);
    targets.iter().filter(meant).collect()
}

fn fallbacks(body: &Envelope, name: &str) -> Result<Option<Vec<FallbackTarget>>, BodyFault> {
    let want = "a list of model names, of objects with a `model`, or of objects that map a model \
                to such a list";
    let Some(targets) = body.read::<Vec<Value>>(name, want)? else { return Ok(None) };
    let all: Option<Vec<Vec<_>>> = targets.into_iter().map(fallback).collect();
    let wrong = || BodyFault::of(name, format!("`{name}` must be {want}"));
    let all = all.ok_or_else(wrong)?.concat();
    let mut set = all.iter().flat_map(|target| &target.overrides);
    if let Some((own, _)) = set.find(|(own, _)| REFUSED.contains(&own.as_str())) {
        return Err(BodyFault::of(name, refused(own)));
    }
    Ok(Some(all))
}

/// A target for any failure, or those of each name of a mapping, as configurations have it.
fn fallback(value: Value) -> Option<Vec<FallbackTarget>> {
    let Value::Object(members) = value else { return Some(vec![target(value)?]) };
    if members.is_empty() || !members.values().all(Value::is_array) {
        return Some(vec![target(Value::Object(members))?]);
    }
    let mut all = Vec::new();
    for (of, list) in members {
        for item in list.as_array()? {
            all.push(FallbackTarget { of: Some(of.clone()), ..target(item.clone())? });
        }
    }
    Some(all)
}

fn target(value: Value) -> Option<FallbackTarget> {
    match value {
        Value::String(model) => Some(model.as_str().into()),
        Value::Object(mut members) => {
            let Value::String(model) = members.remove("model")? else { return None };
            let overrides =
                members.into_iter().map(|(name, json)| (name, json.to_string())).collect();
            Some(FallbackTarget { of: None, model, overrides })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<CallOptions, BodyFault> {
        CallOptions::read(&Envelope::parse(body.to_owned().into())?)
    }

    #[test]
    fn reads_what_litellm_reads() {
        let body = r#"{"num_retries": 0, "timeout": 2.5, "metadata": {"tags": ["a", "!b"], "session_id": "s"},
            "fallbacks": ["x", {"model": "y", "n": 1}], "user": "me", "priority": 1}"#;
        let options = read(body).unwrap();
        assert_eq!(options.num_retries, Some(0));
        assert_eq!(options.timeout, Some(Duration::from_millis(2_500)));
        assert_eq!(options.tags, ["a", "!b"]);
        assert_eq!(options.session.as_deref(), Some("s"));
        let overrides = vec![("n".to_owned(), "1".to_owned())];
        let y = FallbackTarget { of: None, model: "y".into(), overrides };
        assert_eq!(options.fallbacks.unwrap(), ["x".into(), y]);
        assert_eq!(options.key.as_deref(), Some("me"));
        assert_eq!(read(r#"{"metadata": "free text"}"#).unwrap(), CallOptions::default());
    }

    #[test]
    fn reads_what_litellm_keeps_beside_the_metadata() {
        let body = r#"{"tags": ["a", 1], "litellm_metadata": {"tags": ["b"], "session_id": "s"},
            "litellm_session_id": "t", "metadata": {"tags": ["c"]}}"#;
        let options = read(body).unwrap();
        assert_eq!(options.tags, ["c", "b", "a"]);
        assert_eq!(options.session.as_deref(), Some("s"));
        let alone = read(r#"{"litellm_session_id": "t", "tags": "no list"}"#).unwrap();
        assert_eq!((alone.session.as_deref(), alone.tags.len()), (Some("t"), 0));
        let wrong = read(r#"{"litellm_metadata": {"tags": [1]}}"#).unwrap_err();
        assert!(wrong.message.contains("litellm_metadata.tags"), "{wrong}");
    }

    #[test]
    fn fallbacks_may_be_for_a_name() {
        let body = r#"{"context_window_fallbacks": [{"g": ["x", {"model": "y"}], "h": []}, "z"]}"#;
        let own = read(body).unwrap().context_window_fallbacks.unwrap();
        let of = |model: &str| FallbackTarget { of: Some("g".to_owned()), ..model.into() };
        assert_eq!(own, [of("x"), of("y"), "z".into()]);
        let none = read(r#"{"fallbacks": [{"g": []}]}"#).unwrap();
        assert_eq!(none.fallbacks, Some(Vec::new()));
    }

    #[test]
    fn an_entry_is_used_alone_and_a_name_without_one_has_the_general_ones() {
        let body = r#"{"context_window_fallbacks": [{"g": ["x"]}],
            "fallbacks": [{"g": ["a"], "*": ["b"]}, "c"]}"#;
        let options = read(body).unwrap();
        let after = |kind, names: &[&str]| -> Vec<String> {
            let all = options.fallbacks_after(kind, names).unwrap();
            all.iter().map(|target| target.model.clone()).collect()
        };
        assert_eq!(after(ErrorKind::ContextWindow, &["g"]), ["x"]);
        assert_eq!(after(ErrorKind::Server, &["asked", "g"]), ["a", "c"]);
        assert_eq!(after(ErrorKind::ContextWindow, &["h"]), ["b", "c"]);
        assert_eq!(CallOptions::default().fallbacks_after(ErrorKind::Server, &["g"]), None);
        let none = read(r#"{"context_window_fallbacks": []}"#).unwrap();
        assert_eq!(none.fallbacks_after(ErrorKind::ContextWindow, &["g"]), Some(Vec::new()));
    }

    #[test]
    fn odd_values_name_the_field() {
        for (body, field) in [
            (r#"{"num_retries": -1}"#, "num_retries"),
            (r#"{"num_retries": "2"}"#, "num_retries"),
            (r#"{"timeout": 0}"#, "timeout"),
            (r#"{"timeout": -3}"#, "timeout"),
            (r#"{"timeout": [1]}"#, "timeout"),
            (r#"{"metadata": {"tags": [1]}}"#, "metadata"),
            (r#"{"fallbacks": "x"}"#, "fallbacks"),
            (r#"{"fallbacks": [{"n": 1}]}"#, "fallbacks"),
            (r#"{"fallbacks": [{}]}"#, "fallbacks"),
            (r#"{"fallbacks": [{"g": [1]}]}"#, "fallbacks"),
            (r#"{"context_window_fallbacks": [{"g": "x"}]}"#, "context_window_fallbacks"),
            (r#"{"api_key": "k"}"#, "api_key"),
            (r#"{"fallbacks": [{"model": "m", "api_base": "http://h"}]}"#, "fallbacks"),
            (r#"{"fallbacks": [{"g": [{"model": "m", "api_key": "k"}]}]}"#, "fallbacks"),
            (r#"{"user": 5}"#, "user"),
        ] {
            assert_eq!(read(body).unwrap_err().member.as_deref(), Some(field), "{body}");
        }
    }
}
