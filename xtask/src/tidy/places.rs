//! No path that exists on one machine only.

use super::{Finding, tree::Tree};

/// The folders at a machine's root that betray it.
const FOLDERS: [&str; 4] = ["work", "tmp", "root", "home"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &tree.files {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(folder) = FOLDERS.iter().find(|folder| names(line, folder)) {
                let message = format!(
                    "a path under `/{folder}` exists on one machine only: \
                     write it relative to the repository, or ask for a temporary folder"
                );
                found.push(Finding::new(&file.path, at + 1, "machine-path", message));
            }
        }
    }
    found
}

/// Whether `line` has an absolute path under the root's `folder`.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(&format!("/{folder}/")).any(|(at, _)| {
        // Behind a name it is the middle of a longer path, or of a URL.
        !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-*~}])>".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Tree::of([("docs/a.md", text)])).len()
    }

    #[test]
    fn absolute_paths_of_one_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(found(&format!("see\n`/{folder}/notes.md`\n")), 1, "{folder}");
            assert_eq!(found(&format!("/{folder}/a and\n/{folder}/b\n")), 2, "{folder}");
        }
    }

    #[test]
    fn the_middle_of_a_longer_path_is_not() {
        for folder in FOLDERS {
            assert_eq!(found(&format!("https://example.com/{folder}/a")), 0);
            assert_eq!(found(&format!("target/{folder}/a, ../{folder}/b, ${{X}}/{folder}/c")), 0);
            assert_eq!(found(&format!("/{folder}s/a")), 0);
        }
    }
}
