//! What the tests share: a gateway in front of upstreams, and calls to it.

use std::{fmt::Write, path::Path, time::Duration};

use pointsman_testkit::{Gateway, Upstream, Wire, wire::Response};
use serde_json::{Value, json};

use crate::POINTSMAN;

/// How long anything may take that takes no time: only a failure waits for it.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);
pub(crate) const CHAT: &str = "/v1/chat/completions";

/// A configuration that is built up.
#[derive(Default)]
pub(crate) struct Config {
    models: String,
    rest: String,
}

impl Config {
    /// A deployment of the group `m`, with the upstream's name as its id and `sk-NAME` as its key.
    pub(crate) fn deployment(self, of: &Upstream) -> Self {
        self.tuned(of, "")
    }

    /// The same with more in `litellm_params`: `, rpm: 3`.
    pub(crate) fn tuned(self, of: &Upstream, params: &str) -> Self {
        self.member("m", of.name(), &of.base(), params)
    }

    /// A deployment of any group, anywhere.
    pub(crate) fn member(mut self, group: &str, id: &str, base: &str, params: &str) -> Self {
        // Writing to a string does not fail.
        let _ = write!(
            self.models,
            "  - model_name: {group}\n    litellm_params: {{model: openai/theirs-{id}, \
             api_base: '{base}', api_key: sk-{id}{params}}}\n    model_info: {{id: {id}}}\n"
        );
        self
    }

    /// A deployment of the group `m` of any vendor.
    pub(crate) fn vendor(mut self, model: &str, id: &str, base: &str, params: &str) -> Self {
        // Writing to a string does not fail.
        let _ = write!(
            self.models,
            "  - model_name: m\n    litellm_params: {{model: {model}, api_base: '{base}', \
             api_key: sk-{id}{params}}}\n    model_info: {{id: {id}}}\n"
        );
        self
    }

    /// Another section.
    pub(crate) fn and(mut self, section: &str) -> Self {
        self.rest.push_str(section);
        self.rest.push('\n');
        self
    }

    pub(crate) fn text(&self) -> String {
        format!("model_list:\n{}{}", self.models, self.rest)
    }

    pub(crate) async fn start(&self) -> Gateway {
        Gateway::start(Path::new(POINTSMAN), &self.text(), &[]).await.unwrap()
    }
}

pub(crate) async fn upstream(name: &str) -> Upstream {
    Upstream::start(name).await.unwrap()
}

pub(crate) async fn connect(to: &Gateway) -> Wire {
    Wire::connect(to.address(), WITHIN).await.unwrap()
}

/// A chat call of the group `m`, on a connection of its own.
pub(crate) async fn chat(to: &Gateway) -> Response {
    ask(to, &hello(false)).await
}

/// The body of a chat call of the group `m`.
pub(crate) fn hello(stream: bool) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": stream})
}

/// A chat call with this body.
pub(crate) async fn ask(to: &Gateway, body: &Value) -> Response {
    post(to, CHAT, &[], body.to_string()).await
}

pub(crate) async fn post(
    to: &Gateway,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response {
    let mut wire = connect(to).await;
    wire.post(path, headers, body, WITHIN).await.unwrap();
    wire.response(WITHIN).await.unwrap()
}

pub(crate) async fn get(to: &Gateway, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut wire = connect(to).await;
    wire.get(path, headers, WITHIN).await.unwrap();
    wire.response(WITHIN).await.unwrap()
}

/// How a deployment stands, from `GET /router/state`.
pub(crate) async fn standing(at: &Gateway, id: &str) -> Value {
    let state = get(at, "/router/state", &[]).await.json();
    let groups = state["groups"].as_object().unwrap();
    let mut members = groups.values().flat_map(|members| members.as_array().unwrap());
    members.find(|member| member["id"] == id).cloned().unwrap_or_default()
}

/// The events of a streamed body: what is behind each `data: `.
pub(crate) fn events(body: &str) -> Vec<&str> {
    body.split("\n\n").filter_map(|event| event.trim().strip_prefix("data: ")).collect()
}

/// What a streamed chat answer says.
pub(crate) fn text(events: &[&str]) -> String {
    let deltas = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    deltas
        .filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect()
}

/// So many calls at once, each on a connection of its own; the answers in any order.
pub(crate) async fn burst(to: &Gateway, calls: usize, body: &Value) -> Vec<Response> {
    burst_with(to, calls, &[], body).await
}

/// The same with headers.
pub(crate) async fn burst_with(
    to: &Gateway,
    calls: usize,
    headers: &[(&str, &str)],
    body: &Value,
) -> Vec<Response> {
    let body = body.to_string();
    let calls = (0..calls).map(|_| post(to, CHAT, headers, &body));
    futures_util::future::join_all(calls).await
}

/// How many of the answers have this status.
pub(crate) fn with_status(status: u16, among: &[Response]) -> usize {
    among.iter().filter(|one| one.head.status == status).count()
}

/// A chat call that is estimated as 10 tokens of prompt and 5 of answer.
pub(crate) fn small() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hello world!"}], "max_tokens": 5})
}

/// Prices by which [`small`] costs $0.002: 10 tokens and 5 tokens.
pub(crate) const PRICED: &str = ", input_cost_per_token: 0.0001, output_cost_per_token: 0.0002";

/// How a shared account stands, from `GET /router/state`.
pub(crate) async fn account(at: &Gateway, name: &str, headers: &[(&str, &str)]) -> Value {
    get(at, "/router/state", headers).await.json()["accounts"][name].clone()
}
