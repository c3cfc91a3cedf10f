//! The arguments of a call that come in pieces, each with the path of the member it belongs to.

use serde_json::{Map, Value, json};

/// No list of arguments is longer.
const MAX_INDEX: usize = 10_000;
/// No path is deeper.
const MAX_DEPTH: usize = 64;
/// The most that is collected for a call, in bytes.
const MOST: usize = 16 << 20;

/// Arguments as far as they have come.
#[derive(Debug)]
pub(crate) struct Arguments {
    value: Value,
    /// How much more is taken.
    left: usize,
}

impl Arguments {
    pub(crate) fn new() -> Self {
        Self { value: json!({}), left: MOST }
    }

    /// Takes one `PartialArg`. What cannot be placed is left out.
    pub(crate) fn add(&mut self, piece: &Value) {
        let Some(text) = piece["jsonPath"].as_str() else { return };
        let said = piece["stringValue"].as_str();
        if !afford(&mut self.left, text.len() + said.map_or(0, str::len)) {
            return;
        }
        let steps = path(text);
        let Some(place) = steps.and_then(|path| reach(&mut self.value, &path, &mut self.left))
        else {
            return;
        };
        if let Some(text) = said {
            match place {
                Value::String(so_far) => so_far.push_str(text),
                place => *place = text.into(),
            }
        } else if let Some(number) = piece.get("numberValue") {
            *place = number.clone();
        } else if let Some(flag) = piece["boolValue"].as_bool() {
            *place = flag.into();
        } else if piece.get("nullValue").is_some() {
            *place = Value::Null;
        }
    }

    /// The text of the object.
    pub(crate) fn text(&self) -> String {
        self.value.to_string()
    }
}

#[derive(Debug, PartialEq)]
enum Step {
    Member(String),
    Element(usize),
}

/// Takes so much of what is left; whether there was as much.
fn afford(left: &mut usize, bytes: usize) -> bool {
    let rest = left.checked_sub(bytes);
    *left = rest.unwrap_or(0);
    rest.is_some()
}

/// `$.a.b[0]['c d']`.
fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() && steps.len() < MAX_DEPTH {
        let step;
        (step, rest) = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (Step::Member(after[..end].to_owned()), &after[end..])
        } else if let Some(after) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
            let end = after.find(&rest[1..2])?;
            (Step::Member(after[..end].to_owned()), after[end + 1..].strip_prefix(']')?)
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            let index = index.parse().ok().filter(|index| *index < MAX_INDEX)?;
            (Step::Element(index), after)
        };
        steps.push(step);
    }
    (rest.is_empty() && !steps.is_empty()).then_some(steps)
}

/// The place of a path; what is missing on the way is made.
fn reach<'a>(root: &'a mut Value, path: &[Step], left: &mut usize) -> Option<&'a mut Value> {
    let mut place = root;
    for step in path {
        place = match step {
            Step::Member(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut()?.entry(name.as_str()).or_insert(Value::Null)
            }
            Step::Element(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let list = place.as_array_mut()?;
                let more = (index + 1).saturating_sub(list.len());
                if !afford(left, more * size_of::<Value>()) {
                    return None;
                }
                list.resize(list.len() + more, Value::Null);
                list.get_mut(*index)?
            }
        };
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_together() {
        let mut arguments = Arguments::new();
        for piece in [
            json!({"jsonPath": "$.place", "stringValue": "Bos", "willContinue": true}),
            json!({"jsonPath": "$.place", "stringValue": "ton"}),
            json!({"jsonPath": "$.list[1].n", "numberValue": 3}),
            json!({"jsonPath": "$.list[0]", "boolValue": true}),
            json!({"jsonPath": "$['a b'].none", "nullValue": "NULL_VALUE"}),
            json!({"jsonPath": "$.list[4000000000]", "numberValue": 1}),
            json!({"jsonPath": "$.place.deeper", "numberValue": 1}),
            json!({"jsonPath": "$", "numberValue": 1}),
            json!({"jsonPath": "$[", "numberValue": 1}),
            json!({"jsonPath": "$['é", "numberValue": 1}),
            json!({"numberValue": 1}),
        ] {
            arguments.add(&piece);
        }
        let want = r#"{"place":"Boston","list":[true,{"n":3}],"a b":{"none":null}}"#;
        assert_eq!(arguments.text(), want);
    }

    #[test]
    fn there_is_a_bound() {
        let mut arguments = Arguments::new();
        for nth in 0..10_000 {
            arguments.add(&json!({"jsonPath": format!("$.a{nth}[9999]"), "boolValue": true}));
        }
        assert!(arguments.text().len() < MOST, "{}", arguments.text().len());
    }
}
