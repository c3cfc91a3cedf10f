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
    let range = place("start").zip(place("end"));
    let cited = text(&native["text"]);
    let sources = native["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    // What speaks of a plan or a thought has no place in the text.
    let elsewhere = native["type"].as_str().is_some_and(|what| what != "TEXT_CONTENT");
    if sources.is_empty() || elsewhere {
        let range = range.filter(|_| !elsewhere);
        let native = native.clone();
        return vec![Citation { text: cited, range, native, ..Citation::default() }];
    }
    let one = |source: &Value| {
        let document = &source["document"];
        let id = text(&source["id"]).unwrap_or_else(|| "unknown".to_owned());
        let url = text(&document["url"]).unwrap_or_else(|| format!("source:{id}"));
        let (title, native) = (text(&document["title"]), source.clone());
        Citation { url: Some(url), title, text: None, range, native }
    };
    let mut all: Vec<Citation> = sources.iter().map(one).collect();
    // Once: however many sources there are, an answer takes no more room than it came in.
    if let Some(first) = all.first_mut() {
        first.text = cited;
    }
    all
}
