//! The vendors that LiteLLM has and no provider here serves.

use pointsman_config::{DeploymentSpec, Finding, Grade, nearest};
use pointsman_provider::Vendor;

/// Their prefixes, separated by spaces.
const NAMES: &str =
    "a2a a2a_agent ai21 aiohttp_openai anthropic_text auto_router aws_polly aws_textract
    azure_speech azure_text bespoke bigmodel black_forest_labs bytez chatgpt
    clf_ai_gateway cursor custom databricks_agent datarobot deepgram dotprompt
    elevenlabs eu_jev fal_ai gdc gigachat github_copilot heroku humanloop langflow
    langfuse langgraph laya litellm_agent manus maritalk microsoft_365_copilot milvus
    mongodb nace nlp_cloud nvidia_riva oci oobabooga opencode_go opensearch parallel_ai
    petals pg_vector predibase ragflow recraft reducto replicate runwayml s3_vectors
    sagemaker sagemaker_chat sagemaker_nova sap sarvam scaledown snowflake soniox
    stability strands_decider text-completion-codestral text-completion-inception topaz
    transcribe triton typesafe valkey vertex_ai_beta vllm watsonx_text";

/// Why a vendor is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    /// LiteLLM has it.
    Known,
    /// Nobody does.
    Unknown,
}

/// Why a vendor is not served, if it is not.
pub(super) fn of(vendor: &str, served: &[Vendor]) -> Option<Unserved> {
    if served.iter().any(|one| one.name == vendor) {
        return None;
    }
    let known = NAMES.split_whitespace().any(|name| name == vendor);
    Some(if known { Unserved::Known } else { Unserved::Unknown })
}

/// What is said of a deployment whose vendor is not served.
pub(super) fn finding(why: Unserved, one: &DeploymentSpec, served: &[Vendor]) -> Finding {
    let vendor = &one.deployment.vendor;
    match why {
        Unserved::Known => {
            let message = format!("left out: no provider here serves LiteLLM's vendor `{vendor}`");
            Finding::new(one.model_at, Grade::Ignored, message)
        }
        Unserved::Unknown => {
            let names = served.iter().map(|one| one.name);
            let near = nearest(vendor, names.chain(NAMES.split_whitespace()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            let message = format!("no provider serves the vendor `{vendor}`{near}");
            Finding::new(one.model_at, Grade::Error, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_is_served_or_known_or_a_slip() {
        let served = [Vendor {
            name: "openai",
            base: None,
            version_path: "",
            key_env: &[],
            base_env: &[],
            needs_key: false,
        }];
        assert_eq!(of("openai", &served), None);
        assert_eq!(of("sagemaker", &served), Some(Unserved::Known));
        assert_eq!(of("opnai", &served), Some(Unserved::Unknown));
    }
}
