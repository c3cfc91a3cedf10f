//! `pointsman explain`, and the same of a running gateway.

use std::process::Stdio;

use pointsman_testkit::Scratch;
use serde_json::Value;
use tokio::process::Command;

use crate::{
    POINTSMAN,
    world::{Config, hello, post, upstream},
};

/// The exit code and both outputs of `pointsman explain` with these arguments.
async fn explain(config: &str, args: &[&str]) -> (i32, String, String) {
    let scratch = Scratch::new().unwrap();
    let file = scratch.write("config.yaml", config).unwrap();
    scratch.write("call.json", r#"{"messages": [{"role": "user", "content": "Hello"}]}"#).unwrap();
    scratch.write("broken.json", "{\"messages\": [\n").unwrap();
    let mut command = Command::new(POINTSMAN);
    command.arg("explain").arg(file).args(args).current_dir(scratch.path());
    let output = command.env_clear().stdin(Stdio::null()).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_command_says_what_the_gateway_says() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2");
    let config = config.member("n", "c", &a.base(), "");
    let config = config.and("router_settings: {fallbacks: [{m: [n]}]}");
    let gateway = config.start().await;
    let served = post(&gateway, "/router/explain", &[], hello(false).to_string()).await.json();
    for args in
        [&["--model", "m", "--json"][..], &["--model", "m", "--request", "call.json", "--json"]]
    {
        let (code, text, errors) = explain(&config.text(), args).await;
        assert_eq!(code, 0, "{errors}");
        let mut said: Value = serde_json::from_str(&text).unwrap();
        // Each process has chance of its own.
        said["seed"] = served["seed"].clone();
        assert_eq!(said, served);
    }
    let (_, text, _) = explain(&config.text(), &["--model", "m"]).await;
    assert!(text.starts_with("The group `m` sends this call to `a`."), "{text}");
    assert!(text.contains("other tier") && text.contains("goes on to `n`"), "{text}");
    assert_eq!((a.count(), b.count()), (0, 0), "nothing is sent");
}

#[tokio::test]
async fn what_cannot_be_explained_is_told_apart() {
    let a = upstream("a").await;
    let config = Config::default().deployment(&a).text();
    for (config, args, code, told) in [
        ("model_list: 7", &["--model", "m"][..], 1, "model_list"),
        (&config, &["--model", "odd"], 2, "does not exist"),
        (&config, &["--model", "m", "--request", "nowhere.json"], 2, "nowhere.json"),
        (&config, &["--model", "m", "--request", "broken.json"], 2, "line 2"),
        (&config, &[], 2, "--model"),
    ] {
        let (found, text, errors) = explain(config, args).await;
        assert_eq!((found, text.as_str()), (code, ""), "{args:?}: {errors}");
        assert!(errors.contains(told), "{args:?}: {errors}");
    }
}

#[tokio::test]
async fn the_estimate_is_bound_by_what_the_deployment_asks_for() {
    let a = upstream("a").await;
    let gateway = Config::default().tuned(&a, ", max_tokens: 40").start().await;
    let mut body = hello(false);
    body.as_object_mut().unwrap().remove("max_tokens");
    for (asked, estimate) in [(None, 40), (Some(7), 7), (Some(90), 90)] {
        if let Some(asked) = asked {
            body["max_tokens"] = asked.into();
        }
        let said = post(&gateway, "/router/explain", &[], body.to_string()).await.json();
        assert_eq!(said["estimate"]["output"], estimate, "{said}");
    }
}
