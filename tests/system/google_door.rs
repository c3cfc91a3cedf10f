//! Google's own front door: vendors of several dialects behind it.

use pointsman_testkit::{Behaviour, Gateway, Upstream, upstream::Seen};
use serde_json::{Value, json};

use crate::world::{Config, get, post, upstream};

const ASK: &str = "/v1beta/models/team/m:generateContent";
const STREAM: &str = "/v1beta/models/team/m:streamGenerateContent";

/// Gemini, then OpenAI, in a group whose name has a slash.
async fn two() -> (Upstream, Upstream, Gateway) {
    let (gemini, openai) = (upstream("gemini").await, upstream("openai").await);
    gemini.answer_with(|asked, _| google(asked));
    let yaml = format!(
        "  - model_name: team/m\n    litellm_params: {{model: gemini/gemini-x, order: 1, \
         api_base: '{}', api_key: sk-gemini}}\n    model_info: {{id: gemini}}\n",
        gemini.base().trim_end_matches("/v1")
    );
    let config = Config::default()
        .member("team/m", "openai", &openai.base(), ", order: 2, drop_params: true")
        .and(&yaml)
        .and("general_settings: {master_key: sk-gateway}");
    (gemini, openai, config.start().await)
}

fn google(asked: &Seen) -> Behaviour {
    let json = |body: Value| {
        Behaviour::ok().header("content-type", "application/json").body(body.to_string())
    };
    let piece = |text: &str, end: Value| {
        json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": end, "index": 0}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}})
    };
    match asked.path.rsplit(':').next().unwrap_or_default() {
        "countTokens" => json(json!({"totalTokens": 7})),
        "batchEmbedContents" => json(json!({"embeddings": [{"values": [0.5]}, {"values": [1.5]}]})),
        "generateContent" => json(piece("Hello from gemini.", json!("STOP"))),
        _ => Behaviour::ok().sse(
            [piece("Hello from ", Value::Null), piece("gemini.", json!("STOP"))]
                .map(|body| bytes::Bytes::from(format!("data: {body}\r\n\r\n"))),
        ),
    }
}

fn busy() -> Behaviour {
    Behaviour::ok().error(503, "", "", "busy")
}

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "generationConfig": {"maxOutputTokens": 50}, "num_retries": 2})
}

async fn ask(at: &Gateway, path: &str, body: &Value) -> pointsman_testkit::wire::Response {
    post(at, path, &[("x-goog-api-key", "sk-gateway")], body.to_string()).await
}

fn said(pieces: &[Value]) -> String {
    let text = |one: &Value| {
        let parts = one["candidates"][0]["content"]["parts"].as_array().cloned();
        parts
            .into_iter()
            .flatten()
            .filter_map(|part| Some(part["text"].as_str()?.to_owned()))
            .collect::<String>()
    };
    pieces.iter().map(text).collect()
}

#[tokio::test]
async fn each_vendor_answers_in_googles_shape() {
    let (gemini, openai, gateway) = two().await;
    for who in ["gemini", "openai"] {
        let fail = || {
            if who == "openai" {
                gemini.then([busy()]);
            }
        };
        let want = format!("Hello from {who}.");

        fail();
        let whole = ask(&gateway, ASK, &hello()).await;
        assert_eq!(whole.head.header("x-pointsman-deployment"), Some(who), "{}", whole.text());
        assert_eq!(said(&[whole.json()]), want);
        assert_eq!(whole.json()["candidates"][0]["finishReason"], "STOP");
        assert_eq!(whole.json()["usageMetadata"]["totalTokenCount"], 15);

        fail();
        let events = ask(&gateway, &format!("{STREAM}?alt=sse"), &hello()).await;
        assert_eq!(events.head.header("content-type"), Some("text/event-stream"));
        let text = events.text();
        let pieces: Vec<Value> = text
            .split("\r\n\r\n")
            .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
            .collect();
        assert_eq!(said(&pieces), want, "{text}");
        assert_eq!(pieces.last().unwrap()["candidates"][0]["finishReason"], "STOP", "{text}");
        assert_eq!(pieces.last().unwrap()["usageMetadata"]["totalTokenCount"], 15, "{text}");

        fail();
        let array = ask(&gateway, STREAM, &hello()).await;
        assert_eq!(array.head.header("content-type"), Some("application/json"));
        let pieces = array.json();
        assert_eq!(said(pieces.as_array().unwrap()), want, "{pieces}");
    }
    let native = gemini.calls()[0].clone();
    assert_eq!(native.path, "/v1beta/models/gemini-x:generateContent");
    assert_eq!(native.header("x-goog-api-key"), Some("sk-gemini"));
    let body: &str = std::str::from_utf8(&native.body).unwrap();
    assert_eq!(body, hello().to_string().replace(r#","num_retries":2"#, ""), "as it came");
    let theirs = openai.calls()[0].json();
    assert_eq!(theirs["messages"][0]["content"], "Hello");
    // In the words that every server of that dialect knows.
    assert_eq!(theirs["max_tokens"], 50);
}

#[tokio::test]
async fn vectors_and_counts_too() {
    let (gemini, openai, gateway) = two().await;
    let request = |text| json!({"model": "models/team/m", "content": {"parts": [{"text": text}]}});
    let body = json!({"requests": [request("a"), request("b")]});
    let path = "/v1beta/models/team/m:batchEmbedContents";
    let native = ask(&gateway, path, &body).await.json();
    assert_eq!(native["embeddings"][1]["values"], json!([1.5]));
    assert_eq!(gemini.calls()[0].json()["requests"][0]["model"], "models/gemini-x");
    gemini.then([busy()]);
    let theirs = ask(&gateway, path, &body).await.json();
    assert_eq!(theirs["embeddings"].as_array().unwrap().len(), 2, "{theirs}");
    assert!(theirs["embeddings"][0]["values"][0].is_number(), "{theirs}");
    assert_eq!(openai.calls()[0].json()["input"], json!(["a", "b"]));
    let path = "/v1/models/team/m:countTokens";
    assert_eq!(ask(&gateway, path, &hello()).await.json(), json!({"totalTokens": 7}));
    gemini.then([busy()]);
    let counted = ask(&gateway, path, &hello()).await.json();
    assert!(counted["totalTokens"].as_u64().unwrap() > 0, "{counted}");
}

#[tokio::test]
async fn failures_have_googles_shape() {
    let (gemini, openai, gateway) = two().await;
    let error = |answer: &pointsman_testkit::wire::Response| answer.json()["error"].clone();
    let missing = ask(&gateway, "/v1beta/models/none:generateContent", &hello()).await;
    assert_eq!(missing.head.status, 404);
    assert_eq!(error(&missing)["status"], "NOT_FOUND", "{}", missing.text());
    assert_eq!(error(&missing)["code"], 404);
    let odd = ask(&gateway, "/v1/models/team/m:dance", &hello()).await;
    assert_eq!((odd.head.status, error(&odd)["status"].as_str()), (404, Some("NOT_FOUND")));
    let empty = ask(&gateway, "/models/team/m:generateContent", &json!({})).await;
    assert_eq!(
        (empty.head.status, error(&empty)["status"].as_str()),
        (400, Some("INVALID_ARGUMENT"))
    );
    for path in [ASK, "/v1/models/team/m:generateContent?key=wrong"] {
        let denied = post(&gateway, path, &[], hello().to_string()).await;
        assert_eq!(
            (denied.head.status, error(&denied)["status"].as_str()),
            (401, Some("UNAUTHENTICATED"))
        );
    }
    let admitted = post(&gateway, &format!("{ASK}?key=sk-gateway"), &[], hello().to_string()).await;
    assert_eq!(admitted.head.status, 200, "{}", admitted.text());

    openai.always(busy());
    gemini.always(busy());
    let both = ask(&gateway, ASK, &hello()).await;
    assert_eq!(both.head.status, 503, "{}", both.text());
    assert_eq!(error(&both)["status"], "UNAVAILABLE");
    assert!(error(&both)["attempts"].as_array().unwrap().len() > 1, "{}", both.text());
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so() {
    let (gemini, _openai, gateway) = two().await;
    for (query, framed) in [("?alt=sse", false), ("", true)] {
        let piece = json!({"candidates": [{"content": {"parts": [{"text": "Hello"}]}}]});
        let event = bytes::Bytes::from(format!("data: {piece}\r\n\r\n"));
        gemini.then([Behaviour::ok().sse([event])]);
        let answer = ask(&gateway, &format!("{STREAM}{query}"), &hello()).await;
        let text = answer.text();
        let last: Value = if framed {
            answer.json().as_array().unwrap().last().unwrap().clone()
        } else {
            let last = text.trim_end().rsplit("data: ").next().unwrap();
            serde_json::from_str(last).unwrap()
        };
        assert_eq!(last["error"]["status"], "UNAVAILABLE", "{text}");
    }
}

#[tokio::test]
async fn the_models_are_listed() {
    let (_gemini, _openai, gateway) = two().await;
    let list = get(&gateway, "/v1beta/models?key=sk-gateway", &[]).await.json();
    assert_eq!(list["models"][0]["name"], "models/team/m", "{list}");
    let one = get(&gateway, "/v1beta/models/team/m", &[("x-goog-api-key", "sk-gateway")]).await;
    assert_eq!(one.json()["name"], "models/team/m");
    let none = get(&gateway, "/v1beta/models/none?key=sk-gateway", &[]).await;
    assert_eq!(none.json()["error"]["status"], "NOT_FOUND");
    let openais =
        get(&gateway, "/v1/models/team/m", &[("authorization", "Bearer sk-gateway")]).await;
    assert_eq!(openais.json()["object"], "model");
    // The newer of Google's clients ask where OpenAI's do.
    for headers in [[("x-goog-api-key", "sk-gateway")], [("x-goog-api-client", "x")]] {
        let list = get(&gateway, "/v1/models?key=sk-gateway", &headers).await.json();
        assert_eq!(list["models"][0]["name"], "models/team/m", "{list}");
    }
    let anthropics = [("x-api-key", "sk-gateway"), ("anthropic-version", "2023-06-01")];
    let list = get(&gateway, "/v1/models", &anthropics).await.json();
    assert_eq!(
        (list["data"][0]["type"].as_str(), &list["has_more"]),
        (Some("model"), &json!(false))
    );
}

#[tokio::test]
async fn vertexs_addresses_lead_to_the_same_models() {
    let (gemini, openai, gateway) = two().await;
    let model = "/v1beta1/projects/any/locations/us-east1/publishers/team/models/m";
    for root in [model, "/v1/publishers/team/models/m", "/projects/p/locations/l/models/team/m"] {
        let whole = ask(&gateway, &format!("{root}:generateContent"), &hello()).await;
        assert_eq!(said(&[whole.json()]), "Hello from gemini.", "{root}: {}", whole.text());
    }
    let stream = ask(&gateway, &format!("{model}:streamGenerateContent?alt=sse"), &hello()).await;
    assert_eq!(stream.head.header("content-type"), Some("text/event-stream"));
    let counted = ask(&gateway, &format!("{model}:countTokens"), &hello()).await;
    assert_eq!(counted.json(), json!({"totalTokens": 7}));

    let body = json!({"instances": [{"content": "a"}, {"content": "b"}],
        "parameters": {"outputDimensionality": 1}});
    let path = format!("{model}:predict");
    let theirs = ask(&gateway, &path, &body).await.json();
    assert_eq!(theirs["predictions"][1]["embeddings"]["values"], json!([1.5]), "{theirs}");
    let sent = gemini.calls().last().unwrap().clone();
    assert!(sent.path.ends_with("gemini-x:batchEmbedContents"), "{}", sent.path);
    assert_eq!(sent.json()["requests"][0]["outputDimensionality"], 1);
    gemini.then([busy()]);
    let theirs = ask(&gateway, &path, &body).await.json();
    assert_eq!(theirs["predictions"].as_array().unwrap().len(), 2, "{theirs}");
    assert_eq!(openai.calls()[0].json()["input"], json!(["a", "b"]));

    for path in [
        "/v1beta1/projects/p/locations/l/endpoints/7:predict",
        "/v1/publishers/team/models/m:dance",
    ] {
        let none = ask(&gateway, path, &hello()).await;
        assert_eq!(
            (none.head.status, none.json()["error"]["status"].as_str()),
            (404, Some("NOT_FOUND"))
        );
    }
    let all =
        get(&gateway, "/v1beta1/publishers/google/models", &[("x-goog-api-key", "sk-gateway")]);
    let all = all.await.json();
    assert_eq!(all["publisherModels"][0]["name"], "publishers/google/models/team/m", "{all}");
    let denied = post(&gateway, &path, &[], body.to_string()).await;
    assert_eq!(
        (denied.head.status, denied.json()["error"]["status"].as_str()),
        (401, Some("UNAUTHENTICATED"))
    );
}
