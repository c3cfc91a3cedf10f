//! The [`Transport`](pointsman_provider::Transport)s: pools, TLS, a bound on connecting; no
//! redirects, no retries of their own.
//!
//! [`HttpTransport`] goes straight to upstreams and costs least. `ReqwestTransport`, behind the
//! feature `reqwest`, goes through proxies.
//!
//! ```
//! use pointsman_http::{HttpSettings, HttpTransport};
//! let transport = HttpTransport::new(&HttpSettings::default())?;
//! # Ok::<(), pointsman_types::Error>(())
//! ```

mod body;
mod connect;
mod direct;
#[cfg(feature = "reqwest")]
mod proxied;
mod tls;

use std::time::Duration;

pub use direct::HttpTransport;
#[cfg(feature = "reqwest")]
pub use proxied::{ProxySettings, ReqwestTransport};

/// Who asks, unless the request says otherwise.
const AGENT: &str = concat!("pointsman/", env!("CARGO_PKG_VERSION"));

/// How connections to upstreams are made and kept.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Bounds connecting, TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept. Default: 90 s.
    pub idle_timeout: Duration,
    /// Idle connections kept for each host. Default: 256.
    pub idle_per_host: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            idle_per_host: 256,
        }
    }
}

/// What went wrong, down to the cause: `client error (Connect): … : Connection refused`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        below = cause.source();
    }
    text
}
