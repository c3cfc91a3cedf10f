//! AWS's chain of keys: same files and environment in as botocore, same requests and keys out.
//! `tests/aws_chain.py` holds the cases against botocore itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use pointsman_bedrock::BedrockCodec;
use pointsman_clock::Instant;
use pointsman_provider::{Codec, Credential, Incoming, Machine, Pieces, Transport};
use pointsman_testkit::FakeMachine;
use pointsman_types::{Deployment, Error, ExposeSecret};
use serde::Deserialize;
use serde_json::{Value, json};

/// 2026-01-31T12:34:56Z
const NOW: Instant = Instant::from_secs(1_769_862_896);
const LATER: &str = "2099-01-01T00:00:00Z";

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The profile that a deployment names itself.
    profile: Option<String>,
    env: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    #[serde(default)]
    programs: BTreeMap<String, String>,
    want: Want,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Want {
    keys: String,
    asked: Vec<String>,
}

/// All of AWS, as the script has it.
#[derive(Debug, Default)]
struct Aws(Mutex<Vec<String>>);

#[async_trait]
impl Transport for Aws {
    async fn send(&self, request: Request<Pieces>) -> Result<Response<Incoming>, Error> {
        let (head, body) = request.into_parts();
        let body = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        let host = head.uri.host().unwrap_or_default();
        let (asked, answer) = if host.starts_with("sts.") {
            sts(&body, &head.headers)
        } else if host.starts_with("portal.sso.") {
            let mut query: Vec<&str> = head.uri.query().unwrap().split('&').collect();
            query.sort_unstable();
            let token = header(&head.headers, "x-amz-sso_bearer_token");
            let keys = json!({"accessKeyId": "SSO", "secretAccessKey": "s", "sessionToken": "t",
                "expiration": 4_070_908_800_000_u64});
            let asked = format!("{host}{} {} with {token}", head.uri.path(), query.join("&"));
            (asked, json!({"roleCredentials": keys}).to_string())
        } else if host.starts_with("oidc.") {
            let sent: BTreeMap<String, String> = serde_json::from_str(&body).unwrap();
            let sent: Vec<String> =
                sent.iter().map(|(name, value)| format!("{name:?}: {value:?}")).collect();
            let asked = format!("{host}{} {{{}}}", head.uri.path(), sent.join(", "));
            let answer =
                json!({"accessToken": "renewed", "expiresIn": 3_600, "refreshToken": "r2"});
            (asked, answer.to_string())
        } else {
            let token = header(&head.headers, "x-aws-ec2-metadata-token")
                + &header(&head.headers, "authorization");
            let asked = format!("{} {} {token}", head.method, head.uri);
            let answer = match head.uri.path() {
                "/latest/api/token" => "imds".to_owned(),
                path if path.ends_with("/security-credentials/") => "role".to_owned(),
                path if path.contains("meta-data") => lent("IMDS"),
                _ => lent("CONTAINER"),
            };
            (asked.trim().to_owned(), answer)
        };
        self.0.lock().unwrap().push(asked);
        let body: Incoming = Box::pin(stream::iter([Ok(answer.into())]));
        Ok(Response::new(body))
    }
}

fn header(of: &HeaderMap, name: &str) -> String {
    of.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

fn lent(name: &str) -> String {
    json!({"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": LATER})
        .to_string()
}

/// The form, without what each library has of its own, and whose keys signed it.
fn sts(form: &str, headers: &HeaderMap) -> (String, String) {
    let mut parts: BTreeMap<&str, &str> =
        form.split('&').filter_map(|pair| pair.split_once('=')).collect();
    parts.remove("Version");
    if parts.get("RoleSessionName") == Some(&"pointsman") {
        parts.remove("RoleSessionName");
    }
    let plain = |value: &str| value.replace("%3A", ":").replace("%2F", "/");
    let told: Vec<String> =
        parts.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let signed = header(headers, "authorization");
    let by = signed.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
    let by = by.map_or_else(String::new, |by| format!(" by {by}"));
    let keys = format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>{LATER}</Expiration></Credentials>",
        plain(parts["RoleArn"])
    );
    (format!("sts {}{by}", told.join("&")), keys)
}

fn machine(case: &Case) -> FakeMachine {
    let files: Vec<(&str, &str)> =
        case.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let programs = case.programs.iter();
    programs.fold(FakeMachine::with(&files), |all, (command, prints)| all.program(command, prints))
}

fn deployment(case: &Case, codec: &BedrockCodec) -> Deployment {
    let mut of = Deployment::new("g", "bedrock", "amazon.nova-lite-v1:0");
    let mut env = case.env.clone();
    env.entry("HOME".into()).or_insert_with(|| "/h".into());
    env.entry("AWS_REGION".into()).or_insert_with(|| "us-east-1".into());
    for (setting, names) in codec.settings_env() {
        if let Some(value) = names.iter().find_map(|name| env.get(*name)) {
            of.settings.insert((*setting).to_owned(), value.clone());
        }
    }
    let profile = case.profile.iter().map(|name| ("aws_profile_name".to_owned(), name.clone()));
    of.settings.extend(profile);
    of
}

/// What is found, and why nothing is.
async fn found(case: &Case, machine: &Arc<FakeMachine>) -> (Want, String) {
    let aws = Arc::new(Aws::default());
    let codec = BedrockCodec::new(Arc::<Aws>::clone(&aws), Arc::<FakeMachine>::clone(machine));
    let credentials = match codec.target(&deployment(case, &codec)) {
        Ok(target) => target.credentials.current(NOW).await,
        Err(why) => Err(Error::new(pointsman_types::ErrorKind::Authentication, why)),
    };
    let (keys, why) = match credentials {
        Ok(found) => {
            let Credential::Aws(keys) = &*found else { panic!("{found:?}") };
            let secret = keys.secret_access_key.expose_secret();
            let token = keys.session_token.as_ref().map_or("", |token| token.expose_secret());
            let told = format!("{} {secret} {token}", keys.access_key_id);
            (told.trim().to_owned(), String::new())
        }
        Err(error) if error.message().contains("there are no AWS credentials") => {
            ("none".to_owned(), String::new())
        }
        Err(error) => ("error".to_owned(), error.message().to_owned()),
    };
    let asked = if keys == "error" { Vec::new() } else { aws.0.lock().unwrap().clone() };
    (Want { keys, asked }, why)
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("data/chain.json")).unwrap()
}

#[tokio::test]
async fn the_chain_is_botocores() {
    let (mut wrong, cases) = (Vec::new(), cases());
    for case in &cases {
        let (found, why) = found(case, &Arc::new(machine(case))).await;
        if found != case.want {
            wrong.push(format!("{}: {found:?} ({why}) instead of {:?}", case.name, case.want));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The same cases against botocore itself, where it is installed.
#[test]
fn the_cases_are_botocores() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (script, cases) =
        (root.join("../../../tests/aws_chain.py"), root.join("tests/data/chain.json"));
    let Ok(ran) = Command::new("python3").arg(script).arg(cases).output() else {
        println!("python3 is not here: nothing is checked");
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    println!("{said}");
    assert!(matches!(ran.status.code(), Some(0 | 77)), "{said}");
}

fn named(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

#[tokio::test]
async fn a_renewed_token_is_kept_for_everybody_else() {
    let case = named("SSO with a session that is renewed");
    let machine = Arc::new(machine(&case));
    found(&case, &machine).await;
    let path = case.files.keys().find(|path| path.contains("/sso/cache/")).unwrap();
    let kept: Value = serde_json::from_str(&machine.read(path).unwrap()).unwrap();
    assert_eq!(kept["accessToken"], "renewed");
    assert_eq!(
        (&kept["refreshToken"], &kept["expiresAt"]),
        (&json!("r2"), &json!("2026-01-31T13:34:56Z"))
    );
    assert_eq!(
        (&kept["clientId"], &kept["startUrl"]),
        (&json!("ci"), &json!("https://a.awsapps.com/start"))
    );
}

#[tokio::test]
async fn errors_say_what_to_do_and_no_secret() {
    for (name, want) in [
        ("SSO without a token", "run `aws sso login`"),
        ("SSO in the older form, ended", "run `aws sso login`"),
        ("SSO with a client that has ended", "run `aws sso login`"),
        ("SSO without an account", "`sso_account_id`"),
        ("SSO with a session that is nowhere", "\"my\""),
        ("a circle", "circle"),
        ("an odd source", "\"Moon\""),
        ("a program of another version", "`Version`"),
        ("a program that prints half", "`SecretAccessKey`"),
        ("a profile that is not there", "no profile \"nowhere\""),
    ] {
        let case = named(name);
        let (_, why) = found(&case, &Arc::new(machine(&case))).await;
        assert!(why.contains(want), "{name}: {why}");
        assert!(!why.contains("PROC") && !why.contains("sso-token"), "{name}: {why}");
    }
}

#[tokio::test]
async fn deployments_of_the_same_settings_share_their_keys() {
    let case = named("a program");
    let machine = Arc::new(machine(&case));
    let aws = Arc::new(Aws::default());
    let codec = BedrockCodec::new(aws, Arc::<FakeMachine>::clone(&machine));
    for _ in 0..3 {
        let target = codec.target(&deployment(&case, &codec)).unwrap();
        target.credentials.current(NOW).await.unwrap();
    }
    assert_eq!(machine.ran().len(), 1);
}
