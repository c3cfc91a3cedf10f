//! The keys of prices: a base, and what narrows it.

use super::Says;

/// What a price is of, without suffixes.
pub(super) const BASES: &str = "cache_creation_input_token_cost cache_read_input_audio_token_cost
    cache_read_input_image_token_cost cache_read_input_token_cost
    input_cost_per_audio_token input_cost_per_character
    input_cost_per_image input_cost_per_image_token
    input_cost_per_query input_cost_per_request
    input_cost_per_second input_cost_per_token
    input_cost_per_token_cache_hit output_cost_per_audio_token
    output_cost_per_image output_cost_per_image_token
    output_cost_per_reasoning_token output_cost_per_second
    output_cost_per_token";

/// Prices of things that no call here is billed for.
pub(super) const OTHER: &str = include_str!("other_prices.txt");

const SERVICE_TIERS: [&str; 5] = ["_priority", "_flex", "_batches", "_balanced", "_ultrafast"];

/// The base of a price's key; `None` for another key.
///
/// After the base stand `_above_1hr` (of a cache written for an hour), then `_above_200k_tokens`
/// or another threshold, then a service tier.
pub(crate) fn base(key: &str) -> Option<&'static str> {
    let key = SERVICE_TIERS.iter().find_map(|tier| key.strip_suffix(tier)).unwrap_or(key);
    let key = threshold(key).unwrap_or(key);
    let base = match key.strip_suffix("_above_1hr") {
        Some(base @ "cache_creation_input_token_cost") => base,
        Some(_) => return None,
        None => key,
    };
    BASES.split_whitespace().find(|one| *one == base)
}

/// Whether a key is a base itself.
pub(super) fn is_base(key: &str) -> bool {
    BASES.split_whitespace().any(|one| one == key)
}

/// The key before `_above_…k_tokens`.
fn threshold(key: &str) -> Option<&str> {
    let (base, above) = key.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    // Nine digits and a `k` still fit in any count of tokens.
    let number = !above.starts_with('0') && above.len() < 10;
    (number && above.bytes().all(|byte| byte.is_ascii_digit()) && !above.is_empty()).then_some(base)
}

/// What becomes of a price's key.
pub(super) fn says(key: &str) -> Option<Says> {
    base(key).map(|_| Says::Served)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_base_and_what_narrows_it() {
        for key in [
            "input_cost_per_token",
            "input_cost_per_token_above_200k_tokens",
            "input_cost_per_token_above_512k_tokens_priority",
            "cache_creation_input_token_cost_above_1hr",
            "cache_creation_input_token_cost_above_1hr_above_100k_tokens_batches",
            "input_cost_per_character_above_128k_tokens",
        ] {
            let base = base(key).unwrap();
            assert!(key.starts_with(base), "{key}");
        }
        for key in [
            "input_cost_per_tokens",
            "input_cost_per_token_above_k_tokens",
            "input_cost_per_token_above_1hr",
            "input_cost_per_token_priority_above_200k_tokens",
            "output_cost_per_second_4k",
            "cache_creation_input_token_cost_above_12hr",
            "input_cost_per_token_above_0k_tokens",
            "input_cost_per_token_above_9999999999k_tokens",
            "_flex",
            "",
        ] {
            assert_eq!(base(key), None, "{key}");
        }
    }
}
