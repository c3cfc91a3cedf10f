//! One call, as a codec sees it.

use std::time::Duration;

use bytes::Bytes;
use pointsman_types::Operation;

use crate::{BodyFault, CallOptions, Envelope};

/// What is asked, without the body.
#[derive(Clone, Debug)]
pub struct CallHead {
    /// What the upstream shall do.
    pub operation: Operation,
    /// The name the caller asked for: a group, an alias, a deployment.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The caller's bound on the answer, in tokens.
    pub max_output: Option<u64>,
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
    /// The body as it came.
    pub envelope: Envelope,
    /// The router's own fields.
    pub options: CallOptions,
}

impl Call {
    /// A chat call to a model group; the body is OpenAI's, and needs no `model`.
    ///
    /// # Errors
    ///
    /// When the body is no JSON object, or one of the router's own fields in it is wrong.
    pub fn chat(group: &str, body: serde_json::Value) -> Result<Self, BodyFault> {
        Self::json(Operation::Chat, group, body)
    }

    /// A call of any operation to a model group.
    ///
    /// # Errors
    ///
    /// When the body is no JSON object, or one of the router's own fields in it is wrong.
    pub fn json(
        operation: Operation,
        group: &str,
        mut body: serde_json::Value,
    ) -> Result<Self, BodyFault> {
        if let Some(members) = body.as_object_mut() {
            members.insert("model".into(), group.into());
        }
        let envelope = Envelope::parse(body.to_string().into())?;
        let stream = envelope.read("stream", "a boolean")?.unwrap_or(false);
        let want = "a whole number of tokens";
        let max_output = match envelope.read("max_completion_tokens", want)? {
            Some(most) => Some(most),
            None => envelope.read("max_tokens", want)?,
        };
        let head = CallHead { operation, model: group.to_owned(), stream, max_output };
        Ok(Self { head, options: CallOptions::read(&envelope)?, envelope })
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
