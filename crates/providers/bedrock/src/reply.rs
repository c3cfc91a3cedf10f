//! From Converse's answer to the neutral form.

use pointsman_provider::chat::{
    ChatReply, Choice, Citation, Content, Finish, Part, Source, ToolCall, messages,
};
use pointsman_types::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::usage::usage;

/// Reads a whole answer: Converse's, or a Claude's own through InvokeModel.
///
/// # Errors
///
/// Kind `Server`, when it is none.
pub(crate) fn read(body: &[u8]) -> Result<ChatReply, Error> {
    let mut value: Value =
        serde_json::from_slice(body).map_err(|error| broken(&error.to_string()))?;
    if value["type"] == "message" {
        return messages::read_reply(body);
    }
    let blocks = value.pointer_mut("/output/message/content").map(Value::take);
    let Some(Value::Array(blocks)) = blocks else {
        return Err(broken("it has no `output.message.content`"));
    };
    let native = value["stopReason"].as_str().map(str::to_owned);
    let choice = Choice {
        parts: blocks.into_iter().map(part).collect(),
        finish: native.as_deref().and_then(Finish::of).unwrap_or_default(),
        native_finish: native,
        stop_sequence: stop_sequence(&value["additionalModelResponseFields"]),
        logprobs: None,
    };
    let mut reply = ChatReply {
        choices: vec![choice],
        usage: usage(&value["usage"]),
        service_tier: value["serviceTier"]["type"].as_str().map(str::to_owned),
        ..ChatReply::default()
    };
    // What a guardrail or a prompt router did.
    if value["trace"].is_object() {
        reply.rest.insert("trace".into(), taken(&mut value, "trace"));
    }
    Ok(reply)
}

fn broken(why: &str) -> Error {
    let message = format!("the upstream's answer cannot be used: {why}");
    Error::new(ErrorKind::Server, message).with_status(200)
}

/// A member of what may be no object, without a copy; null if there is none.
pub(crate) fn taken(value: &mut Value, name: &str) -> Value {
    let member = value.as_object_mut().and_then(|members| members.get_mut(name));
    member.map(Value::take).unwrap_or_default()
}

/// Which of the caller's texts ended the answer, where the model was asked.
pub(crate) fn stop_sequence(fields: &Value) -> Option<String> {
    fields["stop_sequence"].as_str().map(str::to_owned)
}

fn part(mut block: Value) -> Part {
    let Some((name, inner)) = block.as_object_mut().and_then(|members| members.iter_mut().next())
    else {
        return Content::Other(block).into();
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match name.as_str() {
        "text" => Part::text(text(inner).unwrap_or_default()),
        "toolUse" if inner["type"] != "server_tool_use" => {
            let call = ToolCall {
                id: text(&inner["toolUseId"]).unwrap_or_default(),
                name: text(&inner["name"]).unwrap_or_default(),
                arguments: match taken(inner, "input") {
                    Value::Null => "{}".to_owned(),
                    input => input.to_string(),
                },
                signature: None,
            };
            Content::ToolCall(call).into()
        }
        "reasoningContent" => {
            let said = &inner["reasoningText"];
            let content = Content::Reasoning {
                text: text(&said["text"]).unwrap_or_default(),
                signature: text(&said["signature"]),
                hidden: text(&inner["redactedContent"]),
            };
            content.into()
        }
        "citationsContent" => {
            let mut list = |name: &str| match taken(inner, name) {
                Value::Array(list) => list,
                _ => Vec::new(),
            };
            let said = list("content");
            let said: String = said.iter().filter_map(|one| one["text"].as_str()).collect();
            let citations = list("citations").into_iter().map(citation).collect();
            Content::Text { text: said, citations }.into()
        }
        "image" if inner["source"]["bytes"].is_string() => {
            let format = inner["format"].as_str().unwrap_or("png");
            image(format, inner["source"]["bytes"].as_str().unwrap_or_default().to_owned())
        }
        name => own(name, inner),
    }
}

/// A picture that came whole.
pub(crate) fn image(format: &str, base64: String) -> Part {
    let source = Source::Data { media_type: format!("image/{format}"), base64 };
    Content::Image { source, detail: None }.into()
}

/// Something of Converse's own, such as a tool that ran at the vendor.
pub(crate) fn own(name: &str, inner: &Value) -> Part {
    Content::Other(json!({"type": name, name: inner})).into()
}

/// What a piece of text rests on.
pub(crate) fn citation(native: Value) -> Citation {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let cited: Vec<&str> = native["sourceContent"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["text"].as_str())
        .collect();
    Citation {
        url: text(&native["location"]["web"]["url"]),
        title: text(&native["title"]),
        text: (!cited.is_empty()).then(|| cited.concat()),
        range: None,
        native,
    }
}
