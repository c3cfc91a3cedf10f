//! `master_key`: who may pass.

use pointsman_testkit::Behaviour;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::{CHAT, Config, get, hello, post, upstream};

#[tokio::test]
async fn everything_but_the_health_of_the_process_needs_the_key() {
    let a = upstream("a").await;
    let config = Config::default().deployment(&a);
    let gateway = config.and("general_settings: {master_key: sk-right}").start().await;
    let body = hello(false).to_string();
    for headers in [
        &[][..],
        &[("authorization", "Bearer sk-wrong")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Bearer")],
        &[("authorization", "Basic sk-right")],
        &[("authorization", "sk-right")],
        &[("x-api-key", "sk-righ")],
        &[("api-key", "sk-rightt")],
        &[("cookie", "sk-right")],
    ] {
        for path in [CHAT, "/chat/completions", "/v1/embeddings", "/v1/nothing"] {
            let response = post(&gateway, path, headers, &body).await;
            assert_eq!(response.head.status, 401, "{path} {headers:?}");
            let error = &response.json()["error"];
            assert_eq!(error["code"], "invalid_api_key", "{error}");
            assert!(!response.text().contains("sk-"), "{error}");
        }
        for path in ["/v1/models", "/router/state", "/metrics", "/health"] {
            assert_eq!(get(&gateway, path, headers).await.head.status, 401, "{path} {headers:?}");
        }
        for path in ["/health/liveliness", "/health/readiness", "/ui"] {
            assert_eq!(get(&gateway, path, headers).await.head.status, 200, "{path} {headers:?}");
        }
    }
    assert_eq!(a.count(), 0);
    for header in [
        ("authorization", "Bearer sk-right"),
        ("authorization", "bearer  sk-right"),
        ("x-api-key", "sk-right"),
        ("api-key", "sk-right"),
    ] {
        assert_eq!(post(&gateway, CHAT, &[header], &body).await.head.status, 200, "{header:?}");
        assert_eq!(get(&gateway, "/v1/models", &[header]).await.head.status, 200, "{header:?}");
    }
    // Who has to say something else in `authorization` has LiteLLM's header.
    for key in ["sk-right", "Bearer sk-right"] {
        let headers = [("authorization", "Bearer oauth"), ("x-litellm-api-key", key)];
        assert_eq!(post(&gateway, CHAT, &headers, &body).await.head.status, 200, "{key}");
    }
    assert!(!gateway.logs().contains("sk-"), "{}", gateway.logs());
}

#[tokio::test]
async fn a_key_for_some_models_has_no_others_as_fallbacks() {
    let (m, secret) = (upstream("m").await, upstream("secret").await);
    m.always(Behaviour::ok().error(400, "context_length_exceeded", "x", "too long"));
    let hash = Sha256::digest(b"sk-team")
        .iter()
        .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
    let config = Config::default().deployment(&m).member("other", "secret", &secret.base(), "");
    let keys = format!(
        "general_settings: {{master_key: sk-all}}\nrouter_settings: {{num_retries: 0, pointsman: \
         {{keys: [{{name: team, hash: 'sha256:{hash}', models: [m]}}]}}}}"
    );
    let gateway = config.and(&keys).start().await;
    for (name, own) in [
        ("fallbacks", json!(["other"])),
        ("fallbacks", json!([{"model": "other"}])),
        ("context_window_fallbacks", json!([{"m": ["m", "secret"]}])),
    ] {
        let mut body = hello(false);
        body[name] = own;
        let key = [("authorization", "Bearer sk-team")];
        let response = post(&gateway, CHAT, &key, body.to_string()).await;
        assert_eq!(response.head.status, 403, "{name}: {}", response.text());
        assert_eq!(response.json()["error"]["code"], "model_not_allowed", "{name}");
        let all = [("authorization", "Bearer sk-all")];
        assert_eq!(post(&gateway, CHAT, &all, body.to_string()).await.head.status, 200, "{name}");
    }
    assert_eq!(secret.count(), 3);
}
