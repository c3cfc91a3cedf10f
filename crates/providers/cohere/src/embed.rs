//! Embeddings.

use base64::{Engine, prelude::BASE64_STANDARD};
use pointsman_provider::{
    chat::Losses,
    embeddings::{Embeddings, Vectors},
};
use pointsman_types::Error;
use serde_json::{Map, Value, json};

use crate::{errors::unusable, usage::usage_of};

/// What vectors are for where nobody says it, as in LiteLLM: Cohere wants to know.
const INPUT_TYPE: &str = "search_document";

/// The body of a call of `/v2/embed`, without `model`.
///
/// As in LiteLLM, an input that is the `data:` address of a picture is the picture.
pub(crate) fn write(asked: Embeddings, losses: &mut Losses) -> Map<String, Value> {
    let mut body = Map::new();
    let images = asked.texts.iter().filter(|text| is_image(text)).count();
    let all_images = images == asked.texts.len();
    let purpose = asked.input_type.as_deref();
    let purpose = purpose.unwrap_or(if all_images { "image" } else { INPUT_TYPE });
    body.insert("input_type".into(), purpose.into());
    let (name, input) = match images {
        0 => ("texts", json!(asked.texts)),
        _ if all_images => ("images", json!(asked.texts)),
        _ => ("inputs", asked.texts.iter().map(|text| mixed(text)).collect()),
    };
    body.insert(name.into(), input);
    if let Some(dimensions) = asked.dimensions {
        body.insert("output_dimension".into(), dimensions.into());
    }
    // The shape that is answered has room for one vector for each input.
    let types = asked.rest.get("embedding_types").and_then(Value::as_array);
    if types.is_some_and(|types| types.len() > 1) {
        losses.lose("embedding_types");
    }
    losses.rest(asked.rest, &mut body);
    let one = body.get("embedding_types").and_then(|types| types.get(0)).cloned();
    body.insert("embedding_types".into(), json!([one.unwrap_or_else(|| "float".into())]));
    body
}

fn is_image(text: &str) -> bool {
    text.starts_with("data:image/")
}

fn mixed(text: &str) -> Value {
    let part = if is_image(text) {
        json!({"type": "image_url", "image_url": {"url": text}})
    } else {
        json!({"type": "text", "text": text})
    };
    json!({"content": [part]})
}

/// Reads an answer of `/v2/embed`.
pub(crate) fn read(body: &[u8]) -> Result<Vectors, Error> {
    let body: Value = serde_json::from_slice(body).map_err(|error| unusable(&error.to_string()))?;
    let by_type = body["embeddings"].as_object().and_then(|by_type| by_type.values().next());
    let list = by_type.unwrap_or(&body["embeddings"]).as_array();
    let list = list.filter(|list| !list.is_empty()).ok_or_else(|| unusable("it has no vectors"))?;
    let vectors: Option<Vec<Vec<f64>>> = list.iter().map(vector_of).collect();
    let vectors = vectors.ok_or_else(|| unusable("a vector cannot be read"))?;
    Ok(Vectors { vectors, model: None, usage: usage_of(&body["meta"]) })
}

/// Numbers, or Base64 of little-endian floats.
fn vector_of(value: &Value) -> Option<Vec<f64>> {
    if let Some(text) = value.as_str() {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        let (floats, rest) = bytes.as_chunks::<4>();
        let floats = floats.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect();
        return rest.is_empty().then_some(floats);
    }
    value.as_array()?.iter().map(Value::as_f64).collect()
}
