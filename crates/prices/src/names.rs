//! How one model is spelled in many ways.

/// Where a bedrock model runs when the id says so: `us.anthropic.claude…`.
const BEDROCK_REGIONS: [&str; 9] = ["us", "eu", "apac", "global", "us-gov", "au", "jp", "ca", "in"];
/// Which of bedrock's interfaces is meant: `converse/anthropic.claude…`.
const BEDROCK_ROUTES: [&str; 8] = [
    "converse",
    "invoke",
    "converse_like",
    "async_invoke",
    "openai",
    "mantle",
    "chat_completions",
    "claude_platform",
];
const FIREWORKS_PATH: &str = "accounts/fireworks/models/";

/// The vendor that a name of LiteLLM's means, where it has several for one price list.
pub(crate) fn vendor(name: &str) -> &str {
    match name {
        "vertex_ai_beta" => "vertex_ai",
        "bedrock_converse" => "bedrock",
        "cohere_chat" => "cohere",
        "text-completion-openai" => "openai",
        "text-completion-codestral" => "codestral",
        "azure_text" => "azure",
        _ => name
            .split_once('-')
            .map(|(vendor, _)| vendor)
            .filter(|vendor| ["vertex_ai", "fireworks_ai"].contains(vendor))
            .unwrap_or(name),
    }
}

/// Whether a vendor prices a prompt of exactly a threshold's length as one above it.
pub fn inclusive(vendor: &str) -> bool {
    vendor.eq_ignore_ascii_case("xai")
}

/// The spellings under which a model is looked for, best first, in lower case: as it stands,
/// then more and more of what only says where it runs or when it was made left out.
pub(crate) fn spellings(vendor: &str, model: &str) -> Vec<String> {
    let model = model.to_ascii_lowercase();
    let own = model.strip_prefix(vendor).and_then(|rest| rest.strip_prefix('/'));
    let mut all = vec![own.unwrap_or(&model).to_owned()];
    let mut add = |name: &str| {
        if !name.is_empty() && !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
    };
    // A vendor's own id may begin with the vendor's name: `mistral/mistral-…` does not.
    add(&model);
    let base = own.unwrap_or(&model);
    match vendor {
        "bedrock" => bedrock(base, &mut add),
        "fireworks_ai" => {
            add(&format!("{FIREWORKS_PATH}{base}"));
            add(base.strip_prefix(FIREWORKS_PATH).unwrap_or(base));
        }
        _ => {}
    }
    for at in 0..all.len() {
        let shorter = undated(vendor, &all[at]).map(str::to_owned);
        if let Some(shorter) = shorter.filter(|name| !all.contains(name)) {
            all.push(shorter);
        }
    }
    all
}

fn bedrock(id: &str, add: &mut impl FnMut(&str)) {
    let mut id = id;
    while let Some((route, rest)) = id.split_once('/')
        && BEDROCK_ROUTES.contains(&route)
    {
        add(rest);
        id = rest;
    }
    // An ARN's id, or one behind a region's name, stands last.
    if let Some((_, last)) = id.rsplit_once('/') {
        add(last);
        id = last;
    }
    if let Some((region, rest)) = id.split_once('.')
        && BEDROCK_REGIONS.contains(&region)
    {
        add(rest);
    }
}

/// The name without the version that it ends in, by the vendor's way of writing one.
fn undated<'a>(vendor: &str, name: &'a str) -> Option<&'a str> {
    if name.starts_with("ft:") {
        // ft:gpt-4o-2024-08-06:org:name:id
        let (at, _) = name.match_indices(':').nth(1)?;
        return Some(&name[..at]);
    }
    if let Some((base, _)) = name.split_once('@') {
        return Some(base);
    }
    let number = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())
    };
    let (rest, last) = name.rsplit_once('-')?;
    if number(last, 8) {
        return Some(rest);
    }
    if number(last, 2)
        && let Some((rest, month)) = rest.rsplit_once('-')
        && number(month, 2)
        && let Some((rest, year)) = rest.rsplit_once('-')
        && number(year, 4)
    {
        return Some(rest);
    }
    let counted = ["vertex_ai", "gemini", "databricks"].contains(&vendor);
    (counted && number(last, last.len()) && !last.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_looked_for_under_each_of_its_names() {
        for (vendor, model, names) in [
            ("openai", "gpt-4o", &["gpt-4o"][..]),
            ("openai", "openai/GPT-4o", &["gpt-4o", "openai/gpt-4o"]),
            ("openai", "gpt-4o-2099-01-31", &["gpt-4o-2099-01-31", "gpt-4o"]),
            ("openai", "gpt-4-0613", &["gpt-4-0613"]),
            (
                "openai",
                "ft:gpt-4o-2024-08-06:team::1",
                &["ft:gpt-4o-2024-08-06:team::1", "ft:gpt-4o-2024-08-06"],
            ),
            ("anthropic", "claude-x-20250101", &["claude-x-20250101", "claude-x"]),
            ("vertex_ai", "claude-x@20250101", &["claude-x@20250101", "claude-x"]),
            ("gemini", "gemini-9-pro-002", &["gemini-9-pro-002", "gemini-9-pro"]),
            (
                "bedrock",
                "converse/us-east-1/eu.anthropic.x-v1:0",
                &[
                    "converse/us-east-1/eu.anthropic.x-v1:0",
                    "us-east-1/eu.anthropic.x-v1:0",
                    "eu.anthropic.x-v1:0",
                    "anthropic.x-v1:0",
                ],
            ),
            (
                "bedrock",
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.a.b",
                &["arn:aws:bedrock:us-east-1:1:inference-profile/us.a.b", "us.a.b", "a.b"],
            ),
            ("fireworks_ai", "qwen9", &["qwen9", "accounts/fireworks/models/qwen9"]),
            (
                "fireworks_ai",
                "accounts/fireworks/models/qwen9",
                &[
                    "accounts/fireworks/models/qwen9",
                    "accounts/fireworks/models/accounts/fireworks/models/qwen9",
                    "qwen9",
                ],
            ),
        ] {
            assert_eq!(spellings(vendor, model), names, "{vendor} {model}");
        }
    }

    #[test]
    fn several_names_of_one_vendor() {
        for (name, meant) in [
            ("openai", "openai"),
            ("vertex_ai-anthropic_models", "vertex_ai"),
            ("vertex_ai_beta", "vertex_ai"),
            ("fireworks_ai-embedding-models", "fireworks_ai"),
            ("bedrock_converse", "bedrock"),
            ("cohere_chat", "cohere"),
            ("scx-ai", "scx-ai"),
        ] {
            assert_eq!(vendor(name), meant);
        }
    }
}
