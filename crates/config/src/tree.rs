//! YAML text to a tree that keeps places and raw scalars.
//!
//! Anchors, aliases and merge keys work as in PyYAML. An alias shares its target, so it costs
//! nothing to build, but what it expands to counts against [`MAX_NODES`] and [`MAX_DEPTH`]: every
//! walk over the tree is bounded by both.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::{Finding, Grade, Place, read::short};

/// The most nodes a document may have, aliases expanded.
pub(crate) const MAX_NODES: usize = 1_000_000;
/// The deepest nesting, aliases expanded.
pub(crate) const MAX_DEPTH: usize = 100;

/// One value, with the place where it stands in the text.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it starts; for an alias, where its target does.
    pub(crate) at: Place,
    /// What it is.
    pub(crate) value: Value,
    size: usize,
    depth: usize,
}

/// The kinds of a node.
#[derive(Debug)]
pub(crate) enum Value {
    /// A scalar: its text, and whether it was written plain (neither quoted nor tagged `!!str`).
    Scalar {
        /// The text after escapes.
        text: String,
        /// Whether it may be a number, a boolean or null.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping, merge keys applied, in the order of the text; keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key's text.
    pub(crate) key: Rc<str>,
    /// Where the key stands.
    pub(crate) at: Place,
    /// The value.
    pub(crate) node: Rc<Node>,
}

impl Node {
    /// The entries of a mapping; `None` for anything else.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether this is a sequence.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// Whether this is YAML's null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Parses one document. `None` for a stream without any, and after a fault that leaves no tree.
pub(crate) fn parse(text: &str, findings: &mut Vec<Finding>) -> Option<Rc<Node>> {
    let mut build = Build::default();
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut fault = None;
    for next in Parser::new_from_str_with_options(text, options) {
        let step = next.map_err(|broken| syntax(&broken)).and_then(|(event, span)| {
            let at = place(&span);
            build.step(event, at)
        });
        if let Err(finding) = step {
            fault = Some(finding);
            break;
        }
    }
    findings.append(&mut build.findings);
    match fault {
        Some(finding) => {
            findings.push(finding);
            None
        }
        None => build.root,
    }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line().max(1), column: span.start.col() + 1 }
}

fn syntax(broken: &ScanError) -> Finding {
    let mark = broken.marker();
    let at = Place { line: mark.line().max(1), column: mark.col() + 1 };
    Finding::new(at, Grade::Error, format!("this is not YAML: {}", broken.info()))
}

fn error(at: Place, message: impl Into<String>) -> Finding {
    Finding::new(at, Grade::Error, message)
}

fn bounded(size: usize, at: Place) -> Result<(), Finding> {
    if size > MAX_NODES {
        return Err(error(at, format!("more than {MAX_NODES} values, aliases expanded")));
    }
    Ok(())
}

/// A collection whose end has not been seen.
#[derive(Debug)]
struct Open {
    at: Place,
    anchor: usize,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Entry>, merges: Vec<(Place, Rc<Node>)>, key: Option<Key> },
}

#[derive(Debug)]
struct Key {
    text: Rc<str>,
    at: Place,
    merge: bool,
}

#[derive(Debug, Default)]
struct Build {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    findings: Vec<Finding>,
    root: Option<Rc<Node>>,
    documents: usize,
    /// Entries that merge keys copied so far.
    merged: usize,
}

impl Build {
    fn step(&mut self, event: Event<'_>, at: Place) -> Result<(), Finding> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(error(
                        at,
                        "a second document starts here: one file is one document",
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.tagged_text(tag.as_deref(), at);
                // A long text weighs more, so that aliases to it cannot blow up either.
                let size = 1 + text.len() / 64;
                let value = Value::Scalar { text: Cow::into_owned(text), plain };
                self.put(Rc::new(Node { at, value, size, depth: 1 }), anchor, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tagged_text(tag.as_deref(), at);
                self.open.push(Open { at, anchor, holds: Holds::List(Vec::new()) });
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tagged_text(tag.as_deref(), at);
                let holds = Holds::Map { entries: Vec::new(), merges: Vec::new(), key: None };
                self.open.push(Open { at, anchor, holds });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.put(node, 0, at),
                None => Err(error(at, "this alias names the value that it stands in")),
            },
            _ => Ok(()),
        }
    }

    /// Whether a tag makes a plain scalar a text. A tag that PyYAML's safe loader refuses is an
    /// error.
    fn tagged_text(&mut self, tag: Option<&Tag>, at: Place) -> bool {
        let Some(tag) = tag else { return false };
        if tag.is_custom() && !tag.is_yaml_core_schema_tag("str") {
            self.findings.push(error(at, "a tag of one's own has no meaning here"));
        }
        tag.is_yaml_core_schema_tag("str")
    }

    /// Puts a finished node where the text has it: `at` is its place there.
    fn put(&mut self, node: Rc<Node>, anchor: usize, at: Place) -> Result<(), Finding> {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let (entries, merges, key) = match &mut open.holds {
            Holds::List(items) => {
                items.push(node);
                return Ok(());
            }
            Holds::Map { entries, merges, key } => (entries, merges, key),
        };
        match key.take() {
            None => match &node.value {
                Value::Scalar { text, plain } => {
                    *key =
                        Some(Key { text: text.as_str().into(), at, merge: *plain && text == "<<" });
                }
                _ => return Err(error(at, "a key must be a text")),
            },
            Some(Key { merge: true, at, .. }) => merges.push((at, node)),
            Some(Key { text, at, .. }) => entries.push(Entry { key: text, at, node }),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Finding> {
        let Some(Open { at, anchor, holds }) = self.open.pop() else { return Ok(()) };
        let value = match holds {
            Holds::List(items) => Value::List(items),
            Holds::Map { entries, merges, .. } => {
                let own = self.unique(entries);
                Value::Map(self.merged(own, merges)?)
            }
        };
        let (mut size, mut depth) = (1_usize, 0);
        let mut count = |node: &Node| {
            size = size.saturating_add(node.size);
            depth = depth.max(node.depth);
        };
        match &value {
            Value::Scalar { .. } => {}
            Value::List(items) => items.iter().for_each(|item| count(item)),
            Value::Map(entries) => entries.iter().for_each(|entry| count(&entry.node)),
        }
        let depth = depth + 1;
        if depth > MAX_DEPTH {
            return Err(error(at, format!("nested deeper than {MAX_DEPTH}")));
        }
        bounded(size, at)?;
        self.put(Rc::new(Node { at, value, size, depth }), anchor, at)
    }

    fn unique(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut seen: HashMap<Rc<str>, usize> = HashMap::with_capacity(entries.len());
        let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(line) = seen.get(&entry.key) {
                let message = format!("{} stands here and on line {line}", short(&entry.key));
                self.findings.push(error(entry.at, message));
            } else {
                seen.insert(Rc::clone(&entry.key), entry.at.line);
                kept.push(entry);
            }
        }
        kept
    }

    /// `<<`: what a mapping does not say itself it takes from the merged ones. Of a list of
    /// mappings the first that has the key counts, of several `<<` the last, as in PyYAML.
    fn merged(
        &mut self,
        mut own: Vec<Entry>,
        merges: Vec<(Place, Rc<Node>)>,
    ) -> Result<Vec<Entry>, Finding> {
        if merges.is_empty() {
            return Ok(own);
        }
        let mut has: HashSet<Rc<str>> = own.iter().map(|entry| Rc::clone(&entry.key)).collect();
        for (at, node) in merges.into_iter().rev() {
            let from: &[Rc<Node>] = match &node.value {
                Value::List(items) => items,
                _ => std::slice::from_ref(&node),
            };
            for source in from {
                let Some(entries) = source.entries() else {
                    self.findings.push(error(at, "<< takes a mapping or a list of mappings"));
                    continue;
                };
                for entry in entries {
                    if has.insert(Rc::clone(&entry.key)) {
                        own.push(entry.clone());
                    }
                }
                self.merged += entries.len();
                bounded(self.merged, at)?;
            }
        }
        Ok(own)
    }
}
