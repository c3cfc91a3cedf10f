//! Azure's addresses, which name the model: `/openai/deployments/MODEL/chat/completions`.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
};
use http::Uri;
use pointsman::types::Operation;

use crate::{app::App, operate::operate, routes};

/// What can be asked there; `chat/completions` before `completions`, which it ends in.
const OPERATIONS: [Operation; 6] = [
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Images,
    Operation::Speech,
    Operation::Transcription,
];

/// One call; the model in its address wins over one in its body.
pub(crate) async fn at(
    State(app): State<Arc<App>>,
    rest: Result<Path<String>, PathRejection>,
    uri: Uri,
    request: Request,
) -> Response {
    let asked = rest.as_ref().ok().and_then(|Path(rest)| asked(rest));
    let Some((model, operation)) = asked else { return routes::unknown(uri).await };
    operate(&app, operation, Some(model), request).await
}

/// The model and what it is asked; a model's name may have slashes.
fn asked(rest: &str) -> Option<(&str, Operation)> {
    OPERATIONS.into_iter().find_map(|operation| {
        let model = rest.strip_suffix(operation.path())?.strip_suffix('/')?;
        (!model.is_empty()).then_some((model, operation))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_may_have_slashes() {
        assert_eq!(asked("m/chat/completions"), Some(("m", Operation::Chat)));
        assert_eq!(asked("a/b/completions"), Some(("a/b", Operation::Completions)));
        assert_eq!(asked("chat/completions"), Some(("chat", Operation::Completions)));
        assert_eq!(asked("w/audio/transcriptions"), Some(("w", Operation::Transcription)));
        for nothing in ["/completions", "m", "m/", "", "m/responses"] {
            assert_eq!(asked(nothing).map(|(model, _)| model), None, "{nothing}");
        }
    }
}
