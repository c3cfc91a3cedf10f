//! What a vendor cannot express.

use pointsman_types::{Error, ErrorKind};
use serde_json::{Map, Value};

use crate::Target;

/// Hints to one vendor's cache: they change nothing in the answer, and others cache by themselves.
const HINTS: &[&str] =
    &["cache_control", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"];

/// Parameters of one dialect that mean something only where a codec gives them a meaning; any
/// other member that is unknown here goes to the vendor as it came.
const ONE_DIALECT: &[&str] = &[
    "audio",
    "background",
    "cachedContent",
    "container",
    "context_management",
    "conversation",
    "frequency_penalty",
    "include",
    "inference_geo",
    "labels",
    "logit_bias",
    "max_tool_calls",
    "mcp_servers",
    "prediction",
    "previous_response_id",
    "prompt",
    "speed",
    "safetySettings",
    "safety_identifier",
    "store",
    "truncation",
    "verbosity",
    "web_search_options",
];

/// So many names are told: a request may hold any number of them.
const MOST_NAMED: usize = 100;

/// Collects what a vendor cannot express: an error that names it all, unless the deployment says
/// `drop_params`.
///
/// ```
/// use pointsman_provider::chat::Losses;
/// let mut losses = Losses::new("anthropic", false);
/// losses.unless_none("seed", &Some(7));
/// losses.unless_none("n", &None::<u64>);
/// let error = losses.settle().unwrap_err();
/// assert!(error.message().starts_with("`anthropic` cannot be asked for `seed`"));
/// ```
#[derive(Debug)]
pub struct Losses {
    vendor: &'static str,
    drop_all: bool,
    dropped: Vec<String>,
    names: Vec<String>,
}

impl Losses {
    /// Nothing is lost yet.
    pub fn new(vendor: &'static str, drop_all: bool) -> Self {
        Self { vendor, drop_all, dropped: Vec::new(), names: Vec::new() }
    }

    /// For a deployment: its `drop_params` drops all, `additional_drop_params` (a JSON list) some.
    pub fn of(to: &Target) -> Self {
        let setting = |name: &str| to.settings.get(name);
        let drop_all =
            setting("drop_params").is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
        Self { dropped: to.dropped(), ..Self::new(to.vendor, drop_all) }
    }

    /// The vendor has no way to say this parameter.
    pub fn lose(&mut self, name: &str) {
        if self.names.len() == MOST_NAMED {
            return;
        }
        let drop = self.drop_all || self.dropped.iter().any(|dropped| dropped == name);
        if !drop && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    /// The vendor has no way to say this parameter, which matters if the caller gave it.
    pub fn unless_none<T>(&mut self, name: &str, value: &Option<T>) {
        if value.is_some() {
            self.lose(name);
        }
    }

    /// What the form had no words for: parameters of one dialect alone are lost, all others go to
    /// the vendor as they came, beside what the codec has written.
    pub fn rest(&mut self, rest: Map<String, Value>, body: &mut Map<String, Value>) {
        for (name, value) in rest {
            if HINTS.contains(&name.as_str()) {
                continue;
            }
            let google = ["generationConfig.", "toolConfig."].iter().any(|of| name.starts_with(of));
            if google || ONE_DIALECT.contains(&name.as_str()) {
                self.lose(&name);
            } else if !body.contains_key(&name) {
                body.insert(name, value);
            }
        }
    }

    /// Ends the collection.
    ///
    /// # Errors
    ///
    /// Kind `Unsupported`, when anything is lost that may not be: another deployment may be able
    /// to express it.
    pub fn settle(self) -> Result<(), Error> {
        let Some(first) = self.names.first() else { return Ok(()) };
        let list: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "`{}` cannot be asked for {}: leave it out, or set `drop_params` on the deployment",
            self.vendor,
            list.join(", ")
        );
        Err(Error::new(ErrorKind::Unsupported, message)
            .with_code("unsupported_parameter")
            .with_param(first)
            .by(self.vendor))
    }
}
