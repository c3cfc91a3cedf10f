//! Where keys come from, how long they are kept, who fetches them.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use pointsman_bedrock::BedrockCodec;
use pointsman_clock::Instant;
use pointsman_provider::{Codec, Credential, Machine, Target};
use pointsman_testkit::FakeMachine;
use pointsman_types::{Deployment, ErrorKind, ExposeSecret};

mod common;

use common::{Scripted, codec};

/// 2026-01-31T12:34:56Z
const NOW: Instant = Instant::from_secs(1_769_862_896);
const ROLE: &str = "arn:aws:iam::123456789012:role/llm";

fn deployment(settings: &[(&str, &str)]) -> Deployment {
    let mut deployment = Deployment::new("g", "bedrock", "amazon.nova-lite-v1:0");
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    deployment.settings = settings.iter().map(own).collect();
    let region = || "us-east-1".to_owned();
    deployment.settings.entry("aws_region_name".into()).or_insert_with(region);
    deployment
}

fn target(of: &Deployment, over: &Arc<Scripted>, files: &[(&str, &str)]) -> Result<Target, String> {
    let over: Arc<Scripted> = Arc::clone(over);
    BedrockCodec::new(over, Arc::new(FakeMachine::with(files))).target(of)
}

/// The credential in a word, secrets and all.
fn told(credential: &Credential) -> String {
    match credential {
        Credential::Key(key) => format!("key {}", key.expose_secret()),
        Credential::Bearer(token) => format!("bearer {}", token.expose_secret()),
        Credential::Aws(keys) => {
            let token = keys.session_token.as_ref().map_or("", |token| token.expose_secret());
            format!("{} {} {token}", keys.access_key_id, keys.secret_access_key.expose_secret())
        }
        other => format!("{other:?}"),
    }
}

async fn found(settings: &[(&str, &str)], files: &[(&str, &str)]) -> String {
    let over = Scripted::new(&[]);
    match target(&deployment(settings), &over, files) {
        Ok(to) => match to.credentials.current(NOW).await {
            Ok(credential) => told(&credential),
            Err(error) => error.to_string(),
        },
        Err(why) => why,
    }
}

fn lent(nth: u32, until: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <AssumedRoleUser><Arn>x</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA{nth}</AccessKeyId>\
         <SecretAccessKey>s{nth}</SecretAccessKey><SessionToken>t{nth}</SessionToken>\
         <Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
}

#[tokio::test]
async fn the_order_of_sources() {
    let env =
        [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "es"), ("AWS_SESSION_TOKEN", "et")];
    let own = [("aws_access_key_id", "O"), ("aws_secret_access_key", "os")];
    let bearer = [("AWS_BEARER_TOKEN_BEDROCK", "b")];
    let off = [("AWS_EC2_METADATA_DISABLED", "true")];
    assert_eq!(found(&[&own[..], &env, &bearer].concat(), &[]).await, "O os ");
    assert_eq!(found(&[&env[..], &bearer].concat(), &[]).await, "bearer b");
    assert_eq!(found(&env, &[]).await, "E es et");
    let nothing = found(&off, &[]).await;
    assert!(nothing.contains("there are no AWS credentials"), "{nothing}");
    let half = found(&[("aws_access_key_id", "O")], &[]).await;
    assert!(half.contains("`aws_access_key_id` is set without `aws_secret_access_key`"), "{half}");
    let over = Scripted::new(&[]);
    let with_key = deployment(&own).with_key("k");
    let to = target(&with_key, &over, &[]).unwrap();
    assert_eq!(told(&to.credentials.current(NOW).await.unwrap()), "key k");
}

#[tokio::test]
async fn profiles() {
    let files = [
        (
            "/h/.aws/credentials",
            "# mine\n[default]\naws_access_key_id = D\naws_secret_access_key=ds\n\n\
             [work]\naws_access_key_id=W\naws_secret_access_key=ws # note\naws_session_token=wt\n",
        ),
        (
            "/h/.aws/config",
            "[default]\nregion=eu-north-1\n[profile work]\nregion = ap-south-1\ns3 =\n  a = b\n\
             [profile sso]\nsso_account_id = 1\n\
             [profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=a\n",
        ),
    ];
    let home = ("HOME", "/h");
    assert_eq!(found(&[home, ("aws_profile_name", "work")], &files).await, "W ws wt");
    assert_eq!(found(&[home, ("AWS_PROFILE", "work")], &files).await, "W ws wt");
    assert_eq!(found(&[home], &files).await, "D ds ");
    for (name, why) in [
        ("none", "there is no profile \"none\""),
        ("sso", "SSO needs its `sso_"),
        ("a", "leads in a circle"),
    ] {
        let said = found(&[home, ("aws_profile_name", name)], &files).await;
        assert!(said.contains(why), "{said}");
    }
    let mut of = deployment(&[home, ("aws_profile_name", "work")]);
    of.settings.remove("aws_region_name");
    let to = target(&of, &Scripted::new(&[]), &files).unwrap();
    assert_eq!(to.base, "https://bedrock-runtime.ap-south-1.amazonaws.com");
}

#[tokio::test]
async fn a_role_is_taken_with_signed_words_and_renewed_ahead_of_its_end() {
    let answers = [
        (200, lent(1, "2026-01-31T13:34:56Z")),
        (500, String::new()),
        (200, lent(2, "2026-01-31T14:34:56Z")),
        (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>".to_owned()),
    ];
    let answers: Vec<(u16, &str)> =
        answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    let over = Scripted::new(&answers);
    let of = deployment(&[
        ("aws_role_name", ROLE),
        ("aws_access_key_id", "AKIDEXAMPLE"),
        ("aws_secret_access_key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ]);
    let to = target(&of, &over, &[]).unwrap();
    let at = |minutes: u64| NOW + Duration::from_mins(minutes);
    let ask = async |minutes: u64| {
        to.credentials.current(at(minutes)).await.map(|credential| told(&credential))
    };
    let sent = || over.sent.lock().unwrap().len();
    assert_eq!(ask(0).await.unwrap(), "ASIA1 s1 t1");
    assert_eq!(ask(54).await.unwrap(), "ASIA1 s1 t1");
    assert_eq!(sent(), 1);
    // A renewal that fails costs nothing while the keys are good, and is not tried by every call.
    assert_eq!(ask(56).await.unwrap(), "ASIA1 s1 t1");
    assert_eq!(ask(56).await.unwrap(), "ASIA1 s1 t1");
    assert_eq!(sent(), 2);
    assert_eq!(ask(57).await.unwrap(), "ASIA2 s2 t2");
    let denied = ask(120).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Authentication);
    assert!(denied.message().contains("AccessDenied: no"), "{denied}");
    // The script's end is a network that is down.
    assert_eq!(ask(120).await.unwrap_err().kind, ErrorKind::Connection);

    let sent = over.sent.lock().unwrap();
    let (head, body) = &sent[0];
    assert_eq!(head.uri, "https://sts.us-east-1.amazonaws.com/");
    assert_eq!(
        body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fllm&RoleSessionName=pointsman"
    );
    // As botocore signs it.
    let signature = "Signature=3a5cddb7cc8a9af0d4172041fbf22812064e6b7385a0bc1e3509916586b0f846";
    assert!(head.headers["authorization"].to_str().unwrap().ends_with(signature));
}

#[tokio::test]
async fn one_fetches_for_all_who_wait() {
    let good = lent(1, "2026-01-31T13:34:56Z");
    let settings =
        [("aws_role_name", ROLE), ("aws_access_key_id", "A"), ("aws_secret_access_key", "s")];
    for (answers, want) in [
        (vec![(200, good.as_str())], None),
        (vec![(403, "<Code>AccessDenied</Code>")], Some(ErrorKind::Authentication)),
    ] {
        let over = Scripted::new(&answers);
        let to = target(&deployment(&settings), &over, &[]).unwrap();
        let all = join_all((0..50).map(|_| to.credentials.current(NOW))).await;
        for one in all {
            assert_eq!(one.err().map(|error| error.kind), want);
        }
        assert_eq!(over.sent.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn whoever_leaves_while_fetching_leaves_the_way_free() {
    let good = lent(1, "2026-01-31T13:34:56Z");
    let over = Scripted::new(&[(200, &good)]);
    let settings =
        [("aws_role_name", ROLE), ("aws_access_key_id", "A"), ("aws_secret_access_key", "s")];
    let to = target(&deployment(&settings), &over, &[]).unwrap();
    let first = to.credentials.current(NOW);
    // The scripted network gives way once before it answers.
    assert!(futures_util::FutureExt::now_or_never(first).is_none());
    assert_eq!(told(&to.credentials.current(NOW).await.unwrap()), "ASIA1 s1 t1");
}

#[tokio::test]
async fn a_web_identity_is_read_again_for_every_fetch() {
    let (first, second) = (lent(1, "2026-01-31T13:34:56Z"), lent(2, "2026-01-31T16:34:56Z"));
    let over = Scripted::new(&[(200, &first), (200, &second)]);
    let machine = Arc::new(FakeMachine::with(&[("/token", "jwt+0\n")]));
    let of = deployment(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_ROLE_SESSION_NAME", "pod"),
        ("aws_sts_endpoint", "http://127.0.0.1:9/"),
    ]);
    let to = BedrockCodec::new(Arc::<Scripted>::clone(&over), Arc::clone(&machine) as _);
    let to = to.target(&of).unwrap();
    assert_eq!(told(&to.credentials.current(NOW).await.unwrap()), "ASIA1 s1 t1");
    machine.write("/token", "jwt+1\n").unwrap();
    let later = NOW + Duration::from_hours(2);
    assert_eq!(told(&to.credentials.current(later).await.unwrap()), "ASIA2 s2 t2");
    let sent = over.sent.lock().unwrap();
    assert_eq!(sent[0].0.uri, "http://127.0.0.1:9/");
    assert!(sent[0].0.headers.get("authorization").is_none());
    let body = |nth: usize| String::from_utf8_lossy(&sent[nth].1).into_owned();
    assert!(body(0).starts_with("Action=AssumeRoleWithWebIdentity&WebIdentityToken=jwt%2B0&"));
    assert!(body(1).contains("WebIdentityToken=jwt%2B1&") && body(1).contains("=pod"));
    // A deployment that names the role that the identity already has takes it the same way.
    let of = deployment(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_ROLE_ARN", ROLE),
        ("aws_role_name", ROLE),
    ]);
    assert!(format!("{:?}", target(&of, &over, &[]).unwrap().credentials).contains("WebIdentity"));
}

#[tokio::test]
async fn the_machines_own_keys() {
    let said = r#"{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-31T18:34:56Z"}"#;
    let over = Scripted::new(&[(200, "imds-token\n"), (200, "my-role\n"), (200, said)]);
    let to = target(&deployment(&[]), &over, &[]).unwrap();
    assert_eq!(told(&to.credentials.current(NOW).await.unwrap()), "ASIA s t");
    let sent: Vec<String> = over
        .sent
        .lock()
        .unwrap()
        .iter()
        .map(|(head, _)| {
            let token = head.headers.get("x-aws-ec2-metadata-token");
            let token = token.map_or("-", |token| token.to_str().unwrap());
            format!("{} {} {token}", head.method, head.uri)
        })
        .collect();
    assert_eq!(
        sent,
        [
            "PUT http://169.254.169.254/latest/api/token -",
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ imds-token",
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role imds-token",
        ]
    );
    let over = Scripted::new(&[(200, said), (200, "{}")]);
    let of = deployment(&[
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ct"),
    ]);
    let to = target(&of, &over, &[]).unwrap();
    assert_eq!(told(&to.credentials.current(NOW).await.unwrap()), "ASIA s t");
    {
        let sent = over.sent.lock().unwrap();
        assert_eq!(sent[0].0.uri, "http://169.254.170.2/v2/credentials/x");
        assert_eq!(sent[0].0.headers["authorization"], "ct");
    }
    let later = NOW + Duration::from_hours(7);
    let error = to.credentials.current(later).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Authentication);
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let good = lent(1, "2026-01-31T13:34:56Z").replace("s1", "planted").replace("t1", "planted");
    let over = Scripted::new(&[(200, &good)]);
    let of = deployment(&[
        ("aws_role_name", ROLE),
        ("aws_access_key_id", "A"),
        ("aws_secret_access_key", "planted"),
        ("aws_session_token", "planted"),
    ]);
    let to = target(&of, &over, &[]).unwrap();
    to.credentials.current(NOW).await.unwrap();
    let printed = format!("{to:?} {:?}", to.credentials);
    assert!(printed.contains("Role") && !printed.contains("planted"), "{printed}");
    for answer in ["planted", "<AccessKeyId>planted</AccessKeyId>"] {
        let to = target(&of, &Scripted::new(&[(200, answer)]), &[]).unwrap();
        let error = to.credentials.current(NOW).await.unwrap_err();
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

#[test]
fn the_environments_keys_are_not_mixed_with_a_deployments() {
    let settings = codec().settings_env();
    for name in ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] {
        assert!(settings.iter().all(|(setting, _)| *setting != name), "{name}");
        let variable = name.to_uppercase();
        assert!(
            settings
                .iter()
                .any(|(setting, names)| *setting == variable && *names == [variable.as_str()])
        );
    }
}
