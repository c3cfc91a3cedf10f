//! Who may know whom inside the workspace: an edge goes to a strictly lower floor.

use super::{
    Finding,
    manifest::{Kind, Manifest, Value},
    tree::Tree,
};

const RULE: &str = "floor";
const KEYS: [&str; 4] = ["package", "metadata", "layer", "floor"];
const TOP: i64 = 6;

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Floor {
    /// 0 at the bottom, 6 at the top.
    At(i64),
    /// Testkit: above all, and only for tests.
    Test,
}

/// The floor a manifest declares.
pub(super) fn floor(manifest: &Manifest) -> Option<Floor> {
    match manifest.value(&KEYS)? {
        Value::Whole(at) if (0..=TOP).contains(at) => Some(Floor::At(*at)),
        Value::Text(test) if test == "test" => Some(Floor::Test),
        _ => None,
    }
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for member in &tree.members {
        declared(member, &mut found);
        edges(tree, member, &mut found);
    }
    found
}

fn declared(member: &Manifest, found: &mut Vec<Finding>) {
    let inside = member.dir.starts_with("crates/");
    let message = match (inside, member.has(&KEYS), floor(member)) {
        (true, false, _) => format!(
            "declare `[package.metadata.layer] floor = N`, N from 0 to {TOP}: \
             one above the highest crate it depends on"
        ),
        (true, true, None) => {
            format!("a floor is a number from 0 to {TOP}, or \"test\" for testkit")
        }
        (false, true, _) => "only crates under `crates/` stand on a floor: remove it".to_owned(),
        _ => return,
    };
    found.push(Finding::new(&member.path, member.line(&KEYS), RULE, message));
}

fn edges(tree: &Tree, member: &Manifest, found: &mut Vec<Finding>) {
    // Those without a floor, `tests` and `xtask`, stand outside the building.
    let Some(own) = floor(member) else { return };
    let name = member.name().unwrap_or("");
    for dependency in member.dependencies() {
        let called = dependency.package.as_ref().unwrap_or(&dependency.key);
        let to = tree.members.iter().find(|to| to.name() == Some(called));
        let (Some(to), true) = (to, dependency.kind != Kind::Dev) else { continue };
        let message = match (own, floor(to)) {
            (_, None) if !to.dir.starts_with("crates/") => {
                format!("`{called}` is no library: no crate depends on it")
            }
            (Floor::At(_), Some(Floor::Test)) if name != "pointsman-gateway" => {
                format!("`{called}` is for tests: make it a dev-dependency")
            }
            (Floor::At(own), Some(Floor::At(low))) if low >= own => format!(
                "`{name}` on floor {own} may not know `{called}` on floor {low}: \
                 an edge goes to a lower floor; move what both need below them"
            ),
            _ => continue,
        };
        found.push(Finding::new(&member.path, dependency.line, RULE, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, floor: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n[package.metadata.layer]\nfloor = {floor}\n{rest}")
    }

    fn lines(files: &[(&str, String)]) -> Vec<(String, usize)> {
        let tree = Tree::of(files.iter().map(|(path, text)| (*path, text.as_str())));
        check(&tree).into_iter().map(|f| (f.path, f.line)).collect()
    }

    #[test]
    fn an_edge_goes_down() {
        let low = ("crates/low/Cargo.toml", manifest("low", "1", ""));
        let up = |floor, table| {
            let rest = format!("[{table}]\nlow.workspace = true\n");
            ("crates/up/Cargo.toml", manifest("up", floor, &rest))
        };
        assert_eq!(lines(&[low.clone(), up("2", "dependencies")]), []);
        let wrong = [("crates/up/Cargo.toml".to_owned(), 6)];
        assert_eq!(lines(&[low.clone(), up("1", "dependencies")]), wrong);
        assert_eq!(lines(&[low.clone(), up("0", "build-dependencies")]), wrong);
        assert_eq!(lines(&[low, up("0", "dev-dependencies")]), []);
    }

    #[test]
    fn a_renamed_edge_is_still_an_edge() {
        let rest = "[dependencies]\nother = { package = \"low\", workspace = true }\n";
        let files = [
            ("crates/low/Cargo.toml", manifest("low", "1", "")),
            ("crates/up/Cargo.toml", manifest("up", "1", rest)),
        ];
        assert_eq!(lines(&files), [("crates/up/Cargo.toml".to_owned(), 6)]);
    }

    #[test]
    fn every_crate_declares_a_floor_and_nothing_else_does() {
        let bare = |name: &str| format!("[package]\nname = \"{name}\"\n");
        let files = [
            ("crates/a/Cargo.toml", bare("a")),
            ("crates/b/Cargo.toml", manifest("b", "7", "")),
            ("tests/Cargo.toml", bare("t")),
            ("xtask/Cargo.toml", manifest("xtask", "0", "")),
        ];
        let places =
            [("crates/a/Cargo.toml", 1), ("crates/b/Cargo.toml", 4), ("xtask/Cargo.toml", 4)];
        assert_eq!(lines(&files), places.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn testkit_is_for_tests_and_the_gateway() {
        let kit = ("crates/kit/Cargo.toml", manifest("kit", "\"test\"", ""));
        let user = |name: &str, table: &str| {
            let rest = format!("[{table}]\nkit.workspace = true\n");
            ("crates/user/Cargo.toml", manifest(name, "6", &rest))
        };
        assert_eq!(lines(&[kit.clone(), user("a", "dependencies")]).len(), 1);
        assert_eq!(lines(&[kit.clone(), user("a", "dev-dependencies")]), []);
        assert_eq!(lines(&[kit, user("pointsman-gateway", "dependencies")]), []);
    }

    #[test]
    fn testkit_may_know_every_floor_but_no_crate_knows_a_task() {
        let kit = "[dependencies]\ntop.workspace = true\n";
        let top = "[dependencies]\nxtask.workspace = true\n";
        let files = [
            ("crates/kit/Cargo.toml", manifest("kit", "\"test\"", kit)),
            ("crates/top/Cargo.toml", manifest("top", "6", top)),
            ("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n".to_owned()),
        ];
        assert_eq!(lines(&files), [("crates/top/Cargo.toml".to_owned(), 6)]);
    }
}
