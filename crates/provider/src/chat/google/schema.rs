//! Google's schemas, which are a subset of OpenAPI's, as JSON's own.

use serde_json::{Map, Value, json};

/// No schema is nested deeper.
const MAX_DEPTH: usize = 64;

/// The schema in JSON's words: types in lower case, `nullable` as a type, bounds as numbers.
pub(super) fn json_schema(schema: &Value) -> Value {
    converted(schema, MAX_DEPTH)
}

fn converted(schema: &Value, depth: usize) -> Value {
    let (Some(members), Some(depth)) = (schema.as_object(), depth.checked_sub(1)) else {
        return schema.clone();
    };
    let mut out = Map::new();
    for (name, value) in members {
        let name = super::camel(name);
        let value = match (name.as_str(), value) {
            // Said below, or not said at all.
            ("type" | "nullable" | "propertyOrdering", _) => continue,
            ("format", Value::String(word)) if word == "enum" => continue,
            ("example", value) => {
                out.insert("examples".into(), json!([value]));
                continue;
            }
            ("properties" | "defs", Value::Object(all)) => {
                all.iter().map(|(name, one)| (name.clone(), converted(one, depth))).collect()
            }
            ("anyOf" | "prefixItems", Value::Array(all)) => {
                all.iter().map(|one| converted(one, depth)).collect()
            }
            ("items" | "additionalProperties", one) => converted(one, depth),
            // Google writes long numbers as text.
            (bound, Value::String(number))
                if bound.starts_with("min") || bound.starts_with("max") =>
            {
                number.parse::<i64>().map_or_else(|_| value.clone(), Value::from)
            }
            (_, value) => value.clone(),
        };
        out.insert(if name == "defs" { "$defs".to_owned() } else { name }, value);
    }
    kind(members, &mut out);
    Value::Object(out)
}

fn kind(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    let nullable = members.get("nullable") == Some(&Value::Bool(true));
    let kind = match members.get("type") {
        Some(Value::String(word)) if word == "TYPE_UNSPECIFIED" => None,
        Some(Value::String(word)) => Some(Value::from(word.to_lowercase())),
        other => other.cloned(),
    };
    match (kind, nullable) {
        (Some(Value::String(word)), true) => {
            out.insert("type".into(), json!([word, "null"]));
        }
        (Some(kind), _) => {
            out.insert("type".into(), kind);
        }
        (None, true) => {
            if let Some(Value::Array(all)) = out.get_mut("anyOf") {
                all.push(json!({"type": "null"}));
            }
        }
        (None, false) => {}
    }
    if nullable && let Some(Value::Array(words)) = out.get_mut("enum") {
        words.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_words_become_jsons() {
        let schema = json!({
        "type": "OBJECT", "propertyOrdering": ["type"], "required": ["type"],
        "properties": {
            "type": {"type": "STRING", "enum": ["a"], "format": "enum", "nullable": true},
            "max_size": {"type": "ARRAY", "minItems": "1", "items": {"any_of": [{"type": "INTEGER"}], "nullable": true}},
        }});
        let want = json!({
        "type": "object", "required": ["type"],
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["a", null]},
            "max_size": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        }});
        assert_eq!(json_schema(&schema), want);
        assert_eq!(json_schema(&want), want, "JSON's own stays as it is");
    }

    #[test]
    fn what_is_too_deep_stays_as_it_is() {
        let mut deep = json!({"type": "STRING"});
        for _ in 0..200 {
            deep = json!({"items": deep});
        }
        assert!(json_schema(&deep).to_string().contains("STRING"));
    }
}
