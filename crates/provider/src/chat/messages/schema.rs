//! What depends on the model: its version, and the schemas it takes.

use serde_json::{Map, Value};

/// A Claude's version, such as `(4, 6)`, from its name at whichever vendor.
pub fn version(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.split_once("claude")?;
    let short = |part: &&str| (1..=2).contains(&part.len());
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty());
    let major = parts.by_ref().filter(short).find_map(|part| part.parse().ok())?;
    let minor = parts.next().filter(short).and_then(|part| part.parse().ok());
    Some((major, minor.unwrap_or(0)))
}

/// Whether it decides by itself how long it thinks.
pub fn is_adaptive(model: &str) -> bool {
    version(model).is_some_and(|version| version >= (4, 6))
}

/// Whether it writes by a schema.
pub fn has_formats(model: &str) -> bool {
    let least = if model.contains("opus") { (4, 1) } else { (4, 5) };
    version(model).is_none_or(|version| version >= least)
}

/// The schema with every object closed, as Anthropic wants it.
pub fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut out: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), closed(value))).collect();
            let is_object = members.get("type").is_some_and(|kind| kind == "object");
            if is_object && !members.contains_key("additionalProperties") {
                out.insert("additionalProperties".into(), false.into());
            }
            out.into()
        }
        Value::Array(list) => list.iter().map(closed).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_spelling() {
        for (name, want) in [
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-6", Some((4, 6))),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Some((4, 5))),
            ("claude-opus-4-5@20251101", Some((4, 5))),
            ("claude-fable-5", Some((5, 0))),
            ("my-model", None),
        ] {
            assert_eq!(version(name), want, "{name}");
        }
    }
}
