//! Bugs on purpose: each is put in at a seam of the router, and some law must notice.

use std::fmt;

/// A bug on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutant {
    /// What a caller who left had claimed is never settled.
    ForgetSettle,
    /// A failure gives its request back, as if it had never been sent.
    ForgetRequest,
    /// A caller who leaves is charged nothing.
    ForgetCharge,
    /// A stream is charged its estimate, whatever it used.
    ChargeEstimate,
    /// Other calls reach a cooling member while its probe is under way.
    SecondProbe,
    /// A cooling member is probed before its time.
    EarlyProbe,
    /// What the upstream asked to wait is not kept.
    ForgetRetryAfter,
    /// Failures are learnt as successes.
    ForgetBlame,
    /// A client's fault is learnt as the deployment's.
    BlameClient,
    /// Limits are twice what is configured.
    DoubleLimit,
    /// Shared accounts have no limits.
    ForgetAccount,
    /// Calls have an hour, whatever is configured.
    ForgetDeadline,
    /// Attempts are not bounded by their deployment.
    ForgetTimeout,
    /// Streams may be silent for as long as they like.
    ForgetStall,
    /// Retries are not paid for.
    ForgetRetryBudget,
    /// A turn is counted twice.
    CountTurnTwice,
    /// Fallbacks are not configured.
    ForgetFallbacks,
    /// A member that nothing speaks against is refused now and then.
    RefuseWilling,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::ForgetSettle,
        Self::ForgetRequest,
        Self::ForgetCharge,
        Self::ChargeEstimate,
        Self::SecondProbe,
        Self::EarlyProbe,
        Self::ForgetRetryAfter,
        Self::ForgetBlame,
        Self::BlameClient,
        Self::DoubleLimit,
        Self::ForgetAccount,
        Self::ForgetDeadline,
        Self::ForgetTimeout,
        Self::ForgetStall,
        Self::ForgetRetryBudget,
        Self::CountTurnTwice,
        Self::ForgetFallbacks,
        Self::RefuseWilling,
    ];

    /// Its name, as on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForgetSettle => "forget-settle",
            Self::ForgetRequest => "forget-request",
            Self::ForgetCharge => "forget-charge",
            Self::ChargeEstimate => "charge-estimate",
            Self::SecondProbe => "second-probe",
            Self::EarlyProbe => "early-probe",
            Self::ForgetRetryAfter => "forget-retry-after",
            Self::ForgetBlame => "forget-blame",
            Self::BlameClient => "blame-client",
            Self::DoubleLimit => "double-limit",
            Self::ForgetAccount => "forget-account",
            Self::ForgetDeadline => "forget-deadline",
            Self::ForgetTimeout => "forget-timeout",
            Self::ForgetStall => "forget-stall",
            Self::ForgetRetryBudget => "forget-retry-budget",
            Self::CountTurnTwice => "count-turn-twice",
            Self::ForgetFallbacks => "forget-fallbacks",
            Self::RefuseWilling => "refuse-willing",
        }
    }

    /// The one of that name.
    ///
    /// ```
    /// use pointsman_testkit::world::Mutant;
    /// assert_eq!(Mutant::named("second-probe"), Some(Mutant::SecondProbe));
    /// assert_eq!(Mutant::named("no bug"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.name() == name)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
