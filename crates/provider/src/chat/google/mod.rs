//! Google's dialect, for callers that speak it; Gemini and Vertex AI are passed through.
//!
//! Google writes seals in Base64, and its clients refuse anything else: another vendor's seal is
//! wrapped, and unwrapped when it comes back.

mod config;
mod parts;
mod read;
mod schema;
mod write;
mod writer;

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};

use super::Fields;
use crate::BodyFault;

pub(crate) use read::read;
pub(crate) use write::write_reply;
pub(crate) use writer::AnswerWriter;

/// Marks another vendor's seal that is no Base64.
const SEAL: &[u8] = b"pointsman.seal.";
/// Marks a thought that its vendor alone can read.
const HIDDEN: &[u8] = b"pointsman.hidden.";

/// With or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Google reads its members in two spellings; here they have one.
pub(crate) fn open(value: serde_json::Value, at: String) -> Result<Fields, BodyFault> {
    let serde_json::Value::Object(members) = value else { return Fields::at(value, at) };
    let members = members.into_iter().map(|(name, value)| (camel(&name), value)).collect();
    Fields::at(serde_json::Value::Object(members), at)
}

pub(crate) fn object(of: &mut Fields, name: &str) -> Result<Option<Fields>, BodyFault> {
    let at = of.path(name);
    of.value(name).map(|value| open(value, at)).transpose()
}

/// A list; Google takes its only entry for it.
fn several(of: &mut Fields, name: &str) -> Result<Vec<serde_json::Value>, BodyFault> {
    match of.peek(name) {
        Some(serde_json::Value::Object(_)) => Ok(of.value(name).into_iter().collect()),
        _ => of.list(name),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.trim_start_matches('_').split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// A seal as Google's clients take it.
fn sealed(signature: Option<&str>, hidden: Option<&str>) -> Option<String> {
    match (signature, hidden) {
        (_, Some(data)) => Some(BASE64_STANDARD.encode([HIDDEN, data.as_bytes()].concat())),
        (Some(seal), None) if BASE64_STANDARD.decode(seal).is_ok() => Some(seal.to_owned()),
        (Some(seal), None) => Some(BASE64_STANDARD.encode([SEAL, seal.as_bytes()].concat())),
        (None, None) => None,
    }
}

/// The seal, or the hidden thought, behind what [`sealed`] or Google wrote.
fn unsealed(text: String) -> (Option<String>, Option<String>) {
    // Google's clients write Base64 for addresses.
    let plain = text.replace('-', "+").replace('_', "/");
    let Ok(bytes) = LENIENT.decode(&plain) else { return (Some(text), None) };
    let behind = |mark: &[u8]| {
        let rest = bytes.strip_prefix(mark)?;
        String::from_utf8(rest.to_vec()).ok()
    };
    if let Some(hidden) = behind(HIDDEN) {
        return (None, Some(hidden));
    }
    (Some(behind(SEAL).unwrap_or_else(|| BASE64_STANDARD.encode(&bytes))), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_two() {
        for (name, want) in [
            ("system_instruction", "systemInstruction"),
            ("contents", "contents"),
            ("inlineData", "inlineData"),
            ("_responseJsonSchema", "responseJsonSchema"),
            ("a__b_", "aB"),
        ] {
            assert_eq!(camel(name), want);
        }
    }

    #[test]
    fn seals_come_back_as_they_went() {
        for seal in ["AAAA", "not base64!", "", "pointsman"] {
            let told = sealed(Some(seal), None).unwrap();
            assert!(BASE64_STANDARD.decode(&told).is_ok(), "{told}");
            assert_eq!(unsealed(told.clone()), (Some(seal.to_owned()), None));
            let addressed = told.replace('+', "-").replace('/', "_");
            assert_eq!(unsealed(addressed), (Some(seal.to_owned()), None));
        }
        let told = sealed(None, Some("h?h")).unwrap();
        assert_eq!(unsealed(told), (None, Some("h?h".to_owned())));
        assert_eq!(unsealed("skip!".into()).0.as_deref(), Some("skip!"));
    }
}
