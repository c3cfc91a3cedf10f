//! Embeddings in Google's words.

use pointsman_provider::{
    chat::Losses,
    embeddings::{Embeddings, Vectors},
    wire::{count, lenient},
};
use pointsman_types::{Error, ErrorKind, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The method and the body at AI Studio.
pub(crate) fn studio(
    asked: Embeddings,
    model: &str,
    losses: &mut Losses,
) -> (&'static str, Map<String, Value>) {
    let (texts, mut settings) = settings(asked, losses);
    if settings.shift_remove("autoTruncate").is_some() {
        losses.lose("auto_truncate");
    }
    let one = |text: String| {
        let mut request = settings.clone();
        request.insert("model".into(), model.into());
        request.insert("content".into(), json!({"parts": [{"text": text}]}));
        request
    };
    let mut requests: Vec<Map<String, Value>> = texts.into_iter().map(one).collect();
    if requests.len() == 1 {
        return ("embedContent", requests.remove(0));
    }
    let body = Map::from_iter([("requests".to_owned(), json!(requests))]);
    ("batchEmbedContents", body)
}

/// The method and the body at Vertex AI.
pub(crate) fn vertex(
    asked: Embeddings,
    model: &str,
    losses: &mut Losses,
) -> (&'static str, Map<String, Value>) {
    let (texts, mut settings) = settings(asked, losses);
    let first = ["gemini-embedding-001", "gemini-embedding-exp"];
    let predicts = texts.len() == 1 && first.iter().any(|first| model.starts_with(first));
    if model.contains("gemini") && !predicts {
        return gemini_at_vertex(texts, &settings);
    }
    let kind = settings.shift_remove("taskType");
    let title = settings.shift_remove("title");
    let one = |text: String| {
        let mut instance = json!({"content": text});
        for (name, value) in [("task_type", &kind), ("title", &title)] {
            if let Some(value) = value {
                instance[name] = value.clone();
            }
        }
        instance
    };
    let instances: Vec<Value> = texts.into_iter().map(one).collect();
    let mut body = Map::from_iter([("instances".to_owned(), json!(instances))]);
    if !settings.is_empty() {
        body.insert("parameters".into(), settings.into());
    }
    ("predict", body)
}

/// Gemini's own models, of which the first also predicts, for a single text.
fn gemini_at_vertex(
    texts: Vec<String>,
    settings: &Map<String, Value>,
) -> (&'static str, Map<String, Value>) {
    let one = |text: String| {
        let content = ("content".to_owned(), json!({"parts": [{"text": text}]}));
        let config = ("embedContentConfig".to_owned(), json!(settings));
        let config = (!settings.is_empty()).then_some(config);
        [content].into_iter().chain(config).collect::<Map<String, Value>>()
    };
    let mut requests: Vec<Map<String, Value>> = texts.into_iter().map(one).collect();
    if requests.len() == 1 {
        return ("embedContent", requests.remove(0));
    }
    ("batchEmbedContents", Map::from_iter([("requests".to_owned(), json!(requests))]))
}

fn settings(asked: Embeddings, losses: &mut Losses) -> (Vec<String>, Map<String, Value>) {
    let mut settings = Map::new();
    if let Some(dimensions) = asked.dimensions {
        settings.insert("outputDimensionality".into(), dimensions.into());
    }
    if let Some(kind) = asked.input_type {
        settings.insert("taskType".into(), task(&kind).into());
    }
    let mut rest = asked.rest;
    for (name, own) in [("task_type", "taskType"), ("auto_truncate", "autoTruncate")] {
        if let Some(value) = rest.shift_remove(name) {
            settings.insert(own.into(), value);
        }
    }
    losses.rest(rest, &mut settings);
    (asked.texts, settings)
}

/// Cohere's words, which LiteLLM passes on; any other is Google's own.
fn task(kind: &str) -> &str {
    match kind {
        "search_document" => "RETRIEVAL_DOCUMENT",
        "search_query" => "RETRIEVAL_QUERY",
        "classification" => "CLASSIFICATION",
        "clustering" => "CLUSTERING",
        other => other,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    embedding: Option<Embedding>,
    embeddings: Vec<Embedding>,
    predictions: Vec<Prediction>,
    #[serde(deserialize_with = "lenient")]
    usage_metadata: Option<Counted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counted {
    #[serde(deserialize_with = "count")]
    prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    total_token_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Prediction {
    embeddings: Embedding,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Embedding {
    values: Vec<f64>,
    statistics: Option<Statistics>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Statistics {
    token_count: Option<f64>,
}

/// Any of Google's answers with vectors.
pub(crate) fn read(body: &[u8]) -> Result<Vectors, Error> {
    let broken = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(200)
    };
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| broken(&error.to_string()))?;
    let predicted = answer.predictions.into_iter().map(|prediction| prediction.embeddings);
    let all: Vec<Embedding> =
        answer.embedding.into_iter().chain(answer.embeddings).chain(predicted).collect();
    if all.is_empty() || all.iter().any(|one| one.values.is_empty()) {
        return Err(broken("it has no vectors"));
    }
    let counted: Option<Vec<u64>> = all.iter().map(tokens).collect();
    let metadata = answer.usage_metadata;
    let total = metadata.and_then(|told| told.prompt_token_count.or(told.total_token_count));
    let total = total.or_else(|| Some(counted?.into_iter().fold(0, u64::saturating_add)));
    let usage = total.map(|input| Usage::text(input, 0));
    let vectors = all.into_iter().map(|one| one.values).collect();
    Ok(Vectors { vectors, model: None, usage })
}

/// A count that Vertex writes as a number with a fraction.
fn tokens(of: &Embedding) -> Option<u64> {
    let count = of.statistics.as_ref()?.token_count?;
    format!("{count:.0}").parse().ok()
}
