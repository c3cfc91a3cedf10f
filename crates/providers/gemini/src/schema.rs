//! JSON schemas in the subset of OpenAPI that older models take.

use std::cell::Cell;

use serde_json::{Map, Value, json};

/// No schema is nested deeper, and no reference unrolled further.
const MAX_DEPTH: usize = 24;
/// No schema has more parts once its references are unrolled.
const MAX_PARTS: usize = 4_096;

/// The members that mean the same in both.
const SAME: [&str; 16] = [
    "description",
    "title",
    "format",
    "enum",
    "default",
    "example",
    "required",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "minProperties",
    "maxProperties",
];

/// The schema in OpenAPI's words: references resolved, types as constants, properties in order.
/// What the subset has no word for is left out: it would be refused.
pub(crate) fn open_api(schema: &Value) -> Value {
    let definitions = schema.get("$defs").or_else(|| schema.get("definitions"));
    let of = Definitions { all: definitions.unwrap_or(&Value::Null), parts: Cell::new(MAX_PARTS) };
    converted(schema, &of, MAX_DEPTH)
}

struct Definitions<'a> {
    all: &'a Value,
    /// How many parts may still be written.
    parts: Cell<usize>,
}

/// A part; what is too much is any object.
fn converted(schema: &Value, definitions: &Definitions<'_>, depth: usize) -> Value {
    let left = definitions.parts.get().checked_sub(1);
    let (Some(members), Some(depth), Some(left)) = (schema.as_object(), depth.checked_sub(1), left)
    else {
        return json!({"type": "OBJECT"});
    };
    definitions.parts.set(left);
    let inner = |schema: &Value| converted(schema, definitions, depth);
    if let Some(name) = members.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or(name);
        return inner(definitions.all.get(name).unwrap_or(&Value::Null));
    }
    let mut out = Map::new();
    for name in SAME {
        if let Some(value) = members.get(name) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(constant) = members.get("const") {
        out.insert("enum".into(), json!([constant]));
    }
    let options =
        ["anyOf", "oneOf", "allOf"].iter().find_map(|name| members.get(*name)?.as_array());
    if let Some(options) = options {
        any_of(options, &inner, &mut out);
    }
    types(members.get("type"), &mut out);
    if let Some(properties) = members.get("properties").and_then(Value::as_object) {
        let order: Vec<&String> = properties.keys().collect();
        out.insert("propertyOrdering".into(), json!(order));
        let properties = properties.iter().map(|(name, value)| (name.clone(), inner(value)));
        out.insert("properties".into(), Value::Object(properties.collect()));
    }
    if let Some(items) = members.get("items") {
        out.insert("items".into(), inner(items));
    }
    choices(&mut out);
    out.into()
}

/// A list of types is one of them, or none at all.
fn types(kind: Option<&Value>, out: &mut Map<String, Value>) {
    let named: Vec<&str> = match kind {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if named.contains(&"null") {
        out.insert("nullable".into(), true.into());
    }
    let real: Vec<String> =
        named.iter().filter(|name| **name != "null").map(|name| name.to_uppercase()).collect();
    match &real[..] {
        [] => {}
        [one] => {
            out.insert("type".into(), one.as_str().into());
        }
        several => {
            let each = several.iter().map(|name| json!({"type": name}));
            out.insert("anyOf".into(), each.collect());
        }
    }
}

fn any_of(options: &[Value], inner: &dyn Fn(&Value) -> Value, out: &mut Map<String, Value>) {
    let is_null = |option: &&Value| option.get("type").is_some_and(|kind| kind == "null");
    if options.iter().any(|option| is_null(&option)) {
        out.insert("nullable".into(), true.into());
    }
    let mut real: Vec<Value> =
        options.iter().filter(|option| !is_null(option)).map(inner).collect();
    match (real.pop(), real.is_empty()) {
        // One real option is the schema itself.
        (Some(Value::Object(one)), true) => out.extend(one),
        (Some(last), _) => {
            real.push(last);
            out.insert("anyOf".into(), real.into());
        }
        (None, _) => {}
    }
}

/// Choices are texts.
fn choices(out: &mut Map<String, Value>) {
    let Some(Value::Array(list)) = out.get_mut("enum") else { return };
    for choice in list.iter_mut() {
        if !choice.is_string() {
            *choice = choice.to_string().into();
        }
    }
    out.insert("type".into(), "STRING".into());
    if out.get("format").is_none() {
        out.insert("format".into(), "enum".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_types_and_options() {
        let schema = json!({
            "$schema": "x", "$defs": {"Leaf": {"type": "string", "const": "a"}}, "type": "object",
            "additionalProperties": false, "required": ["leaf"],
            "properties": {
                "leaf": {"$ref": "#/$defs/Leaf"},
                "maybe": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
                "both": {"type": ["string", "number"]},
                "list": {"type": "array", "items": {"type": ["boolean", "null"]}}}});
        assert_eq!(
            open_api(&schema),
            json!({
                "type": "OBJECT", "required": ["leaf"],
                "propertyOrdering": ["leaf", "maybe", "both", "list"],
                "properties": {
                    "leaf": {"type": "STRING", "enum": ["a"], "format": "enum"},
                    "maybe": {"type": "INTEGER", "minimum": 0, "nullable": true},
                    "both": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]},
                    "list": {"type": "ARRAY", "items": {"type": "BOOLEAN", "nullable": true}}}})
        );
    }

    #[test]
    fn a_schema_of_itself_ends() {
        let schema = json!({"$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}},
            "$ref": "#/$defs/A"});
        assert!(open_api(&schema).to_string().len() < 4_000);
        let each: Map<String, Value> =
            (0..10).map(|n| (n.to_string(), json!({"$ref": "#/$defs/A"}))).collect();
        let many = json!({"$defs": {"A": {"properties": each}}, "$ref": "#/$defs/A"});
        assert!(open_api(&many).to_string().len() < 1 << 20);
        assert_eq!(open_api(&json!({"$ref": "#/$defs/none"})), json!({"type": "OBJECT"}));
    }
}
