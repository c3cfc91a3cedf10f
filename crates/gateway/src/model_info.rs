//! `GET /model/info`, as clients of LiteLLM ask for it: what each deployment can do and costs.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::Uri;
use pointsman::{cost::PriceClass, router::Described, types::Operation};
use serde_json::{Map, Value, json};

use crate::{app::App, google::address, state::money};

/// All deployments, or the one in `litellm_model_id`.
pub(crate) async fn get(State(app): State<Arc<App>>, uri: Uri) -> Json<Value> {
    let wanted = uri.query().and_then(|query| address::parameter(query, "litellm_model_id"));
    let wanted = |one: &Described| wanted.as_deref().is_none_or(|id| id == one.id.as_str());
    let all = app.router.described();
    let data: Vec<Value> = all.iter().filter(|one| wanted(one)).map(described).collect();
    Json(json!({"data": data}))
}

/// No key, no address: only what is known of the model.
fn described(of: &Described) -> Value {
    let mut info = Map::new();
    let mut set = |name: &str, value: Value| {
        info.insert(name.to_owned(), value);
    };
    set("id", of.id.as_str().into());
    set("db_model", false.into());
    set("key", of.model.as_str().into());
    set("litellm_provider", of.vendor.as_str().into());
    set("mode", mode(of.operation).into());
    set("max_tokens", of.info.max_output_tokens.into());
    set("max_input_tokens", of.info.max_input_tokens.into());
    set("max_output_tokens", of.info.max_output_tokens.into());
    set("supports_vision", of.info.vision.into());
    set("supports_function_calling", of.info.tools.into());
    for (name, class) in PRICES {
        let rate = of.price.as_ref().and_then(|price| price.rates().get(class));
        let rate = rate.and_then(|rate| serde_json::to_value(money(rate)).ok());
        set(name, rate.unwrap_or(Value::Null));
    }
    json!({
        "model_name": of.group.as_str(),
        "litellm_params": {"model": format!("{}/{}", of.vendor, of.model)},
        "model_info": info,
    })
}

/// LiteLLM's names of the prices that its clients show.
const PRICES: [(&str, PriceClass); 4] = [
    ("input_cost_per_token", PriceClass::Input),
    ("output_cost_per_token", PriceClass::Output),
    ("cache_read_input_token_cost", PriceClass::CacheRead),
    ("cache_creation_input_token_cost", PriceClass::CacheWrite),
];

/// LiteLLM's word for what a model is for.
fn mode(of: Operation) -> &'static str {
    match of {
        Operation::Completions => "completion",
        Operation::Embeddings => "embedding",
        Operation::Responses => "responses",
        Operation::Images => "image_generation",
        Operation::Speech => "audio_speech",
        Operation::Transcription => "audio_transcription",
        Operation::Rerank => "rerank",
        Operation::Moderations => "moderation",
        _ => "chat",
    }
}
