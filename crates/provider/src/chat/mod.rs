//! The neutral form in which front doors and vendors of different dialects meet.
//!
//! A call whose caller speaks its vendor's dialect passes through and never comes here. For any
//! other, a codec
//!
//! 1. answers [`crate::Speech::Translated`] for operations that [`pointsman_types::Operation::is_chat`];
//! 2. in `encode` reads [`Chat::of`] the call and writes its vendor's body; what the vendor has no
//!    words for goes to [`Losses`], which is an error that names it, or nothing where the
//!    deployment says `drop_params`;
//! 3. in `decode` reads the vendor's body into a [`ChatReply`] and returns
//!    [`ChatReply::whole`], which is in the caller's dialect;
//! 4. in `frames` returns [`translated`] of a [`ChatDecoder`], which reads the vendor's stream into
//!    [`ChatEvent`]s.
//!
//! So N dialects of callers and M vendors need N + M translations.
//!
//! In OpenAI's dialect, what it has no members for travels as in LiteLLM, both ways: thoughts as
//! `reasoning_content` and, with their vendor's seal, as `thinking_blocks`; cache marks as
//! `cache_control` on parts, messages and tools; seals of tool calls as
//! `provider_specific_fields.thought_signature`.

mod answers;
mod fields;
mod filtered;
pub(crate) mod google;
mod losses;
pub mod messages;
mod mock;
pub mod openai;
mod reply;
mod request;
mod responses;
mod stream;

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use pointsman_clock::Instant;
use pointsman_types::{Error, ErrorKind, Operation, ServiceTier};
use serde_json::{Map, Value};

pub use answers::ANSWER_TOOL;
pub use fields::Fields;
pub use filtered::was_filtered;
pub use losses::Losses;
pub use mock::{mock_frames, mock_reply};
pub use reply::{ChatEvent, ChatReply, Choice, Finish};
pub use request::{
    Cache, Chat, Citation, Content, Effort, Format, Message, Part, Reasoning, Role, Source, Tool,
    ToolCall, ToolChoice,
};
pub use stream::{ChatDecoder, translated};

use crate::{Call, CallHead, OWN_FIELDS, Prompt, Target, WholeReply};

impl Chat {
    /// The call in the neutral form, with the target's default parameters where it has none.
    ///
    /// ```
    /// use pointsman_provider::{Call, Target, Vendor, chat::{Chat, Effort}};
    /// use pointsman_types::Deployment;
    /// let vendor = Vendor { name: "v", base: Some("http://v.invalid"), version_path: "", key_env: &[], base_env: &[], needs_key: false };
    /// let mut deployment = Deployment::new("fast", "v", "m");
    /// deployment.params = vec![("max_tokens".into(), "64".into())];
    /// let to = Target::of(&deployment, &vendor)?;
    /// let body = serde_json::json!({"messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "low"});
    /// let chat = Chat::of(&Call::chat("fast", body)?, &to)?;
    /// assert_eq!(chat.messages[0].text(), "Hi");
    /// assert_eq!(chat.reasoning.and_then(|how| how.effort), Some(Effort::Low));
    /// assert_eq!(chat.max_output, Some(64));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kind `BadRequest`, naming the member that is missing or wrong.
    pub fn of(call: &Call, to: &Target) -> Result<Self, Error> {
        let mut members: Map<String, Value> = serde_json::from_slice(call.envelope.bytes())
            .map_err(|error| Error::new(ErrorKind::BadRequest, error.to_string()))?;
        for own in OWN_FIELDS {
            members.shift_remove(*own);
        }
        for dropped in to.dropped() {
            members.shift_remove(&dropped);
        }
        let read = match call.head.operation {
            Operation::Messages | Operation::CountTokens => messages::read,
            Operation::Responses => responses::read,
            Operation::GenerateContent | Operation::CountContents => google::read,
            _ => openai::read,
        };
        let mut chat = read(members)?;
        if !to.params.is_empty() {
            let parsed = to
                .params
                .iter()
                .filter_map(|(name, json)| Some((name.clone(), serde_json::from_str(json).ok()?)));
            chat.fill(openai::read(parsed.collect())?);
        }
        chat.stream = call.head.stream;
        Ok(chat)
    }

    /// Takes over what it has nothing to say about itself.
    fn fill(&mut self, defaults: Self) {
        macro_rules! fill {
            ($($name:ident)*) => {$(self.$name = self.$name.take().or(defaults.$name);)*};
        }
        macro_rules! fill_list {
            ($($name:ident)*) => {$(if self.$name.is_empty() { self.$name = defaults.$name; })*};
        }
        fill!(tool_choice parallel_tool_calls format max_output n temperature top_p top_k
            frequency_penalty presence_penalty seed logprobs top_logprobs reasoning user metadata
            service_tier);
        fill_list!(tools stop modalities);
        for (name, value) in defaults.rest {
            self.rest.entry(name).or_insert(value);
        }
    }
}

impl ChatReply {
    /// The answer in the dialect in which the caller asked.
    ///
    /// ```
    /// use pointsman_clock::Instant;
    /// use pointsman_provider::{Call, chat::{ChatReply, Choice, Part}};
    /// let call = Call::chat("fast", serde_json::json!({"messages": []}))?;
    /// let choices = vec![Choice { parts: vec![Part::text("Hi")], ..Choice::default() }];
    /// let reply = ChatReply { choices, ..ChatReply::default() };
    /// let whole = reply.whole(&call.head, &http::HeaderMap::new(), Instant::EPOCH);
    /// let body: serde_json::Value = serde_json::from_slice(&whole.body)?;
    /// assert_eq!(body["choices"][0]["message"]["content"], "Hi");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn whole(&self, what: &CallHead, headers: &HeaderMap, now: Instant) -> WholeReply {
        let mut reply = self.clone();
        for choice in &mut reply.choices {
            answers::unwrap(choice);
            if what.one_call {
                answers::first_call(choice);
            }
        }
        let body = match what.operation {
            Operation::Messages => messages::write_reply(&reply, what, now),
            Operation::Responses => responses::write_reply(&reply, what, now),
            Operation::GenerateContent => google::write_reply(&reply, what, now),
            _ => openai::completion(&reply, what, now),
        };
        let mut usage = self.usage;
        if let (Some(usage), Some(named)) = (&mut usage, &self.service_tier) {
            usage.tier = usage.tier.or_else(|| ServiceTier::served(named));
        }
        WholeReply { headers: headers.clone(), body: body.to_string().into(), usage }
    }
}

/// A count of a prompt's tokens, in the dialect in which the caller asked.
///
/// ```
/// use pointsman_provider::{Call, chat::counted};
/// use pointsman_types::Operation;
/// let call = Call::json(Operation::CountContents, "m", serde_json::json!({"contents": []}))?;
/// assert_eq!(counted(7, &call.head, &http::HeaderMap::new()).body, r#"{"totalTokens":7}"#);
/// # Ok::<(), pointsman_provider::BodyFault>(())
/// ```
pub fn counted(tokens: u64, what: &CallHead, headers: &HeaderMap) -> WholeReply {
    let google = what.operation == Operation::CountContents;
    let name = if google { "totalTokens" } else { "input_tokens" };
    let body = format!("{{\"{name}\":{tokens}}}").into();
    WholeReply { headers: headers.clone(), body, usage: None }
}

/// What a call for a count is told where nobody counts: the estimate that limits are reckoned with.
///
/// ```
/// use pointsman_provider::{Call, chat::estimated_count};
/// use pointsman_types::Operation;
/// let call = Call::json(Operation::CountContents, "m", serde_json::json!({"contents": []}))?;
/// assert!(estimated_count(&call).body.starts_with(b"{\"totalTokens\":"));
/// # Ok::<(), pointsman_provider::BodyFault>(())
/// ```
pub fn estimated_count(call: &Call) -> WholeReply {
    let tokens = Prompt::of(&call.envelope, call.head.operation).estimate();
    let mut reply = counted(tokens, &call.head, &HeaderMap::new());
    reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// An id for what a vendor gives none: unique within a conversation.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_provider::chat::made_id;
/// assert_eq!(made_id("call_", Instant::from_secs(1), 2), "call_3b9aca0002");
/// ```
pub fn made_id(prefix: &str, now: Instant, nth: u32) -> String {
    format!("{prefix}{:x}{nth:02}", now.as_nanos())
}
