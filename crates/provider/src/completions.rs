//! Completions, the older form of text from a prompt, for vendors with an API of their own for them.

use pointsman_clock::Instant;
use pointsman_types::{Error, ErrorKind, Usage};
use serde_json::{Value, json};

use crate::{
    BodyFault, Call, CallHead, Target,
    chat::{Fields, Losses, made_id},
};

/// A call for completions: its one prompt, and what else it says.
#[derive(Debug)]
pub struct Prompted {
    /// What is to be continued.
    pub prompt: String,
    /// The other members; the target's default parameters are among them.
    pub fields: Fields,
}

impl Prompted {
    /// Reads a call.
    ///
    /// ```
    /// use pointsman_provider::{Call, Prompted, Target, Vendor};
    /// use pointsman_types::{Deployment, Operation};
    /// let vendor = Vendor { name: "v", base: Some("http://v.invalid"), version_path: "", key_env: &[], base_env: &[], needs_key: false };
    /// let to = Target::of(&Deployment::new("c", "v", "m"), &vendor)?;
    /// let body = serde_json::json!({"prompt": ["Once"], "max_tokens": 8});
    /// let mut asked = Prompted::of(&Call::json(Operation::Completions, "c", body)?, &to)?;
    /// assert_eq!((asked.prompt.as_str(), asked.fields.whole("max_tokens")?), ("Once", Some(8)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kind `BadRequest` without a prompt; `Unsupported` for one of token ids, which only the
    /// vendor of the tokens understands, and for more than one.
    pub fn of(call: &Call, to: &Target) -> Result<Self, Error> {
        let mut fields = Fields::top(call.members_for(to)?);
        let wrong = |kind, message: String| Err(Error::new(kind, message).with_param("prompt"));
        let prompt = match fields.value("prompt") {
            Some(Value::String(text)) => text,
            Some(Value::Array(list)) => {
                let [Value::String(text)] = list.as_slice() else {
                    let message = format!("`prompt` is one text at `{}`, and no tokens", to.vendor);
                    return wrong(ErrorKind::Unsupported, message);
                };
                text.clone()
            }
            _ => return wrong(ErrorKind::BadRequest, "`prompt` must be a string".to_owned()),
        };
        Ok(Self { prompt, fields })
    }

    /// Takes out what no such vendor has words for, and what is read elsewhere.
    ///
    /// # Errors
    ///
    /// A member that is not of its type.
    pub fn lose(&mut self, losses: &mut Losses) -> Result<(), BodyFault> {
        let fields = &mut self.fields;
        for name in ["n", "best_of"] {
            losses.unless_none(name, &fields.whole(name)?.filter(|many| *many != 1));
        }
        losses.unless_none("echo", &fields.flag("echo")?.filter(|wanted| *wanted));
        // It only says who asks.
        fields.text("user")?;
        for read_elsewhere in ["model", "stream", "stream_options", "metadata"] {
            fields.value(read_elsewhere);
        }
        Ok(())
    }
}

/// What all objects of one answer share.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_provider::{Call, Completion};
/// use pointsman_types::Operation;
/// let call = Call::json(Operation::Completions, "g", serde_json::json!({"prompt": "Once"}))?;
/// let told = Completion::new(&call.head, Instant::from_secs(9));
/// let object = told.object(&serde_json::json!([]));
/// assert_eq!((&object["object"], &object["created"]), (&"text_completion".into(), &9.into()));
/// # Ok::<(), pointsman_provider::BodyFault>(())
/// ```
#[derive(Debug)]
pub struct Completion {
    id: String,
    created: u64,
    /// In the vendor's words, once it has told them.
    pub model: String,
}

impl Completion {
    /// Of an answer that began `now`.
    pub fn new(what: &CallHead, now: Instant) -> Self {
        Self { id: made_id("cmpl-", now, 0), created: now.as_secs(), model: what.model.clone() }
    }

    /// An answer, or a chunk of one, with these choices.
    pub fn object(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    /// The `usage` of an answer.
    pub fn usage(used: &Usage) -> Value {
        json!({
            "prompt_tokens": used.input,
            "completion_tokens": used.output,
            "total_tokens": used.total(),
        })
    }
}
