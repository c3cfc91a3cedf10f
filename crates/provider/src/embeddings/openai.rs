//! Embeddings in OpenAI's words, for callers of another dialect.

use pointsman_types::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Embeddings, Vectors};
use crate::{
    chat::{Losses, openai::OpenAiUsage},
    classify_value,
};

/// The body of a call, without the model.
///
/// ```
/// use pointsman_provider::{chat::Losses, embeddings::{Embeddings, openai::write_request}};
/// let asked = Embeddings { texts: vec!["a".into()], dimensions: Some(8), ..Embeddings::default() };
/// let body = write_request(asked, &mut Losses::new("openai", false));
/// assert_eq!(serde_json::json!(body), serde_json::json!({"input": ["a"], "dimensions": 8}));
/// ```
pub fn write_request(asked: Embeddings, losses: &mut Losses) -> Map<String, Value> {
    let mut body = Map::from_iter([("input".to_owned(), json!(asked.texts))]);
    if let Some(dimensions) = asked.dimensions {
        body.insert("dimensions".into(), dimensions.into());
    }
    if let Some(user) = asked.user {
        body.insert("user".into(), user.into());
    }
    losses.unless_none("taskType", &asked.input_type);
    let mut rest = asked.rest;
    for own in ["title", "autoTruncate"] {
        losses.unless_none(own, &rest.shift_remove(own));
    }
    losses.rest(rest, &mut body);
    body
}

/// Reads a list of vectors.
///
/// # Errors
///
/// Kind `Server`, when it is none; what an error within it says.
pub fn read_reply(body: &[u8]) -> Result<Vectors, Error> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<One>,
        model: Option<String>,
        #[serde(default)]
        usage: Value,
    }
    #[derive(Deserialize)]
    struct One {
        embedding: Vec<f64>,
        index: Option<usize>,
    }
    let broken = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(200)
    };
    let list: Result<List, _> = serde_json::from_slice(body);
    let mut list = list.map_err(|error| {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        if said.get("error").is_some_and(|error| !error.is_null()) {
            return classify_value(200, &said);
        }
        broken(&error.to_string())
    })?;
    if list.data.is_empty() {
        return Err(broken("it has no `data`"));
    }
    list.data.sort_by_key(|one| one.index);
    Ok(Vectors {
        vectors: list.data.into_iter().map(|one| one.embedding).collect(),
        model: list.model,
        usage: OpenAiUsage::of(&list.usage).and_then(|usage| usage.normal()),
    })
}
