//! Starting, watching and stopping a gateway, with a script in its place.
#![cfg(unix)]

use std::{io::ErrorKind, path::Path, time::Duration};

use pointsman_testkit::Gateway;

const SOON: Duration = Duration::from_secs(20);

fn pretender() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pretend-gateway.sh"))
}

/// The script finds `sleep` by it.
const PATH: (&str, &str) = ("PATH", "/usr/local/bin:/usr/bin:/bin");

#[tokio::test]
async fn starts_and_drains() {
    let mut gateway =
        Gateway::start(pretender(), "serve\n", &[PATH, ("NAME", "alice")]).await.unwrap();
    assert_eq!(gateway.url(), "http://127.0.0.1:4321");
    assert!(gateway.logs().contains("starting"));
    let directory = gateway.directory().to_owned();
    assert!(directory.join("config.yaml").exists());

    gateway.configure("other\n").unwrap();
    assert_eq!(std::fs::read_to_string(directory.join("config.yaml")).unwrap(), "other\n");
    gateway.signal_hup().await.unwrap();
    gateway.logged("reloaded", SOON).await.unwrap();
    let error = gateway.logged("never", Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    gateway.signal_term().await.unwrap();
    assert!(gateway.wait(SOON).await.unwrap().success());
    assert!(gateway.logs().ends_with("drained alice homeless"), "{}", gateway.logs());
    assert!(gateway.signal_hup().await.is_err(), "nobody is left");
    drop(gateway);
    assert!(!directory.exists());
}

#[tokio::test]
async fn says_why_it_did_not_start() {
    let error = Gateway::start(pretender(), "refuse\n", &[]).await.unwrap_err().to_string();
    assert!(error.contains("exit status: 1"), "{error}");
    assert!(error.contains("config.yaml:1:1: error: refused"), "{error}");
    assert!(Gateway::start(Path::new("/nowhere"), "", &[]).await.is_err());
}

#[tokio::test]
async fn reports_a_refusal() {
    let (code, stderr) = Gateway::refused(pretender(), "refuse\n").await.unwrap();
    assert_eq!((code, stderr.as_str()), (1, "config.yaml:1:1: error: refused\n"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn kills_it_on_drop() {
    let gateway = Gateway::start(pretender(), "serve\n", &[PATH]).await.unwrap();
    let status = format!("/proc/{}/status", gateway.id().unwrap());
    // Gone, or dead and not yet collected.
    let runs = || std::fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ"));
    assert!(runs());
    drop(gateway);
    let ended = async {
        while runs() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, ended).await.is_ok());
}
