//! Usage in Cohere's words.

use pointsman_provider::wire::Count;
use pointsman_types::Usage;
use serde_json::Value;

/// What a call took. `tokens` is what the model read and wrote; `billed_units` (which leaves out
/// what Cohere itself adds to a prompt) stands in where there are none.
pub(crate) fn usage_of(value: &Value) -> Option<Usage> {
    let billed = &value["billed_units"];
    let told = [&value["tokens"], billed].into_iter().find(|told| counted(told))?;
    let of = |name: &str| Count::of(&told[name]).unwrap_or(0);
    let images = of("image_tokens");
    // Images stand beside the tokens of the text, and are part of the prompt.
    let mut usage = Usage::text(of("input_tokens").saturating_add(images), of("output_tokens"));
    usage.image_input = images;
    usage.reasoning = of("reasoning_tokens");
    usage.cache_read = Count::of(&value["cached_tokens"]).unwrap_or(0).min(usage.input);
    usage.images_read = Count::of(&billed["images"]).unwrap_or(0);
    usage.queries = Count::of(&billed["search_units"]).unwrap_or(0);
    Some(usage)
}

fn counted(told: &Value) -> bool {
    ["input_tokens", "output_tokens", "image_tokens", "images", "search_units"]
        .iter()
        .any(|name| Count::of(&told[*name]).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_before_billed_units_and_images_beside_both() {
        let usage = usage_of(&json!({
            "billed_units": {"input_tokens": 8, "output_tokens": 50},
            "tokens": {"input_tokens": 94.0, "output_tokens": 55, "reasoning_tokens": 38},
            "cached_tokens": 900}))
        .unwrap();
        assert_eq!(
            (usage.input, usage.output, usage.reasoning, usage.cache_read),
            (94, 55, 38, 94)
        );
        let usage = usage_of(&json!({
            "tokens": {"input_tokens": 34, "output_tokens": 5, "image_tokens": 259}}))
        .unwrap();
        assert_eq!((usage.input, usage.image_input), (293, 259));
        let usage = usage_of(&json!({"billed_units": {"search_units": 2}})).unwrap();
        assert_eq!((usage.input, usage.queries), (0, 2));
        assert_eq!(usage_of(&json!({"tokens": {}})), None);
    }
}
