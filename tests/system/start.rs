//! Starting, and refusing to start.

use std::path::Path;

use pointsman_testkit::Gateway;
use serde_json::json;

use crate::{
    POINTSMAN,
    world::{CHAT, post},
};

#[tokio::test]
async fn a_wrong_configuration_never_starts_and_says_everything_at_once() {
    let yaml = "model_list:\n  - model_name: a\n    litellm_params: {modle: openai/x}\n\
                router_settings: {num_retries: many}\n";
    let (code, stderr) = Gateway::refused(Path::new(POINTSMAN), yaml).await.unwrap();
    assert_eq!(code, 1);
    assert!(stderr.contains("did you mean model?"), "{stderr}");
    assert!(stderr.contains("num_retries"), "{stderr}");
}

#[tokio::test]
async fn the_quickstart_answers_without_a_key() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart.yaml");
    let config = std::fs::read_to_string(file).unwrap();
    let gateway = Gateway::start(Path::new(POINTSMAN), &config, &[]).await.unwrap();
    for (path, body, at) in [
        (
            CHAT,
            json!({"messages": [{"role": "user", "content": "Hi"}]}),
            "/choices/0/message/content",
        ),
        ("/v1/responses", json!({"input": "Hi"}), "/output/0/content/0/text"),
        (
            "/v1/messages",
            json!({"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}),
            "/content/0/text",
        ),
        (
            "/v1beta/models/gpt-4o-mini:generateContent",
            json!({"contents": [{"parts": [{"text": "Hi"}]}]}),
            "/candidates/0/content/parts/0/text",
        ),
        ("/v1/embeddings", json!({"input": ["a", "b"]}), "/data/1/embedding/0"),
    ] {
        let mut body = body;
        if !path.contains(':') {
            body["model"] = "gpt-4o-mini".into();
        }
        let response = post(&gateway, path, &[], body.to_string()).await;
        assert_eq!(response.head.status, 200, "{}", response.text());
        let who = response.head.header("x-pointsman-deployment").unwrap_or_default();
        assert!(who.starts_with("simulated-"), "{who}");
        assert!(response.json().pointer(at).is_some(), "{at} in {}", response.text());
    }
}
