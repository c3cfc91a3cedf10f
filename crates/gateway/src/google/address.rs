//! What Google's addresses say: the model, what is asked of it, and how it is answered.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use pointsman::types::Operation;

use crate::respond::Framing;

/// What is asked for behind `models/`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) operation: Operation,
    pub(super) stream: bool,
}

impl<'a> Asked<'a> {
    /// Reads `MODEL:METHOD`; a model's name may have slashes and colons.
    pub(super) fn read(rest: &'a str) -> Option<Self> {
        let (model, method) = rest.rsplit_once(':').filter(|(model, _)| !model.is_empty())?;
        let (operation, stream) = match method {
            "generateContent" => (Operation::GenerateContent, false),
            "streamGenerateContent" => (Operation::GenerateContent, true),
            "countTokens" => (Operation::CountContents, false),
            "embedContent" => (Operation::EmbedContent, false),
            "batchEmbedContents" => (Operation::BatchEmbedContents, false),
            _ => return None,
        };
        Some(Self { model, operation, stream })
    }
}

/// A stream is an array unless events are asked for.
pub(super) fn framing(query: Option<&str>) -> Framing {
    let alt = query.and_then(|query| parameter(query, "alt").or(parameter(query, "$alt")));
    if alt.as_deref() == Some("sse") { Framing::Events } else { Framing::Array { begun: false } }
}

/// Whether a path is one of Google's.
pub(crate) fn is_googles(path: &str) -> bool {
    if path == "/v1beta" || path.starts_with("/v1beta/") {
        return true;
    }
    let path = path.strip_prefix("/v1").unwrap_or(path);
    path.starts_with("/models/") && Asked::read(path).is_some()
}

/// Whether a path is one of Google's, or one that it shares with others.
pub(crate) fn may_be_googles(path: &str) -> bool {
    let bare = path.strip_prefix("/v1").unwrap_or(path);
    is_googles(path) || bare == "/models" || bare.starts_with("/models/")
}

/// A parameter of a query.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    percent_decode_str(value).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_may_have_anything_in_it() {
        let asked = |rest| Asked::read(rest).map(|asked| (asked.model, asked.stream));
        assert_eq!(asked("m:generateContent"), Some(("m", false)));
        assert_eq!(asked("team/qwen:8b:streamGenerateContent"), Some(("team/qwen:8b", true)));
        assert_eq!(asked("team/qwen:8b"), None);
        assert_eq!(asked(":generateContent"), None);
        assert_eq!(asked("m"), None);
    }

    #[test]
    fn googles_paths_are_told() {
        for path in
            ["/v1beta/models", "/v1beta/x", "/v1/models/a/b:countTokens", "/models/m:embedContent"]
        {
            assert!(is_googles(path), "{path}");
        }
        for path in [
            "/v1/models",
            "/v1/models/m",
            "/models/llama3:8b",
            "/v1betamax",
            "/v1/chat/completions",
        ] {
            assert!(!is_googles(path), "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(parameter("alt=sse&key=a%2Bb", "key").as_deref(), Some("a+b"));
        assert_eq!(parameter("monkey=1", "key"), None);
        assert_eq!(framing(Some("key=1&alt=sse")), Framing::Events);
        assert_eq!(framing(Some("alt=json")), Framing::Array { begun: false });
    }
}
