//! Credentials that lie in files, come from programs, or are exchanged for others.

use std::path::Path;

use pointsman_testkit::{Behaviour, Gateway, Scratch, Upstream, wire::Response};
use serde_json::{Value, json};

use crate::{
    POINTSMAN,
    world::{CHAT, hello, post, upstream},
};

fn answers(body: &Value) -> Behaviour {
    Behaviour::ok().header("content-type", "application/json").body(body.to_string())
}

fn root(of: &Upstream) -> String {
    of.base().trim_end_matches("/v1").to_owned()
}

async fn start(params: &str, env: &[(&str, &str)]) -> Gateway {
    let yaml = format!("model_list:\n  - model_name: m\n    litellm_params: {{{params}}}\n");
    Gateway::start(Path::new(POINTSMAN), &yaml, env).await.unwrap()
}

async fn ask(gateway: &Gateway) -> Response {
    post(gateway, CHAT, &[], hello(false).to_string()).await
}

/// Bedrock, SSO's portal and its issuer of tokens at one address.
async fn aws() -> Upstream {
    let aws = upstream("aws").await;
    aws.answer_with(|asked, _| match asked.path.as_str() {
        "/token" => {
            answers(&json!({"accessToken": "renewed", "expiresIn": 3_600, "refreshToken": "r2"}))
        }
        path if path.starts_with("/federation/credentials") => {
            let keys = json!({"accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "t",
                "expiration": 4_070_908_800_000_u64});
            answers(&json!({"roleCredentials": keys}))
        }
        _ => answers(&json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}})),
    });
    aws
}

const NOVA: &str = "model: bedrock/amazon.nova-lite-v1:0, aws_region_name: eu-west-1";

/// Whose keys signed a request.
fn signer(signed: Option<&str>) -> String {
    let signed = signed.unwrap_or_default();
    let (_, rest) = signed.split_once("Credential=").unwrap_or_default();
    rest.split('/').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_session_of_sso_signs_and_is_renewed_in_its_file() {
    let (aws, home) = (aws().await, Scratch::new().unwrap());
    let cache = home.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let config = "[sso-session my]\nsso_start_url = https://a.invalid/start\nsso_region = eu-west-1\n\
        [profile work]\nsso_session = my\nsso_account_id = 1\nsso_role_name = R\n";
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    // The SHA-1 of `my`.
    let file = cache.join("3ece1471f44f63177cbc35ba0b904e0c096b6783.json");
    let left = json!({"accessToken": "old", "expiresAt": "2020-01-01T00:00:00Z", "refreshToken": "r1",
        "clientId": "c", "clientSecret": "planted", "registrationExpiresAt": "2099-01-01T00:00:00Z"});
    std::fs::write(&file, left.to_string()).unwrap();
    let at = root(&aws);
    let gateway = start(
        &format!("{NOVA}, aws_profile_name: work, aws_bedrock_runtime_endpoint: '{at}'"),
        &[
            ("HOME", &home.path().to_string_lossy()),
            ("AWS_ENDPOINT_URL_SSO", &at),
            ("AWS_ENDPOINT_URL_SSO_OIDC", &at),
        ],
    )
    .await;
    for _ in 0..2 {
        let answer = ask(&gateway).await;
        assert_eq!(answer.head.status, 200, "{}", answer.text());
    }
    let calls = aws.calls();
    assert_eq!(calls.len(), 4, "one token, one pair of keys, two calls");
    assert_eq!(calls[0].json()["refreshToken"], "r1");
    assert_eq!(calls[1].header("x-amz-sso_bearer_token"), Some("renewed"));
    assert_eq!(signer(calls[3].header("authorization")), "ASIASSO");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&kept["accessToken"], &kept["refreshToken"]), (&json!("renewed"), &json!("r2")));
    assert!(!gateway.logs().contains("planted"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_prints_the_keys() {
    let (aws, home) = (aws().await, Scratch::new().unwrap());
    let keys = json!({"Version": 1, "AccessKeyId": "AKIAPROGRAM", "SecretAccessKey": "planted"});
    let printed = home.write("the keys.json", keys.to_string()).unwrap();
    let program = |command: String| {
        home.write("config", format!("[default]\ncredential_process = {command}\n")).unwrap()
    };
    let config = program(format!("cat '{}'", printed.display()));
    let at = root(&aws);
    let params = format!("{NOVA}, aws_bedrock_runtime_endpoint: '{at}'");
    let config = config.to_string_lossy().into_owned();
    let env = [("AWS_CONFIG_FILE", config.as_str())];
    let gateway = start(&params, &env).await;
    let answer = ask(&gateway).await;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    assert_eq!(signer(aws.calls()[0].header("authorization")), "AKIAPROGRAM");

    program("sh -c 'echo locked >&2; exit 7'".to_owned());
    let gateway = start(&params, &env).await;
    let answer = ask(&gateway).await;
    assert_eq!(answer.head.status, 401, "{}", answer.text());
    let said = answer.text();
    assert!(said.contains("credential_process") && said.contains("locked"), "{said}");
}

#[tokio::test]
async fn a_workload_is_known_to_vertex_by_another_issuers_token() {
    let (google, home) = (upstream("google").await, Scratch::new().unwrap());
    google.answer_with(|asked, _| match asked.path.as_str() {
        "/exchange" => answers(&json!({"access_token": "exchanged", "expires_in": 3_600})),
        "/act:generateAccessToken" => {
            answers(&json!({"accessToken": "acting", "expireTime": "2099-01-01T00:00:00Z"}))
        }
        _ => answers(&json!({"candidates": [{"content": {"parts": [{"text": "Hello."}]}, "finishReason": "STOP"}]})),
    });
    let (subject, at) = (home.write("token", "subject\n").unwrap(), root(&google));
    let credentials = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{at}/exchange"),
        "service_account_impersonation_url": format!("{at}/act:generateAccessToken"),
        "credential_source": {"file": subject},
    });
    let file = home.write("credentials.json", credentials.to_string()).unwrap();
    let file = file.to_string_lossy();
    let params = format!("model: vertex_ai/gemini-x, vertex_project: p, api_base: '{at}'");
    let gateway = start(&params, &[("GOOGLE_APPLICATION_CREDENTIALS", &file)]).await;
    let answer = ask(&gateway).await;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    let calls = google.calls();
    let form = String::from_utf8_lossy(&calls[0].body).into_owned();
    assert!(form.contains("subject_token=subject&") && form.contains("auth%2Fiam"), "{form}");
    assert_eq!(calls[1].header("authorization"), Some("Bearer exchanged"));
    assert_eq!(calls[2].header("authorization"), Some("Bearer acting"));
}

#[tokio::test]
async fn the_machines_identity_answers_for_azure_where_the_configuration_says_so() {
    let azure = upstream("azure").await;
    azure.answer_with(|asked, _| {
        if asked.path.starts_with("/identity") {
            answers(&json!({"access_token": "machines", "expires_on": "4070908800"}))
        } else {
            Behaviour::ok()
        }
    });
    let at = root(&azure);
    let identity = format!("{at}/identity");
    let env = [("IDENTITY_ENDPOINT", identity.as_str()), ("IDENTITY_HEADER", "planted")];
    let params = format!("model: azure/d, api_base: '{at}'");
    let gateway = start(&params, &env).await;
    let answer = ask(&gateway).await;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    let calls = azure.calls();
    assert_eq!(calls[0].header("x-identity-header"), Some("planted"));
    assert_eq!(calls[1].header("authorization"), Some("Bearer machines"));
}
