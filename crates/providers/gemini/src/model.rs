//! What depends on the model: its generation, and how it is asked to think.

use pointsman_provider::chat::{Effort, Losses, Reasoning};
use serde_json::{Map, Value};

/// A model's generation, such as `(2, 5)`, and its size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    name: &'a str,
    generation: Option<(u32, u32)>,
}

impl<'a> Model<'a> {
    /// The model of a name, with or without the path before it.
    pub(crate) fn of(name: &'a str) -> Self {
        let short = name.rsplit('/').next().unwrap_or(name);
        let mut numbers = short
            .strip_prefix("gemini-")
            .and_then(|rest| rest.split('-').next())
            .unwrap_or_default()
            .splitn(2, '.');
        let major = numbers.next().and_then(|major| major.parse().ok());
        let minor = numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0);
        Self { name: short, generation: major.map(|major| (major, minor)) }
    }

    /// Whether it is of this generation or a later one; a model that hides its generation counts
    /// as the current one, which is 2.5.
    pub(crate) fn since(self, generation: (u32, u32)) -> bool {
        self.generation.unwrap_or((2, 5)) >= generation
    }

    fn is(self, size: &str) -> bool {
        self.name.contains(size)
    }

    /// `thinkingConfig`.
    pub(crate) fn thinking(
        self,
        how: Reasoning,
        losses: &mut Losses,
    ) -> Option<Map<String, Value>> {
        let mut config = Map::new();
        if !self.since((2, 5)) {
            if !how.is_off() {
                losses.lose("reasoning_effort");
            }
            return None;
        }
        if let (Some(effort), None, true) = (how.effort, how.budget, self.since((3, 0))) {
            if effort == Effort::None && self.is("pro") {
                losses.lose("reasoning_effort");
                return None;
            }
            config.insert("thinkingLevel".into(), self.level(effort).into());
            config.insert("includeThoughts".into(), (effort != Effort::None).into());
            return Some(config);
        }
        let budget = match (how.budget, how.effort) {
            (Some(budget), _) => Some(budget),
            (None, Some(effort)) => Some(effort.budget()),
            (None, None) => None,
        };
        if budget == Some(0) && self.is("pro") {
            losses.lose("reasoning_effort");
            return None;
        }
        if let Some(budget) = budget {
            config.insert("thinkingBudget".into(), self.within(budget).into());
        }
        config.insert("includeThoughts".into(), (budget != Some(0)).into());
        Some(config)
    }

    /// The nearest word that the model knows: it cannot be kept from thinking altogether.
    fn level(self, effort: Effort) -> &'static str {
        match effort {
            Effort::None | Effort::Minimal if self.is("pro") => "LOW",
            Effort::None | Effort::Minimal => "MINIMAL",
            Effort::Low => "LOW",
            Effort::Medium if self.is("gemini-3-pro") => "HIGH",
            Effort::Medium => "MEDIUM",
            Effort::High | Effort::XHigh | Effort::Max => "HIGH",
        }
    }

    /// The nearest budget that the model takes.
    fn within(self, budget: u64) -> u64 {
        let (least, most) = match self.generation {
            Some((2, 5)) if self.is("pro") => (128, 32_768),
            Some((2, 5)) if self.is("lite") => (512, 24_576),
            Some((2, 5)) => (1, 24_576),
            _ => (1, u64::MAX),
        };
        if budget == 0 { 0 } else { budget.clamp(least, most) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(model: &str, effort: Option<&str>, budget: Option<u64>) -> Result<Value, String> {
        let how = Reasoning { effort: effort.and_then(Effort::of), budget };
        let mut losses = Losses::new("gemini", false);
        let config = Model::of(model).thinking(how, &mut losses);
        losses.settle().map_err(|error| error.message().to_owned())?;
        Ok(config.map_or(Value::Null, Value::Object))
    }

    #[test]
    fn each_generation_is_asked_in_its_own_way() {
        let budget = |n: u64| json!({"thinkingBudget": n, "includeThoughts": n > 0});
        let level = |word: &str| json!({"thinkingLevel": word, "includeThoughts": true});
        for (model, effort, tokens, want) in [
            ("gemini-2.5-flash", Some("low"), None, budget(1_024)),
            ("gemini-2.5-flash", Some("none"), None, budget(0)),
            ("gemini-2.5-flash", None, Some(99_999), budget(24_576)),
            ("gemini-2.5-flash-lite", Some("minimal"), None, budget(512)),
            ("gemini-2.5-pro", Some("minimal"), None, budget(128)),
            ("gemini-2.5-pro", None, None, json!({"includeThoughts": true})),
            ("models/gemini-3-pro-preview", Some("medium"), None, level("HIGH")),
            ("gemini-3.1-pro-preview", Some("medium"), None, level("MEDIUM")),
            ("gemini-3-flash-preview", Some("minimal"), None, level("MINIMAL")),
            ("gemini-3-flash-preview", Some("max"), None, level("HIGH")),
            ("gemini-3-flash-preview", None, Some(500), budget(500)),
            ("gemini-flash-latest", Some("high"), None, budget(4_096)),
            ("gemini-2.0-flash", Some("none"), None, Value::Null),
        ] {
            assert_eq!(asked(model, effort, tokens), Ok(want), "{model} {effort:?} {tokens:?}");
        }
        for (model, effort) in
            [("gemini-2.0-flash", "low"), ("gemini-2.5-pro", "none"), ("gemini-3-pro", "none")]
        {
            assert!(asked(model, Some(effort), None).unwrap_err().contains("reasoning_effort"));
        }
    }
}
