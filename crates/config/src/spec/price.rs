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
    /// `output_cost_per_token_above_200k_tokens_priority`… A tier of `tiered_pricing` stands here
    /// as `…_above_N_tokens`, the members of `search_context_cost_per_query` under their names.
    pub rates: BTreeMap<String, Decimal>,
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
        self.rates.is_empty()
    }
}
