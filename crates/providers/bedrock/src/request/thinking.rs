//! Thinking, in the words of each family.

use pointsman_provider::chat::{Chat, Effort, Reasoning, ToolChoice, messages::is_adaptive};
use serde_json::{Value, json};

use super::Draft;
use crate::family::{Family, claude_thinks, nova_thinks};

/// The least that a Claude can think.
const LEAST_BUDGET: u64 = 1_024;
/// The bound on the answer beside what is thought, where nobody gave one.
const ANSWER: u64 = 4_096;

impl Draft<'_> {
    pub(super) fn thinking(&mut self, chat: &mut Chat) {
        let Some(how) = chat.reasoning else { return };
        match self.family {
            Family::Claude if claude_thinks(self.model) => self.claude(chat, how),
            Family::Nova if nova_thinks(self.model) => self.nova(chat, how),
            Family::GptOss if !how.is_off() => {
                self.extra_or_own("reasoning_effort", word(how).into());
            }
            // Whoever cannot think does not.
            Family::Claude | Family::Nova if how.is_off() => {}
            _ => self.losses.lose("reasoning_effort"),
        }
    }

    fn claude(&mut self, chat: &mut Chat, how: Reasoning) {
        let adaptive = is_adaptive(self.model);
        if how.is_off() {
            if adaptive {
                self.extra_or_own("thinking", json!({"type": "disabled"}));
            }
            return;
        }
        if how.budget.is_none() && adaptive {
            self.extra_or_own("thinking", json!({"type": "adaptive"}));
            if let Some(effort) = how.effort {
                let word = if effort == Effort::Minimal { "low" } else { effort.name() };
                let config = self.extra.entry("output_config").or_insert_with(|| json!({}));
                if let Value::Object(config) = config {
                    config.entry("effort").or_insert_with(|| word.into());
                }
            }
        } else {
            let effort = how.effort.unwrap_or(Effort::Medium);
            let budget = how.budget.unwrap_or_else(|| effort.budget()).max(LEAST_BUDGET);
            // The budget is within the bound on the answer.
            let budget = match chat.max_output {
                None => {
                    chat.max_output = Some(budget.saturating_add(ANSWER));
                    budget
                }
                Some(most) if most > LEAST_BUDGET => budget.min(most - 1),
                Some(_) => {
                    self.losses.lose("reasoning_effort");
                    return;
                }
            };
            self.extra_or_own("thinking", json!({"type": "enabled", "budget_tokens": budget}));
        }
        // Whoever thinks samples at 1 and chooses its tools itself.
        if chat.temperature.take().is_some_and(|temperature| (temperature - 1.0).abs() > 1e-9) {
            self.losses.lose("temperature");
        }
        if chat.top_k.take().is_some() {
            self.losses.lose("top_k");
        }
        if matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_))) {
            self.losses.lose("tool_choice");
            chat.tool_choice = None;
        }
    }

    fn nova(&mut self, chat: &mut Chat, how: Reasoning) {
        if how.is_off() {
            self.extra_or_own("reasoningConfig", json!({"type": "disabled"}));
            return;
        }
        let effort = word(how);
        self.extra_or_own(
            "reasoningConfig",
            json!({"type": "enabled", "maxReasoningEffort": effort}),
        );
        if effort != "high" {
            return;
        }
        // At its highest it takes no bounds.
        for (name, given) in [
            ("temperature", chat.temperature.take().is_some()),
            ("top_p", chat.top_p.take().is_some()),
            ("top_k", chat.top_k.take().is_some()),
            ("max_tokens", chat.max_output.take().is_some()),
        ] {
            if given {
                self.losses.lose(name);
            }
        }
    }

    /// What the caller said in the model's own words stays.
    fn extra_or_own(&mut self, name: &str, value: Value) {
        self.extra.entry(name).or_insert(value);
    }
}

/// One of three words.
fn word(how: Reasoning) -> &'static str {
    let effort = how.effort.or_else(|| how.budget.map(Effort::of_budget));
    match effort.unwrap_or(Effort::Medium) {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}
