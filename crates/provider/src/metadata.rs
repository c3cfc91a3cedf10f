//! What of a request's `metadata` is the router's own.

use crate::{BodyFault, Envelope};

/// The members of `metadata` that route, and how their values begin. No vendor has them: OpenAI
/// refuses a list there, Anthropic any name but its own.
const OWN: [(&str, u8); 2] = [("tags", b'['), ("session_id", b'"')];

/// The body without the members of its `metadata` that were read here; nothing else changes, and a
/// `metadata` that held nothing else is gone.
pub(crate) fn without_own(body: Envelope) -> Result<Envelope, BodyFault> {
    let Some(raw) = body.raw("metadata").filter(|raw| raw.starts_with('{')) else {
        return Ok(body);
    };
    let Ok(metadata) = Envelope::parse(raw.to_owned().into()) else { return Ok(body) };
    let is_own = |(name, first): &(&str, u8)| metadata.first_byte(name) == Some(*first);
    let own: Vec<&str> = OWN.into_iter().filter(is_own).map(|(name, _)| name).collect();
    if own.is_empty() {
        return Ok(body);
    }
    let left = metadata.edited(&[], &own, &[]).to_bytes();
    let is_empty = left.iter().all(|byte| b"{} \t\r\n".contains(byte));
    let edited = if is_empty {
        body.edited(&[], &["metadata"], &[])
    } else {
        body.edited(&[("metadata", left)], &[], &[])
    };
    Envelope::parse(edited.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_routes_is_taken_out_and_nothing_else_is_touched() {
        for (body, left) in [
            (r#"{"a": 1, "metadata": {"tags": ["x"], "k" : 1.0e2}}"#, Some(r#""k" : 1.0e2"#)),
            (r#"{"metadata": {"tags": [], "session_id": "s"}, "a": 1}"#, None),
            (r#"{"metadata": {"tags": "x", "session_id": 5}}"#, Some(r#""tags": "x""#)),
            (r#"{"metadata": {"user_id": "u"}}"#, Some(r#"{"user_id": "u"}"#)),
            (r#"{"metadata": {}}"#, Some("{}")),
            (r#"{"metadata": "free"}"#, Some("free")),
            (r#"{"a": 1}"#, None),
        ] {
            let cut = without_own(Envelope::parse(body.into()).unwrap()).unwrap();
            match left {
                Some(left) => assert!(cut.raw("metadata").unwrap().contains(left), "{body}"),
                None => assert!(!cut.has("metadata"), "{body}"),
            }
            let text = std::str::from_utf8(cut.bytes()).unwrap();
            assert!(!text.contains(r#""tags": ["#) && !text.contains(r#""s""#), "{text}");
        }
    }
}
