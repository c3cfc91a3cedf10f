//! Embeddings through InvokeModel: Titan, Nova, Cohere.

use http::HeaderMap;
use pointsman_provider::{
    chat::Losses,
    embeddings::{Embeddings, Vectors},
};
use pointsman_types::{Error, ErrorKind, Usage};
use serde_json::{Map, Value, json};

use crate::family::Family;

/// Whether it is a model that embeds, as far as its id tells.
pub(crate) fn embeds(model: &str) -> bool {
    let family = Family::of(model);
    let known = matches!(family, Family::Titan | Family::Nova | Family::Cohere);
    known && (model.contains("embed") || model.starts_with("titan/arn:"))
}

/// The most texts that a model embeds in a call.
pub(crate) fn most(model: &str) -> usize {
    if Family::of(model) == Family::Cohere { 96 } else { 1 }
}

/// The body for a model that embeds. What cannot be said goes to `losses`.
///
/// # Errors
///
/// Kind `Unsupported`, when there are more texts than the model takes in a call.
pub(crate) fn write(
    asked: Embeddings,
    model: &str,
    losses: &mut Losses,
) -> Result<Map<String, Value>, Error> {
    let family = Family::of(model);
    let mut body = Map::new();
    if family == Family::Cohere {
        body.insert("texts".into(), asked.texts.into());
        let kind = asked.input_type.unwrap_or_else(|| "search_document".to_owned());
        body.insert("input_type".into(), kind.into());
        match asked.dimensions {
            Some(wanted) if model.contains("v4") => {
                body.insert("output_dimension".into(), wanted.into());
            }
            wanted => losses.unless_none("dimensions", &wanted),
        }
        losses.rest(asked.rest, &mut body);
        return Ok(body);
    }
    let mut texts = asked.texts.into_iter();
    let (Some(text), None) = (texts.next(), texts.next()) else {
        let message = format!("`{model}` embeds one text in a call");
        return Err(Error::new(ErrorKind::Unsupported, message).with_param("input"));
    };
    if family == Family::Nova {
        let purpose = asked.input_type.unwrap_or_else(|| "GENERIC_INDEX".to_owned());
        let mut params = json!({
            "embeddingPurpose": purpose,
            "text": {"truncationMode": "NONE", "value": text},
        });
        if let Some(wanted) = asked.dimensions {
            params["embeddingDimension"] = wanted.into();
        }
        body.insert("taskType".into(), "SINGLE_EMBEDDING".into());
        body.insert("singleEmbeddingParams".into(), params);
        losses.rest(asked.rest, &mut body);
        return Ok(body);
    }
    losses.unless_none("input_type", &asked.input_type);
    body.insert("inputText".into(), text.into());
    if let Some(wanted) = asked.dimensions {
        if model.contains("titan-embed-image") {
            body.insert("embeddingConfig".into(), json!({"outputEmbeddingLength": wanted}));
        } else if model.contains("titan-embed-text-v1") || model.contains("titan-embed-g1") {
            losses.lose("dimensions");
        } else {
            body.insert("dimensions".into(), wanted.into());
        }
    }
    losses.rest(asked.rest, &mut body);
    Ok(body)
}

/// Reads the vectors of any of them.
///
/// # Errors
///
/// Kind `Server`, when there are none.
pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vectors, Error> {
    let broken = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(200)
    };
    let value: Value = serde_json::from_slice(body).map_err(|error| broken(&error.to_string()))?;
    let all = &value["embeddings"];
    let list: Vec<&Value> = if value["embedding"].is_array() {
        vec![&value["embedding"]]
    } else if let Some(by_type) = all.as_object() {
        by_type.get("float").and_then(Value::as_array).into_iter().flatten().collect()
    } else {
        all.as_array().into_iter().flatten().map(vector).collect()
    };
    let numbers = |vector: &Value| -> Option<Vec<f64>> {
        vector.as_array()?.iter().map(Value::as_f64).collect()
    };
    let vectors: Option<Vec<Vec<f64>>> = list.into_iter().map(numbers).collect();
    let vectors = vectors.filter(|vectors| !vectors.is_empty());
    let counted = headers.get("x-amzn-bedrock-input-token-count");
    let counted = counted.and_then(|count| count.to_str().ok()?.parse().ok());
    let tokens = value["inputTextTokenCount"].as_u64().or(counted);
    Ok(Vectors {
        vectors: vectors.ok_or_else(|| broken("it has no vectors of numbers"))?,
        model: None,
        usage: tokens.map(|tokens| Usage::text(tokens, 0)),
    })
}

/// Nova's are objects with an `embedding`.
fn vector(one: &Value) -> &Value {
    if one.is_object() { &one["embedding"] } else { one }
}
