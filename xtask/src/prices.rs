//! `cargo xtask prices`: refreshes the shipped price book from a file in LiteLLM's format.

use std::path::Path;

use pointsman_prices::{Book, ModelFacts};

/// The vendors whose models are shipped: those that are served.
const VENDORS: [&str; 34] = [
    "ai21",
    "anthropic",
    "azure",
    "azure_ai",
    "bedrock",
    "cerebras",
    "cloudflare",
    "codestral",
    "cohere",
    "dashscope",
    "databricks",
    "deepinfra",
    "deepseek",
    "fireworks_ai",
    "gemini",
    "groq",
    "hyperbolic",
    "mistral",
    "moonshot",
    "nebius",
    "novita",
    "nvidia_nim",
    "openai",
    "openrouter",
    "perplexity",
    "sambanova",
    "snowflake",
    "together_ai",
    "vercel_ai_gateway",
    "vertex_ai",
    "voyage",
    "watsonx",
    "xai",
    "zai",
];

/// Where the book lies.
const TABLE: &str = "crates/prices/data/models.tsv";

/// What the task was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub from: Option<String>,
    pub as_of: Option<String>,
}

/// Reads `from`, keeps what is shipped, writes the book and says what came of it.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let (Some(from), Some(date)) = (&options.from, &options.as_of) else {
        return Err("`cargo xtask prices` needs --from <file> and --as-of <date>".to_owned());
    };
    if !is_date(date) {
        return Err(format!("--as-of must be a date such as 2026-11-22, not `{date}`"));
    }
    let text = std::fs::read_to_string(from).map_err(|e| format!("{from}: {e}"))?;
    let (mut book, problems) =
        Book::from_litellm_json(&text).map_err(|e| format!("{from}: {e}"))?;
    for problem in &problems {
        println!("left out: {problem}");
    }
    let all = book.len();
    book.retain(shipped);
    let table = book.dated(date).to_table();
    std::fs::write(root.join(TABLE), &table).map_err(|e| format!("{TABLE}: {e}"))?;
    let kept = Book::from_table(&table).map_err(|e| format!("{TABLE}: {e}"))?.len();
    println!("{TABLE}: {kept} of {all} models, {} KiB, as of {date}", table.len() / 1_024);
    Ok(())
}

/// A vendor's model that calls can go to, and of which something is known.
fn shipped(vendor: &str, name: &str, facts: &ModelFacts) -> bool {
    VENDORS.contains(&vendor)
        && facts.mode.is_some()
        && !facts.is_empty()
        && !name.contains([' ', '\t'])
        && !name.contains("month-commitment")
}

fn is_date(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| {
        if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() }
    };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_are_not_served_are_left_out() {
        let text = r#"{
            "gpt-9": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6},
            "nothing": {"litellm_provider": "openai", "mode": "chat"},
            "sora-9": {"litellm_provider": "openai", "mode": "video_generation",
                "input_cost_per_token": 1e-6},
            "somebody/x": {"litellm_provider": "somebody", "mode": "chat",
                "input_cost_per_token": 1e-6}}"#;
        let (mut book, _) = Book::from_litellm_json(text).unwrap();
        book.retain(shipped);
        let names: Vec<_> = book.iter().map(|(vendor, name, _)| (vendor, name)).collect();
        assert_eq!(names, [("openai", "gpt-9")]);
    }

    #[test]
    fn both_options_are_needed() {
        for (from, as_of) in
            [(None, Some("2026-11-22")), (Some("x"), None), (Some("x"), Some("today"))]
        {
            let options = Options { from: from.map(Into::into), as_of: as_of.map(Into::into) };
            assert!(run(Path::new("."), &options).is_err());
        }
    }
}
