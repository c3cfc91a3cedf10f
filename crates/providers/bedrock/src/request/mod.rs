//! From the neutral form to Converse's request.

mod blocks;
mod media;
mod thinking;
mod tools;

use std::collections::HashSet;

use pointsman_provider::chat::{Chat, Content, Format, Losses, Message, Part, Role, messages};
use pointsman_types::stable_hash;
use serde_json::{Map, Value, json};

use self::blocks::Blocks;
use crate::family::Family;

/// What Converse takes at its top beside what the neutral form has words for.
const OWN: [&str; 9] = [
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "outputConfig",
    "performanceConfig",
    "projectIdentifier",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
];

/// The most members of `requestMetadata`.
const MOST_NOTES: usize = 16;

/// The request as it grows, and what it is for.
struct Draft<'a> {
    model: &'a str,
    family: Family,
    body: Map<String, Value>,
    /// `inferenceConfig`.
    sampling: Map<String, Value>,
    /// `additionalModelRequestFields`: what goes to the model as it is.
    extra: Map<String, Value>,
    losses: &'a mut Losses,
}

/// The body of a Converse or ConverseStream request. What cannot be said goes to `losses`.
///
/// `betas` are previews of Anthropic's that the caller wants; a Claude is told of those it has here.
pub(crate) fn write(
    mut chat: Chat,
    model: &str,
    betas: &[&str],
    losses: &mut Losses,
) -> Map<String, Value> {
    let mut draft = Draft {
        model,
        family: Family::of(model),
        body: Map::new(),
        sampling: Map::new(),
        extra: Map::new(),
        losses,
    };
    draft.own(&mut chat);
    let own = chat.rest.contains_key("anthropic_beta");
    if draft.family == Family::Claude && !betas.is_empty() && !own {
        draft.extra.entry("anthropic_beta").or_insert_with(|| json!(betas));
    }
    draft.lose_unknown(&chat);
    draft.conversation(&chat.messages);
    draft.thinking(&mut chat);
    draft.format(&mut chat);
    draft.tools(&chat);
    draft.sampling(&chat);
    draft.account(&chat);
    draft.losses.rest(chat.rest, &mut draft.extra);
    draft.finish()
}

impl Draft<'_> {
    /// Converse's own members go through as they came, and Anthropic's to a Claude.
    fn own(&mut self, chat: &mut Chat) {
        if self.family == Family::Claude {
            for name in ["context_management", "output_config"] {
                if let Some(value) = chat.rest.shift_remove(name) {
                    self.extra.insert(name.to_owned(), value);
                }
            }
        }
        for name in OWN {
            match (name, chat.rest.shift_remove(name)) {
                (_, None) => {}
                ("additionalModelRequestFields", Some(Value::Object(extra))) => {
                    self.extra.extend(extra);
                }
                (_, Some(value)) => {
                    self.body.insert(name.to_owned(), value);
                }
            }
        }
    }

    fn lose_unknown(&mut self, chat: &Chat) {
        let losses = &mut *self.losses;
        losses.unless_none("n", &chat.n);
        losses.unless_none("seed", &chat.seed);
        losses.unless_none("frequency_penalty", &chat.frequency_penalty);
        losses.unless_none("presence_penalty", &chat.presence_penalty);
        losses.unless_none("logprobs", &chat.logprobs);
        losses.unless_none("top_logprobs", &chat.top_logprobs);
        if chat.modalities.iter().any(|what| what != "text") {
            losses.lose("modalities");
        }
    }

    /// The system's blocks, and the turns: roles alternate, results of tools come first in theirs.
    fn conversation(&mut self, messages: &[Message]) {
        let mut blocks = Blocks::new(self.family, self.losses);
        let mut system = Vec::new();
        let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
        for message in messages {
            if message.role != Role::Tool {
                blocks.losses.unless_none("messages.name", &message.name);
            }
            for name in message.rest.keys() {
                blocks.losses.lose(&format!("messages.{name}"));
            }
            let role = match message.role {
                Role::System | Role::Developer => {
                    system.extend(blocks.system(&message.parts));
                    continue;
                }
                Role::User | Role::Tool => "user",
                Role::Assistant => "assistant",
            };
            let said = blocks.of(&message.parts);
            match turns.last_mut() {
                _ if said.is_empty() => {}
                Some((last, all)) if *last == role => all.extend(said),
                _ => turns.push((role, said)),
            }
        }
        for (role, said) in &mut turns {
            let has = |name: &str| said.iter().any(|block| block.get(name).is_some());
            if has("document") && !has("text") {
                // Bedrock takes no document that nobody speaks of.
                blocks.losses.lose("messages.content.file (without a text)");
            }
            if *role == "user" {
                results_first(said);
            }
        }
        // There is no conversation of instructions alone: they are what the user says.
        if turns.is_empty() && !system.is_empty() {
            turns.push(("user", std::mem::take(&mut system)));
        }
        let turn = |(role, content)| json!({"role": role, "content": content});
        let turns: Vec<Value> = turns.into_iter().map(turn).collect();
        self.body.insert("messages".into(), turns.into());
        if !system.is_empty() {
            self.body.insert("system".into(), system.into());
        }
    }

    /// A schema where the model has formats; else the answer is a call of a tool of that schema,
    /// which the neutral form turns back into text.
    fn format(&mut self, chat: &mut Chat) {
        let schema = match &chat.format {
            None | Some(Format::Text) => return,
            Some(Format::Schema { name, description, schema, .. })
                if self.family.writes_by_schema(self.model) =>
            {
                let schema = messages::closed(schema).to_string();
                let mut format = json!({"schema": schema, "name": name});
                if let Some(description) = description {
                    format["description"] = description.as_str().into();
                }
                let format = json!({"type": "json_schema", "structure": {"jsonSchema": format}});
                self.output("textFormat", format);
                return;
            }
            Some(Format::Schema { schema, .. }) => schema.clone(),
            Some(Format::Json) => json!({"type": "object", "additionalProperties": true}),
        };
        // Nobody thinks and is made to call a tool.
        let thinks = chat.reasoning.is_some_and(|how| !how.is_off());
        if thinks || !self.family.obeys() {
            self.losses.lose("response_format");
            return;
        }
        tools::answer_by_tool(chat, schema);
    }

    fn sampling(&mut self, chat: &Chat) {
        let mut temperature = chat.temperature;
        if temperature.is_some_and(|temperature| temperature > 1.0) {
            // Bedrock's scale ends at 1.
            self.losses.lose("temperature");
            temperature = Some(1.0);
        }
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                self.sampling.insert(name.into(), value);
            }
        };
        set("maxTokens", chat.max_output.map(Into::into));
        set("temperature", temperature.map(Into::into));
        set("topP", chat.top_p.map(Into::into));
        set("stopSequences", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
        if !chat.stop.is_empty() && self.family == Family::Claude {
            // Which of them it was is told on demand.
            let paths = self.body.entry("additionalModelResponseFieldPaths");
            paths.or_insert_with(|| json!(["/stop_sequence"]));
        }
        let Some(top_k) = chat.top_k else { return };
        match self.family {
            Family::Claude | Family::Mistral | Family::Qwen | Family::Unknown => {
                self.extra.entry("top_k").or_insert_with(|| top_k.into());
            }
            Family::Cohere => {
                self.extra.entry("k").or_insert_with(|| top_k.into());
            }
            Family::Nova => {
                let config = self.extra.entry("inferenceConfig").or_insert_with(|| json!({}));
                if let Value::Object(config) = config {
                    config.entry("topK").or_insert_with(|| top_k.into());
                }
            }
            Family::Titan | Family::Llama | Family::DeepSeek | Family::GptOss => {
                self.losses.lose("top_k");
            }
        }
    }

    /// For whom, what for, and how urgent.
    fn account(&mut self, chat: &Chat) {
        self.notes(chat);
        match chat.service_tier.as_deref() {
            None | Some("auto" | "standard_only") => {}
            Some(tier @ ("default" | "flex" | "priority" | "reserved")) => {
                self.body.entry("serviceTier").or_insert_with(|| json!({"type": tier}));
            }
            Some(_) => self.losses.lose("service_tier"),
        }
    }

    /// Notes go to AWS's logs of invocations: those that it takes, as many as it takes.
    fn notes(&mut self, chat: &Chat) {
        // A user that cannot be written there is one all the same.
        let hashed = |user: &String| format!("{:016x}", stable_hash(user.as_bytes()));
        let user = chat.user.as_ref();
        let user = user.map(|user| if is_noted(user) { user.clone() } else { hashed(user) });
        let given = chat.metadata.iter().flatten().filter_map(|(name, value)| {
            Some((name.as_str(), value.as_str()?)).filter(|(name, _)| !name.is_empty())
        });
        let mut notes = match self.body.shift_remove("requestMetadata") {
            Some(Value::Object(notes)) => notes,
            _ => Map::new(),
        };
        for (name, value) in user.as_deref().map(|user| ("user", user)).into_iter().chain(given) {
            if notes.len() < MOST_NOTES && is_noted(name) && is_noted(value) {
                notes.entry(name).or_insert_with(|| value.into());
            }
        }
        if !notes.is_empty() {
            self.body.insert("requestMetadata".into(), notes.into());
        }
    }

    /// Sets a member of `outputConfig`.
    fn output(&mut self, name: &str, value: Value) {
        let config = self.body.entry("outputConfig").or_insert_with(|| json!({}));
        if let Value::Object(config) = config {
            config.entry(name).or_insert(value);
        }
    }

    fn finish(mut self) -> Map<String, Value> {
        for (name, members) in
            [("inferenceConfig", self.sampling), ("additionalModelRequestFields", self.extra)]
        {
            if !members.is_empty() {
                self.body.insert(name.into(), members.into());
            }
        }
        self.body
    }
}

/// Results of tools before all else in a turn; a cache point stays behind its block.
fn results_first(blocks: &mut Vec<Value>) {
    let mut results = Vec::new();
    let mut others = Vec::new();
    let mut last_is_result = false;
    for block in blocks.drain(..) {
        if block.get("cachePoint").is_none() {
            last_is_result = block.get("toolResult").is_some();
        }
        if last_is_result { &mut results } else { &mut others }.push(block);
    }
    blocks.append(&mut results);
    blocks.append(&mut others);
}

/// Whether Bedrock takes this as a value of `requestMetadata`.
fn is_noted(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || " \t:_@$#=/+,-.".contains(c);
    text.len() <= 256 && text.chars().all(known)
}

/// The names of the functions that a conversation speaks of.
fn called(messages: &[Message]) -> Vec<&str> {
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for Part { content, .. } in messages.iter().flat_map(|message| &message.parts) {
        if let Content::ToolCall(call) = content
            && seen.insert(call.name.as_str())
        {
            names.push(call.name.as_str());
        }
    }
    names
}

/// Whether a conversation has calls or results in it.
fn has_calls(messages: &[Message]) -> bool {
    let is_one =
        |part: &Part| matches!(part.content, Content::ToolCall(_) | Content::ToolResult { .. });
    messages.iter().flat_map(|message| &message.parts).any(is_one)
}
