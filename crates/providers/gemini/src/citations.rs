//! What an answer rests on: its citations, and the pages that a search brought.

use pointsman_provider::chat::Citation;
use serde_json::Value;

/// `citationMetadata`; places are in bytes of the answer's text.
pub(crate) fn cited(metadata: &Value, text: &str) -> Vec<Citation> {
    let list = metadata.get("citations").or_else(|| metadata.get("citationSources"));
    let sources = list.and_then(Value::as_array).into_iter().flatten();
    let one = |source: &Value| Citation {
        url: said(source, "uri"),
        title: said(source, "title"),
        text: None,
        range: range(source, text),
        native: source.clone(),
    };
    sources.map(one).collect()
}

/// `groundingMetadata`: each supported statement with each page behind it; pages that support
/// nothing in particular by themselves.
pub(crate) fn grounded(metadata: &Value, text: &str) -> Vec<Citation> {
    let empty = Vec::new();
    let chunks = metadata["groundingChunks"].as_array().unwrap_or(&empty);
    let page = |chunk: &Value| {
        let page = ["web", "retrievedContext", "maps", "image"]
            .iter()
            .find_map(|kind| chunk.get(*kind))
            .unwrap_or(&Value::Null);
        let url = said(page, "uri").or_else(|| said(page, "sourceUri"));
        Citation { url, title: said(page, "title"), native: chunk.clone(), ..Citation::default() }
    };
    let mut used = vec![false; chunks.len()];
    let mut out = Vec::new();
    for support in metadata["groundingSupports"].as_array().unwrap_or(&empty) {
        let segment = &support["segment"];
        for index in support["groundingChunkIndices"].as_array().unwrap_or(&empty) {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            let Some((index, chunk)) = index.and_then(|at| Some((at, chunks.get(at)?))) else {
                continue;
            };
            used[index] = true;
            let range = range(segment, text);
            out.push(Citation { text: said(segment, "text"), range, ..page(chunk) });
        }
    }
    out.extend(chunks.iter().zip(used).filter(|(_, used)| !used).map(|(chunk, _)| page(chunk)));
    out
}

/// How often the web was searched.
pub(crate) fn searches(metadata: &Value) -> u64 {
    metadata["webSearchQueries"].as_array().map_or(0, |queries| queries.len() as u64)
}

fn said(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// From bytes to characters.
fn range(of: &Value, text: &str) -> Option<(u64, u64)> {
    let end = usize::try_from(of["endIndex"].as_u64()?).ok()?;
    let start = of.get("startIndex").map_or(Some(0), Value::as_u64)?;
    let start = usize::try_from(start).ok()?;
    let characters = |to: usize| Some(text.get(..to)?.chars().count() as u64);
    (start <= end).then_some(())?;
    Some((characters(start)?, characters(end)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_characters() {
        let metadata = json!({"citationSources": [
            {"startIndex": 2, "endIndex": 5, "uri": "u", "license": "mit"},
            {"endIndex": 2}, {"startIndex": 1, "endIndex": 2}, {"startIndex": 0, "endIndex": 99}]});
        let found = cited(&metadata, "éabc");
        let ranges: Vec<_> = found.iter().map(|one| one.range).collect();
        assert_eq!(ranges, [Some((1, 4)), Some((0, 1)), None, None]);
        assert_eq!(found[0].url.as_deref(), Some("u"));
    }

    #[test]
    fn a_statement_names_each_of_its_pages() {
        let metadata = json!({
            "webSearchQueries": ["a", "b"],
            "groundingChunks": [{"web": {"uri": "u0", "title": "t0"}}, {"web": {"uri": "u1"}}, {"web": {"uri": "u2"}}],
            "groundingSupports": [{"segment": {"endIndex": 2, "text": "Hi"}, "groundingChunkIndices": [1, 0, 7]}]});
        let found = grounded(&metadata, "Hi there");
        let urls: Vec<_> = found.iter().map(|one| one.url.as_deref().unwrap()).collect();
        assert_eq!(urls, ["u1", "u0", "u2"]);
        assert_eq!((found[0].range, found[0].text.as_deref()), (Some((0, 2)), Some("Hi")));
        assert_eq!(searches(&metadata), 2);
    }
}
