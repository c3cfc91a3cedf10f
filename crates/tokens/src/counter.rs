//! Counts the tokens of texts in bounded time.

use crate::Encoding;

/// Bytes of text that one [`Counter`] counts; what is beyond is projected.
pub const MAX_COUNTED: usize = 512 * 1024;

/// The longest text that the tokenizer sees at once: it takes more than twice as long for a run
/// without any break that is twice as long.
const CHUNK: usize = 8 * 1024;

/// Tokens of one text.
///
/// See [`Counter`] for what is beyond [`MAX_COUNTED`] bytes, and [`Encoding::of`] for the models.
pub fn count(model: &str, text: &str) -> u64 {
    let mut counter = Counter::new(model);
    counter.add(text);
    counter.total()
}

/// Counts the tokens of texts that come one by one.
///
/// The first [`MAX_COUNTED`] bytes are counted; the rest is taken to have as many tokens to the
/// byte as these had, but never less than one for each four. A run of more than 8 KiB without a
/// break may count a token more.
///
/// ```
/// use pointsman_tokens::Counter;
/// let mut counter = Counter::new("gpt-4o");
/// counter.add("Ghastly grim and ancient Raven");
/// counter.add("");
/// assert_eq!(counter.total(), 7);
/// ```
#[derive(Clone, Debug)]
pub struct Counter {
    encoding: Encoding,
    /// Bytes that were counted, and their tokens.
    counted: usize,
    tokens: u64,
    /// Bytes beyond.
    rest: u64,
}

impl Counter {
    /// A counter for a model, by its name.
    pub fn new(model: &str) -> Self {
        Self { encoding: Encoding::of(model), counted: 0, tokens: 0, rest: 0 }
    }

    /// Counts one more text.
    pub fn add(&mut self, text: &str) {
        let cut = text.floor_char_boundary(MAX_COUNTED - self.counted);
        let (mut text, rest) = text.split_at(cut);
        let Some(tokenizer) = self.encoding.tokenizer() else {
            self.rest = self.rest.saturating_add(bytes(text) + bytes(rest));
            return;
        };
        self.counted += cut;
        self.rest = self.rest.saturating_add(bytes(rest));
        while !text.is_empty() {
            let (chunk, behind) = text.split_at(break_of(text));
            self.tokens += u64::try_from(tokenizer.count(chunk)).unwrap_or(u64::MAX);
            text = behind;
        }
    }

    /// The tokens of all texts so far.
    pub fn total(&self) -> u64 {
        let floor = self.rest.div_ceil(4);
        let projected =
            (u128::from(self.rest) * u128::from(self.tokens)).div_ceil(self.counted.max(1) as u128);
        self.tokens.saturating_add(floor.max(u64::try_from(projected).unwrap_or(u64::MAX)))
    }
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Where to cut a text so that the first part is no longer than a chunk and no token that the
/// whole would have is cut, if there is such a place.
fn break_of(text: &str) -> usize {
    if text.len() <= CHUNK {
        return text.len();
    }
    let most = text.floor_char_boundary(CHUNK);
    let mut next = text[most..].chars().next().unwrap_or(' ');
    for (at, char) in text[..most].char_indices().rev() {
        if is_break(char, next) {
            return at + char.len_utf8();
        }
        next = char;
    }
    most
}

/// Whether both encodings begin a new token between these two, whatever is around them: a space
/// is in front of a word, and a line's end behind one.
fn is_break(before: char, behind: char) -> bool {
    (behind == ' ' && !before.is_whitespace())
        || (before == '\n' && !behind.is_whitespace() && behind != '/')
}
