//! Where a deployment is: its region, its endpoint, its model's id.

use std::collections::BTreeMap;

use pointsman_types::Deployment;

use crate::family::HINTS;

/// The region where nobody says one, as in LiteLLM.
const REGION: &str = "us-west-2";

/// LiteLLM's names of APIs before a model's id; chat goes to Converse under each.
const ROUTES: [&str; 3] = ["converse/", "converse_like/", "invoke/"];

/// A deployment's region: its setting, its model's id, its environment, its profile, the default.
pub(crate) fn region(
    settings: &BTreeMap<String, String>,
    model: &str,
    profile: impl FnOnce() -> Option<String>,
) -> String {
    let setting = |name: &str| settings.get(name).filter(|value| !value.is_empty()).cloned();
    setting("aws_region_name")
        .or_else(|| setting("region_name"))
        .or_else(|| region_within(model).map(str::to_owned))
        .or_else(|| setting("AWS_REGION"))
        .or_else(profile)
        .unwrap_or_else(|| REGION.to_owned())
}

/// `us-east-1/anthropic.claude…`, or that of an ARN.
fn region_within(model: &str) -> Option<&str> {
    let model = without_route(model);
    if let Some(at) = model.find("arn:") {
        let region = model[at..].split(':').nth(3)?;
        return is_region(region).then_some(region);
    }
    let (first, _) = model.split_once('/')?;
    is_region(first).then_some(first)
}

/// Two letters, words, a digit: `eu-central-1`, `us-gov-west-1`.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    (2..=4).contains(&first.len())
        && word(first)
        && !middle.is_empty()
        && middle.iter().all(word)
        && (1..=2).contains(&last.len())
        && last.bytes().all(|b| b.is_ascii_digit())
}

fn without_route(model: &str) -> &str {
    ROUTES.iter().find_map(|route| model.strip_prefix(route)).unwrap_or(model)
}

/// The id that Bedrock knows: without LiteLLM's routes, its region and its hint of the family.
pub(crate) fn model_id(model: &str) -> &str {
    let mut id = without_route(model);
    if let Some((first, rest)) = id.split_once('/')
        && is_region(first)
    {
        id = rest;
    }
    if let Some((hint, rest)) = id.split_once('/')
        && HINTS.iter().any(|(known, _)| *known == hint)
    {
        id = rest;
    }
    id
}

/// Whether the deployment asks for InvokeModel instead of Converse.
pub(crate) fn invokes(model: &str) -> bool {
    model.starts_with("invoke/")
}

/// The address of a deployment: its own, else that of its region.
pub(crate) fn base(of: &Deployment, region: &str) -> String {
    let setting = |name: &str| of.settings.get(name).filter(|value| !value.is_empty()).cloned();
    let own = of.api_base.clone();
    own.or_else(|| setting("aws_bedrock_runtime_endpoint"))
        .unwrap_or_else(|| format!("https://bedrock-runtime.{region}.{}", domain(region)))
}

/// The domain of a region's partition.
pub(crate) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123";

    #[test]
    fn the_region_is_said_in_many_places() {
        let none = BTreeMap::new();
        let own = BTreeMap::from([("aws_region_name".to_owned(), "ap-south-1".to_owned())]);
        let env = BTreeMap::from([("AWS_REGION".to_owned(), "sa-east-1".to_owned())]);
        for (settings, model, want) in [
            (&none, "anthropic.claude-3-haiku-20240307-v1:0", "us-west-2"),
            (&none, "us-east-1/anthropic.claude-v2", "us-east-1"),
            (&none, "converse/us-gov-west-1/anthropic.claude-v2", "us-gov-west-1"),
            (&none, ARN, "eu-west-1"),
            (&env, ARN, "eu-west-1"),
            (&env, "amazon.nova-lite-v1:0", "sa-east-1"),
            (&own, ARN, "ap-south-1"),
        ] {
            assert_eq!(region(settings, model, || None), want, "{model}");
        }
    }

    #[test]
    fn the_id_is_what_bedrock_knows() {
        for (model, want) in [
            ("us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"),
            ("converse/us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"),
            ("invoke/eu-west-3/mistral.mistral-large-2402-v1:0", "mistral.mistral-large-2402-v1:0"),
            (ARN, ARN),
            (&format!("converse/nova/{ARN}"), ARN),
            (&format!("anthropic/{ARN}"), ARN),
        ] {
            assert_eq!(model_id(model), want);
        }
    }
}
