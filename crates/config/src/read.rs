//! Typed reading of the tree: every reader returns a value or leaves a finding.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use pointsman_types::Decimal;

use crate::{
    Finding, Grade, Place, durations,
    keys::{self, Keys, NOTE, Says, nearest},
    tree::{Entry, Node, Value},
    words::{FALSE_ASKS, boolean, is_off, is_shells, secret},
};

/// Where a string from the environment is named.
const ENVIRON: &str = "os.environ/";
/// How many unknown names are compared with all that are known.
const MOST_GUESSES: usize = 1_000;

/// The state of one check: the environment, and what was found so far.
pub(crate) struct Reading<'e> {
    env: &'e dyn Fn(&str) -> Option<String>,
    /// What `environment_variables` of the file says; it wins over the environment.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) findings: Vec<Finding>,
    errors: usize,
    /// Names that were guessed so far.
    guesses: usize,
}

/// The graded entries of one section.
#[derive(Default)]
pub(crate) struct Fields<'t> {
    entries: Vec<Field<'t>>,
}

/// One value to read: where it is, how it is called, and whether it may be shown.
#[derive(Clone, Copy)]
pub(crate) struct Field<'t> {
    pub(crate) node: &'t Node,
    /// The section.
    path: &'static str,
    pub(crate) key: &'t str,
    /// Where the key stands.
    pub(crate) at: Place,
    says: Says,
}

/// A text that was read, and where it stands.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) at: Place,
    /// It came from the environment, so a message must not show it.
    pub(crate) hidden: bool,
}

impl Given {
    /// The text in quotes, for a message.
    pub(crate) fn shown(&self) -> String {
        if self.hidden { "a value from the environment".into() } else { quoted(&self.text) }
    }
}

impl Field<'_> {
    /// The field's full name.
    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.path, self.key)
    }

    fn secret(&self) -> bool {
        secret(self.key)
    }
}

impl<'t> Fields<'t> {
    /// The field of that name, if it is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Field<'t>> {
        self.iter().find(|field| field.key == key && !field.node.is_null())
    }

    /// All fields that are known, in the order of the text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Field<'t>> {
        self.entries.iter().copied()
    }

    /// The first of these keys that is there and not null.
    pub(crate) fn first(&self, keys: &[&str]) -> Option<Field<'t>> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Takes over the fields of another section whose keys are not here.
    pub(crate) fn fill(&mut self, from: &Fields<'t>) {
        for field in from.iter() {
            if self.get(field.key).is_none() {
                self.entries.retain(|one| one.key != field.key);
                self.entries.push(field);
            }
        }
    }
}

impl<'t> Field<'t> {
    /// What its table says of it.
    pub(crate) fn says(&self) -> Says {
        self.says
    }

    /// One entry of the field's value under the same name.
    pub(crate) fn entry(&self, entry: &'t Entry) -> Field<'t> {
        Field { node: &entry.node, at: entry.at, ..*self }
    }

    /// One part of the field's value under the same name.
    pub(crate) fn part(&self, node: &'t Node) -> Field<'t> {
        Field { node, ..*self }
    }
}

/// A text in backquotes, cut to a length that fits in a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", short(text))
}

/// A text cut to a length that fits in a message.
pub(crate) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl<'e> Reading<'e> {
    pub(crate) fn new(env: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { env, variables: BTreeMap::new(), findings: Vec::new(), errors: 0, guesses: 0 }
    }

    pub(crate) fn error(&mut self, at: Place, message: impl Into<String>) {
        self.errors += 1;
        self.findings.push(Finding::new(at, Grade::Error, message));
    }

    pub(crate) fn note(&mut self, at: Place, grade: Grade, message: impl Into<String>) {
        self.findings.push(Finding::new(at, grade, message));
    }

    /// What the process or the file says of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned().or_else(|| (self.env)(name))
    }

    /// The entries of a mapping, graded: unknown keys are errors, ignored ones are noted. A null
    /// is an empty mapping; `None` for anything else.
    pub(crate) fn fields<'t>(
        &mut self,
        node: &'t Node,
        path: &'static str,
        keys: &Keys,
    ) -> Option<Fields<'t>> {
        let Some(entries) = node.entries() else {
            if node.is_null() {
                return Some(Fields::default());
            }
            let name = if path.is_empty() { "the file" } else { path.trim_end_matches('.') };
            self.error(node.at, format!("{name}: found {}, wanted a mapping", kind(node)));
            return None;
        };
        let mut known = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = &*entry.key;
            match keys.says(key) {
                // What is off there is off here.
                Some(Says::Ignored(_)) if is_off(&entry.node) && !FALSE_ASKS.contains(&key) => {
                    self.note(entry.at, Grade::Exact, format!("{path}{key}"));
                }
                Some(Says::Ignored(why)) => {
                    self.note(entry.at, Grade::Ignored, format!("{path}{key}: {why}"));
                }
                Some(says) => {
                    known.push(Field { node: &entry.node, path, key, at: entry.at, says });
                }
                None => self.unknown(entry, path, keys),
            }
        }
        Some(Fields { entries: known })
    }

    fn unknown(&mut self, entry: &Entry, path: &str, keys: &Keys) {
        let (at, key, node) = (entry.at, &*entry.key, &entry.node);
        if keys.is_note(key) {
            self.note(at, Grade::Ignored, format!("{path}{}: {NOTE}", short(key)));
            return;
        }
        let home = keys::home(key);
        if let (Some(_), true, true) = (home, keys.passes_over(), is_off(node)) {
            self.note(at, Grade::Exact, format!("{path}{key}"));
            return;
        }
        if let (Some(home), true) = (home, keys.passes_over()) {
            let message = format!("{path}{key}: LiteLLM does not read it here: it is for {home}");
            self.note(at, Grade::Ignored, message);
            return;
        }
        let hint = match home {
            Some(home) => format!(": it is for {home}"),
            None => self.near(key, keys.names()),
        };
        self.error(at, format!("{path}{} is not a known key{hint}", short(key)));
    }

    /// The end of a message about a name that is not known: the nearest one, if any is near.
    ///
    /// A search costs the length of the list, so a file of nothing but wrong names gets a hint for
    /// the first of them alone.
    pub(crate) fn near<'a>(
        &mut self,
        word: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> String {
        self.guesses += 1;
        let near = if self.guesses > MOST_GUESSES { None } else { nearest(word, names) };
        near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
    }

    /// Reads a field if it is there, and grades it: `exact` or `approximate` when reading it left
    /// no error.
    pub(crate) fn take<'t, T>(
        &mut self,
        fields: &Fields<'t>,
        key: &str,
        read: impl FnOnce(&mut Self, Field<'t>) -> Option<T>,
    ) -> Option<T> {
        let field = fields.iter().find(|field| field.key == key)?;
        if field.node.is_null() {
            // As good as absent, in LiteLLM too.
            self.grade(field);
            return None;
        }
        self.graded(field, read)
    }

    /// Reads a field that is there, and grades it.
    pub(crate) fn graded<'t, T>(
        &mut self,
        field: Field<'t>,
        read: impl FnOnce(&mut Self, Field<'t>) -> Option<T>,
    ) -> Option<T> {
        let before = self.errors;
        let value = read(self, field);
        if self.errors == before {
            self.grade(field);
        }
        value
    }

    fn grade(&mut self, field: Field<'_>) {
        let (grade, message) = match field.says {
            Says::Approximate(why) if !is_off(field.node) => {
                (Grade::Approximate, format!("{}: {why}", field.name()))
            }
            _ => (Grade::Exact, field.name()),
        };
        self.note(field.at, grade, message);
    }

    /// The error of a value that is not what was wanted.
    pub(crate) fn wrong(&mut self, field: Field<'_>, wanted: &str) {
        let found = match &field.node.value {
            Value::Scalar { text, .. } if !field.node.is_null() => {
                if field.secret() || text.starts_with(ENVIRON) {
                    "a value that is not shown".to_owned()
                } else {
                    quoted(text)
                }
            }
            _ => kind(field.node).to_owned(),
        };
        self.error(field.node.at, format!("{}: found {found}, wanted {wanted}", field.name()));
    }

    /// A scalar's text, `os.environ/NAME` resolved.
    fn scalar(&mut self, field: Field<'_>, wanted: &str) -> Option<Given> {
        let Value::Scalar { text, .. } = &field.node.value else {
            self.wrong(field, wanted);
            return None;
        };
        let at = field.node.at;
        let Some(name) = text.strip_prefix(ENVIRON) else {
            if field.node.is_null() {
                self.wrong(field, wanted);
                return None;
            }
            return Some(Given { text: text.clone(), at, hidden: false });
        };
        if let Some(text) = self.variable(name) {
            return Some(Given { text, at, hidden: true });
        }
        let name = quoted(name);
        self.error(at, format!("{}: the environment has no {name}", field.name()));
        None
    }

    /// A text; one that is empty, as an unset variable often is, is as good as absent.
    pub(crate) fn filled(&mut self, field: Field<'_>) -> Option<Given> {
        let empty = self.scalar(field, "a text")?.text.trim().is_empty();
        if empty { None } else { self.text(field) }
    }

    /// A text. Plain numbers and dates are taken as written; booleans and null are not.
    pub(crate) fn text(&mut self, field: Field<'_>) -> Option<Given> {
        const WANTED: &str = "a text";
        let text = self.scalar(field, WANTED)?;
        if !text.hidden && is_shells(&text.text) {
            let message = format!(
                "{}: a shell's variable is taken as it is written, as in LiteLLM; write \
                 os.environ/NAME",
                field.name()
            );
            self.note(text.at, Grade::Approximate, message);
        }
        let plain = matches!(field.node.value, Value::Scalar { plain: true, .. });
        if plain && !text.hidden && boolean(&text.text).is_some() {
            self.wrong(field, "a text (write it in quotes)");
            return None;
        }
        if text.text.trim().is_empty() {
            self.error(text.at, format!("{}: the text is empty", field.name()));
            return None;
        }
        Some(text)
    }

    /// Any scalar as it is written, booleans and the empty text included.
    pub(crate) fn value(&mut self, field: Field<'_>) -> Option<Given> {
        self.scalar(field, "a single value")
    }

    /// A boolean, quoted or not.
    pub(crate) fn flag(&mut self, field: Field<'_>) -> Option<bool> {
        const WANTED: &str = "true or false";
        let text = self.scalar(field, WANTED)?;
        let flag = boolean(&text.text);
        if flag.is_none() {
            self.wrong(field, WANTED);
        }
        flag
    }

    /// A whole number that fits, quoted or not.
    pub(crate) fn whole<T: TryFrom<Decimal>>(&mut self, field: Field<'_>) -> Option<T> {
        const WANTED: &str = "a whole number";
        let text = self.scalar(field, WANTED)?;
        let number = durations::json_number(text.text.trim())
            .and_then(|text| durations::decimal(&text))
            .filter(Decimal::is_integer)
            .and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.wrong(field, "a whole number in range");
        }
        number
    }

    /// A number that is not negative, exact.
    pub(crate) fn amount(&mut self, field: Field<'_>) -> Option<Decimal> {
        const WANTED: &str = "a number that is not negative";
        let text = self.scalar(field, WANTED)?;
        let number = durations::decimal(text.text.trim())
            .filter(|number| number.is_zero() || number.is_sign_positive());
        if number.is_none() {
            self.wrong(field, WANTED);
        }
        number
    }

    /// A duration, zero included.
    pub(crate) fn duration(&mut self, field: Field<'_>) -> Option<Duration> {
        let text = self.scalar(field, "a duration")?;
        match durations::duration(&text.text) {
            Ok(duration) => Some(duration),
            Err(wanted) => {
                self.wrong(field, wanted);
                None
            }
        }
    }

    /// A duration above zero.
    pub(crate) fn timeout(&mut self, field: Field<'_>) -> Option<Duration> {
        let duration = self.duration(field)?;
        if duration.is_zero() {
            self.wrong(field, "a duration above zero");
            return None;
        }
        Some(duration)
    }

    /// The items of a list.
    pub(crate) fn list<'t>(&mut self, field: Field<'t>, of: &str) -> Option<Vec<Field<'t>>> {
        if let Value::List(items) = &field.node.value {
            return Some(items.iter().map(|item| field.part(item)).collect());
        }
        let message =
            format!("{}: found {}, wanted a list of {of}", field.name(), kind(field.node));
        self.error(field.node.at, message);
        None
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, field: Field<'_>) -> Option<Vec<Given>> {
        let items = self.list(field, "texts")?;
        Some(items.into_iter().filter_map(|item| self.text(item)).collect())
    }

    /// The value as JSON text.
    pub(crate) fn json(&mut self, field: Field<'_>) -> Option<String> {
        let mut out = String::new();
        self.write_json(field, &mut out).then_some(out)
    }

    // The depth is that of the tree, which is bounded.
    fn write_json(&mut self, field: Field<'_>, out: &mut String) -> bool {
        let mut whole = true;
        match &field.node.value {
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    whole &= self.write_json(field.part(item), out);
                }
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for (at, entry) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&json_text(&entry.key));
                    out.push(':');
                    whole &= self.write_json(field.part(&entry.node), out);
                }
                out.push('}');
            }
            Value::Scalar { .. } if field.node.is_null() => out.push_str("null"),
            Value::Scalar { text, plain } => {
                if *plain && let Some(flag) = boolean(text) {
                    out.push_str(if flag { "true" } else { "false" });
                } else if *plain && let Some(number) = durations::json_number(text) {
                    out.push_str(&number);
                } else if let Some(text) = self.scalar(field, "a value") {
                    out.push_str(&json_text(&text.text));
                } else {
                    whole = false;
                }
            }
        }
        whole
    }
}

/// A text as a JSON string.
fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a node is, without its value.
fn kind(node: &Node) -> &'static str {
    match &node.value {
        Value::Map(_) => "a mapping",
        Value::List(_) => "a list",
        Value::Scalar { .. } if node.is_null() => "nothing",
        Value::Scalar { .. } => "a single value",
    }
}
