//! The vendors that LiteLLM has and no provider here serves.

use std::sync::Arc;

use pointsman_config::{DeploymentSpec, Finding, Grade, Spec, nearest};
use pointsman_provider::{Provider, Vendor};

use super::LEFT_OUT;

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
pub(super) fn of(vendor: &str, spec: &Spec, served: &[Vendor]) -> Option<Unserved> {
    if spec.own_vendors.contains(vendor) {
        return Some(Unserved::Known);
    }
    if served.iter().any(|one| one.name == vendor) {
        return None;
    }
    let known = NAMES.split_whitespace().any(|name| name == vendor);
    Some(if known { Unserved::Known } else { Unserved::Unknown })
}

/// What is said of a deployment whose vendor is not served.
pub(super) fn finding(
    why: Unserved,
    one: &DeploymentSpec,
    spec: &Spec,
    served: &[Vendor],
) -> Finding {
    let vendor = &one.deployment.vendor;
    match why {
        Unserved::Known if spec.own_vendors.contains(vendor) => {
            let message =
                format!("{LEFT_OUT}`{vendor}` is a Python handler of custom_provider_map");
            Finding::new(one.model_at, Grade::Ignored, message)
        }
        Unserved::Known => {
            let message = format!("{LEFT_OUT}no provider here serves LiteLLM's vendor `{vendor}`");
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

/// The vendors that nobody knows, of a file in which something else is wrong, too.
pub(super) fn unknown(partly: &Spec, providers: &[Arc<dyn Provider>], findings: &mut Vec<Finding>) {
    let served: Vec<Vendor> = providers.iter().map(|one| one.vendor()).collect();
    for one in &partly.deployments {
        // What has no vendor was told of.
        let vendor = one.deployment.vendor.as_str();
        if !vendor.is_empty() && of(vendor, partly, &served) == Some(Unserved::Unknown) {
            findings.push(finding(Unserved::Unknown, one, partly, &served));
        }
    }
    findings.sort();
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
        let text = "model_list: [{model_name: m, litellm_params: {model: openai/m}}]\n\
                    litellm_settings: {custom_provider_map: [{provider: mine, custom_handler: h}]}";
        let spec = pointsman_config::load(text, &|_| None).spec.unwrap();
        for (vendor, why) in [
            ("openai", None),
            ("sagemaker", Some(Unserved::Known)),
            ("mine", Some(Unserved::Known)),
            ("opnai", Some(Unserved::Unknown)),
        ] {
            assert_eq!(of(vendor, &spec, &served), why, "{vendor}");
        }
    }
}
