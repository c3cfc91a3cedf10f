//! What Cohere's answers rest on.

use pointsman_provider::chat::Citation;
use serde_json::Value;

/// A citation: one of ours for each source.
///
/// `before` is how much text, in characters, the answer has in front of the part it speaks of. As
/// in LiteLLM, a document without an address is told by its id: `source:doc:0`.
pub(crate) fn citations_of(native: &Value, before: u64) -> Vec<Citation> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let place = |name: &str| native[name].as_u64().map(|at| at.saturating_add(before));
    let cited = Citation {
        text: text(&native["text"]),
        range: place("start").zip(place("end")),
        native: native.clone(),
        ..Citation::default()
    };
    let sources = native["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    // What speaks of a plan or a thought has no place in the text.
    let elsewhere = native["type"].as_str().is_some_and(|what| what != "TEXT_CONTENT");
    if sources.is_empty() || elsewhere {
        return vec![Citation { range: cited.range.filter(|_| !elsewhere), ..cited }];
    }
    let one = |source: &Value| {
        let document = &source["document"];
        let id = text(&source["id"]).unwrap_or_else(|| "unknown".to_owned());
        let url = text(&document["url"]).unwrap_or_else(|| format!("source:{id}"));
        Citation { url: Some(url), title: text(&document["title"]), ..cited.clone() }
    };
    sources.iter().map(one).collect()
}
