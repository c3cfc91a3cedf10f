//! Reads the configuration file, with the environment.

use std::{fs, path::Path, sync::Arc};

use pointsman::{
    Configured, Surroundings,
    clock::Clock,
    config::{Finding, Grade, Place},
    configure,
    http::{HttpSettings, HttpTransport},
    provider::{ReadFile, Transport},
    providers,
};

/// The way to upstreams, kept over reloads.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Upstreams {
    /// Sets TLS and pools up.
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Result<Self, String> {
        let transport = HttpTransport::new(&HttpSettings::default())
            .map_err(|error| error.message().to_owned())?;
        Ok(Self { transport: Arc::new(transport), clock: Arc::clone(clock) })
    }

    /// Reads the file; one that cannot be read is an error finding like any other.
    pub(crate) fn configure(&self, file: &Path) -> Configured {
        match fs::read_to_string(file) {
            Ok(text) => self.configure_text(&text, &variable),
            Err(error) => {
                let at = Place { line: 1, column: 1 };
                let message = format!("the file cannot be read: {error}");
                let findings = vec![Finding::new(at, Grade::Error, message)];
                Configured::refused(findings)
            }
        }
    }

    /// The same for a text, in an environment.
    pub(crate) fn configure_text(
        &self,
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Configured {
        let files = ReadFile::new(file);
        let around = Surroundings { env, file: &file };
        configure(text, around, &providers(&self.transport, &self.clock, &files))
    }
}

fn file(name: &str) -> Result<String, String> {
    fs::read_to_string(name).map_err(|error| error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the gateway is what reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
