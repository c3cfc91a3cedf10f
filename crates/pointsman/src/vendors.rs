//! The vendors that this build serves.

use std::sync::Arc;

use pointsman_clock::Clock;
use pointsman_provider::{Machine, Provider, Transport};

/// The providers of one crate, made of the transport, the clock and the machine.
type Vendors =
    fn(&Arc<dyn Transport>, &Arc<dyn Clock>, &Arc<dyn Machine>) -> Vec<Arc<dyn Provider>>;

/// A line for each crate of providers; its function stands below.
const ALL: &[Vendors] = &[
    #[cfg(feature = "openai")]
    openai,
    #[cfg(feature = "anthropic")]
    anthropic,
    #[cfg(feature = "cohere")]
    cohere,
    #[cfg(feature = "ollama")]
    ollama,
    #[cfg(feature = "gemini")]
    gemini,
    #[cfg(feature = "bedrock")]
    bedrock,
    #[cfg(feature = "simulated")]
    simulated,
];

/// A provider for each vendor that this build serves, over one transport; `machine` has what a
/// deployment or its environment names: AWS's profiles, credentials and tokens in files, programs.
pub fn providers(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    machine: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    ALL.iter().flat_map(|vendors| vendors(transport, clock, machine)).collect()
}

#[cfg(feature = "openai")]
fn openai(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    machine: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    use pointsman_openai::{AzureCodec, OpenAiCodec, VENDORS, WatsonxCodec};
    use pointsman_provider::HttpProvider;
    let provider = |dialect| -> Arc<dyn Provider> {
        let codec = OpenAiCodec::new(dialect);
        Arc::new(HttpProvider::new(codec, Arc::clone(transport), Arc::clone(clock)))
    };
    let azure = |codec| -> Arc<dyn Provider> {
        Arc::new(HttpProvider::new(codec, Arc::clone(transport), Arc::clone(clock)))
    };
    let azures = [AzureCodec::openai, AzureCodec::foundry];
    let azures =
        azures.into_iter().map(|codec| azure(codec(Arc::clone(transport), Arc::clone(machine))));
    let watsonx = WatsonxCodec::new(Arc::clone(transport));
    let watsonx = HttpProvider::new(watsonx, Arc::clone(transport), Arc::clone(clock));
    let mut all: Vec<Arc<dyn Provider>> = VENDORS.iter().map(provider).chain(azures).collect();
    all.push(Arc::new(watsonx));
    all
}

#[cfg(feature = "anthropic")]
fn anthropic(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    _: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    use pointsman_anthropic::AnthropicCodec;
    use pointsman_provider::HttpProvider;
    vec![Arc::new(HttpProvider::new(AnthropicCodec, Arc::clone(transport), Arc::clone(clock)))]
}

#[cfg(feature = "cohere")]
fn cohere(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    _: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    use pointsman_cohere::{CohereCodec, VENDORS};
    use pointsman_provider::HttpProvider;
    let over = |codec| HttpProvider::new(codec, Arc::clone(transport), Arc::clone(clock));
    let provider = |vendor| -> Arc<dyn Provider> { Arc::new(over(CohereCodec::new(vendor))) };
    VENDORS.iter().map(provider).collect()
}

#[cfg(feature = "ollama")]
fn ollama(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    _: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    use pointsman_ollama::{OllamaCodec, VENDORS};
    use pointsman_provider::HttpProvider;
    let over = |codec| HttpProvider::new(codec, Arc::clone(transport), Arc::clone(clock));
    let provider = |vendor| -> Arc<dyn Provider> { Arc::new(over(OllamaCodec::new(vendor))) };
    VENDORS.iter().map(provider).collect()
}

#[cfg(feature = "gemini")]
fn gemini(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    machine: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    use pointsman_gemini::{GeminiCodec, VertexCodec};
    use pointsman_provider::HttpProvider;
    let vertex = VertexCodec::new(Arc::clone(transport), Arc::clone(machine));
    vec![
        Arc::new(HttpProvider::new(GeminiCodec, Arc::clone(transport), Arc::clone(clock))),
        Arc::new(HttpProvider::new(vertex, Arc::clone(transport), Arc::clone(clock))),
    ]
}

#[cfg(feature = "bedrock")]
fn bedrock(
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    machine: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    use pointsman_bedrock::BedrockProvider;
    let (transport, clock) = (Arc::clone(transport), Arc::clone(clock));
    vec![Arc::new(BedrockProvider::new(transport, clock, Arc::clone(machine)))]
}

#[cfg(feature = "simulated")]
fn simulated(
    _: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
    _: &Arc<dyn Machine>,
) -> Vec<Arc<dyn Provider>> {
    vec![Arc::new(pointsman_simulated::Simulated::new(Arc::clone(clock)))]
}
