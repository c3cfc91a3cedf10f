//! Log lines, on stderr.

use std::io::{self, IsTerminal, Write};

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
            let colours = io::stderr().is_terminal();
            fmt::layer().with_ansi(colours).with_writer(|| OneLine(io::stderr())).boxed()
        }
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed(),
    };
    // A second start in one process keeps the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// Writes each event, which comes whole, as one line: nobody whose words are logged, a caller or an
/// upstream, can begin another.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = event.strip_suffix(b"\n").unwrap_or(event);
        if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            self.0.write_all(event)?;
            return Ok(event.len());
        }
        let mut line = Vec::with_capacity(event.len() + 8);
        for byte in text {
            match byte {
                b'\n' => line.extend_from_slice(b"\\n"),
                b'\r' => line.extend_from_slice(b"\\r"),
                byte => line.push(*byte),
            }
        }
        line.push(b'\n');
        self.0.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[expect(clippy::disallowed_methods, reason = "the gateway is what reads the environment")]
fn variable() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut out = OneLine(Vec::new());
        out.write_all(b"plain\n").unwrap();
        out.write_all("a\r\nINFO ü\n".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "plain\na\\r\\nINFO ü\n");
    }
}
