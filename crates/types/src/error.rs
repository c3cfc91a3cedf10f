//! One error for every failure of a call, and the table that follows from its kind.

use std::{fmt, sync::Arc, time::Duration};

use crate::{DeploymentId, RateHeaders};

/// What kind of failure it was. Adapters classify once; status codes die there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Too many requests or tokens for now.
    RateLimited,
    /// The account has no credit or quota left.
    QuotaExhausted,
    /// The key is wrong.
    Authentication,
    /// The key may not do this.
    Permission,
    /// The model or endpoint does not exist.
    NotFound,
    /// A clock ran out: connect, headers, first token, between tokens, total.
    Timeout,
    /// The connection failed: refused, reset, TLS, DNS.
    Connection,
    /// The upstream has more work than it can do.
    Overloaded,
    /// The upstream broke, or answered with nothing usable.
    Server,
    /// The prompt is longer than the model's window.
    ContextWindow,
    /// The content was filtered.
    ContentPolicy,
    /// The request is wrong wherever it is sent.
    BadRequest,
    /// The deployment cannot be asked this; another one may be.
    Unsupported,
    /// The caller left.
    Cancelled,
    /// No member of the group was willing: a refusal of ours, not an upstream's.
    Refused,
}

/// How far a failure has to be carried to be repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Another deployment of the group may answer.
    OtherDeployment,
    /// Another deployment with a larger context window, else the fallbacks.
    LargerWindow,
    /// Only another group may answer.
    OtherGroup,
    /// Nobody will answer this differently.
    Nowhere,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller's, or nobody's.
    Client,
    /// The deployment's.
    Deployment,
    /// The credential's: it spreads to all that share it.
    Credential,
    /// The provider host's.
    Host,
}

/// What a failure does to the deployment's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    /// Nothing.
    None,
    /// It counts towards a cooldown.
    Soft,
    /// It cools at once.
    Hard,
}

impl ErrorKind {
    /// All kinds, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Authentication,
        Self::Permission,
        Self::NotFound,
        Self::Timeout,
        Self::Connection,
        Self::Overloaded,
        Self::Server,
        Self::ContextWindow,
        Self::ContentPolicy,
        Self::BadRequest,
        Self::Unsupported,
        Self::Cancelled,
        Self::Refused,
    ];

    /// The row of the failure table: scope of repair, blame, penalty, status to the client.
    const fn row(self) -> (Scope, Blame, Penalty, u16, &'static str) {
        use {Blame as B, Penalty as P, Scope as S};
        match self {
            Self::RateLimited => (S::OtherDeployment, B::Deployment, P::Hard, 429, "rate_limited"),
            Self::QuotaExhausted => {
                (S::OtherDeployment, B::Credential, P::Hard, 429, "quota_exhausted")
            }
            Self::Authentication => {
                (S::OtherDeployment, B::Credential, P::Hard, 401, "authentication")
            }
            Self::Permission => (S::OtherDeployment, B::Credential, P::Hard, 403, "permission"),
            Self::NotFound => (S::OtherDeployment, B::Deployment, P::Hard, 404, "not_found"),
            Self::Timeout => (S::OtherDeployment, B::Deployment, P::Soft, 408, "timeout"),
            Self::Connection => (S::OtherDeployment, B::Host, P::Soft, 502, "connection"),
            Self::Overloaded => (S::OtherDeployment, B::Deployment, P::Soft, 503, "overloaded"),
            Self::Server => (S::OtherDeployment, B::Deployment, P::Soft, 502, "server"),
            Self::ContextWindow => (S::LargerWindow, B::Client, P::None, 400, "context_window"),
            Self::ContentPolicy => (S::OtherGroup, B::Client, P::None, 400, "content_policy"),
            Self::BadRequest => (S::Nowhere, B::Client, P::None, 400, "bad_request"),
            Self::Unsupported => (S::OtherDeployment, B::Client, P::None, 400, "unsupported"),
            Self::Cancelled => (S::Nowhere, B::Client, P::None, 499, "cancelled"),
            Self::Refused => (S::OtherGroup, B::Client, P::None, 429, "refused"),
        }
    }

    /// How far it has to be carried to be repaired.
    pub const fn scope(self) -> Scope {
        self.row().0
    }

    /// Whose fault it is.
    pub const fn blame(self) -> Blame {
        self.row().1
    }

    /// What it does to the deployment's standing.
    pub const fn penalty(self) -> Penalty {
        self.row().2
    }

    /// The status a client sees when the upstream's own does not apply.
    pub const fn status(self) -> u16 {
        self.row().3
    }

    /// The kind's name, for logs, traces and metrics.
    pub const fn name(self) -> &'static str {
        self.row().4
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The failure of a call or of one attempt.
///
/// ```
/// use pointsman_types::{Error, ErrorKind, Scope};
/// let error = Error::new(ErrorKind::Overloaded, "busy").with_status(529).by("openai");
/// assert_eq!(error.kind.scope(), Scope::OtherDeployment);
/// assert_eq!(error.to_string(), "overloaded: busy (openai, upstream status 529)");
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// All that is known beyond the kind.
    pub detail: Box<ErrorDetail>,
}

/// What is known of a failure beyond its kind.
#[derive(Clone, Debug, Default)]
pub struct ErrorDetail {
    /// For people: what happened, and what to do where we know it.
    pub message: String,
    /// The upstream's status, if it answered.
    pub status: Option<u16>,
    /// The upstream's (or our) code for programs, such as `model_not_found`.
    pub code: Option<String>,
    /// The upstream's type of the error, in its own words.
    pub type_name: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// The vendor that failed.
    pub provider: Option<String>,
    /// The deployment that failed.
    pub deployment: Option<DeploymentId>,
    /// How long to wait before asking again.
    pub retry_after: Option<Duration>,
    /// What the upstream said of its rate limits.
    pub rate: Option<Box<RateHeaders>>,
    /// Whether the attempt never left this process.
    pub unsent: bool,
    /// The error below this one.
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.detail.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

impl Error {
    /// An error with a message for people.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let detail = ErrorDetail { message: message.into(), ..ErrorDetail::default() };
        Self { kind, detail: Box::new(detail) }
    }

    /// The upstream's status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.detail.status = Some(status);
        self
    }

    /// A code for programs.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.detail.code = Some(code.into());
        self
    }

    /// The parameter at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.detail.param = Some(param.into());
        self
    }

    /// How long to wait before asking again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.detail.retry_after = after;
        self
    }

    /// The error below this one.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.detail.source = Some(Arc::new(source));
        self
    }

    /// What the upstream said of its rate limits.
    #[must_use]
    pub fn with_rate(mut self, rate: RateHeaders) -> Self {
        self.detail.rate = (!rate.is_empty()).then(|| Box::new(rate));
        self
    }

    /// The attempt never left this process.
    #[must_use]
    pub fn unsent(mut self) -> Self {
        self.detail.unsent = true;
        self
    }

    /// The vendor that failed.
    #[must_use]
    pub fn by(mut self, provider: &str) -> Self {
        self.detail.provider = Some(provider.to_owned());
        self
    }

    /// The deployment that failed.
    #[must_use]
    pub fn at(mut self, deployment: &DeploymentId) -> Self {
        self.detail.deployment = Some(deployment.clone());
        self
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.detail.message
    }

    /// The status a client sees: the upstream's own where the table passes it on.
    pub fn client_status(&self) -> u16 {
        let upstream = self.detail.status;
        match self.kind {
            ErrorKind::BadRequest => upstream.filter(|s| (400..500).contains(s)).unwrap_or(400),
            // A demand that no time would help is no matter of too many requests.
            ErrorKind::Refused => upstream.filter(|s| *s == 400).unwrap_or(429),
            ErrorKind::Server => upstream.filter(|s| (500..600).contains(s)).unwrap_or(502),
            kind => kind.status(),
        }
    }

    fn line(&self) -> String {
        let detail = &self.detail;
        let deployment = detail.deployment.as_ref().map(ToString::to_string);
        let status = detail.status.map(|status| format!("upstream status {status}"));
        let place: Vec<String> =
            [deployment, detail.provider.clone(), status].into_iter().flatten().collect();
        if place.is_empty() {
            format!("{}: {}", self.kind, detail.message)
        } else {
            format!("{}: {} ({})", self.kind, detail.message, place.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_fault_never_penalises() {
        for kind in ErrorKind::ALL {
            if kind.blame() == Blame::Client {
                assert_eq!(kind.penalty(), Penalty::None, "{kind}");
            }
        }
    }

    #[test]
    fn the_upstreams_status_is_passed_on_only_where_it_tells_the_client_something() {
        let status = |kind, upstream| Error::new(kind, "x").with_status(upstream).client_status();
        assert_eq!(status(ErrorKind::BadRequest, 422), 422);
        assert_eq!(status(ErrorKind::BadRequest, 200), 400);
        assert_eq!(status(ErrorKind::Server, 500), 500);
        assert_eq!(status(ErrorKind::Server, 200), 502);
        assert_eq!(status(ErrorKind::Authentication, 400), 401);
        assert_eq!(status(ErrorKind::Overloaded, 529), 503);
    }
}
