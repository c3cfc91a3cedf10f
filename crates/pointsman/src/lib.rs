//! Routes every LLM call to the right deployment: all layers of Pointsman in one library.
#![doc = include_str!("../../../README.md")]

#[cfg(feature = "config")]
mod configured;
#[cfg(feature = "config")]
mod stores;
mod vendors;

#[cfg(feature = "config")]
pub use configured::{Configured, Surroundings, configure};
#[cfg(feature = "anthropic")]
pub use pointsman_anthropic as anthropic;
#[cfg(feature = "bedrock")]
pub use pointsman_bedrock as bedrock;
pub use pointsman_clock as clock;
#[cfg(feature = "cohere")]
pub use pointsman_cohere as cohere;
#[cfg(feature = "config")]
pub use pointsman_config as config;
pub use pointsman_cost as cost;
#[cfg(feature = "disk")]
pub use pointsman_disk as disk;
#[cfg(feature = "gemini")]
pub use pointsman_gemini as gemini;
#[cfg(feature = "http")]
pub use pointsman_http as http;
pub use pointsman_limits as limits;
#[cfg(feature = "ollama")]
pub use pointsman_ollama as ollama;
#[cfg(feature = "openai")]
pub use pointsman_openai as openai;
pub use pointsman_prices as prices;
pub use pointsman_provider as provider;
pub use pointsman_provider::Call;
#[cfg(feature = "redis")]
pub use pointsman_redis as redis;
pub use pointsman_retry as retry;
pub use pointsman_router as router;
pub use pointsman_router::{Answer, Failure, Payload, Router, RouterBuilder};
#[cfg(feature = "simulated")]
pub use pointsman_simulated as simulated;
pub use pointsman_state as state;
pub use pointsman_strategy as strategy;
pub use pointsman_types as types;
pub use pointsman_types::Deployment;
#[cfg(all(feature = "config", feature = "redis"))]
pub use stores::redis_store;
#[cfg(feature = "config")]
pub use stores::store;
pub use vendors::providers;

/// A builder that serves every vendor of this build over HTTP, by the machine's clock.
///
/// It reads no files and runs no programs: whoever has AWS's profiles, or tokens in files, hands
/// [`providers`] a machine.
///
/// # Errors
///
/// Kind `Connection`: TLS cannot be set up.
#[cfg(feature = "http")]
pub fn builder() -> Result<RouterBuilder, types::Error> {
    use std::sync::Arc;
    let clock: Arc<dyn clock::Clock> = Arc::new(clock::SystemClock::new());
    let transport: Arc<dyn provider::Transport> =
        Arc::new(http::HttpTransport::new(&http::HttpSettings::default())?);
    let machine: Arc<dyn provider::Machine> = Arc::new(provider::NoMachine);
    let all = providers(&transport, &clock, &machine).into_iter();
    Ok(all.fold(Router::builder(), RouterBuilder::provider).clock(clock))
}
