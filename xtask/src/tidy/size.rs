//! How long files and functions may get.

use super::{Finding, tree::Tree};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in &tree.sources {
        if source.lines > FILE_LINES {
            let message = format!(
                "{} lines, {FILE_LINES} at most: move what stands for itself to its own module",
                source.lines
            );
            found.push(Finding::new(&source.path, source.lines, "file-length", message));
        }
        for (name, first, last) in source.tokens.functions() {
            let lines = last - first + 1;
            if lines > FUNCTION_LINES {
                let message =
                    format!("`{name}` has {lines} lines, {FUNCTION_LINES} at most: name its steps");
                found.push(Finding::new(&source.path, first, "function-length", message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(&'static str, usize)> {
        let tree = Tree::of([("crates/a/src/lib.rs", text)]);
        check(&tree).into_iter().map(|f| (f.rule, f.line)).collect()
    }

    #[test]
    fn a_file_has_at_most_500_lines() {
        assert_eq!(rules(&"// a line\n".repeat(500)), []);
        assert_eq!(rules(&"// a line\n".repeat(501)), [("file-length", 501)]);
    }

    #[test]
    fn a_function_has_at_most_60_lines_comments_and_blanks_too() {
        let body = |lines: usize| "    // a line\n".repeat(lines);
        assert_eq!(rules(&format!("\nfn f() {{\n{}}}\n", body(58))), []);
        let long = [("function-length", 2)];
        assert_eq!(rules(&format!("\nfn f() {{\n{}}}\n", body(59))), long);
        assert_eq!(rules(&format!("trait T {{\nfn f(&self) {{\n{}}} }}\n", body(59))), long);
        assert_eq!(rules(&format!("m! {{\nfn f() {{\n{}}} }}\n", body(59))), long);
        let generic = format!("impl A {{\nfn f<F: Fn() -> u8>(f: F) -> B<F> {{\n{}}} }}", body(59));
        assert_eq!(rules(&generic), long);
    }

    #[test]
    fn what_is_no_function_has_no_length() {
        let wide = format!("type F = fn(u8);\nmod m {{\n{}}}\n", "// a line\n".repeat(70));
        assert_eq!(rules(&wide), []);
        let declared =
            format!("trait T {{ fn f();\n{}}}\nstruct S {{}}\n", "// a line\n".repeat(70));
        assert_eq!(rules(&declared), []);
    }
}
