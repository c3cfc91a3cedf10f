//! How manifests are written: one place for versions, one for lints.

use super::{Finding, manifest::Value, tree::Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for dependency in tree.root.workspace_dependencies() {
        if !dependency.bare {
            let message = format!(
                "`{}` needs `default-features = false` here: each crate turns on what it uses",
                dependency.key
            );
            found.push(Finding::new(&tree.root.path, dependency.line, "features", message));
        }
    }
    for member in &tree.members {
        if member.value(&["lints", "workspace"]) != Some(&Value::Flag(true)) {
            let message = "add `[lints]` with `workspace = true`";
            found.push(Finding::new(&member.path, member.line(&["lints"]), "lints", message));
        }
        for dependency in member.dependencies().iter().filter(|dependency| !dependency.workspace) {
            let message = format!(
                "write `{0}.workspace = true`, with the version of `{0}` in the root manifest",
                dependency.key
            );
            found.push(Finding::new(&member.path, dependency.line, "version", message));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(root: &str, member: &str) -> Vec<(&'static str, usize)> {
        let member = format!("[package]\nname = \"a\"\n{member}");
        let tree = Tree::of([("Cargo.toml", root), ("crates/a/Cargo.toml", member.as_str())]);
        check(&tree).into_iter().map(|f| (f.rule, f.line)).collect()
    }

    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[test]
    fn default_features_are_off_at_the_root() {
        let root = "[workspace.dependencies]\na = \"1\"\nb = { version = \"1\" }\n\
            c = { version = \"1\", default-features = false }\n\
            d = { version = \"1\", default-features = true }\n";
        assert_eq!(rules(root, LINTS), [("features", 2), ("features", 3), ("features", 5)]);
    }

    #[test]
    fn lints_are_the_workspace_s() {
        assert_eq!(rules("", ""), [("lints", 1)]);
        assert_eq!(rules("", "[lints.rust]\nunused = \"allow\"\n"), [("lints", 4)]);
        assert_eq!(rules("", LINTS), []);
    }

    #[test]
    fn versions_stand_at_the_root() {
        let deps = "[dev-dependencies]\na = \"1\"\nb.workspace = true\n";
        assert_eq!(rules("", &format!("{LINTS}{deps}")), [("version", 6)]);
    }
}
