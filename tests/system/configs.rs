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

#[tokio::test]
async fn what_litellm_passes_over_starts_here_too() {
    let a = upstream("a").await;
    let settings = "general_settings: {json_logs: true, request_timeout: 9, log_level: DEBUG}\n\
                    litellm_settings: {default_model: m, set_verbose: false, success_callback: []}\n\
                    server: {port: 8000}\n";
    let config = Config::default().deployment(&a).and(settings);
    let gateway = config.start().await;
    assert_eq!(chat(&gateway).await.head.status, 200);
    let logs = gateway.logs();
    for told in
        ["json_logs: LiteLLM does not read it here", "log_level", "default_model", "server:"]
    {
        assert!(logs.contains(told), "{told}\n{logs}");
    }
    assert!(!logs.contains("set_verbose") && !logs.contains("success_callback"), "{logs}");
}

#[tokio::test]
async fn what_is_said_of_many_lines_is_said_once() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    let note = ", merge_reasoning_content_in_choices: true";
    let gateway = Config::default().tuned(&a, note).tuned(&b, note).tuned(&c, note).start().await;
    let logs = gateway.logs();
    assert_eq!(logs.matches("merge_reasoning_content_in_choices").count(), 1, "{logs}");
    assert!(logs.contains(", too)"), "{logs}");
}

#[tokio::test]
async fn the_environments_master_key_closes_the_gateway() {
    let a = upstream("a").await;
    let config = Config::default().deployment(&a).text();
    let env = [("LITELLM_MASTER_KEY", "sk-env")];
    let gateway = Gateway::start(POINTSMAN.as_ref(), &config, &env).await.unwrap();
    assert_eq!(chat(&gateway).await.head.status, 401);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).to_string();
    let key = [("authorization", "Bearer sk-env")];
    let answer = post(&gateway, CHAT, &key, body.clone()).await;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    let wrong = post(&gateway, CHAT, &[("authorization", "Bearer sk-other")], body).await;
    assert_eq!(wrong.head.status, 401);
}

#[tokio::test]
async fn handlers_of_ones_own_keep_nobody_else_from_starting() {
    let a = upstream("a").await;
    let mine = "  - model_name: drawn\n    litellm_params: {model: my-drawings/fine}\n";
    let map = "litellm_settings:\n  custom_provider_map:\n    - {provider: my-drawings, \
               custom_handler: drawings.handler}\n";
    let config = Config::default().deployment(&a).text() + mine + map;
    let gateway = Gateway::start(POINTSMAN.as_ref(), &config, &[]).await.unwrap();
    assert_eq!(chat(&gateway).await.head.status, 200);
    let logs = gateway.logs();
    assert_eq!(logs.matches("custom_provider_map").count(), 2, "the key, and the group: {logs}");
    let body = json!({"model": "drawn", "messages": []}).to_string();
    assert_eq!(post(&gateway, CHAT, &[], body).await.head.status, 404);
}

#[tokio::test]
async fn a_group_without_a_key_is_told_with_its_reason() {
    let yaml = "model_list:\n  - model_name: g\n    litellm_params: {model: groq/x}\n";
    let (code, said) = Gateway::refused(POINTSMAN.as_ref(), yaml).await.unwrap();
    assert_eq!(code, 1);
    assert!(said.contains("the group `g` has no deployment left: it has no key"), "{said}");
    assert!(said.contains("GROQ_API_KEY"), "{said}");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let yaml = "model_list:\n  - model_name: g\n    litellm_params: {model: opnai/x, api_key: k}\n\
                router_settings: {num_retrys: 1}\n";
    let (_, said) = Gateway::refused(POINTSMAN.as_ref(), yaml).await.unwrap();
    assert!(said.contains("did you mean num_retries?"), "{said}");
    assert!(said.contains("vendor `opnai`; did you mean openai?"), "{said}");
}

#[tokio::test]
async fn a_wildcard_without_a_vendor_is_every_vendor_with_a_key() {
    let (openai, anthropic) = (upstream("openai").await, upstream("anthropic").await);
    let config = "model_list:\n  - model_name: '*'\n    litellm_params: {model: '*'}\n\
                  router_settings: {num_retries: 0}\n";
    let (to, other) = (openai.base(), anthropic.base());
    let env = [
        ("OPENAI_API_KEY", "sk-o"),
        ("OPENAI_BASE_URL", to.as_str()),
        ("ANTHROPIC_API_KEY", "sk-a"),
        ("ANTHROPIC_BASE_URL", other.as_str()),
        ("HOME", "/nowhere"),
    ];
    let gateway = Gateway::start(POINTSMAN.as_ref(), config, &env).await.unwrap();
    let logs = gateway.logs();
    assert!(
        logs.contains("`*` is every vendor") && logs.contains("for: anthropic, openai, text-"),
        "{logs}"
    );
    for (asked, at, model) in [
        ("openai/gpt-x", &openai, "gpt-x"),
        ("gpt-y", &openai, "gpt-y"),
        ("anthropic/claude-x", &anthropic, "claude-x"),
        ("claude-y", &anthropic, "claude-y"),
    ] {
        let body = json!({"model": asked, "messages": [{"role": "user", "content": "Hi"}]});
        post(&gateway, CHAT, &[], body.to_string()).await;
        let calls = at.calls();
        assert_eq!(calls.last().unwrap().json()["model"], model, "{asked}");
    }
    assert_eq!((openai.count(), anthropic.count()), (2, 2));
    let (code, said) = Gateway::refused(POINTSMAN.as_ref(), config).await.unwrap();
    assert_eq!(code, 1);
    assert!(said.contains("it has none, like OPENAI_API_KEY"), "{said}");
}
