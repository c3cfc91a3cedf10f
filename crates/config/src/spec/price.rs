//! Prices of one deployment, as the file says them.

use std::collections::BTreeMap;

use pointsman_types::Decimal;

use crate::Place;

/// Prices in US dollars, exact, under LiteLLM's names. Empty: the price book's hold.
///
/// ```
/// use pointsman_config::PriceSpec;
/// let price = PriceSpec { rates: [("input_cost_per_token".into(), 3.into())].into(), ..PriceSpec::default() };
/// assert_eq!(price.rate("input_cost_per_token"), Some(3.into()));
/// assert_eq!(price.rate("output_cost_per_token"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceSpec {
    /// Dollars for one unit by key: `input_cost_per_token`, `cache_read_input_token_cost`,
    /// `output_cost_per_token_above_200k_tokens_priority`…; the members of
    /// `search_context_cost_per_query` stand here under their own names.
    pub rates: BTreeMap<String, Decimal>,
    /// `tiered_pricing`, in ascending order; its prices win over plain ones.
    pub tiers: Vec<PriceTier>,
    /// Where the first of its keys stands.
    pub at: Place,
}

impl PriceSpec {
    /// The price under one of LiteLLM's names.
    pub fn rate(&self, key: &str) -> Option<Decimal> {
        self.rates.get(key).copied()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.tiers.is_empty()
    }
}

/// One tier of `tiered_pricing`: the prices of a whole request with such a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTier {
    /// The prompt is longer than so many tokens.
    pub from: u64,
    /// The prompt has so many tokens at most; `None`: any number. Prompts above all tiers are in
    /// the last one.
    pub to: Option<u64>,
    /// Its prices, by key.
    pub rates: BTreeMap<String, Decimal>,
}
