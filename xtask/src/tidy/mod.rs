//! `cargo xtask tidy`: the house rules that neither rustc nor clippy knows.
//!
//! Each family of rules is a module with a `check` from the [`Tree`] to findings; nothing is
//! built, and all findings are reported at once.

mod bans;
mod cones;
mod docs;
mod floors;
mod manifest;
mod manifests;
mod places;
mod size;
mod tokens;
mod tree;

use std::{fmt, path::Path};

use tree::Tree;

/// A broken rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// Checks the repository at `root` and prints every finding; an error is the closing line.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::load(root)?;
    let findings = check(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing found", tree.files.len());
            Ok(())
        }
        1 => Err("tidy: 1 finding".to_owned()),
        many => Err(format!("tidy: {many} findings")),
    }
}

fn check(tree: &Tree) -> Vec<Finding> {
    let families = [
        floors::check,
        cones::check,
        manifests::check,
        bans::check,
        size::check,
        docs::check,
        places::check,
    ];
    let mut found: Vec<Finding> = families.iter().flat_map(|family| family(tree)).collect();
    found.extend(tree.unreadable.iter().cloned());
    found.sort();
    found
}

/// Whether `path` lies in the folder `dir`.
fn within(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether `path` ends in a dot and `extension`.
fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_findings_come_at_once_and_say_where() {
        let tree = Tree::of([
            ("Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\n"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/a/src/lib.rs", "fn f() {\n    todo!()\n}\n"),
            ("crates/a/src/b.rs", "fn f( {"),
        ]);
        let said: Vec<String> = check(&tree).iter().map(Finding::to_string).collect();
        let rules: Vec<&str> = said.iter().filter_map(|line| line.split(": ").nth(1)).collect();
        assert_eq!(
            rules,
            ["features", "floor", "lints", "parse", "crate-doc", "unfinished"],
            "{said:#?}"
        );
        assert!(said[5].starts_with("crates/a/src/lib.rs:2: unfinished: "), "{}", said[5]);
    }

    #[test]
    fn a_folder_is_not_a_prefix() {
        assert!(within("crates/http/src/lib.rs", "crates/http"));
        assert!(!within("crates/httpx/src/lib.rs", "crates/http"));
    }
}
