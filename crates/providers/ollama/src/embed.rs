//! Embeddings.

use pointsman_provider::{
    chat::Losses,
    embeddings::{Embeddings, Vectors},
};
use pointsman_types::Error;
use serde_json::{Map, Value, json};

use crate::{
    errors::{parsed, unusable},
    options::{put, taken},
    reply::{filled, usage_of},
};

/// The body of a call of `/api/embed`, without `model`.
///
/// # Errors
///
/// Kind `BadRequest`, when `options` is no object.
pub(crate) fn write(
    mut asked: Embeddings,
    losses: &mut Losses,
) -> Result<Map<String, Value>, Error> {
    losses.unless_none("input_type", &asked.input_type);
    let mut body = Map::new();
    body.insert("input".into(), json!(asked.texts));
    if let Some(dimensions) = asked.dimensions {
        body.insert("dimensions".into(), dimensions.into());
    }
    put(taken(&mut asked.rest)?, &mut body);
    losses.rest(asked.rest, &mut body);
    Ok(body)
}

/// Reads an answer of `/api/embed`.
pub(crate) fn read(body: &[u8]) -> Result<Vectors, Error> {
    let body = parsed(body)?;
    let list = body["embeddings"].as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| unusable("it has no `embeddings`"))?;
    let vector = |one: &Value| one.as_array()?.iter().map(Value::as_f64).collect();
    let vectors: Option<Vec<Vec<f64>>> = list.iter().map(vector).collect();
    let vectors = vectors.ok_or_else(|| unusable("a vector cannot be read"))?;
    let model = filled(&body["model"]).map(str::to_owned);
    Ok(Vectors { vectors, model, usage: usage_of(&body) })
}
