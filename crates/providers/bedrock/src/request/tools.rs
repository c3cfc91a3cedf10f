//! Tools and the choice among them.

use pointsman_provider::chat::{ANSWER_TOOL, Cache, Chat, Tool, ToolChoice};
use serde_json::{Value, json};

use super::{Draft, blocks::cache_point, called, has_calls};
use crate::family::Family;

/// Adds the tool whose call is the answer, and makes the model call it.
pub(super) fn answer_by_tool(chat: &mut Chat, schema: Value) {
    chat.tool_choice = match (chat.tools.is_empty(), chat.tool_choice.take()) {
        (true, _) | (_, Some(ToolChoice::None)) => {
            Some(ToolChoice::Function(ANSWER_TOOL.to_owned()))
        }
        (false, Some(ToolChoice::Function(name))) => Some(ToolChoice::Function(name)),
        (false, _) => Some(ToolChoice::Required),
    };
    chat.tools.push(Tool::Function {
        name: ANSWER_TOOL.to_owned(),
        description: Some("Gives the answer.".to_owned()),
        schema: Some(schema),
        strict: None,
        cache: None,
    });
}

impl Draft<'_> {
    pub(super) fn tools(&mut self, chat: &Chat) {
        let said = has_calls(&chat.messages);
        let choice = match &chat.tool_choice {
            Some(ToolChoice::None) if !said => return,
            // Tools must be told once they were called, and there is no way to forbid them.
            Some(ToolChoice::None) => {
                if !chat.tools.is_empty() {
                    self.losses.lose("tool_choice");
                }
                None
            }
            Some(ToolChoice::Required | ToolChoice::Function(_)) if !self.family.obeys() => {
                self.losses.lose("tool_choice");
                None
            }
            Some(ToolChoice::Required) => Some(json!({"any": {}})),
            // It can be made to call one, and not which.
            Some(ToolChoice::Function(_)) if self.family == Family::Mistral => {
                if chat.tools.len() > 1 {
                    self.losses.lose("tool_choice");
                }
                Some(json!({"any": {}}))
            }
            Some(ToolChoice::Function(name)) => Some(json!({"tool": {"name": name}})),
            Some(ToolChoice::Auto) => Some(json!({"auto": {}})),
            None => None,
        };
        let mut tools = Vec::new();
        for tool in &chat.tools {
            self.tool(tool, &mut tools);
        }
        if tools.is_empty() && said {
            tools.extend(called(&chat.messages).into_iter().map(bare));
        }
        if tools.is_empty() {
            return;
        }
        let mut config = json!({"tools": tools});
        // Only Claudes can be told, in their own words.
        if chat.parallel_tool_calls == Some(false) && self.family == Family::Claude {
            self.one_at_a_time(choice.as_ref());
        } else if let Some(choice) = choice {
            config["toolChoice"] = choice;
        }
        self.body.insert("toolConfig".into(), config);
    }

    fn tool(&mut self, tool: &Tool, out: &mut Vec<Value>) {
        match tool {
            Tool::Function { name, description, schema, strict, cache } => {
                if !is_name(name) {
                    self.losses.lose("tools.function.name");
                }
                let mut schema = schema.clone().unwrap_or_else(|| json!({"properties": {}}));
                if let Some(members) = schema.as_object_mut() {
                    members.entry("type").or_insert_with(|| "object".into());
                }
                let mut spec = json!({"name": name, "inputSchema": {"json": schema}});
                if let Some(description) = description.as_ref().filter(|text| !text.is_empty()) {
                    spec["description"] = description.as_str().into();
                }
                if *strict == Some(true) {
                    if self.family.writes_by_schema(self.model) {
                        spec["strict"] = true.into();
                    } else {
                        self.losses.lose("tools.function.strict");
                    }
                }
                out.push(json!({"toolSpec": spec}));
                out.extend(self.tool_cache(*cache));
            }
            Tool::Native(tool) => self.native(tool, out),
        }
    }

    /// Nova keeps messages, and no tools.
    fn tool_cache(&self, cache: Option<Cache>) -> Option<Value> {
        (self.family != Family::Nova).then(|| cache_point(self.family, cache)).flatten()
    }

    /// Converse's own tools as they came; Anthropic's dated ones go to a Claude.
    fn native(&mut self, tool: &Value, out: &mut Vec<Value>) {
        const OWN: [&str; 3] = ["toolSpec", "systemTool", "cachePoint"];
        if OWN.iter().any(|name| tool.get(name).is_some()) {
            out.push(tool.clone());
            return;
        }
        let dated = |kind: &str| {
            let day = kind.rsplit_once('_').map(|(_, day)| day);
            day.is_some_and(|day| day.len() == 8 && day.parse::<u32>().is_ok())
        };
        if self.family != Family::Claude || !tool["type"].as_str().is_some_and(dated) {
            self.losses.lose("tools");
            return;
        }
        let tools = self.extra.entry("tools").or_insert_with(|| json!([]));
        if let Value::Array(tools) = tools {
            tools.push(tool.clone());
        }
    }

    /// One call in a turn, in Claude's words.
    fn one_at_a_time(&mut self, choice: Option<&Value>) {
        let mut own = json!({"type": "auto"});
        match choice {
            Some(choice) if choice.get("any").is_some() => own["type"] = "any".into(),
            Some(choice) => {
                if let Some(name) = choice.pointer("/tool/name") {
                    own = json!({"type": "tool", "name": name});
                }
            }
            None => {}
        }
        own["disable_parallel_tool_use"] = true.into();
        self.extra.entry("tool_choice").or_insert(own);
    }
}

fn bare(name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {}});
    json!({"toolSpec": {"name": name, "inputSchema": {"json": schema}}})
}

fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(known)
}
