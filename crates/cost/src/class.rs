//! What can have a price: the classes, the service tiers, and LiteLLM's names for their pairs.

use std::fmt;

use pointsman_types::ServiceTier;

/// What is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PriceClass {
    /// A prompt token.
    Input,
    /// A prompt token read from a cache; else `Input`.
    CacheRead,
    /// An audio token of the prompt read from a cache; else `CacheRead`.
    CacheReadAudio,
    /// An image token of the prompt read from a cache; else `CacheRead`.
    CacheReadImage,
    /// A prompt token written to a cache for five minutes; else `Input`.
    CacheWrite,
    /// A prompt token written to a cache for an hour; else `CacheWrite`.
    CacheWriteLong,
    /// A prompt token of audio; else `Input`.
    AudioInput,
    /// A prompt token of an image; else `Input`.
    ImageInput,
    /// An image of the prompt; has it a price, `ImageInput` is not billed beside it.
    ImageRead,
    /// A character of the prompt; has it a price, the prompt's plain tokens are not billed.
    Character,
    /// A second of the audio heard, where the vendor reports no tokens.
    SecondInput,
    /// A search of a rerank call (Cohere's search unit).
    Query,
    /// A call.
    Request,
    /// An answer token.
    Output,
    /// An answer token of reasoning; else `Output`.
    Reasoning,
    /// An answer token of audio; else `Output`.
    AudioOutput,
    /// An answer token of an image; else `Output`.
    ImageOutput,
    /// An image made, where the vendor reports no tokens.
    ImageMade,
    /// A second of the audio; stands in place of `SecondInput` when it is above zero.
    SecondOutput,
    /// A web search with little context.
    SearchLow,
    /// A web search with the usual context.
    SearchMedium,
    /// A web search with much context.
    SearchHigh,
}

/// Each class with LiteLLM's name of its price.
const NAMES: [(PriceClass, &str); 22] = [
    (PriceClass::Input, "input_cost_per_token"),
    (PriceClass::CacheRead, "cache_read_input_token_cost"),
    (PriceClass::CacheReadAudio, "cache_read_input_audio_token_cost"),
    (PriceClass::CacheReadImage, "cache_read_input_image_token_cost"),
    (PriceClass::CacheWrite, "cache_creation_input_token_cost"),
    (PriceClass::CacheWriteLong, "cache_creation_input_token_cost_above_1hr"),
    (PriceClass::AudioInput, "input_cost_per_audio_token"),
    (PriceClass::ImageInput, "input_cost_per_image_token"),
    (PriceClass::ImageRead, "input_cost_per_image"),
    (PriceClass::Character, "input_cost_per_character"),
    (PriceClass::SecondInput, "input_cost_per_second"),
    (PriceClass::Query, "input_cost_per_query"),
    (PriceClass::Request, "input_cost_per_request"),
    (PriceClass::Output, "output_cost_per_token"),
    (PriceClass::Reasoning, "output_cost_per_reasoning_token"),
    (PriceClass::AudioOutput, "output_cost_per_audio_token"),
    (PriceClass::ImageOutput, "output_cost_per_image_token"),
    (PriceClass::ImageMade, "output_cost_per_image"),
    (PriceClass::SecondOutput, "output_cost_per_second"),
    (PriceClass::SearchLow, "search_context_size_low"),
    (PriceClass::SearchMedium, "search_context_size_medium"),
    (PriceClass::SearchHigh, "search_context_size_high"),
];

/// LiteLLM's second name for the price of a token from a cache.
const CACHE_HIT: &str = "input_cost_per_token_cache_hit";

impl PriceClass {
    /// Every class.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(class, _)| class)
    }

    /// Whether it is billed for what was sent rather than for what came back.
    pub fn is_input(self) -> bool {
        self < Self::Output
    }

    fn name(self) -> &'static str {
        NAMES.into_iter().find(|(class, _)| *class == self).map_or("", |(_, name)| name)
    }
}

/// Each tier that has prices of its own, with the end of their names in LiteLLM.
const SUFFIXES: [(ServiceTier, &str); 5] = [
    (ServiceTier::Batch, "_batches"),
    (ServiceTier::Flex, "_flex"),
    (ServiceTier::Balanced, "_balanced"),
    (ServiceTier::Priority, "_priority"),
    (ServiceTier::Ultrafast, "_ultrafast"),
];

/// The end of the names of a tier's prices in LiteLLM.
fn suffix(tier: ServiceTier) -> &'static str {
    SUFFIXES.into_iter().find(|(one, _)| *one == tier).map_or("", |(_, suffix)| suffix)
}

/// What one price is for: a class, in a service tier, of calls with a prompt above some length.
///
/// ```
/// use pointsman_cost::{PriceClass, PriceKey, ServiceTier};
///
/// let key = PriceKey::parse("input_cost_per_token_above_200k_tokens_priority").unwrap();
/// assert_eq!(key.class, PriceClass::Input);
/// assert_eq!((key.tier, key.above), (ServiceTier::Priority, 200_000));
/// assert_eq!(key.to_string(), "input_cost_per_token_above_200k_tokens_priority");
/// assert_eq!(PriceKey::parse("input_cost_per_parsec"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PriceKey {
    /// What is billed.
    pub class: PriceClass,
    /// In which service tier.
    pub tier: ServiceTier,
    /// Tokens that the prompt must exceed for it; 0 for the base price.
    pub above: u64,
}

impl PriceKey {
    /// Reads LiteLLM's name of a price; `None` when it is of no class that is priced here.
    ///
    /// Of `search_context_cost_per_query` the members' names are read.
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, above) = match name.rsplit_once("_above_") {
            Some((head, tail)) if tail.contains("_tokens") => {
                let (count, end) = tail.split_once("_tokens")?;
                (format!("{head}{end}"), tokens(count)?)
            }
            _ => (name.to_owned(), 0),
        };
        let suffixed = SUFFIXES
            .into_iter()
            .find_map(|(tier, suffix)| Some((rest.strip_suffix(suffix)?, tier)));
        let (base, tier) = suffixed.unwrap_or((&rest, ServiceTier::Standard));
        let base = if base == CACHE_HIT { PriceClass::CacheRead.name() } else { base };
        let (class, _) = NAMES.into_iter().find(|(_, name)| *name == base)?;
        Some(Self { class, tier, above })
    }
}

/// `200k` or `200000`, above zero.
fn tokens(count: &str) -> Option<u64> {
    let (digits, unit) = count.strip_suffix('k').map_or((count, 1), |digits| (digits, 1_000));
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|tokens| *tokens > 0)
}

impl From<PriceClass> for PriceKey {
    fn from(class: PriceClass) -> Self {
        Self { class, tier: ServiceTier::Standard, above: 0 }
    }
}

/// LiteLLM's name of the price.
impl fmt::Display for PriceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class.name())?;
        match self.above {
            0 => {}
            above if above % 1_000 == 0 => write!(f, "_above_{}k_tokens", above / 1_000)?,
            above => write!(f, "_above_{above}_tokens")?,
        }
        f.write_str(suffix(self.tier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for class in PriceClass::all() {
            for tier in [ServiceTier::Standard].into_iter().chain(SUFFIXES.map(|(tier, _)| tier)) {
                for above in [0, 512, 128_000] {
                    let key = PriceKey { class, tier, above };
                    assert_eq!(PriceKey::parse(&key.to_string()), Some(key), "{key}");
                }
            }
        }
    }

    #[test]
    fn other_spellings() {
        let long = PriceKey::parse("cache_creation_input_token_cost_above_1hr_above_200k_tokens");
        let class = PriceClass::CacheWriteLong;
        let tier = ServiceTier::Standard;
        assert_eq!(long, Some(PriceKey { class, tier, above: 200_000 }));
        let swapped = PriceKey::parse("input_cost_per_token_priority_above_200k_tokens");
        assert_eq!(swapped, PriceKey::parse("input_cost_per_token_above_200k_tokens_priority"));
        let hit = PriceKey::parse("input_cost_per_token_cache_hit");
        assert_eq!(hit, Some(PriceClass::CacheRead.into()));
        for name in [
            "",
            "input_cost_per_token_decisions",
            "input_cost_per_token_above_k_tokens",
            "input_cost_per_token_above_0k_tokens",
            "input_cost_per_token_above_99999999999999999999_tokens",
            "input_cost_per_token_above_200k",
            "output_cost_per_second_720p",
        ] {
            assert_eq!(PriceKey::parse(name), None, "{name}");
        }
    }
}
