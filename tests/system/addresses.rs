//! Addresses and headers as clients really send them.

use pointsman_testkit::{Gateway, wire::Response};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, WITHIN, connect, get, hello, post, upstream};

async fn raw(to: &Gateway, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{}", lines.collect::<String>());
    let mut wire = connect(to).await;
    wire.send(format!("{head}\r\n"), WITHIN).await.unwrap();
    wire.response(WITHIN).await.unwrap()
}

/// The code of an error, wherever the dialect has it.
fn code(of: &Response) -> String {
    let body = of.json();
    let code = body["error"]["code"].as_str().or(body["error"]["status"].as_str());
    code.or(body["error"]["type"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn azures_addresses_name_the_model() {
    let a = upstream("a").await;
    let config = Config::default().deployment(&a).member("team/gpt 4", "b", &a.base(), "");
    let gateway = config.start().await;
    let hello = json!({"messages": [{"role": "user", "content": "Hello"}]}).to_string();
    for path in [
        "/openai/deployments/m/chat/completions?api-version=2024-10-21",
        "/openai/deployments/team%2Fgpt%204/chat/completions",
        "/openai/deployments/team/gpt%204/chat/completions",
        "/engines/m/chat/completions",
    ] {
        let response = post(&gateway, path, &[("api-key", "k")], hello.clone()).await;
        assert_eq!(response.head.status, 200, "{path}: {}", response.text());
    }
    // The address wins, as in LiteLLM.
    let other = json!({"model": "nobody", "input": "x"}).to_string();
    let path = "/openai/deployments/m/embeddings";
    assert_eq!(post(&gateway, path, &[], other).await.head.status, 200);
    assert_eq!(a.calls().last().unwrap().json()["model"], "theirs-a");
    for path in ["/openai/v1/chat/completions", "/openai/v1/responses", "/openai/responses"] {
        let body = json!({"model": "m", "input": "x", "messages": []}).to_string();
        assert_eq!(post(&gateway, path, &[], body).await.head.status, 200, "{path}");
    }
    let lost = post(&gateway, "/openai/deployments/nobody/chat/completions", &[], hello.clone());
    assert_eq!(code(&lost.await), "model_not_found");
    let lost = post(&gateway, "/openai/deployments/m/nothing", &[], hello).await;
    assert_eq!((lost.head.status, code(&lost)), (404, "unknown_url".to_owned()));
}

#[tokio::test]
async fn a_slash_too_many_is_no_other_address() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let body = hello(false).to_string();
    for path in ["/v1/chat/completions/", "//v1/chat/completions", "//chat/completions/"] {
        let response = post(&gateway, path, &[], body.clone()).await;
        assert_eq!(response.head.status, 200, "{path}: {}", response.text());
    }
    assert_eq!(get(&gateway, "/v1/models/", &[]).await.json()["data"][0]["id"], "m");
}

#[tokio::test]
async fn what_is_no_text_is_refused_in_the_dialect_of_its_address() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for (path, want) in
        [("/v1/models/%ff%fe", "model_not_found"), ("/v1beta/models/%ff%fe", "NOT_FOUND")]
    {
        let response = get(&gateway, path, &[]).await;
        assert_eq!((response.head.status, code(&response)), (404, want.to_owned()), "{path}");
    }
    for (path, want) in [
        ("/v1beta/models/%ff:generateContent", "NOT_FOUND"),
        ("/openai/deployments/%ff/chat/completions", "unknown_url"),
    ] {
        let response = post(&gateway, path, &[], hello(false).to_string()).await;
        assert_eq!((response.head.status, code(&response)), (404, want.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_for_what_it_is() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for (path, want) in [
        (CHAT, "unsupported_content_encoding"),
        ("/v1/messages", "invalid_request_error"),
        ("/v1beta/models/m:generateContent", "INVALID_ARGUMENT"),
    ] {
        let response = post(&gateway, path, &[("content-encoding", "gzip")], "\u{1f}").await;
        assert_eq!((response.head.status, code(&response)), (415, want.to_owned()), "{path}");
        assert!(response.text().contains("content-encoding"), "{}", response.text());
    }
    let plain = [("content-encoding", "identity")];
    assert_eq!(post(&gateway, CHAT, &plain, hello(false).to_string()).await.head.status, 200);
}

#[tokio::test]
async fn whoever_asks_for_nothing_is_told_where_things_are() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let response = get(&gateway, "/", &[]).await;
    assert_eq!((response.head.status, code(&response)), (404, "unknown_url".to_owned()));
    assert!(response.text().contains("/ui"), "{}", response.text());
}

#[tokio::test]
async fn what_is_known_of_each_model() {
    let a = upstream("a").await;
    let params = ", input_cost_per_token: 2.5e-06, output_cost_per_token: 0.00001";
    let config = Config::default().tuned(&a, params).and("general_settings: {master_key: sk-m}");
    let gateway = config.start().await;
    assert_eq!(get(&gateway, "/model/info", &[]).await.head.status, 401);
    for path in ["/model/info", "/v1/model/info", "/v1/model/info?litellm_model_id=a"] {
        let body = get(&gateway, path, &[("authorization", "Bearer sk-m")]).await;
        assert!(!body.text().contains("sk-") && !body.text().contains("127.0.0.1"));
        let one = &body.json()["data"][0];
        assert_eq!(one["model_name"], "m");
        assert_eq!(one["litellm_params"], json!({"model": "openai/theirs-a"}));
        let info = &one["model_info"];
        assert_eq!((&info["id"], &info["mode"]), (&json!("a"), &json!("chat")));
        assert_eq!(info["input_cost_per_token"], json!(2.5e-6));
        assert_eq!(info["max_input_tokens"], Value::Null);
    }
    let none = get(&gateway, "/model/info?litellm_model_id=b", &[("api-key", "sk-m")]).await;
    assert_eq!(none.json(), json!({"data": []}));
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_where_a_key_is_needed() {
    let asks = [
        ("origin", "https://page.invalid"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let a = upstream("a").await;
    let locked = Config::default().deployment(&a).and("general_settings: {master_key: sk-m}");
    let locked = locked.start().await;
    let before = raw(&locked, "OPTIONS", CHAT, &asks).await.head;
    assert_eq!(before.status, 204);
    assert_eq!(before.header("access-control-allow-origin"), Some("*"));
    let allowed = before.header("access-control-allow-headers");
    assert_eq!(allowed, Some("authorization,content-type"));
    for (key, status) in [("Bearer sk-m", 200), ("Bearer sk-x", 401)] {
        let headers = [asks[0], ("authorization", key)];
        let answer = post(&locked, CHAT, &headers, hello(false).to_string()).await.head;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "it can read why");
    }
    let open = Config::default().deployment(&a).start().await;
    assert_eq!(raw(&open, "OPTIONS", CHAT, &asks).await.head.status, 405);
    let answer = post(&open, CHAT, &asks[..1], hello(false).to_string()).await.head;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn what_is_known_of_each_group() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let dear = ", input_cost_per_token: 2.5e-06, output_cost_per_token: 0.00001";
    let cheap = ", input_cost_per_token: 1e-06, output_cost_per_token: 0.00001";
    let config = Config::default().tuned(&a, dear).tuned(&b, cheap);
    let gateway = config.and("general_settings: {master_key: sk-m}").start().await;
    let key = [("authorization", "Bearer sk-m")];
    assert_eq!(get(&gateway, "/model_group/info", &[]).await.head.status, 401);
    for path in ["/model_group/info", "/v1/model_group/info", "/model_group/info?model_group=m"] {
        let body = get(&gateway, path, &key).await.json();
        let [one] = &body["data"].as_array().unwrap()[..] else { panic!("{body}") };
        assert_eq!((&one["model_group"], &one["mode"]), (&json!("m"), &json!("chat")));
        assert_eq!(one["providers"], json!(["openai"]));
        assert_eq!(one["input_cost_per_token"], json!(2.5e-6), "the dearest");
    }
    let none = get(&gateway, "/model_group/info?model_group=x", &key).await;
    assert_eq!(none.json(), json!({"data": []}));
}

#[tokio::test]
async fn addresses_of_litellms_are_served_or_told_where_things_are() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let body =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    let answer = post(&gateway, "/anthropic/v1/messages", &[], body.to_string()).await;
    assert_eq!((answer.head.status, &answer.json()["type"]), (200, &json!("message")));
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}).to_string();
    let answer = post(&gateway, "/gemini/v1beta/models/m:generateContent", &[], contents).await;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    for (path, told) in [
        ("/key/generate", "router_settings.pointsman.keys"),
        ("/spend/logs", "/router/state"),
        ("/model/new", "configuration file"),
        ("/v1/files", "no such API"),
        ("/vertex_ai/v1/x", "name a group"),
    ] {
        let answer = post(&gateway, path, &[], "{}".to_owned()).await;
        assert_eq!((answer.head.status, code(&answer)), (404, "unknown_url".to_owned()));
        assert!(answer.text().contains(told), "{path}: {}", answer.text());
    }
}
