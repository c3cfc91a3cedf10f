//! Reads the configuration file, with the environment.

use std::{fs, path::Path, sync::Arc};

use pointsman::{
    Configured, Surroundings,
    clock::Clock,
    config::{Finding, Grade, Place},
    configure,
    http::{HttpSettings, HttpTransport, ProxySettings, ReqwestTransport},
    provider::{Machine, Transport},
    providers,
};
use tokio::runtime::Handle;

use crate::{machine::Host, traces::Traces};

/// The way to upstreams, kept over reloads.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Upstreams {
    /// Sets TLS and pools up: straight to upstreams, or through the proxies that the environment
    /// names.
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Result<Self, String> {
        let (settings, proxies) = (HttpSettings::default(), proxies(&variable));
        let transport = if proxies.is_empty() {
            HttpTransport::new(&settings).map(|direct| Arc::new(direct) as Arc<dyn Transport>)
        } else {
            ReqwestTransport::new(&settings, &proxies).map(|proxied| Arc::new(proxied) as _)
        };
        let transport = transport.map_err(|error| error.message().to_owned())?;
        Ok(Self { transport, clock: Arc::clone(clock) })
    }

    /// Where traces go, if the environment says so: by the same way.
    pub(crate) fn traces(
        &self,
        clock: &Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Result<Option<Traces>, String> {
        Traces::start(&variable, &self.transport, clock, runtime)
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
        let machine: Arc<dyn Machine> = Arc::new(Host);
        let file = |name: &str| Host.read(name);
        let around = Surroundings { env, file: &file };
        configure(text, around, &providers(&self.transport, &self.clock, &machine))
    }
}

/// The proxies of the environment, in the names that other programs know; a name in lower case wins.
fn proxies(env: &dyn Fn(&str) -> Option<String>) -> ProxySettings {
    let of = |name: &str| {
        let found = env(&name.to_ascii_lowercase()).or_else(|| env(name));
        found.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let all = of("ALL_PROXY");
    ProxySettings {
        https: of("HTTPS_PROXY").or_else(|| all.clone()),
        http: of("HTTP_PROXY").or(all),
        no_proxy: of("NO_PROXY"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the gateway is what reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_found_by_their_usual_names() {
        let env = |name: &str| match name {
            "https_proxy" => Some("http://low".to_owned()),
            "HTTPS_PROXY" => Some("http://high".to_owned()),
            "HTTP_PROXY" => Some(" ".to_owned()),
            "ALL_PROXY" => Some("http://all".to_owned()),
            "NO_PROXY" => Some("localhost".to_owned()),
            _ => None,
        };
        let found = proxies(&env);
        assert_eq!(found.https.as_deref(), Some("http://low"));
        assert_eq!(found.http.as_deref(), Some("http://all"));
        assert_eq!(found.no_proxy.as_deref(), Some("localhost"));
        assert!(proxies(&|name| (name == "NO_PROXY").then(|| "*".to_owned())).is_empty());
    }
}
