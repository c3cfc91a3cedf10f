//! How many tokens a text has, counted as its model's vendor counts.
//!
//! A tokenizer is built when it is first asked, or by [`warm`]: some tens of milliseconds and of
//! megabytes, once for the process. Counting is linear in the text, whatever is in it, and what is
//! beyond [`MAX_COUNTED`] bytes is projected.
//!
//! ```
//! use pointsman_tokens::{Counter, count};
//! assert_eq!(count("gpt-4o", "Once upon a midnight dreary"), 6);
//!
//! let mut counter = Counter::new("gpt-4o");
//! counter.add("Once upon");
//! counter.add(" a midnight dreary");
//! assert_eq!(counter.total(), 6);
//! ```

mod counter;
mod encoding;

pub use counter::{Counter, MAX_COUNTED, count};
pub use encoding::{Encoding, warm};
