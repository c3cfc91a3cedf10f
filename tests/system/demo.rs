//! `pointsman demo`, as a script sees it.

use std::process::Stdio;

use tokio::process::Command;

use crate::POINTSMAN;

async fn run(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(POINTSMAN);
    command.args(args).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn it_tells_the_whole_story_in_plain_lines() {
    let (code, said) = run(&["demo", "--seconds", "5"]).await;
    assert_eq!(code, Some(0), "{said}");
    let mut rest = said.as_str();
    for step in [
        "basil begins to answer 500",
        "basil: failed; left alone",
        "basil: its probe failed",
        "basil would answer again",
        "basil: its probe was answered",
        "every one was answered",
    ] {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step:?} is missing\n{said}"));
        rest = &rest[at..];
    }
    assert!(!said.contains('\x1b'), "{said}");
}

#[tokio::test]
async fn its_length_is_bounded() {
    for seconds in ["0", "4", "601", "-1", "long"] {
        let (code, said) = run(&["demo", &format!("--seconds={seconds}")]).await;
        assert_eq!(code, Some(2), "{said}");
    }
    let (code, said) = run(&["demo", "--help"]).await;
    assert_eq!(code, Some(0));
    assert!(said.contains("pointsman demo --seconds 60"), "{said}");
}
