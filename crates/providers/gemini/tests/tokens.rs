//! How Vertex AI's tokens are asked for, kept and renewed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{
    future::{join, join_all},
    stream,
};
use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_gemini::VertexCodec;
use pointsman_provider::{Codec, Credential, Credentials, Incoming, Pieces, Transport};
use pointsman_testkit::FakeMachine;
use pointsman_types::{Deployment, Error, ErrorKind, ExposeSecret};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

const NOW: Instant = Instant::from_secs(1_700_000_000);
const ACCOUNT: &str = include_str!("data/service_account.json");
/// Signed by Google's own library for Python, at `NOW`.
const ASSERTION: &str = include_str!("data/assertion.txt");
const KEY_FILE: &str = "/keys/service_account.json";
const LOGIN: &str = r#"{"type": "authorized_user", "client_id": "i", "client_secret": "s/",
    "refresh_token": "r+", "quota_project_id": "theirs"}"#;

/// Answers in turn; each answer waits for leave.
#[derive(Debug)]
struct Issuer {
    asked: Mutex<Vec<(String, String)>>,
    heads: Mutex<Vec<HeaderMap>>,
    answers: Mutex<VecDeque<Answer>>,
    leave: Semaphore,
}

#[async_trait]
impl Transport for Issuer {
    async fn send(
        &self,
        request: http::Request<Pieces>,
    ) -> Result<http::Response<Incoming>, Error> {
        let body = String::from_utf8(request.body().to_bytes().to_vec()).unwrap();
        self.asked.lock().unwrap().push((request.uri().to_string(), body));
        self.heads.lock().unwrap().push(request.headers().clone());
        self.leave.acquire().await.unwrap().forget();
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        let (status, body) = answer.map_err(|kind| Error::new(kind, "no way there"))?;
        let body: Incoming = Box::pin(stream::iter([Ok(Bytes::from(body))]));
        Ok(http::Response::builder().status(status).body(body).unwrap())
    }
}

type Answer = Result<(u16, String), ErrorKind>;

#[expect(clippy::unnecessary_wraps, reason = "an answer like any other")]
fn issued(token: &str, seconds: u64) -> Answer {
    let body = format!(
        r#"{{"access_token": "{token}", "expires_in": {seconds}, "token_type": "Bearer"}}"#
    );
    Ok((200, body))
}

fn issuer(answers: Vec<Answer>) -> Arc<Issuer> {
    let leave = Semaphore::new(answers.len());
    Arc::new(Issuer {
        asked: Mutex::default(),
        heads: Mutex::default(),
        answers: Mutex::new(answers.into()),
        leave,
    })
}

fn deployment(credentials: &str) -> Deployment {
    let mut deployment = Deployment::new("g", "vertex_ai", "gemini-2.5-flash");
    deployment.settings.insert("vertex_project".into(), "p".into());
    deployment.settings.insert("vertex_credentials".into(), credentials.into());
    deployment
}

fn credentials(issuer: &Arc<Issuer>, text: &str) -> Arc<dyn Credentials> {
    let transport: Arc<dyn Transport> = Arc::<Issuer>::clone(issuer);
    codec(transport).target(&deployment(text)).unwrap().credentials
}

/// A machine with a key's file, and a login's where `gcloud` leaves it.
fn codec(transport: Arc<dyn Transport>) -> VertexCodec {
    let files = [
        (KEY_FILE, ACCOUNT),
        ("/h/.config/gcloud/application_default_credentials.json", LOGIN),
        ("/token", "subject-token\n"),
        ("/token.json", r#"{"id": "json-token"}"#),
    ];
    VertexCodec::new(transport, Arc::new(FakeMachine::with(&files)))
}

async fn token(from: &Arc<dyn Credentials>, now: Instant) -> Result<String, Error> {
    let current = from.current(now).await?;
    let Credential::Bearer(token) = &*current else { panic!("{current:?}") };
    Ok(token.expose_secret().to_owned())
}

/// Twenty ask before there is any answer.
async fn waited(
    issuer: &Issuer,
    answers: usize,
    from: &Arc<dyn Credentials>,
) -> Vec<Result<String, Error>> {
    issuer.leave.forget_permits(answers);
    let all = join_all((0..20).map(|_| token(from, NOW)));
    join(all, async { issuer.leave.add_permits(answers) }).await.0
}

fn later(seconds: u64) -> Instant {
    NOW + Duration::from_secs(seconds)
}

#[tokio::test]
async fn the_assertion_is_what_googles_own_library_signs() {
    let issuer = issuer(vec![issued("t", 3_600)]);
    assert_eq!(token(&credentials(&issuer, ACCOUNT), NOW).await.unwrap(), "t");
    let (uri, body) = issuer.asked.lock().unwrap()[0].clone();
    assert_eq!(uri, "https://oauth2.googleapis.com/token");
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    assert_eq!(body, format!("{grant}&assertion={}", ASSERTION.trim()));
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_ahead_of_its_end() {
    let issuer = issuer(vec![
        issued("a", 3_600),
        Ok((503, String::new())),
        issued("b", 3_600),
        Err(ErrorKind::Connection),
    ]);
    let from = credentials(&issuer, ACCOUNT);
    let asked = || issuer.asked.lock().unwrap().len();
    assert_eq!(token(&from, NOW).await.unwrap(), "a");
    assert_eq!((token(&from, later(3_374)).await.unwrap(), asked()), ("a".into(), 1));
    // A renewal that fails does no harm while the old token is good.
    assert_eq!((token(&from, later(3_376)).await.unwrap(), asked()), ("a".into(), 2));
    assert_eq!((token(&from, later(3_377)).await.unwrap(), asked()), ("b".into(), 3));
    assert_eq!((token(&from, later(3_378)).await.unwrap(), asked()), ("b".into(), 3));
    let error = token(&from, later(9_999)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connection);
}

#[tokio::test]
async fn all_who_wait_get_the_token_that_one_fetches() {
    let issuer = issuer(vec![issued("a", 3_600)]);
    let from = credentials(&issuer, ACCOUNT);
    let all = waited(&issuer, 1, &from).await;
    assert!(all.into_iter().all(|found| found.unwrap() == "a"));
    assert_eq!(issuer.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn all_who_wait_get_the_failure_too_and_the_next_one_asks_again() {
    let refusal = r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#;
    let issuer = issuer(vec![Ok((400, refusal.to_owned())), issued("a", 3_600)]);
    let from = credentials(&issuer, ACCOUNT);
    for error in waited(&issuer, 2, &from).await {
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication);
        assert!(error.message().contains("Invalid JWT Signature"), "{error}");
    }
    assert_eq!(token(&from, NOW).await.unwrap(), "a");
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_turn_to_the_next() {
    let issuer = issuer(vec![issued("a", 3_600)]);
    let leave = issuer.leave.try_acquire().unwrap();
    let from = credentials(&issuer, ACCOUNT);
    let mut first = Box::pin(token(&from, NOW));
    assert!(futures_util::poll!(&mut first).is_pending());
    drop(first);
    drop(leave);
    assert_eq!(token(&from, NOW).await.unwrap(), "a");
    assert_eq!(issuer.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn renewal_keeps_nobody_else_waiting() {
    let issuer = issuer(vec![issued("a", 3_600), issued("b", 3_600)]);
    let from = credentials(&issuer, ACCOUNT);
    token(&from, NOW).await.unwrap();
    let leave = issuer.leave.try_acquire().unwrap();
    let mut renewing = Box::pin(token(&from, later(3_500)));
    assert!(futures_util::poll!(&mut renewing).is_pending());
    assert_eq!(token(&from, later(3_500)).await.unwrap(), "a");
    drop(leave);
    assert_eq!(renewing.await.unwrap(), "b");
}

#[tokio::test]
async fn deployments_share_the_tokens_of_their_credentials() {
    let issuer = issuer(vec![issued("a", 3_600)]);
    let transport: Arc<dyn Transport> = Arc::<Issuer>::clone(&issuer);
    let codec = codec(transport);
    for _ in 0..3 {
        let target = codec.target(&deployment(ACCOUNT)).unwrap();
        assert_eq!(token(&target.credentials, NOW).await.unwrap(), "a");
    }
    assert!(!format!("{codec:?}").contains("PRIVATE"), "{codec:?}");
}

#[tokio::test]
async fn a_machine_and_a_person_ask_in_their_own_ways() {
    let issuer = issuer(vec![issued("m", 3_600), issued("p", 3_600)]);
    assert_eq!(token(&credentials(&issuer, ""), NOW).await.unwrap(), "m");
    let person = r#"{"type": "authorized_user", "client_id": "i", "client_secret": "s/",
        "refresh_token": "r+"}"#;
    assert_eq!(token(&credentials(&issuer, person), NOW).await.unwrap(), "p");
    let asked = issuer.asked.lock().unwrap();
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    assert_eq!(asked[0], (format!("http://metadata.google.internal/{path}"), String::new()));
    let form = "grant_type=refresh_token&client_id=i&client_secret=s%2F&refresh_token=r%2B";
    assert_eq!(asked[1], ("https://oauth2.googleapis.com/token".into(), form.into()));
}

#[tokio::test]
async fn a_file_is_read_when_a_token_is_fetched() {
    let issuer = issuer(vec![issued("a", 3_600)]);
    assert_eq!(token(&credentials(&issuer, KEY_FILE), NOW).await.unwrap(), "a");
    let error = token(&credentials(&issuer, "/nowhere/key.json"), NOW).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Authentication);
    assert!(error.message().contains("/nowhere/key.json"), "{error}");
}

#[test]
fn broken_credentials_are_told_when_the_configuration_is_read() {
    let issuer = issuer(vec![]);
    let transport: Arc<dyn Transport> = issuer;
    let codec = codec(transport);
    let fault = |text: &str| codec.target(&deployment(text)).unwrap_err();
    assert!(fault("{").contains("no credentials file"));
    assert!(fault("{}").contains("`type` is missing"));
    assert!(fault(r#"{"type": "gdch_service_account"}"#).contains("gdch_service_account"));
    let external = |rest: &str| fault(&format!(r#"{{"type": "external_account"{rest}}}"#));
    assert!(external("").contains("`credential_source` is missing"));
    assert!(external(r#", "credential_source": {}"#).contains("neither `file` nor `url`"));
    let aws = r#", "credential_source": {"environment_id": "aws1"}"#;
    assert!(external(aws).contains("AWS"));
    let file = r#", "credential_source": {"file": "/t"}"#;
    assert!(external(file).contains("`audience` is missing"));
    let acts_as =
        |rest: &str| fault(&format!(r#"{{"type": "impersonated_service_account"{rest}}}"#));
    assert!(acts_as("").contains("`source_credentials` is missing"));
    let source = r#", "source_credentials": {"type": "authorized_user"}"#;
    assert!(acts_as(source).contains("of `source_credentials`: `client_id` is missing"));
    assert!(fault(r#"{"type": "service_account"}"#).contains("`private_key` is missing"));
    let broken = r#"{"type": "service_account", "client_email": "e", "private_key": "planted"}"#;
    assert!(fault(broken).contains("no RSA key") && !fault(broken).contains("planted"));
}

#[tokio::test]
async fn an_answer_without_a_token_is_not_told() {
    let issuer = issuer(vec![Ok((200, r#"{"id_token": "planted"}"#.to_owned()))]);
    let error = token(&credentials(&issuer, ACCOUNT), NOW).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connection);
    assert!(!format!("{error:?}").contains("planted"));
}

const POOL: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/o";
const ACTS_AS: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
    a@p.iam.gserviceaccount.com:generateAccessToken";

/// A workload's credentials with these members.
fn workload(own: &Value) -> String {
    let mut all = json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": "/token"},
    });
    for (name, value) in own.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.to_string()
}

/// The form that Google's own library for Python sends for the same credentials.
fn exchange(subject: &str, scope: &str) -> String {
    format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=%2F%2F\
         iam.googleapis.com%2Fprojects%2F1%2Flocations%2Fglobal%2FworkloadIdentityPools%2Fp%2F\
         providers%2Fo&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2F{scope}&\
         requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&\
         subject_token={subject}&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"
    )
}

#[tokio::test]
async fn a_workloads_token_is_exchanged_as_googles_own_library_does() {
    let json = json!({"type": "json", "subject_token_field_name": "id"});
    let client = json!({"client_id": "c", "client_secret": "s"});
    for (own, subject, authorization) in [
        (json!({}), "subject-token", None),
        (json!({"credential_source": {"file": "/token.json", "format": json}}), "json-token", None),
        (client, "subject-token", Some("Basic Yzpz")),
    ] {
        let issuer = issuer(vec![issued("t", 3_600)]);
        assert_eq!(token(&credentials(&issuer, &workload(&own)), NOW).await.unwrap(), "t");
        let asked = issuer.asked.lock().unwrap()[0].clone();
        let want = exchange(subject, "cloud-platform");
        assert_eq!(asked, ("https://sts.googleapis.com/v1/token".to_owned(), want));
        let head = issuer.heads.lock().unwrap()[0].clone();
        let sent = head.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent.as_deref(), authorization);
    }
    let issuer = issuer(vec![issued("t", 3_600)]);
    let own = json!({"workforce_pool_user_project": "proj"});
    token(&credentials(&issuer, &workload(&own)), NOW).await.unwrap();
    let asked = issuer.asked.lock().unwrap()[0].1.clone();
    // Without the space that Python's JSON has.
    assert!(
        asked.ends_with("&options=%257B%2522userProject%2522%253A%2522proj%2522%257D"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_workloads_token_may_be_at_an_address() {
    let format = json!({"type": "json", "subject_token_field_name": "tok"});
    let url = "http://127.0.0.1:1/subject";
    let source = json!({"url": url, "headers": {"Metadata": "planted"}, "format": format});
    let text = workload(&json!({"credential_source": source}));
    let told = |body: &str| Ok((200, body.to_owned()));
    let answers =
        vec![told(r#"{"tok": "from-url"}"#), issued("t", 3_600), told(r#"{"x": "planted"}"#)];
    let issuer = issuer(answers);
    let from = credentials(&issuer, &text);
    assert_eq!(token(&from, NOW).await.unwrap(), "t");
    assert!(!format!("{from:?}").contains("planted"), "{from:?}");
    let error = token(&from, later(9_999)).await.unwrap_err();
    assert!(error.message().contains("\"tok\"") && !error.message().contains("planted"), "{error}");
    let asked = issuer.asked.lock().unwrap();
    assert_eq!(asked[0], (url.to_owned(), String::new()));
    assert_eq!(asked[1].1, exchange("from-url", "cloud-platform"));
    assert_eq!(issuer.heads.lock().unwrap()[0]["metadata"], "planted");
}

#[tokio::test]
async fn others_act_as_a_service_account() {
    let url = json!({"service_account_impersonation_url": ACTS_AS});
    let mut external = url.clone();
    external["service_account_impersonation"] = json!({"token_lifetime_seconds": 2_800});
    let of = |source: &str| {
        let mut all = url.clone();
        all["type"] = "impersonated_service_account".into();
        all["source_credentials"] = serde_json::from_str(source).unwrap();
        all
    };
    let mut person = of(LOGIN);
    person["delegates"] = json!(["d@p"]);
    let form = "grant_type=refresh_token&client_id=i&client_secret=s%2F&refresh_token=r%2B";
    let wide = "\"scope\":[\"https://www.googleapis.com/auth/cloud-platform\"]";
    for (text, first, second) in [
        (
            workload(&external),
            Some(exchange("subject-token", "iam")),
            format!("{{\"delegates\":null,{wide},\"lifetime\":\"2800s\"}}"),
        ),
        (
            person.to_string(),
            Some(form.to_owned()),
            format!("{{\"delegates\":[\"d@p\"],{wide},\"lifetime\":\"3600s\"}}"),
        ),
        (
            of(ACCOUNT).to_string(),
            None,
            format!("{{\"delegates\":null,{wide},\"lifetime\":\"3600s\"}}"),
        ),
    ] {
        let acted = json!({"accessToken": "second", "expireTime": "2023-11-14T23:13:20Z"});
        let acted = Ok((200, acted.to_string()));
        let issuer = issuer(vec![issued("first", 3_600), acted, issued("first", 9)]);
        let from = credentials(&issuer, &text);
        assert_eq!(token(&from, NOW).await.unwrap(), "second");
        assert_eq!(token(&from, later(3_300)).await.unwrap(), "second");
        let asked = issuer.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 2);
        assert!(first.is_none_or(|first| asked[0].1 == first), "{}", asked[0].1);
        assert_eq!(asked[1], (ACTS_AS.to_owned(), second));
        assert_eq!(issuer.heads.lock().unwrap()[1]["authorization"], "Bearer first");
    }
}

#[tokio::test]
async fn a_login_is_found_where_gcloud_leaves_it() {
    let issuer = issuer(vec![issued("p", 3_600)]);
    let transport: Arc<dyn Transport> = Arc::<Issuer>::clone(&issuer);
    let mut of = Deployment::new("g", "vertex_ai", "gemini-2.5-flash");
    of.settings.insert("HOME".into(), "/h".into());
    let target = codec(transport).target(&of).unwrap();
    assert!(target.base.ends_with("/projects/theirs/locations/us-central1"), "{}", target.base);
    assert_eq!(token(&target.credentials, NOW).await.unwrap(), "p");
    assert!(issuer.asked.lock().unwrap()[0].1.contains("refresh_token=r%2B"));
}
