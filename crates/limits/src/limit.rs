//! What an account may be limited by.

use std::time::Duration;

/// The limits of one account, as configured; unset means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any 60 seconds (`rpm`).
    pub rpm: Option<u32>,
    /// Tokens in any 60 seconds, input and output together (`tpm`).
    pub tpm: Option<u64>,
    /// Input tokens in any 60 seconds (`itpm`).
    pub itpm: Option<u64>,
    /// Output tokens in any 60 seconds (`otpm`).
    pub otpm: Option<u64>,
    /// Requests a day (`rpd`).
    pub rpd: Option<u64>,
    /// Tokens a day, input and output together (`tpd`).
    pub tpd: Option<u64>,
    /// Requests under way at one time (`max_parallel_requests`).
    pub max_parallel_requests: Option<u32>,
    /// When the day of `rpd` and `tpd` begins, after 00:00 UTC; whole days in it are no matter.
    pub daily_reset_time: Duration,
}

impl Limits {
    /// What is set for `limit`.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Rpm => self.rpm.map(u64::from),
            Limit::Tpm => self.tpm,
            Limit::Itpm => self.itpm,
            Limit::Otpm => self.otpm,
            Limit::Rpd => self.rpd,
            Limit::Tpd => self.tpd,
            Limit::Slots => self.max_parallel_requests.map(u64::from),
        }
    }
}

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Requests in any 60 seconds.
    Rpm,
    /// Tokens in any 60 seconds.
    Tpm,
    /// Input tokens in any 60 seconds.
    Itpm,
    /// Output tokens in any 60 seconds.
    Otpm,
    /// Requests a day.
    Rpd,
    /// Tokens a day.
    Tpd,
    /// Requests under way at one time.
    Slots,
}

impl Limit {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 7] =
        [Self::Rpm, Self::Tpm, Self::Itpm, Self::Otpm, Self::Rpd, Self::Tpd, Self::Slots];

    /// Its name in the state and in metrics: that of the configuration's key, `slots` apart.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Tpm => "tpm",
            Self::Itpm => "itpm",
            Self::Otpm => "otpm",
            Self::Rpd => "rpd",
            Self::Tpd => "tpd",
            Self::Slots => "slots",
        }
    }
}

/// What a call wants of an account. It takes one slot as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Take {
    /// Requests, one as a rule.
    pub requests: u32,
    /// Tokens of the prompt, as estimated.
    pub input: u64,
    /// Tokens of the answer, as estimated.
    pub output: u64,
}

impl Take {
    /// Input and output together; at most `u64::MAX`.
    pub const fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// How much of `limit` it wants.
    pub fn of(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Rpm | Limit::Rpd => u64::from(self.requests),
            Limit::Tpm | Limit::Tpd => self.tokens(),
            Limit::Itpm => self.input,
            Limit::Otpm => self.output,
            Limit::Slots => 1,
        }
    }
}
