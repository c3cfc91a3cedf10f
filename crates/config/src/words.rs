//! What single words and values of a file say.

use crate::tree::{Node, Value};

/// Keys whose `false` asks for something that is not served.
pub(crate) const FALSE_ASKS: [&str; 7] = [
    "ssl_verify",
    "ssl_check_hostname",
    "supports_system_message",
    "background_health_check",
    "discoverable",
    "health_check_details",
    "require_auth_for_metrics_endpoint",
];
/// Whether the value of a key must not be shown: rather one too many.
pub(crate) fn secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let has = |part| key.contains(part);
    ["key", "secret", "password", "credential", "url", "base", "hash", "endpoint", "environment"]
        .into_iter()
        .any(has)
        || (key.ends_with("token") && !has("cost"))
}

/// Whether a shell's variable is in it: `$NAME` alone, or `${NAME…}` anywhere, in capitals.
pub(crate) fn is_shells(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
    };
    let braced = text.split_once("${").and_then(|(_, rest)| rest.split_once('}'));
    let braced = braced.and_then(|(inside, _)| inside.split([':', '-', '?']).next());
    braced.is_some_and(is_name) || text.strip_prefix('$').is_some_and(is_name)
}

/// PyYAML's booleans.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether a node is as good as absent, or says no.
pub(crate) fn is_off(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => entries.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Scalar { .. } if node.is_null() => true,
        Value::Scalar { text, plain } => *plain && boolean(text) == Some(false),
    }
}
