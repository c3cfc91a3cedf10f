//! Configurations as people have them, which name what is not here.

use pointsman_testkit::Gateway;
use serde_json::json;

use crate::{
    POINTSMAN,
    world::{CHAT, Config, chat, get, post, upstream},
};

#[tokio::test]
async fn a_vendor_that_is_not_served_keeps_nobody_else_from_starting() {
    let a = upstream("a").await;
    let elsewhere = "  - model_name: voices\n    litellm_params: {model: elevenlabs/v3, api_key: k}\n  \
                     - model_name: m\n    litellm_params: {model: sagemaker/m, system_prompt: x}\n";
    let settings = "router_settings:\n  fallbacks: [{m: [voices]}]\n  model_group_alias: {say: voices}\n  \
                    num_retries: 0\n";
    let config = Config::default().deployment(&a).text() + elsewhere + settings;
    let gateway = Gateway::start(POINTSMAN.as_ref(), &config, &[]).await.unwrap();
    assert_eq!(chat(&gateway).await.head.status, 200);
    assert!(gateway.logs().contains("elevenlabs"), "{}", gateway.logs());
    for name in ["voices", "say"] {
        let body = json!({"model": name, "messages": []}).to_string();
        let response = post(&gateway, CHAT, &[], body).await;
        assert_eq!(response.head.status, 404, "{name}: {}", response.text());
    }
    a.always(pointsman_testkit::Behaviour::ok().status(500));
    let failed = chat(&gateway).await;
    assert_eq!(failed.head.status, 500, "the fallback is nobody: {}", failed.text());
    let names = get(&gateway, "/v1/models", &[]).await.text();
    assert!(names.contains("\"m\"") && !names.contains("voices"), "{names}");
}

#[tokio::test]
async fn a_slip_in_a_vendors_name_is_told() {
    let yaml = "model_list:\n  - model_name: a\n    litellm_params: {model: opnai/x, api_key: k}\n";
    let (code, said) = Gateway::refused(POINTSMAN.as_ref(), yaml).await.unwrap();
    assert_eq!(code, 1);
    assert!(said.contains("vendor `opnai`; did you mean openai?"), "{said}");
    assert!(!said.contains("no deployment left"), "one fault, told once: {said}");
}

#[tokio::test]
async fn the_files_own_variables_hold_the_vendors_keys() {
    let a = upstream("a").await;
    let config = format!(
        "model_list:\n  - model_name: m\n    litellm_params: {{model: openai/m}}\n\
         environment_variables:\n  OPENAI_API_KEY: sk-planted\n  OPENAI_BASE_URL: '{}'\n",
        a.base()
    );
    let env = [("OPENAI_API_KEY", "sk-other")];
    let gateway = Gateway::start(POINTSMAN.as_ref(), &config, &env).await.unwrap();
    assert_eq!(chat(&gateway).await.head.status, 200);
    assert_eq!(a.calls()[0].header("authorization"), Some("Bearer sk-planted"), "as in LiteLLM");
}

#[tokio::test]
async fn notes_and_empty_variables_are_no_errors() {
    let a = upstream("a").await;
    let notes = "    model_info: {id: b, context_window: 200K, pricing: {input: 1}, zdr: true}\n\
                 environment_variables:\n  REDIS_PASSWORD:\n  REDIS_PORT: ~\n\
                 general_settings: {maximum_spend_logs_retention_period: 30d}\n\
                 litellm_settings: {cooldown_time: 30, retry_policy: {TimeoutErrorRetries: 1}}\n";
    let config = format!(
        "model_list:\n  - model_name: m\n    litellm_params: {{model: openai/m, api_base: '{}', \
         api_key: k, repeat_penalty: 1.1}}\n{notes}",
        a.base()
    );
    let gateway = Gateway::start(POINTSMAN.as_ref(), &config, &[]).await.unwrap();
    assert_eq!(chat(&gateway).await.head.status, 200);
    assert_eq!(a.calls()[0].json()["repeat_penalty"], json!(1.1));
}
