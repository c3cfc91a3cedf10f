//! From Google's contents and their parts.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::{object, open, several, unsealed};
use crate::{
    BodyFault,
    chat::{Content, Fields, Message, Part, Role, Source, ToolCall, fields::wrong},
};

/// Reads the turns of a conversation. Results of functions find the calls that they answer: by
/// their id, else by name and order.
#[derive(Debug, Default)]
pub(super) struct Turns {
    open: Open,
    calls: usize,
}

/// Calls that are not answered yet.
#[derive(Debug, Default)]
struct Open {
    /// The ids of all calls by the name of their function, in order.
    by_name: HashMap<String, VecDeque<String>>,
    /// How many calls of an id were answered by it.
    answered: HashMap<String, usize>,
}

impl Open {
    fn push(&mut self, name: String, id: String) {
        self.by_name.entry(name).or_default().push_back(id);
    }

    /// The call of that id is answered.
    fn answered(&mut self, id: &str) {
        *self.answered.entry(id.to_owned()).or_default() += 1;
    }

    /// The id of the first call of that function, which is answered now.
    fn first(&mut self, name: &str) -> Option<String> {
        let calls = self.by_name.get_mut(name)?;
        loop {
            let id = calls.pop_front()?;
            match self.answered.get_mut(&id).filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None => return Some(id),
            }
        }
    }
}

impl Turns {
    /// The parts of the system's content: a text will do.
    pub(super) fn system(&mut self, value: Value, at: String) -> Result<Vec<Part>, BodyFault> {
        match value {
            Value::String(text) => Ok(vec![Part::text(text)]),
            value => self.parts(&mut open(value, at)?),
        }
    }

    /// A turn: results of functions come first, each a message of its own.
    pub(super) fn content(
        &mut self,
        value: Value,
        at: String,
        out: &mut Vec<Message>,
    ) -> Result<(), BodyFault> {
        let mut turn = open(value, at)?;
        let role = match turn.text("role")?.as_deref() {
            None | Some("" | "user" | "function" | "tool") => Role::User,
            Some("model" | "assistant") => Role::Assistant,
            Some("system") => Role::System,
            Some(other) => return Err(turn.fault("role", &format!("is no role: {other:?}"))),
        };
        let parts = self.parts(&mut turn)?;
        let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. });
        let (results, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(is_result);
        out.extend(results.into_iter().map(|result| Message::new(Role::Tool, vec![result])));
        if !others.is_empty() {
            out.push(Message::new(role, others));
        }
        Ok(())
    }

    fn parts(&mut self, of: &mut Fields) -> Result<Vec<Part>, BodyFault> {
        let at = of.path("parts");
        let list = several(of, "parts")?;
        let mut out = Vec::with_capacity(list.len());
        for (nth, part) in list.into_iter().enumerate() {
            self.part(part, format!("{at}[{nth}]"), &mut out)?;
        }
        Ok(out)
    }

    fn part(&mut self, value: Value, at: String, out: &mut Vec<Part>) -> Result<(), BodyFault> {
        let original = value.clone();
        let mut part = open(value, at)?;
        let thought = part.flag("thought")?.unwrap_or(false);
        let (signature, hidden) = match part.text("thoughtSignature")? {
            Some(seal) if !seal.is_empty() => unsealed(seal),
            _ => (None, None),
        };
        if let Some(call) = object(&mut part, "functionCall")? {
            out.push(self.call(call, signature)?.into());
            return Ok(());
        }
        if let Some(result) = object(&mut part, "functionResponse")? {
            out.push(self.result(result)?.into());
            return Ok(());
        }
        let text = part.text("text")?;
        if thought || hidden.is_some() {
            add_thought(text.unwrap_or_default(), signature, hidden, out);
            return Ok(());
        }
        let has_text = text.is_some();
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push(Part::text(text));
        } else if let Some(media) = media_of(&mut part)? {
            out.push(media.into());
        } else if !has_text && signature.is_none() && !part.rest().is_empty() {
            out.push(Content::Other(original).into());
        }
        if signature.is_some() {
            out.push(Content::Reasoning { text: String::new(), signature, hidden: None }.into());
        }
        Ok(())
    }

    fn call(&mut self, mut call: Fields, signature: Option<String>) -> Result<Content, BodyFault> {
        let name = call.needed("name")?;
        let given = call.text("id")?.filter(|id| !id.is_empty());
        let id = given.unwrap_or_else(|| format!("call_{}", self.calls));
        self.calls += 1;
        self.open.push(name.clone(), id.clone());
        let arguments = match call.value("args") {
            None => "{}".to_owned(),
            Some(Value::Object(args)) => Value::Object(args).to_string(),
            Some(other) => return Err(wrong(&call.path("args"), "an object", &other)),
        };
        Ok(Content::ToolCall(ToolCall { id, name, arguments, signature }))
    }

    fn result(&mut self, mut result: Fields) -> Result<Content, BodyFault> {
        let name = result.needed("name")?;
        let given = result.text("id")?.filter(|id| !id.is_empty());
        let id = match given {
            Some(given) => {
                self.open.answered(&given);
                given
            }
            None => self.open.first(&name).unwrap_or(name),
        };
        let (text, is_error) = said(result.value("response").unwrap_or_default());
        let mut parts = if text.is_empty() { Vec::new() } else { vec![Part::text(text)] };
        parts.extend(self.parts(&mut result)?);
        Ok(Content::ToolResult { id, parts, is_error })
    }
}

/// What a function answered, as text: Google wants an object around it, of which the members
/// `output`, `result` and `error` mean what they say.
fn said(response: Value) -> (String, bool) {
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    match response {
        Value::Object(mut members) if members.len() == 1 => {
            for (name, is_error) in [("output", false), ("result", false), ("error", true)] {
                if let Some(value) = members.shift_remove(name) {
                    return (text(value), is_error);
                }
            }
            (Value::Object(members).to_string(), false)
        }
        other => (text(other), false),
    }
}

/// A streamed thought comes back in the pieces in which it was told; a seal ends it.
fn add_thought(
    text: String,
    signature: Option<String>,
    hidden: Option<String>,
    out: &mut Vec<Part>,
) {
    if hidden.is_none()
        && let Some(Content::Reasoning { text: before, signature: seal @ None, hidden: None }) =
            out.last_mut().map(|part| &mut part.content)
    {
        before.push_str(&text);
        *seal = signature;
        return;
    }
    out.push(Content::Reasoning { text, signature, hidden }.into());
}

fn media_of(part: &mut Fields) -> Result<Option<Content>, BodyFault> {
    let (mut data, here) = match object(part, "inlineData")? {
        Some(data) => (data, true),
        None => match object(part, "fileData")? {
            Some(data) => (data, false),
            None => return Ok(None),
        },
    };
    let kind = data.text("mimeType")?.unwrap_or_default();
    let source = if here {
        // Google's clients write Base64 for addresses.
        let base64 = data.needed("data")?.replace('-', "+").replace('_', "/");
        Source::Data { media_type: kind.clone(), base64 }
    } else {
        Source::Url(data.needed("fileUri")?)
    };
    let detail = level(part.peek("mediaResolution"));
    Ok(Some(if kind.starts_with("image/") {
        Content::Image { source, detail }
    } else if kind.starts_with("audio/") {
        Content::Audio { source, transcript: None }
    } else {
        Content::File { source, name: data.text("displayName")? }
    }))
}

fn level(resolution: Option<&Value>) -> Option<String> {
    let word = resolution?.get("level")?.as_str()?;
    match word {
        "MEDIA_RESOLUTION_LOW" => Some("low".to_owned()),
        "MEDIA_RESOLUTION_HIGH" => Some("high".to_owned()),
        _ => None,
    }
}
