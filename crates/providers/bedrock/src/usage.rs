//! Usage in Bedrock's words.

use pointsman_provider::wire::Count;
use pointsman_types::Usage;
use serde_json::Value;

/// `usage` as Converse reports it: the input without what was read from and written to the cache.
pub(crate) fn usage(of: &Value) -> Option<Usage> {
    let count = |names: &[&str]| names.iter().find_map(|name| Count::of(&of[*name])).unwrap_or(0);
    let (fresh, output) = (Count::of(&of["inputTokens"])?, Count::of(&of["outputTokens"])?);
    let read = count(&["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let written = count(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    let long = of["cacheDetails"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|detail| detail["ttl"] == "1h")
        .filter_map(|detail| Count::of(&detail["inputTokens"]))
        .fold(0, u64::saturating_add)
        .min(written);
    let mut usage = Usage::text(fresh.saturating_add(read).saturating_add(written), output);
    usage.cache_read = read;
    usage.cache_write = written - long;
    usage.cache_write_long = long;
    Some(usage)
}
