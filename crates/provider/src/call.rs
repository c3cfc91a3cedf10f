//! One call, as a codec sees it.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use pointsman_types::{Error, ErrorKind, Operation};
use serde_json::{Map, Value};

use crate::{BodyFault, CallOptions, Envelope, Form, OWN_FIELDS, Target};

/// The members that a prompt is in, in one dialect or another.
const PROMPTS: [&str; 7] =
    ["messages", "input", "prompt", "contents", "content", "requests", "instances"];

/// The names under which dialects bound an answer, in tokens; the first that is there counts.
pub const MAX_OUTPUT: [&str; 3] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];

/// What is asked, without the body.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the request")]
pub struct CallHead {
    /// What the upstream shall do; it tells the caller's dialect too.
    pub operation: Operation,
    /// The name the caller asked for: a group, an alias, a deployment.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether the caller wants the usage within the stream.
    pub include_usage: bool,
    /// The caller's bound on the answer, in tokens.
    pub max_output: Option<u64>,
    /// Whether embeddings are wanted as Base64 of their little-endian 32-bit floats.
    pub base64: bool,
    /// The characters of a text that is to be spoken, white space apart, as they are billed.
    pub characters: u64,
    /// Whether at most one function may be called in a turn: where a vendor cannot be told, the calls
    /// behind the first are left out of its answer.
    pub one_call: bool,
}

impl CallHead {
    /// Reads a body in OpenAI's shape: `stream`, `stream_options` and the bound on the answer.
    ///
    /// # Errors
    ///
    /// Names the member that has a wrong type.
    pub fn read(operation: Operation, model: String, body: &Envelope) -> Result<Self, BodyFault> {
        #[derive(Default, serde::Deserialize)]
        struct StreamOptions {
            include_usage: Option<bool>,
        }
        let stream = body.read("stream", "a boolean")?.unwrap_or(false);
        let options: Option<StreamOptions> =
            if stream { body.read("stream_options", "an object")? } else { None };
        let want = "a whole number of tokens";
        let mut max_output = None;
        for name in MAX_OUTPUT {
            max_output = max_output.or(body.read(name, want)?);
        }
        let include_usage = options.unwrap_or_default().include_usage.unwrap_or(false);
        let base64 = operation == Operation::Embeddings
            && body.text("encoding_format")?.as_deref() == Some("base64");
        let spoken = if operation == Operation::Speech { body.text("input")? } else { None };
        let is_billed = |of: &char| !of.is_whitespace();
        let characters = spoken.map_or(0, |text| text.chars().filter(is_billed).count() as u64);
        let one_call = one_call(operation, body);
        Ok(Self {
            operation,
            model,
            stream,
            include_usage,
            max_output,
            base64,
            characters,
            one_call,
        })
    }
}

/// Whether a body asks for one call of a function at most; a wrong type is told of elsewhere.
fn one_call(operation: Operation, body: &Envelope) -> bool {
    if operation != Operation::Messages {
        return body.raw("parallel_tool_calls") == Some("false");
    }
    let choice = body.raw("tool_choice").and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    choice.is_some_and(|choice| choice["disable_parallel_tool_use"] == true)
}

/// One call: what is asked, the body as it came, and the router's own options.
///
/// ```
/// use pointsman_provider::Call;
/// use serde_json::json;
/// let call = Call::chat("fast", json!({"messages": [{"role": "user", "content": "Hi"}]}))?
///     .streamed()
///     .tag("eu")
///     .priority(1)
///     .key("user-7");
/// assert_eq!((call.head.model.as_str(), call.head.stream), ("fast", true));
/// # Ok::<(), pointsman_provider::BodyFault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub head: CallHead,
    /// The body as it came, but for what in its `metadata` is the router's own.
    pub envelope: Envelope,
    /// The router's own fields.
    pub options: CallOptions,
    /// The caller's headers that are its dialect's business, such as `anthropic-beta`.
    pub headers: HeaderMap,
    /// The files of a form; its other fields are the members of the envelope.
    pub form: Option<Form>,
}

impl Call {
    /// A call of a body that was read; its options are read here.
    ///
    /// # Errors
    ///
    /// When one of the router's own fields in the body is wrong.
    pub fn of(head: CallHead, envelope: Envelope) -> Result<Self, BodyFault> {
        let options = CallOptions::read(&envelope)?;
        let envelope = crate::metadata::without_own(envelope)?;
        Ok(Self { head, envelope, options, headers: HeaderMap::new(), form: None })
    }

    /// A chat call to a model group; the body is OpenAI's, and needs no `model`.
    ///
    /// # Errors
    ///
    /// When the body is no JSON object, or one of the router's own fields in it is wrong.
    pub fn chat(group: &str, body: Value) -> Result<Self, BodyFault> {
        Self::json(Operation::Chat, group, body)
    }

    /// A call of any operation to a model group.
    ///
    /// # Errors
    ///
    /// When the body is no JSON object, or one of the router's own fields in it is wrong.
    pub fn json(operation: Operation, group: &str, mut body: Value) -> Result<Self, BodyFault> {
        if let Some(members) = body.as_object_mut() {
            members.insert("model".into(), group.into());
        }
        let envelope = Envelope::parse(body.to_string().into())?;
        let head = CallHead::read(operation, group.to_owned(), &envelope)?;
        Self::of(head, envelope)
    }

    /// A member of the body that is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        self.envelope.raw(name).and_then(|raw| serde_json::from_str(raw).ok())
    }

    /// The beginning of the prompt, as it is written: up to so many bytes.
    pub fn prefix(&self, most: usize) -> Option<&[u8]> {
        let raw = PROMPTS.iter().find_map(|name| self.envelope.raw(name))?;
        Some(&raw.as_bytes()[..raw.len().min(most)])
    }

    /// Whether the prompt has pictures in it.
    pub fn has_images(&self) -> bool {
        self.prefix(usize::MAX).is_some_and(|prompt| {
            memchr::memmem::find(prompt, b"\"image").is_some()
                || memchr::memmem::find(prompt, b"\"input_image").is_some()
        })
    }

    /// The same call with a streamed answer.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        let edited = self.envelope.edited(&[("stream", "true".into())], &[], &[]).to_bytes();
        if let Ok(envelope) = Envelope::parse(edited) {
            self.envelope = envelope;
            self.head.stream = true;
        }
        self
    }

    /// The members of its body for a target that is asked in other words: without those that are
    /// the router's own and those that the target drops, with its default parameters.
    ///
    /// # Errors
    ///
    /// Kind `BadRequest`: the body cannot be read.
    pub fn members_for(&self, to: &Target) -> Result<Map<String, Value>, Error> {
        let mut members: Map<String, Value> = serde_json::from_slice(self.envelope.bytes())
            .map_err(|error| Error::new(ErrorKind::BadRequest, error.to_string()))?;
        for own in OWN_FIELDS {
            members.shift_remove(*own);
        }
        for dropped in to.dropped() {
            members.shift_remove(&dropped);
        }
        for (name, json) in &to.params {
            if let (None, Ok(value)) = (members.get(name), serde_json::from_str(json)) {
                members.insert(name.clone(), value);
            }
        }
        Ok(members)
    }

    /// The same call with members of its body set: name and JSON text.
    ///
    /// # Errors
    ///
    /// When the text is no JSON.
    pub fn with_members(&self, members: &[(String, String)]) -> Result<Self, BodyFault> {
        let set: Vec<(&str, Bytes)> =
            members.iter().map(|(name, json)| (name.as_str(), json.clone().into())).collect();
        let envelope = Envelope::parse(self.envelope.edited(&set, &[], &[]).to_bytes())?;
        Ok(Self { envelope, ..self.clone() })
    }

    /// The same call with one more routing tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.options.tags.push(tag.into());
        self
    }

    /// The same call with a place in a waiting line: lower ones first.
    #[must_use]
    pub fn priority(mut self, priority: i64) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// The same call with a deadline until its first content.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// The same call with an affinity key, for strategies that look at it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(key.into());
        self
    }
}
