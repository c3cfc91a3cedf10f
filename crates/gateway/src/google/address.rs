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
            "predict" => (Operation::Predict, false),
            _ => return None,
        };
        Some(Self { model, operation, stream })
    }
}

/// What stands at an address of Vertex AI, behind the version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Published<'a> {
    /// Who publishes the model; nobody does a project's own.
    pub(super) publisher: Option<&'a str>,
    /// What stands behind `models/`; empty: all models.
    pub(super) rest: &'a str,
}

impl<'a> Published<'a> {
    /// Reads `[projects/P/locations/L/][publishers/PUBLISHER/]models[/…]`; whose project it is, and
    /// where, is the deployments' business.
    pub(super) fn read(path: &'a str) -> Option<Self> {
        let path = match path.strip_prefix("projects/") {
            None => path,
            Some(path) => {
                let (_, path) = path.split_once("/locations/")?;
                path.split_once('/')?.1
            }
        };
        let (publisher, path) = match path.strip_prefix("publishers/") {
            None => (None, path),
            Some(path) => path.split_once('/').map(|(publisher, path)| (Some(publisher), path))?,
        };
        let rest = path.strip_prefix("models")?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
        Some(Self { publisher, rest })
    }

    /// The names that a model may be meant by, the likelier first: clients take what stands before
    /// the first slash of a name for its publisher, and `google` for that of any other name.
    pub(super) fn names(&self, model: &str) -> [String; 2] {
        let bare = model.to_owned();
        match self.publisher {
            None => [bare.clone(), bare],
            Some("google") => [bare, format!("google/{model}")],
            Some(publisher) => [format!("{publisher}/{model}"), bare],
        }
    }
}

/// A stream is an array unless events are asked for.
pub(super) fn framing(query: Option<&str>) -> Framing {
    let alt = query.and_then(|query| parameter(query, "alt").or(parameter(query, "$alt")));
    if alt.as_deref() == Some("sse") { Framing::Events } else { Framing::Array { begun: false } }
}

/// Whether a path is one of Google's.
pub(crate) fn is_googles(path: &str) -> bool {
    let below = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if below("/v1beta") || below("/v1beta1") {
        return true;
    }
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let vertex = path.starts_with("/projects/") || path.starts_with("/publishers/");
    vertex || path.starts_with("/models/") && Asked::read(path).is_some()
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
    fn vertex_has_a_publisher_before_the_model() {
        fn read(path: &str) -> Option<(Option<&str>, &str)> {
            Published::read(path).map(|read| (read.publisher, read.rest))
        }
        let google = Some("google");
        for project in ["", "projects/p/locations/us-east1/"] {
            let path = format!("{project}publishers/google/models/m:predict");
            assert_eq!(read(&path), Some((google, "m:predict")), "{path}");
        }
        assert_eq!(read("publishers/google/models"), Some((google, "")));
        assert_eq!(read("projects/p/locations/l/models/a/b:predict"), Some((None, "a/b:predict")));
        for odd in
            ["projects/p", "projects/p/locations/l", "publishers/x", "endpoints/7", "modelsx"]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
        let names = |publisher| Published { publisher, rest: "" }.names("m");
        assert_eq!(names(google), ["m", "google/m"]);
        assert_eq!(names(Some("team")), ["team/m", "m"]);
        assert_eq!(names(None), ["m", "m"]);
    }

    #[test]
    fn googles_paths_are_told() {
        for path in [
            "/v1beta/models",
            "/v1beta/x",
            "/v1/models/a/b:countTokens",
            "/models/m:embedContent",
            "/v1beta1/projects/p/locations/l/publishers/google/models/m:predict",
            "/v1/publishers/google/models",
            "/projects/p",
        ] {
            assert!(is_googles(path), "{path}");
        }
        for path in [
            "/v1/models",
            "/v1/models/m",
            "/models/llama3:8b",
            "/v1betamax",
            "/v1projects/p",
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
