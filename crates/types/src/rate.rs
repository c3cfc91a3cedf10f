//! What an upstream says of its own rate limits.

use std::time::Duration;

/// What an answer's headers say of the upstream's own rate limits, whatever their dialect.
///
/// Times are spans from the moment of reading. An upstream that says nothing leaves all empty.
///
/// ```
/// use pointsman_types::{Rate, RateHeaders};
/// use std::time::Duration;
/// let spent = Rate {
///     limit: Some(60),
///     remaining: Some(0),
///     resets_in: Some(Duration::from_secs(12)),
/// };
/// let said = RateHeaders { requests: spent, ..RateHeaders::default() };
/// assert!(!said.is_empty() && said.requests.is_spent() && !said.tokens.is_spent());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Of requests.
    pub requests: Rate,
    /// Of tokens, in and out.
    pub tokens: Rate,
    /// Of tokens of prompts.
    pub input_tokens: Rate,
    /// Of tokens of answers.
    pub output_tokens: Rate,
}

/// What is known of one rate limit: of several windows the one that binds first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// The most in a window.
    pub limit: Option<u64>,
    /// How much of it is left.
    pub remaining: Option<u64>,
    /// How long until the window begins anew; zero if it just did.
    pub resets_in: Option<Duration>,
}

impl RateHeaders {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them: requests, tokens, input tokens, output tokens.
    pub const fn each(&self) -> [Rate; 4] {
        [self.requests, self.tokens, self.input_tokens, self.output_tokens]
    }
}

impl Rate {
    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.remaining == Some(0)
    }

    /// The share that is left, from 0 to 1; `None` where it cannot be told.
    ///
    /// ```
    /// use pointsman_types::Rate;
    /// let rate = Rate { limit: Some(200), remaining: Some(50), resets_in: None };
    /// assert_eq!(rate.share(), Some(0.25));
    /// assert_eq!(Rate { limit: None, ..rate }.share(), None);
    /// ```
    pub fn share(&self) -> Option<f32> {
        match (self.remaining?, self.limit) {
            (0, _) => Some(0.0),
            (_, None | Some(0)) => None,
            (left, Some(limit)) => {
                #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
                let share = left as f32 / limit as f32;
                Some(share.min(1.0))
            }
        }
    }
}
