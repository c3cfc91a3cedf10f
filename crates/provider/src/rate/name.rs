//! What the name of a header tells: which field of which window of which dimension.

use http::HeaderName;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Limit,
    Remaining,
    Reset,
    Period,
}

/// Bits of the words that tell how long a window is.
pub(super) const SECOND: u16 = 1;
pub(super) const MINUTE: u16 = 1 << 1;
pub(super) const TEN: u16 = 1 << 5;

/// How names begin, and the dimension that this tells.
type Prefix = (&'static str, Option<Dimension>);

/// What a header tells.
pub(super) enum What {
    Field(Dimension, u16, Field),
    /// A structured field of all at once.
    Structured,
}

impl What {
    pub(super) fn of(name: &HeaderName) -> Option<Self> {
        use Dimension::Tokens;
        const ANTHROPIC: &[Prefix] = &[("anthropic-ratelimit-", None)];
        const DRAFTS: &[Prefix] = &[("ratelimit-", None), ("ratelimitbysize-", Some(Tokens))];
        const OTHERS: &[Prefix] = &[
            ("x-ratelimit-", None),
            ("x-rate-limit-", None),
            ("x-tokenlimit-", Some(Tokens)),
            ("x-ratelimitbysize-", Some(Tokens)),
        ];
        let name = name.as_str();
        let prefixes = match name.as_bytes() {
            b"ratelimit" => return Some(Self::Structured),
            [b'a', b'n', ..] => ANTHROPIC,
            [b'r', b'a', ..] => DRAFTS,
            [b'x', b'-', b'r' | b't', ..] => OTHERS,
            _ => return None,
        };
        let (rest, dimension) = prefixes
            .iter()
            .find_map(|(prefix, dimension)| Some((name.strip_prefix(prefix)?, *dimension)))?;
        Self::by_words(rest, dimension)
    }

    /// By the words of a name, in any order; an unknown one makes it a header of something else.
    fn by_words(words: &str, mut dimension: Option<Dimension>) -> Option<Self> {
        // Sizes have windows of their own.
        let mut label = if dimension.is_some() { 1 << 8 } else { 0 };
        let mut field = None;
        for word in words.split('-') {
            let named = match word {
                "limit" => Some(Field::Limit),
                "remaining" => Some(Field::Remaining),
                "reset" => Some(Field::Reset),
                "renewalperiod" => Some(Field::Period),
                _ => None,
            };
            match (word, named) {
                (_, Some(named)) if field.is_none() => field = Some(named),
                ("requests" | "request" | "req", _) => dimension = Some(Dimension::Requests),
                ("tokens" | "token", _) => dimension = dimension.or(Some(Dimension::Tokens)),
                ("input" | "prompt", _) => dimension = Some(Dimension::InputTokens),
                ("output" | "generated", _) => dimension = Some(Dimension::OutputTokens),
                ("second", _) => label |= SECOND,
                ("minute", _) => label |= MINUTE,
                ("hour", _) => label |= 1 << 2,
                ("day", _) => label |= 1 << 3,
                ("month", _) => label |= 1 << 4,
                ("10", _) => label |= TEN,
                ("project", _) => label |= 1 << 6,
                ("dynamic", _) => label |= 1 << 7,
                _ => return None,
            }
        }
        Some(Self::Field(dimension.unwrap_or(Dimension::Requests), label, field?))
    }
}
