//! Log lines, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::cli::LogFormat;

/// Begins to log; `RUST_LOG` chooses what, `info` without it.
pub(crate) fn start(format: LogFormat) {
    let wanted = variable().unwrap_or_else(|| "info".into());
    let targets: Targets =
        wanted.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let layer = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            fmt::layer().with_ansi(colours).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
        }
    };
    // A second start in one process keeps the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

#[expect(clippy::disallowed_methods, reason = "the gateway is what reads the environment")]
fn variable() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty())
}
