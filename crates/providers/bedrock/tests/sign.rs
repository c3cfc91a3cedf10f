//! Signatures, as botocore 1.44.8 makes them of the same input.

use http::Request;
use pointsman_clock::Instant;
use pointsman_provider::{AwsKeys, Call, Codec, Credential, Pieces, Target};
use pointsman_types::Deployment;

mod common;

use common::codec;

const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#;
/// 2026-01-31T12:34:56Z
const NOW: Instant = Instant::from_secs(1_769_862_896);

fn target() -> Result<Target, String> {
    codec().target(&Deployment::new("g", "bedrock", "amazon.nova-lite-v1:0").with_key("k"))
}

#[test]
fn botocore_signs_the_same() {
    for (url, region, token, want) in [
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
            "us-east-1",
            None,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=cfd44f430faacb64edb2393f374571f9abc3ff01016b17431b7513be63c046a8",
        ),
        (
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse-stream",
            "eu-west-1",
            Some("session/token+with=signs"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/eu-west-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
             Signature=fe5b092c18f22e243a4b0ac0562118d571eafd57396099cb63e0fe775d988b53",
        ),
        (
            "http://127.0.0.1:8080/model/amazon.nova-lite-v1%3A0/converse",
            "us-west-2",
            None,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/us-west-2/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=4dd2864de30354398f0285c4f82cbab4612cc06111d884f7de30af594a0f728e",
        ),
    ] {
        let mut to = target().unwrap();
        to.settings.insert("aws_region_name".into(), region.into());
        let keys = Credential::Aws(AwsKeys {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(Into::into),
        });
        let body = Pieces::from(bytes::Bytes::from(BODY));
        let request = Request::post(url).header("content-type", "application/json");
        let mut request = request.body(body).unwrap();
        codec().sign(&to, &mut request, &keys, NOW).unwrap();
        let headers = request.headers();
        assert_eq!(headers["authorization"], want, "{url}");
        assert_eq!(headers["x-amz-date"], "20260131T123456Z");
        let sent = headers.get("x-amz-security-token").map(|token| token.to_str().unwrap());
        assert_eq!(sent, token);
        let printed = format!("{request:?}");
        assert!(!printed.contains("Signature=") && !printed.contains("session/token"), "{printed}");
    }
}

#[test]
fn a_key_of_bedrocks_own_is_sent_as_it_is() {
    let to = target().unwrap();
    let mut request = Request::post("https://a.invalid/").body(Pieces::default()).unwrap();
    codec().sign(&to, &mut request, &Credential::Key("planted".into()), NOW).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer planted");
    assert!(!format!("{request:?}").contains("planted"));
}

#[test]
fn a_profile_is_asked_for_what_its_model_is() {
    let mut deployment = Deployment::new("g", "bedrock", "anthropic.claude-sonnet-4-20250514-v1:0");
    let profile = "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc";
    deployment.settings.insert("model_id".into(), profile.into());
    let to = codec().target(&deployment.with_key("k")).unwrap();
    let call =
        Call::chat("g", serde_json::json!({"messages": [{"role": "user", "content": "Hi"}]}));
    let request = codec().encode(&to, &call.unwrap()).unwrap();
    assert_eq!(
        request.uri().to_string(),
        "https://bedrock-runtime.eu-west-3.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A\
         123456789012%3Aapplication-inference-profile%2Fabc/converse"
    );
}
