//! `GET /model/info` and `GET /model_group/info`, as clients of LiteLLM ask for it: what each deployment,
//! and each group, can do and costs.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::Uri;
use pointsman::{
    cost::PriceClass,
    router::Described,
    types::{GroupName, Operation},
};
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

/// All groups, or the one in `model_group`: what the best of their deployments can do, and the
/// highest of their prices, as in LiteLLM.
pub(crate) async fn groups(State(app): State<Arc<App>>, uri: Uri) -> Json<Value> {
    let wanted = uri.query().and_then(|query| address::parameter(query, "model_group"));
    let mut groups: Vec<(GroupName, Vec<Described>)> = Vec::new();
    for one in app.router.described() {
        if wanted.as_deref().is_some_and(|name| name != one.group.as_str()) {
            continue;
        }
        match groups.iter_mut().find(|(name, _)| *name == one.group) {
            Some((_, members)) => members.push(one),
            None => groups.push((one.group.clone(), vec![one])),
        }
    }
    let data: Vec<Value> = groups.iter().map(|(name, members)| group(name, members)).collect();
    Json(json!({"data": data}))
}

fn group(name: &GroupName, members: &[Described]) -> Value {
    let mut of = Map::new();
    let mut providers: Vec<&str> = members.iter().map(|one| one.vendor.as_str()).collect();
    providers.sort_unstable();
    providers.dedup();
    of.insert("model_group".to_owned(), name.as_str().into());
    of.insert("providers".to_owned(), providers.into());
    let most = |of: fn(&Described) -> Option<u64>| members.iter().filter_map(of).max();
    of.insert("max_input_tokens".to_owned(), most(|one| one.info.max_input_tokens).into());
    of.insert("max_output_tokens".to_owned(), most(|one| one.info.max_output_tokens).into());
    of.insert("mode".to_owned(), members.first().map(|one| mode(one.operation)).into());
    let any = |of: fn(&Described) -> Option<bool>| members.iter().any(|one| of(one) == Some(true));
    of.insert("supports_vision".to_owned(), any(|one| one.info.vision).into());
    of.insert("supports_function_calling".to_owned(), any(|one| one.info.tools).into());
    for (name, class) in PRICES {
        let rates = members.iter().filter_map(|one| one.price.as_ref()?.rates().get(class));
        let rate = rates.max().and_then(|rate| serde_json::to_value(money(rate)).ok());
        of.insert(name.to_owned(), rate.unwrap_or(Value::Null));
    }
    of.into()
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
