//! What the documents promise: a doc on every crate, a whole code map, links that lead somewhere.

use super::{
    Finding, has_extension,
    tree::{File, Tree},
};

const MAP: &str = "docs/architecture.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for member in &tree.members {
        let path = format!("{}/src/lib.rs", member.dir);
        if let Some(lib) = tree.file(&path)
            && !lib.text.starts_with("//!")
        {
            let message = "begin with a `//!` line that says what the crate is for";
            found.push(Finding::new(&path, 1, "crate-doc", message));
        }
    }
    if let Some(map) = tree.file(MAP) {
        for dir in tree.members.iter().filter_map(|member| member.dir.strip_prefix("crates/")) {
            if !(map.text.contains(&format!("`{dir}`"))
                || map.text.contains(&format!("crates/{dir}")))
            {
                let message = format!("the code map leaves out `{dir}`: say what it is for");
                found.push(Finding::new(MAP, 1, "code-map", message));
            }
        }
    }
    for file in tree.files.iter().filter(|file| is_page(&file.path)) {
        links(tree, file, &mut found);
    }
    found
}

fn is_page(path: &str) -> bool {
    ["README.md", "CHANGELOG.md"].contains(&path)
        || (path.starts_with("docs/") && has_extension(path, "md"))
}

fn links(tree: &Tree, file: &File, found: &mut Vec<Finding>) {
    let dir = file.path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let mut fenced = false;
    for (at, line) in file.text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for target in targets(line) {
            let path = target.split(['#', '?']).next().unwrap_or("");
            if is_elsewhere(target) || resolve(dir, path).is_some_and(|path| tree.has(&path)) {
                continue;
            }
            let message =
                format!("`{target}` leads nowhere: link a tracked file, relative to this one");
            found.push(Finding::new(&file.path, at + 1, "link", message));
        }
    }
}

fn is_elsewhere(target: &str) -> bool {
    target.starts_with('#') || target.starts_with("mailto:") || target.contains("://")
}

/// The targets of the links and images in one line, inline code left out.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        found.extend(target.split_whitespace().next());
    }
    let code = |at: usize| line[..at].matches('`').count() % 2 == 1;
    for (at, open) in line.match_indices("](").filter(|(at, _)| !code(*at)) {
        let rest = &line[at + open.len()..];
        let target = rest.split([')', ' ']).next().unwrap_or("");
        found.push(target.trim_matches(['<', '>']));
    }
    found
}

/// `path` as seen from the folder `dir`, from the repository's root; `None` outside it.
fn resolve(dir: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(files: &[(&str, &str)]) -> Vec<(&'static str, usize)> {
        check(&Tree::of(files.iter().copied())).into_iter().map(|f| (f.rule, f.line)).collect()
    }

    #[test]
    fn a_library_says_what_it_is_for() {
        let with = |text| {
            [("crates/a/Cargo.toml", "[package]\nname = \"a\""), ("crates/a/src/lib.rs", text)]
        };
        assert_eq!(rules(&with("//! A.\n")), []);
        assert_eq!(rules(&with("mod a;\n//! A.\n")), [("crate-doc", 1)]);
    }

    #[test]
    fn the_code_map_is_whole() {
        let with = |map| {
            [("crates/http/Cargo.toml", "[package]\nname = \"a\""), ("docs/architecture.md", map)]
        };
        assert_eq!(rules(&with("speaks http")), [("code-map", 1)]);
        assert_eq!(rules(&with("`http` speaks")), []);
        assert_eq!(rules(&with("`crates/http` speaks")), []);
        assert_eq!(
            rules(
                &with("`crates/http`").map(|(path, text)| (path.trim_start_matches("docs/"), text))
            ),
            []
        );
    }

    #[test]
    fn links_lead_to_tracked_files() {
        let page = "[a](b.md) [b](../README.md#top) [c](adr) [d](https://x.y/z) [e](#here)\n\
            [f](gone.md)\n```\n[g](gone.md)\n```\n`[h](gone.md)` ![i](img/gone.png)\n[j]: gone.md\n\
            [k](/docs/b.md) [l](../../out.md) [m](b.md \"title\")\n";
        let files = [
            ("docs/a.md", page),
            ("docs/b.md", ""),
            ("docs/adr/1.md", ""),
            ("README.md", "[x](no)"),
        ];
        let want = [("link", 2), ("link", 6), ("link", 7), ("link", 8), ("link", 8), ("link", 1)];
        assert_eq!(rules(&files), want);
    }

    #[test]
    fn pages_elsewhere_are_not_read() {
        assert_eq!(rules(&[("crates/a/notes.md", "[f](gone.md)")]), []);
    }
}
