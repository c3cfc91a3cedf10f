//! What source code may not name, and where it may.

use super::{
    Finding,
    tree::{Source, Tree},
    within,
};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in &tree.sources {
        let mut report = |at: usize, rule, message: &str| {
            found.push(Finding::new(&source.path, source.tokens.line(at), rule, message));
        };
        everywhere(source, &mut report);
        outside_tests(source, &mut report);
        spawns(source, &mut report);
        inside_tests(source, &mut report);
    }
    found
}

/// A path that is banned outside tests, and the folders where it is at home.
struct Ban {
    rule: &'static str,
    paths: &'static [(&'static str, &'static str)],
    homes: &'static [&'static str],
    message: &'static str,
}

const BANS: [Ban; 2] = [
    Ban {
        rule: "env",
        paths: &[("std", "env")],
        homes: &["crates/gateway", "crates/testkit", "xtask", "tests"],
        message: "only the gateway reads the environment: take the value as an argument",
    },
    Ban {
        rule: "clock",
        paths: &[("Instant", "now"), ("SystemTime", "now")],
        homes: &["crates/clock", "crates/testkit", "xtask"],
        message: "time is an argument: take `now`, or ask a `Clock`",
    },
];

const PRINTS: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];
const PRINTERS: [&str; 3] = ["crates/gateway", "xtask", "tests"];
const NOISY: &str = "only the gateway prints: return it, or trace it";

type Report<'a> = dyn FnMut(usize, &'static str, &str) + 'a;

fn everywhere(source: &Source, report: &mut Report<'_>) {
    let tokens = &source.tokens;
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.text == "unsafe") {
        report(
            at,
            "unsafe",
            "there is no `unsafe` here: find the safe way, or a crate that has it",
        );
    }
    for at in tokens.attributes("allow") {
        report(at, "allow", "write `#[expect(…, reason = \"…\")]`: it fails once it is not needed");
    }
    for at in tokens.attributes("ignore") {
        report(at, "ignore", "a test that does not run is no test: make it run, or remove it");
    }
    for at in ["todo", "unimplemented"].iter().flat_map(|name| tokens.macros(name)) {
        report(at, "unfinished", "finish it, or leave it out");
    }
}

fn outside_tests(source: &Source, report: &mut Report<'_>) {
    // Examples and benchmarks are run by people; a build script talks to cargo.
    let shown =
        source.path.split('/').any(|part| ["examples", "benches", "build.rs"].contains(&part));
    if source.test || shown {
        return;
    }
    let tokens = &source.tokens;
    for ban in BANS.iter().filter(|ban| !ban.homes.iter().any(|home| within(&source.path, home))) {
        for at in ban.paths.iter().flat_map(|(first, second)| tokens.paths(first, second)) {
            if !tokens.in_test(at) {
                report(at, ban.rule, ban.message);
            }
        }
    }
    if !PRINTERS.iter().any(|home| within(&source.path, home)) {
        for at in PRINTS.iter().flat_map(|name| tokens.macros(name)) {
            if !tokens.in_test(at) {
                report(at, "print", NOISY);
            }
        }
    }
}

fn spawns(source: &Source, report: &mut Report<'_>) {
    let tokens = &source.tokens;
    let expected = tokens.expecting("disallowed_methods");
    for at in [("tokio", "spawn"), ("task", "spawn")].iter().flat_map(|(a, b)| tokens.paths(a, b)) {
        let covered = expected.iter().any(|region| region.contains(&at));
        if !(covered || source.test || tokens.in_test(at)) {
            report(
                at,
                "spawn",
                "a detached task outlives its owner: spawn on a TaskTracker, or say why not in \
                 `#[expect(clippy::disallowed_methods, reason = \"…\")]`",
            );
        }
    }
}

fn inside_tests(source: &Source, report: &mut Report<'_>) {
    // Testkit and the whole-system tests stand on real sockets.
    if ["crates/testkit", "tests"].iter().any(|home| within(&source.path, home)) {
        return;
    }
    let tokens = &source.tokens;
    for at in [("thread", "sleep"), ("time", "sleep")].iter().flat_map(|(a, b)| tokens.paths(a, b))
    {
        if source.test || tokens.in_test(at) {
            report(
                at,
                "sleep",
                "a test does not sleep: advance a clock, or await the event itself",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        check(&Tree::of([(path, text)])).into_iter().map(|f| (f.rule, f.line)).collect()
    }

    /// What is found in the library of a crate that may do nothing special.
    fn found(text: &str) -> Vec<(&'static str, usize)> {
        rules("crates/router/src/lib.rs", text)
    }

    #[test]
    fn the_environment_belongs_to_the_gateway() {
        for text in
            ["use std::env;", "use std::{fmt, env::{self, var}};", "m!(std::env::var(\"A\"));"]
        {
            assert_eq!(found(text), [("env", 1)], "{text}");
            assert_eq!(rules("crates/gateway/src/lib.rs", text), [], "{text}");
            assert_eq!(rules("crates/router/tests/a.rs", text), [], "{text}");
        }
        assert_eq!(
            found("use std::{fmt, environment}; // std::env\nconst A: &str = env!(\"A\");"),
            []
        );
    }

    #[test]
    fn the_clock_belongs_to_one_crate() {
        let text = "fn f() {\n    let a = std::time::Instant::now();\n    SystemTime::now();\n}";
        assert_eq!(found(text), [("clock", 2), ("clock", 3)]);
        assert_eq!(rules("crates/gateway/src/demo.rs", text).len(), 2);
        for home in ["crates/clock", "crates/testkit", "xtask"] {
            assert_eq!(rules(&format!("{home}/src/lib.rs"), text), [], "{home}");
        }
    }

    #[test]
    fn only_the_gateway_prints() {
        for name in PRINTS {
            let text = format!("fn f() {{ {name}!(\"x\"); }}");
            assert_eq!(found(&text), [("print", 1)], "{name}");
            assert_eq!(rules("crates/testkit/src/lib.rs", &text), [("print", 1)], "{name}");
            for path in
                ["crates/gateway/src/a.rs", "crates/a/examples/b.rs", "crates/a/benches/b.rs"]
            {
                assert_eq!(rules(path, &text), [], "{path}");
            }
        }
        assert_eq!(found("/// println!(\"x\")\nfn f() -> bool { print != dbg }"), []);
    }

    #[test]
    fn test_code_is_free_to_print_and_to_look_at_the_clock() {
        let body = "fn f() { println!(); Instant::now(); std::env::args(); tokio::spawn(x); }";
        let module = format!("#[cfg(test)]\nmod tests {{ {body} }}");
        assert_eq!(found(&module), []);
        assert_eq!(found(&format!("#[tokio::test(start_paused = true)]\nasync {body}")), []);
        assert_eq!(found(&format!("#[cfg(all(test, unix))] #[x] pub(crate) {body}")), []);
        assert_eq!(found(&format!("{module}\n{body}")).len(), 4);
        assert_eq!(found(&format!("#[cfg(not(test))] {body}")).len(), 4);
    }

    #[test]
    fn nowhere_means_tests_too() {
        let all = "#[cfg(test)]\nmod tests {\n#[allow(dead_code)]\nunsafe fn f() {}\n\
            #[ignore = \"slow\"]\nfn g() { todo!() }\nfn h() { unimplemented!(\"x\") }\n}";
        let want =
            [("unsafe", 4), ("allow", 3), ("ignore", 5), ("unfinished", 6), ("unfinished", 7)];
        assert_eq!(found(all), want);
        assert_eq!(rules("tests/a.rs", all), want);
        assert_eq!(found("#![allow(dead_code)]"), [("allow", 1)]);
        assert_eq!(found("#[cfg_attr(unix, allow(dead_code))] fn f() {}"), [("allow", 1)]);
        assert_eq!(found("#![forbid(unsafe_code)]\n// unsafe, #[allow(x)], todo!()\n"), []);
    }

    #[test]
    fn a_detached_task_gives_a_reason() {
        let bare = "fn f() { tokio::spawn(a); }\nuse tokio::task;\nfn g() { task::spawn(a); }";
        assert_eq!(found(bare), [("spawn", 1), ("spawn", 3)]);
        let why = "#[expect(clippy::disallowed_methods, reason = \"owned by the process\")]";
        assert_eq!(found(&format!("fn f() {{ {why} let a = tokio::spawn(b); }}")), []);
        assert_eq!(
            found(&format!(
                "{why}\nfn f<A, B>(a: A, b: B) where A: X, B: Y {{ tokio::spawn(b); }}"
            )),
            []
        );
        assert_eq!(
            found(&format!("{why}\nfn f() {{}}\nfn g() {{ tokio::spawn(b); }}")),
            [("spawn", 3)]
        );
    }

    #[test]
    fn tests_do_not_sleep() {
        let sleeps =
            "fn f() { std::thread::sleep(a); tokio::time::sleep(b); }\nuse tokio::time::{sleep};";
        assert_eq!(
            rules("crates/http/tests/a.rs", sleeps),
            [("sleep", 1), ("sleep", 1), ("sleep", 2)]
        );
        assert_eq!(found(&format!("#[cfg(test)] mod tests {{ {sleeps} }}")).len(), 3);
        for path in ["crates/http/src/a.rs", "crates/testkit/tests/a.rs", "tests/a.rs"] {
            assert_eq!(rules(path, sleeps), [], "{path}");
        }
    }
}
