//! A Rust file as a flat list of tokens: comments and strings are out of the way, and the bodies
//! of macros are seen like any other code.

use std::ops::Range;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// One token.
#[derive(Debug)]
pub(crate) struct Token {
    /// An identifier, a literal as written, a delimiter, or a piece of punctuation: `::`, `->` and
    /// `=>` are one token, all else is one character.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
    /// Of an opening delimiter: the index of the closing one.
    close: Option<usize>,
}

/// The tokens of one file.
#[derive(Debug)]
pub(crate) struct Tokens {
    all: Vec<Token>,
    tests: Vec<Range<usize>>,
}

/// An attribute: its `#`, and what stands in its brackets.
struct Attribute {
    inner: bool,
    body: Range<usize>,
}

impl Tokens {
    /// Reads a file; an error is a line and a reason.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let stream: TokenStream = text
            .parse()
            .map_err(|e: proc_macro2::LexError| (e.span().start().line, e.to_string()))?;
        let mut tokens = Self { all: Vec::new(), tests: Vec::new() };
        tokens.flatten(stream);
        tokens.tests = tokens.regions(is_test);
        Ok(tokens)
    }

    /// Every token.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Token> {
        self.all.iter()
    }

    /// The line of the token at `at`.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.all[at].line
    }

    /// Whether the token at `at` is inside a test function or a `#[cfg(test)]` item.
    pub(crate) fn in_test(&self, at: usize) -> bool {
        self.tests.iter().any(|region| region.contains(&at))
    }

    /// Whether the file as a whole is `#![cfg(test)]`.
    pub(crate) fn all_test(&self) -> bool {
        self.is(1, "!") && self.tests.contains(&(0..self.all.len()))
    }

    /// The names of the modules declared as `#[cfg(test)] mod name;`.
    pub(crate) fn test_modules(&self) -> impl Iterator<Item = &str> {
        let declares =
            |at: &usize| self.is(*at, "mod") && self.is(at + 2, ";") && self.in_test(*at);
        (0..self.all.len()).filter(declares).map(|at| self.all[at + 1].text.as_str())
    }

    /// Where `first::second` is named, also as `first::{…, second, …}`.
    pub(crate) fn paths(&self, first: &str, second: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for at in 0..self.all.len() {
            if !(self.is(at, first) && self.is(at + 1, "::")) {
                continue;
            }
            if self.is(at + 2, second) {
                found.push(at + 2);
            } else if self.is(at + 2, "{") {
                found.extend(self.elements(at + 2).filter(|&start| self.is(start, second)));
            }
        }
        found
    }

    /// Where the macro `name!` is called.
    pub(crate) fn macros(&self, name: &str) -> Vec<usize> {
        let calls = |at: &usize| {
            let opens = self.all.get(at + 2).is_some_and(|token| token.close.is_some());
            self.is(*at, name) && self.is(at + 1, "!") && opens
        };
        (0..self.all.len()).filter(calls).collect()
    }

    /// Where the attribute `name` stands, also inside a `cfg_attr`.
    pub(crate) fn attributes(&self, name: &str) -> Vec<usize> {
        let carries = |at: &usize| {
            self.attribute(*at).is_some_and(|attribute| {
                let body = &self.all[attribute.body];
                let first = body.first().map_or("", |token| token.text.as_str());
                first == name
                    || (first == "cfg_attr" && body.iter().any(|token| token.text == name))
            })
        };
        (0..self.all.len()).filter(carries).collect()
    }

    /// What is covered by an `#[expect(…)]` that names `lint`.
    pub(crate) fn expecting(&self, lint: &str) -> Vec<Range<usize>> {
        self.regions(|body| {
            body.first().is_some_and(|token| token.text == "expect")
                && body.iter().any(|token| token.text == lint)
        })
    }

    /// Every function with a body: its name, its first line and its last.
    pub(crate) fn functions(&self) -> Vec<(&str, usize, usize)> {
        let mut found = Vec::new();
        for at in 0..self.all.len() {
            let named = self.all.get(at + 1).is_some_and(|token| {
                token.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
            });
            if self.is(at, "fn")
                && named
                && let Some(close) = self.body(at + 2)
            {
                found.push((self.all[at + 1].text.as_str(), self.line(at), self.line(close)));
            }
        }
        found
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.all.get(at).is_some_and(|token| token.text == text)
    }

    /// The closing brace of the body whose signature goes on at `at`.
    fn body(&self, mut at: usize) -> Option<usize> {
        let mut angle = 0_i32;
        while let Some(token) = self.all.get(at) {
            match token.text.as_str() {
                "<" => angle += 1,
                ">" => angle -= 1,
                "{" if angle <= 0 => return token.close,
                ";" | "}" | ")" | "]" => return None,
                _ => {}
            }
            at = token.close.unwrap_or(at) + 1;
        }
        None
    }

    /// The first tokens of the elements, cut at the commas, of the group that opens at `open`.
    fn elements(&self, open: usize) -> impl Iterator<Item = usize> {
        let close = self.all[open].close.unwrap_or(open);
        let mut starts = vec![open + 1];
        let mut at = open + 1;
        while at < close {
            if self.is(at, ",") {
                starts.push(at + 1);
            }
            at = self.all[at].close.unwrap_or(at) + 1;
        }
        starts.into_iter()
    }

    fn attribute(&self, at: usize) -> Option<Attribute> {
        let inner = self.is(at + 1, "!");
        let open = at + if inner { 2 } else { 1 };
        if !(self.is(at, "#") && self.is(open, "[")) {
            return None;
        }
        Some(Attribute { inner, body: open + 1..self.all[open].close? })
    }

    /// What the attributes cover whose brackets satisfy `wanted`.
    fn regions(&self, wanted: impl Fn(&[Token]) -> bool) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for at in 0..self.all.len() {
            if let Some(attribute) = self.attribute(at)
                && wanted(&self.all[attribute.body.clone()])
            {
                found.push(if attribute.inner {
                    self.enclosing(at)
                } else {
                    at..self.end_of_item(attribute.body.end + 1)
                });
            }
        }
        found
    }

    /// The group that `at` lies in; the whole file at the top.
    fn enclosing(&self, at: usize) -> Range<usize> {
        let around = |open: &usize| self.all[*open].close.is_some_and(|close| close > at);
        match (0..at).rev().find(around) {
            Some(open) => open..self.all[open].close.unwrap_or(open) + 1,
            None => 0..self.all.len(),
        }
    }

    /// Behind the item, statement, field or arm that goes on at `at`.
    fn end_of_item(&self, mut at: usize) -> usize {
        const KEYWORDS: [&str; 13] = [
            "fn", "impl", "struct", "enum", "mod", "trait", "use", "const", "static", "let",
            "type", "union", "extern",
        ];
        let (mut angle, mut item) = (0_i32, false);
        while let Some(token) = self.all.get(at) {
            if let Some(attribute) = self.attribute(at) {
                at = attribute.body.end + 1;
                continue;
            }
            match token.text.as_str() {
                "{" => return token.close.unwrap_or(at) + 1,
                ";" => return at + 1,
                ")" | "]" | "}" => return at,
                // Between fields, arms and arguments; a `where` has commas too.
                "," if angle <= 0 && !item => return at,
                "<" => angle += 1,
                ">" => angle -= 1,
                word => item |= KEYWORDS.contains(&word),
            }
            at = token.close.unwrap_or(at) + 1;
        }
        self.all.len()
    }

    fn flatten(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        while let Some(tree) = trees.next() {
            let line = tree.span().start().line;
            match tree {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    let at = self.push(open, line);
                    self.flatten(group.stream());
                    let end = self.push(close, group.span_close().end().line);
                    self.all[at].close = Some(end);
                }
                TokenTree::Punct(punct) => {
                    let mut text = punct.as_char().to_string();
                    if punct.spacing() == Spacing::Joint
                        && let Some(TokenTree::Punct(next)) = trees.peek()
                        && matches!(
                            (punct.as_char(), next.as_char()),
                            (':', ':') | ('-' | '=', '>')
                        )
                    {
                        text.push(next.as_char());
                        trees.next();
                    }
                    self.push(&text, line);
                }
                other => {
                    self.push(&other.to_string(), line);
                }
            }
        }
    }

    fn push(&mut self, text: &str, line: usize) -> usize {
        self.all.push(Token { text: text.to_owned(), line, close: None });
        self.all.len() - 1
    }
}

/// Whether an attribute's brackets say `cfg(test)`, `cfg(all(test, …))` or `test`, under any path.
fn is_test(body: &[Token]) -> bool {
    let text: String = body.iter().map(|token| token.text.as_str()).collect();
    let path = text.split('(').next().unwrap_or("");
    text == "cfg(test)"
        || text.starts_with("cfg(all(test,")
        || path == "test"
        || path.ends_with("::test")
}
