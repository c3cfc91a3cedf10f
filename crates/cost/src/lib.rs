//! What a call costs, in exact decimals.
//!
//! A [`Price`] is US dollars for one token of each class. There is no price without an input and
//! an output rate: unknown is not zero, so who may not know holds an `Option<Price>`.
//!
//! ```
//! use pointsman_cost::{Price, parse_price};
//! use pointsman_types::Usage;
//!
//! let price = Price::new(parse_price("2.5e-06")?, parse_price("0.00001")?);
//! assert_eq!(price.of(&Usage::text(1_000, 500)), parse_price("0.0075")?);
//! # Ok::<(), pointsman_cost::PriceError>(())
//! ```

mod budget;
mod calendar;
mod parse;

pub use budget::{Budget, BudgetCause, BudgetHold, BudgetLimit, BudgetRefusal, BudgetSnapshot};
pub use calendar::{BudgetWindow, WindowError};
pub use parse::{PriceError, parse_price};
use pointsman_types::{Decimal, Usage};

/// US dollars for one token of each class; a class without a rate of its own falls back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// A prompt token.
    pub input: Decimal,
    /// An answer token.
    pub output: Decimal,
    /// A prompt token read from a cache; else `input`.
    pub cache_read: Option<Decimal>,
    /// A prompt token written to a cache for five minutes; else `input`.
    pub cache_write: Option<Decimal>,
    /// A prompt token written to a cache for an hour; else `cache_write`.
    pub cache_write_long: Option<Decimal>,
    /// An answer token of reasoning; else `output`.
    pub reasoning: Option<Decimal>,
    /// A prompt token of audio; else `input`.
    pub audio_input: Option<Decimal>,
    /// An answer token of audio; else `output`.
    pub audio_output: Option<Decimal>,
}

impl Price {
    /// A price of plain text.
    pub const fn new(input: Decimal, output: Decimal) -> Self {
        Self {
            input,
            output,
            cache_read: None,
            cache_write: None,
            cache_write_long: None,
            reasoning: None,
            audio_input: None,
            audio_output: None,
        }
    }

    /// The cost of a usage, exact and unrounded.
    ///
    /// Details that add up to more than the whole are cut: what was cached counts first, then
    /// audio; of the answer, reasoning first. A cost that no `Decimal` holds is `Decimal::MAX`.
    pub fn of(&self, usage: &Usage) -> Decimal {
        let mut input = Part::of(usage.input);
        let mut output = Part::of(usage.output);
        let write = self.cache_write.unwrap_or(self.input);
        let parts = [
            (input.take(usage.cache_read), self.cache_read.unwrap_or(self.input)),
            (input.take(usage.cache_write), write),
            (input.take(usage.cache_write_long), self.cache_write_long.unwrap_or(write)),
            (input.take(usage.audio_input), self.audio_input.unwrap_or(self.input)),
            (input.left, self.input),
            (output.take(usage.reasoning), self.reasoning.unwrap_or(self.output)),
            (output.take(usage.audio_output), self.audio_output.unwrap_or(self.output)),
            (output.left, self.output),
        ];
        let cost = parts.into_iter().try_fold(Decimal::ZERO, |sum, (tokens, rate)| {
            sum.checked_add(Decimal::from(tokens).checked_mul(rate)?)
        });
        cost.unwrap_or(Decimal::MAX)
    }
}

/// The tokens of a whole that no class has taken yet.
struct Part {
    left: u64,
}

impl Part {
    fn of(tokens: u64) -> Self {
        Self { left: tokens }
    }

    fn take(&mut self, tokens: u64) -> u64 {
        let taken = tokens.min(self.left);
        self.left -= taken;
        taken
    }
}
