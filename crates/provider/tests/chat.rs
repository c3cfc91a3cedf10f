//! Requests of every dialect, into the neutral form and out again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pointsman_provider::{
    Call, Target, Vendor,
    chat::{
        Chat, Losses, Tool, ToolChoice, messages,
        openai::{self, Taste},
    },
};
use pointsman_testkit::recorded::{NONE_HERE, recorded};
use pointsman_types::{Deployment, Operation};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

const DIALECTS: [Operation; 4] =
    [Operation::Chat, Operation::Messages, Operation::Responses, Operation::GenerateContent];

fn target() -> Target {
    let vendor = Vendor {
        name: "v",
        base: Some("http://v.invalid"),
        version_path: "",
        key_env: &[],
        base_env: &[],
        needs_key: false,
    };
    Target::of(&Deployment::new("g", "v", "m"), &vendor).unwrap()
}

/// Reads a body and writes it in both dialects that vendors have; what is lost does not matter.
fn through(operation: Operation, body: Value) -> Result<[Value; 2], String> {
    let call = Call::json(operation, "g", body).map_err(|fault| fault.message)?;
    let chat = Chat::of(&call, &target()).map_err(|error| error.to_string())?;
    let mut losses = Losses::new("v", true);
    let claude = messages::write_request(chat.clone(), "claude-sonnet-4-5", &mut losses);
    let gpt = openai::write_request(chat, "gpt-5", Taste::OPENAI, &mut losses);
    losses.settle().unwrap();
    Ok([claude.into(), gpt.into()])
}

#[test]
fn some_of_the_tools_are_allowed_in_both_of_openais_dialects() {
    let of = |operation, body: Value| {
        let call = Call::json(operation, "g", body).unwrap();
        Chat::of(&call, &target()).map_err(|error| error.message().to_owned())
    };
    let allowed = |names: Value| json!({"mode": "required", "tools": names});
    let chat = |choice: Value| {
        of(
            Operation::Chat,
            json!({
            "messages": [{"role": "user", "content": "Hi"}], "tool_choice": choice,
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]}),
        )
    };
    let responses = |choice: Value| {
        of(
            Operation::Responses,
            json!({
            "input": "Hi", "tool_choice": choice,
            "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]}),
        )
    };
    let named = json!([{"type": "function", "function": {"name": "g"}}]);
    let by_chat = json!({"type": "allowed_tools", "allowed_tools": allowed(named)});
    let mut flat = allowed(json!([{"type": "function", "name": "g"}]));
    flat["type"] = "allowed_tools".into();
    for read in [chat(by_chat).unwrap(), responses(flat).unwrap()] {
        assert_eq!(read.tool_choice, Some(ToolChoice::Required));
        assert!(matches!(read.tools.as_slice(), [Tool::Function { name, .. }] if name == "g"));
    }
    let fault = responses(json!({"type": "allowed_tools", "mode": "auto"})).unwrap_err();
    assert_eq!(fault, "`tool_choice.tools` names no tool");
}

#[test]
fn what_is_plainly_anothers_is_lost_at_anthropic() {
    let claude = |operation, body: Value| {
        let call = Call::json(operation, "g", body).unwrap();
        let mut losses = Losses::new("anthropic", false);
        let body = messages::write_request(Chat::of(&call, &target()).unwrap(), "c", &mut losses);
        losses.settle().map(|()| Value::from(body)).map_err(|error| error.detail.param)
    };
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let sealed = json!({"type": "compaction", "id": "c", "encrypted_content": "AAAA"});
    for item in [search, sealed] {
        let kind = item["type"].as_str().unwrap().to_owned();
        let lost = claude(Operation::Responses, json!({"input": [item]})).unwrap_err();
        assert_eq!(lost, Some(format!("messages.content.{kind}")));
    }
    let compact = json!({"input": "Hi", "context_management": [{"type": "compaction"}]});
    let lost = claude(Operation::Responses, compact).unwrap_err();
    assert_eq!(lost.as_deref(), Some("context_management"));
    let code = json!({"executableCode": {"language": "PYTHON", "code": "1"}});
    let ran = json!({"contents": [{"role": "model", "parts": [code]}]});
    assert!(claude(Operation::GenerateContent, ran).is_err());
    let block = json!({"type": "tool_removal", "name": "f"});
    let own = json!({"max_tokens": 9, "messages": [{"role": "user", "content": [block]}]});
    let body = claude(Operation::Messages, own).unwrap();
    assert_eq!(body["messages"][0]["content"], json!([block]));
}

#[test]
fn thoughts_among_a_messages_parts_are_thoughts() {
    let body = json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "H"}, {"type": "text", "text": "m"}]},
            {"type": "thinking", "thinking": "Hm", "signature": "seal"},
            {"type": "text", "text": "Ho"}]}]});
    let [claude, gpt] = through(Operation::Chat, body).unwrap();
    assert_eq!(
        claude["messages"][1]["content"],
        json!([
        {"type": "thinking", "thinking": "Hm", "signature": "seal"},
        {"type": "text", "text": "Ho"}])
    );
    assert_eq!(gpt["messages"][1], json!({"role": "assistant", "content": "Ho"}));
}

#[test]
fn a_seal_that_was_streamed_behind_its_thought_finds_it() {
    let sealed = |told: &str, plain: &str| {
        let block = json!({"type": "thinking", "thinking": told, "signature": "seal"});
        let said = json!({"role": "assistant", "content": "Ho", "reasoning_content": plain, "thinking_blocks": [block]});
        let body = json!({"messages": [{"role": "user", "content": "Hi"}, said]});
        through(Operation::Chat, body).unwrap()[0]["messages"][1]["content"][0]["thinking"].clone()
    };
    assert_eq!(sealed("", "Hm"), "Hm");
    assert_eq!(sealed("H", "Hm"), "H");
}

#[test]
fn every_recorded_request_can_be_asked_of_others() {
    let mut replayed = 0;
    for vendor in ["openai", "azure", "anthropic", "groq", "deepseek", "openrouter", "mistral"] {
        for one in recorded(vendor) {
            let Some(body) = one.request.as_ref().filter(|_| one.status == 200) else { continue };
            let Ok(body) = serde_json::from_slice::<Value>(body) else { continue };
            let operation = match (vendor, one.endpoint.as_deref()) {
                ("anthropic", Some("messages")) => Operation::Messages,
                (_, Some("chat/completions")) => Operation::Chat,
                (_, Some("responses")) => Operation::Responses,
                _ => continue,
            };
            if body["messages"].is_null() && body["input"].is_null() {
                continue;
            }
            replayed += 1;
            let [claude, gpt] =
                through(operation, body).unwrap_or_else(|error| panic!("{}: {error}", one.file));
            for turns in [&claude["messages"], &gpt["messages"]] {
                assert!(turns.as_array().is_some_and(|turns| !turns.is_empty()), "{}", one.file);
            }
        }
    }
    if replayed == 0 {
        println!("{NONE_HERE}");
    }
}

const WORDS: [&str; 56] = [
    "messages",
    "role",
    "content",
    "type",
    "text",
    "user",
    "assistant",
    "system",
    "tool",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "tool_call_id",
    "image_url",
    "url",
    "input",
    "item",
    "message",
    "input_text",
    "output_text",
    "function_call",
    "call_id",
    "function_call_output",
    "output",
    "reasoning",
    "summary",
    "tools",
    "parameters",
    "input_schema",
    "tool_choice",
    "thinking",
    "budget_tokens",
    "enabled",
    "response_format",
    "json_schema",
    "schema",
    "format",
    "tool_use",
    "tool_result",
    "tool_use_id",
    "source",
    "base64",
    "media_type",
    "data",
    "document",
    "cache_control",
    "ephemeral",
    "ttl",
    "5m",
    "max_tokens",
    "stop",
    "effort",
    "low",
    "file",
];

/// JSON out of the words of the three dialects, deep enough to reach everything.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => select(&WORDS[..]).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!({})),
        1 => Just(json!("{\"a\":1}")),
    ];
    leaf.prop_recursive(6, 96, 5, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((select(&WORDS[..]), inner), 0..6).prop_map(|members| {
                members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>().into()
            }),
        ]
    })
}

fn message() -> impl Strategy<Value = Value> {
    let role = select(&["user", "assistant", "system", "tool", "developer"][..]);
    let content = prop_oneof![
        Just(json!("Hi")),
        prop::collection::vec(part(), 0..4).prop_map(Value::from),
        json(),
    ];
    (role, content, json()).prop_map(|(role, content, more)| {
        let mut message = json!({"role": role, "content": content, "tool_call_id": "c"});
        if let Value::Object(more) = more {
            for (name, value) in more {
                message[name] = value;
            }
        }
        message
    })
}

fn part() -> impl Strategy<Value = Value> {
    let known = [
        json!({"type": "text", "text": "a"}),
        json!({"type": "text", "text": ""}),
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}),
        json!({"type": "image", "source": {"type": "url", "url": "u"}}),
        json!({"type": "tool_use", "id": "c", "name": "f", "input": {"z": 1}}),
        json!({"type": "tool_result", "tool_use_id": "c", "content": "r"}),
        json!({"type": "thinking", "thinking": "t", "signature": "s"}),
        json!({"type": "input_text", "text": "a"}),
        json!({"type": "input_file", "file_id": "f"}),
    ];
    prop_oneof![4 => select(known.to_vec()), 1 => json()]
}

proptest! {
    #[test]
    fn any_request_ends_in_a_body_or_an_error(
        operation in select(&DIALECTS[..]),
        turns in prop::collection::vec(message(), 0..5),
        more in json(),
    ) {
        let mut body = json!({"messages": turns, "input": turns});
        if let Value::Object(more) = more {
            for (name, value) in more {
                body[name] = value;
            }
        }
        if let Ok([claude, gpt]) = through(operation, body) {
            // Whatever was asked, turns alternate where they have to.
            let roles: Vec<&str> = claude["messages"].as_array().unwrap().iter()
                .filter_map(|turn| turn["role"].as_str()).collect();
            prop_assert!(roles.windows(2).all(|pair| pair[0] != pair[1]), "{roles:?}");
            prop_assert!(gpt["messages"].is_array());
        }
    }

    #[test]
    fn what_anthropic_is_sent_reads_as_what_was_meant(
        turns in prop::collection::vec(message(), 1..5),
    ) {
        let Ok(call) = Call::json(Operation::Messages, "g", json!({"messages": turns, "max_tokens": 9}))
        else { return Ok(()) };
        let Ok(chat) = Chat::of(&call, &target()) else { return Ok(()) };
        let write = |chat: Chat| {
            let mut losses = Losses::new("v", true);
            Value::from(messages::write_request(chat, "claude-sonnet-4-5", &mut losses))
        };
        let once = write(chat);
        let call = Call::json(Operation::Messages, "g", once.clone()).unwrap();
        let again = write(Chat::of(&call, &target()).unwrap());
        prop_assert_eq!(once, again);
    }
}

#[test]
fn of_many_things_that_cannot_be_said_some_are_named() {
    let mut losses = Losses::new("v", false);
    (0..300_000).for_each(|nth| losses.lose(&format!("messages.m{nth}")));
    let error = losses.settle().unwrap_err();
    assert!(error.message().len() < 10_000, "{}", error.message().len());
}
