//! `master_key`: who may pass.

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
