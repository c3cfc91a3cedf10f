//! What each crate may depend on outside the workspace.

use super::{
    Finding,
    floors::{Floor, floor},
    manifest::{Kind, Manifest},
    tree::Tree,
};

const RULE: &str = "cone";

const TOKIO: [&str; 3] = ["tokio", "tokio-util", "tokio-stream"];
const HTTP: [&str; 8] = [
    "http",
    "http-body",
    "http-body-util",
    "hyper",
    "hyper-util",
    "hyper-rustls",
    "reqwest",
    "axum",
];
const TEXT: [&str; 6] =
    ["serde_json", "serde-saphyr", "serde_norway", "serde_yaml", "serde_yaml_ng", "yaml-rust2"];

/// External crates that one crate of ours wraps, and its folder.
const WRAPPED: [(&str, &str); 8] = [
    ("hyper-rustls", "crates/http"),
    ("reqwest", "crates/http"),
    ("axum", "crates/gateway"),
    ("governor", "crates/limits"),
    ("redis", "crates/stores/redis"),
    ("fred", "crates/stores/redis"),
    ("redb", "crates/stores/disk"),
    ("serde-saphyr", "crates/config"),
];

/// Ports that own no I/O, though they stand above the policy floors.
const IDLE: [&str; 2] = ["crates/provider", "crates/state"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let renamed = tree.root.workspace_dependencies();
    for member in tree.members.iter().filter(|member| member.dir.starts_with("crates/")) {
        for dependency in member.dependencies() {
            if dependency.kind == Kind::Dev {
                continue;
            }
            let ours = renamed.iter().find(|d| dependency.workspace && d.key == dependency.key);
            let package = ours.unwrap_or(&dependency).package.as_ref().unwrap_or(&dependency.key);
            if let Some(message) = verdict(member, package) {
                found.push(Finding::new(&member.path, dependency.line, RULE, message));
            }
        }
    }
    found
}

/// Why `member` may not depend on `package`; `None` when it may.
fn verdict(member: &Manifest, package: &str) -> Option<String> {
    if let Some((_, home)) = WRAPPED.iter().find(|(wrapped, _)| *wrapped == package)
        && member.dir != *home
    {
        return Some(format!("`{package}` is named in `{home}` only: go through that crate"));
    }
    let tokio = TOKIO.contains(&package);
    if tokio && IDLE.contains(&member.dir.as_str()) {
        return Some(format!(
            "a port awaits nothing itself: `{package}` belongs on a higher floor"
        ));
    }
    let policy = matches!(floor(member), Some(Floor::At(0 | 1)));
    if policy && (tokio || HTTP.contains(&package) || TEXT.contains(&package)) {
        return Some(format!(
            "floors 0 and 1 are pure: `{package}` belongs on a higher floor; \
             take what it would tell as an argument"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dir: &str, floor: &str, table: &str, package: &str) -> usize {
        let text = format!(
            "[package]\nname = \"a\"\n[package.metadata.layer]\nfloor = {floor}\n\
             [{table}]\n{package}.workspace = true\n"
        );
        let root =
            "[workspace.dependencies]\nsneaky = { package = \"reqwest\", version = \"1\" }\n";
        let path = format!("{dir}/Cargo.toml");
        check(&Tree::of([("Cargo.toml", root), (path.as_str(), text.as_str())])).len()
    }

    #[test]
    fn the_policy_floors_are_pure() {
        for package in
            ["tokio", "tokio-util", "http", "hyper", "reqwest", "serde_json", "serde-saphyr"]
        {
            for floor in ["0", "1"] {
                assert_eq!(found("crates/retry", floor, "dependencies", package), 1, "{package}");
            }
            assert_eq!(found("crates/retry", "1", "dev-dependencies", package), 0, "{package}");
        }
        assert_eq!(found("crates/retry", "1", "dependencies", "serde"), 0);
    }

    #[test]
    fn the_ports_know_no_runtime() {
        assert_eq!(found("crates/provider", "2", "dependencies", "tokio"), 1);
        assert_eq!(found("crates/state", "2", "dependencies", "tokio"), 1);
        assert_eq!(found("crates/provider", "2", "dependencies", "serde_json"), 0);
        assert_eq!(found("crates/router", "4", "dependencies", "tokio"), 0);
    }

    #[test]
    fn wrapped_crates_stay_wrapped() {
        for (package, home) in WRAPPED {
            assert_eq!(found(home, "3", "dependencies", package), 0, "{package}");
            assert_eq!(found("crates/router", "4", "dependencies", package), 1, "{package}");
        }
    }

    #[test]
    fn a_new_name_hides_nothing() {
        assert_eq!(found("crates/router", "4", "dependencies", "sneaky"), 1);
    }
}
