//! A `Cargo.toml`, with the lines its entries stand on.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Finding;

/// One manifest, flattened: each value at the path of its keys.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub path: String,
    /// The folder it lies in; "" for the root.
    pub dir: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    keys: Vec<String>,
    line: usize,
    value: Value,
}

/// A value that is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Whole(i64),
    Flag(bool),
    Texts(Vec<String>),
    Other,
}

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// One dependency as a manifest names it.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub key: String,
    pub line: usize,
    pub kind: Kind,
    /// It has `workspace = true`.
    pub workspace: bool,
    /// It has `default-features = false`.
    pub bare: bool,
    /// Its `package`, where that differs from the key.
    pub package: Option<String>,
}

impl Manifest {
    /// Reads the manifest at `path`.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Finding> {
        let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            let why = format!("cannot be read as TOML: {}", error.message());
            Finding::new(path, line, "parse", why)
        })?;
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        let mut manifest = Self { path: path.to_owned(), dir, entries: Vec::new() };
        flatten(table.get_ref(), &mut Vec::new(), &line_of, &mut manifest.entries);
        manifest.entries.sort_by_key(|entry| entry.line);
        Ok(manifest)
    }

    /// `package.name`.
    pub(crate) fn name(&self) -> Option<&str> {
        match self.value(&["package", "name"]) {
            Some(Value::Text(name)) => Some(name),
            _ => None,
        }
    }

    /// The value at these keys.
    pub(crate) fn value(&self, keys: &[&str]) -> Option<&Value> {
        self.entries.iter().find(|entry| entry.keys == keys).map(|entry| &entry.value)
    }

    /// Whether anything stands at or below these keys.
    pub(crate) fn has(&self, keys: &[&str]) -> bool {
        self.entries.iter().any(|entry| starts_with(&entry.keys, keys))
    }

    /// The line of the first entry at or below these keys; 1 without one.
    pub(crate) fn line(&self, keys: &[&str]) -> usize {
        let found = self.entries.iter().find(|entry| starts_with(&entry.keys, keys));
        found.map_or(1, |entry| entry.line)
    }

    /// The list of strings at these keys; empty without one.
    pub(crate) fn strings(&self, keys: &[&str]) -> Vec<String> {
        match self.value(keys) {
            Some(Value::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// The package's dependencies, those of `[target.….dependencies]` too.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        self.dependencies_below(|keys| match keys {
            [table, rest @ ..] if kind(table).is_some() => Some((kind(table)?, rest)),
            [target, _, table, rest @ ..] if target == "target" => Some((kind(table)?, rest)),
            _ => None,
        })
    }

    /// `[workspace.dependencies]`.
    pub(crate) fn workspace_dependencies(&self) -> Vec<Dependency> {
        self.dependencies_below(|keys| match keys {
            [workspace, table, rest @ ..]
                if workspace == "workspace" && table == "dependencies" =>
            {
                Some((Kind::Normal, rest))
            }
            _ => None,
        })
    }

    fn dependencies_below(
        &self,
        below: impl Fn(&[String]) -> Option<(Kind, &[String])>,
    ) -> Vec<Dependency> {
        let mut found: Vec<Dependency> = Vec::new();
        for entry in &self.entries {
            let Some((kind, [key, field @ ..])) = below(&entry.keys) else { continue };
            let at = found.iter().position(|dep| dep.key == *key && dep.kind == kind);
            let at = at.unwrap_or_else(|| {
                found.push(Dependency {
                    key: key.clone(),
                    line: entry.line,
                    kind,
                    workspace: false,
                    bare: false,
                    package: None,
                });
                found.len() - 1
            });
            match (field.first().map(String::as_str), &entry.value) {
                (Some("workspace"), Value::Flag(true)) => found[at].workspace = true,
                (Some("default-features"), Value::Flag(false)) => found[at].bare = true,
                (Some("package"), Value::Text(name)) => found[at].package = Some(name.clone()),
                _ => {}
            }
        }
        found
    }
}

fn kind(table: &str) -> Option<Kind> {
    match table {
        "dependencies" => Some(Kind::Normal),
        "build-dependencies" => Some(Kind::Build),
        "dev-dependencies" => Some(Kind::Dev),
        _ => None,
    }
}

fn starts_with(keys: &[String], prefix: &[&str]) -> bool {
    keys.len() >= prefix.len() && keys.iter().zip(prefix).all(|(key, want)| key == want)
}

fn flatten(
    table: &DeTable<'_>,
    above: &mut Vec<String>,
    line_of: &impl Fn(usize) -> usize,
    out: &mut Vec<Entry>,
) {
    for (key, value) in table {
        above.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => flatten(inner, above, line_of, out),
            other => {
                let (line, value) = (line_of(key.span().start), plain(other));
                out.push(Entry { keys: above.clone(), line, value });
            }
        }
        above.pop();
    }
}

fn plain(value: &DeValue<'_>) -> Value {
    let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(whole) => whole.as_str().parse().map_or(Value::Other, Value::Whole),
        DeValue::Array(items) => {
            items.iter().map(text).collect::<Option<_>>().map_or(Value::Other, Value::Texts)
        }
        _ => Value::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_read() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n\
            c = { workspace = true, features = [\"x\"] }\nd = \"1\"\n\
            [dependencies.e]\nworkspace = true\n[target.'cfg(unix)'.dev-dependencies]\n\
            f = { package = \"real\", version = \"1\", default-features = false }\n";
        let manifest = Manifest::parse("crates/a/Cargo.toml", text).unwrap();
        let seen: Vec<_> = manifest
            .dependencies()
            .into_iter()
            .map(|d| (d.key, d.line, d.kind == Kind::Dev, d.workspace, d.bare, d.package))
            .collect();
        let row =
            |key: &str, line, workspace| (key.to_owned(), line, false, workspace, false, None);
        assert_eq!(
            seen[..4],
            [row("b", 4, true), row("c", 5, true), row("d", 6, false), row("e", 8, true)]
        );
        assert_eq!(seen[4], ("f".to_owned(), 10, true, false, true, Some("real".to_owned())));
    }
}
