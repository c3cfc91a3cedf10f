//! From `generationConfig`.

use serde_json::Value;

use super::{object, schema::json_schema};
use crate::{
    BodyFault,
    chat::{Chat, Effort, Fields, Format, Reasoning},
};

/// What stays is named by its path: `generationConfig.speechConfig`.
pub(super) fn read(mut how: Fields, chat: &mut Chat) -> Result<(), BodyFault> {
    chat.stop = how.texts("stopSequences")?;
    chat.max_output = how.whole("maxOutputTokens")?;
    chat.n = how.whole("candidateCount")?.filter(|n| *n != 1);
    chat.temperature = how.number("temperature")?;
    chat.top_p = how.number("topP")?;
    chat.top_k = top_k(&mut how)?;
    chat.seed = how.integer("seed")?;
    chat.frequency_penalty = how.number("frequencyPenalty")?;
    chat.presence_penalty = how.number("presencePenalty")?;
    chat.logprobs = how.flag("responseLogprobs")?;
    chat.top_logprobs = how.whole("logprobs")?;
    chat.modalities = modalities(&mut how)?;
    if let Some(thinking) = object(&mut how, "thinkingConfig")? {
        chat.reasoning = reasoning(thinking)?;
    }
    format(&mut how, chat);
    for (name, value) in how.rest() {
        chat.rest.insert(format!("generationConfig.{name}"), value);
    }
    Ok(())
}

/// A whole number that Google's clients write with a fraction.
fn top_k(how: &mut Fields) -> Result<Option<u64>, BodyFault> {
    let Some(number) = how.number("topK")? else { return Ok(None) };
    let whole = format!("{number}").parse();
    whole.map(Some).map_err(|_| how.fault("topK", "must be a whole number, 0 or more"))
}

/// Text alone is what is said anyway.
fn modalities(how: &mut Fields) -> Result<Vec<String>, BodyFault> {
    let wanted = how.texts("responseModalities")?.into_iter().map(|what| what.to_lowercase());
    let wanted: Vec<String> = wanted.collect();
    Ok(if wanted.iter().all(|what| what == "text") { Vec::new() } else { wanted })
}

fn reasoning(mut how: Fields) -> Result<Option<Reasoning>, BodyFault> {
    let shown = how.flag("includeThoughts")?.unwrap_or(false);
    if let Some(word) = how.text("thinkingLevel")? {
        let word = word.to_lowercase();
        if word != "thinking_level_unspecified" {
            let effort =
                Effort::of(&word).ok_or_else(|| how.fault("thinkingLevel", "is no known level"))?;
            return Ok(Some(Reasoning { effort: Some(effort), budget: None }));
        }
    }
    Ok(match how.integer("thinkingBudget")? {
        Some(0) => Some(Reasoning { effort: Some(Effort::None), budget: None }),
        // As it sees fit.
        Some(-1) => Some(Reasoning::default()),
        Some(budget) => {
            let budget = u64::try_from(budget)
                .map_err(|_| how.fault("thinkingBudget", "must be -1 or more"))?;
            Some(Reasoning { effort: None, budget: Some(budget) })
        }
        None => shown.then(Reasoning::default),
    })
}

fn format(how: &mut Fields, chat: &mut Chat) {
    let own = how.value("responseJsonSchema");
    let schema = own.or_else(|| how.value("responseSchema").map(|schema| json_schema(&schema)));
    let kind = how.peek("responseMimeType").and_then(Value::as_str).unwrap_or_default();
    let (json, plain) = (kind == "application/json", matches!(kind, "" | "text/plain"));
    if json || plain {
        how.value("responseMimeType");
    }
    chat.format = match schema {
        Some(schema) if json || plain => Some(Format::Schema {
            name: "answer".into(),
            description: schema["description"].as_str().map(str::to_owned),
            schema,
            strict: None,
        }),
        None if json => Some(Format::Json),
        // An answer in plain text that is one of a list: what is left names it.
        _ => None,
    };
}
