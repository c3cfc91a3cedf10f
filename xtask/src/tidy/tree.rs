//! What is checked: the repository's text files, its manifests and its sources, all in memory.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::{Finding, has_extension, manifest::Manifest, tokens::Tokens};

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

/// One Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    pub path: String,
    pub lines: usize,
    pub tokens: Tokens,
    /// The whole file is test code: it lies under `tests/`, or its module is `#[cfg(test)]`.
    pub test: bool,
}

/// The repository.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub files: Vec<File>,
    /// The manifest at the root.
    pub root: Manifest,
    /// The manifests of the workspace's packages.
    pub members: Vec<Manifest>,
    pub sources: Vec<Source>,
    /// What could not be read.
    pub unreadable: Vec<Finding>,
}

impl Tree {
    /// Reads every text file that git tracks, or would track, under `root`.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let out = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(|e| format!("tidy asks git for the files, and git did not start: {e}"))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(format!("tidy asks git for the files, and git said: {}", said.trim()));
        }
        let listed = String::from_utf8_lossy(&out.stdout);
        let paths: BTreeSet<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
        // What is not UTF-8 is no text; what is listed and gone has been deleted.
        let read = |path: &str| fs::read_to_string(root.join(path)).ok();
        Ok(Self::of(paths.into_iter().filter_map(|path| Some((path, read(path)?)))))
    }

    /// The repository that has these files.
    pub(crate) fn of(
        files: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.files.push(File { path: path.into(), text: text.into() });
        }
        tree.read_manifests();
        tree.read_sources();
        tree
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder is at `path`; the root is at "".
    pub(crate) fn has(&self, path: &str) -> bool {
        let inside = |file: &File| {
            file.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        path.is_empty() || self.files.iter().any(inside)
    }

    fn read_manifests(&mut self) {
        for file in &self.files {
            if file.path != "Cargo.toml" && !file.path.ends_with("/Cargo.toml") {
                continue;
            }
            match Manifest::parse(&file.path, &file.text) {
                Ok(manifest) if file.path == "Cargo.toml" => self.root = manifest,
                Ok(manifest) => self.members.push(manifest),
                Err(finding) => self.unreadable.push(finding),
            }
        }
        let excluded = self.root.strings(&["workspace", "exclude"]);
        // A manifest with a workspace of its own is another project's.
        self.members.retain(|member| {
            member.name().is_some()
                && !member.has(&["workspace"])
                && !excluded.contains(&member.dir)
        });
    }

    fn read_sources(&mut self) {
        for file in self.files.iter().filter(|file| has_extension(&file.path, "rs")) {
            match Tokens::parse(&file.text) {
                Ok(tokens) => {
                    let (path, lines) = (file.path.clone(), file.text.lines().count());
                    let test = path.split('/').any(|part| part == "tests") || tokens.all_test();
                    self.sources.push(Source { path, lines, tokens, test });
                }
                Err((line, why)) => {
                    let why = format!("cannot be read as Rust: {why}");
                    self.unreadable.push(Finding::new(&file.path, line, "parse", why));
                }
            }
        }
        let homes: Vec<String> = self.sources.iter().flat_map(test_modules).collect();
        for source in &mut self.sources {
            let stem = source.path.trim_end_matches(".rs");
            let within = |home: &String| stem == home || stem.starts_with(&format!("{home}/"));
            source.test |= homes.iter().any(within);
        }
    }
}

/// Where the modules live that this file declares as `#[cfg(test)] mod name;`, without `.rs`.
fn test_modules(source: &Source) -> Vec<String> {
    let (dir, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let home = match file {
        "lib.rs" | "main.rs" | "mod.rs" => dir.to_owned(),
        _ => source.path.trim_end_matches(".rs").to_owned(),
    };
    source.tokens.test_modules().map(|name| format!("{home}/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_what_git_knows() {
        let tree = Tree::load(&crate::root().unwrap()).unwrap();
        assert_eq!(tree.unreadable, []);
        assert!(tree.has("xtask/src/tidy"));
        assert!(!tree.has("target"));
        assert!(tree.members.iter().any(|member| member.dir == "crates/types"));
    }

    #[test]
    fn a_module_under_cfg_test_is_test_code_with_all_below_it() {
        let tree = Tree::of([
            ("crates/a/src/lib.rs", "#[cfg(test)]\nmod cases;\nmod other;"),
            ("crates/a/src/cases.rs", "mod more;"),
            ("crates/a/src/cases/more.rs", ""),
            ("crates/a/src/other.rs", "#[cfg(test)] mod deep;"),
            ("crates/a/src/other/deep.rs", ""),
            ("crates/a/tests/it.rs", ""),
        ]);
        let tests: Vec<&str> =
            tree.sources.iter().filter(|s| s.test).map(|s| s.path.as_str()).collect();
        assert_eq!(
            tests,
            [
                "crates/a/src/cases.rs",
                "crates/a/src/cases/more.rs",
                "crates/a/src/other/deep.rs",
                "crates/a/tests/it.rs"
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_finding() {
        let tree = Tree::of([("a.rs", "fn f( {"), ("crates/a/Cargo.toml", "[package\n")]);
        let rules: Vec<_> = tree.unreadable.iter().map(|f| (f.path.as_str(), f.rule)).collect();
        assert_eq!(rules, [("crates/a/Cargo.toml", "parse"), ("a.rs", "parse")]);
    }
}
