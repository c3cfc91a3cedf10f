//! Usage in Anthropic's words.

use pointsman_types::{ServiceTier, Usage};
use serde::{Deserialize, Serialize};

use crate::wire::{count, lenient, served};

/// `usage` as Anthropic reports it: the input without what was read from and written to the cache.
///
/// A stream reports it in pieces; [`MessagesUsage::update`] joins them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct MessagesUsage {
    /// Prompt tokens beside the cache.
    #[serde(deserialize_with = "count")]
    pub input_tokens: Option<u64>,
    /// Prompt tokens written to the cache.
    #[serde(deserialize_with = "count")]
    pub cache_creation_input_tokens: Option<u64>,
    /// Prompt tokens read from the cache.
    #[serde(deserialize_with = "count")]
    pub cache_read_input_tokens: Option<u64>,
    /// The written ones by life.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub cache_creation: Option<CacheCreation>,
    /// All tokens of the answer.
    #[serde(deserialize_with = "count")]
    pub output_tokens: Option<u64>,
    /// What they were spent on.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub output_tokens_details: Option<OutputDetails>,
    /// Tools that ran at the vendor.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub server_tool_use: Option<ServerTools>,
    /// The service tier that served the call.
    #[serde(deserialize_with = "served", skip_serializing)]
    pub service_tier: Option<ServiceTier>,
}

/// Tools that ran at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerTools {
    /// Searches of the web.
    #[serde(deserialize_with = "count")]
    pub web_search_requests: Option<u64>,
    /// Pages that were fetched.
    #[serde(deserialize_with = "count")]
    pub web_fetch_requests: Option<u64>,
}

/// Tokens written to the cache, by life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct CacheCreation {
    /// For five minutes.
    #[serde(deserialize_with = "count")]
    pub ephemeral_5m_input_tokens: Option<u64>,
    /// For an hour.
    #[serde(deserialize_with = "count")]
    pub ephemeral_1h_input_tokens: Option<u64>,
}

/// What the tokens of an answer were spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct OutputDetails {
    /// On thinking.
    #[serde(deserialize_with = "count")]
    pub thinking_tokens: Option<u64>,
}

impl MessagesUsage {
    /// Takes over what a later report says.
    pub fn update(&mut self, later: &Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens =
            later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
        self.server_tool_use = later.server_tool_use.or(self.server_tool_use);
        self.service_tier = later.service_tier.or(self.service_tier);
    }

    /// The same, normalised; `None` if it tells no count at all, which is not the same as none.
    ///
    /// ```
    /// use pointsman_provider::chat::messages::MessagesUsage;
    /// let said = MessagesUsage { input_tokens: Some(2), cache_read_input_tokens: Some(5), output_tokens: Some(3), ..Default::default() };
    /// let usage = said.normal().unwrap();
    /// assert_eq!((usage.input, usage.cache_read, usage.output), (7, 5, 3));
    /// ```
    pub fn normal(&self) -> Option<Usage> {
        let told = [
            self.input_tokens,
            self.output_tokens,
            self.cache_read_input_tokens,
            self.cache_creation_input_tokens,
        ];
        told.into_iter().flatten().next()?;
        let or_zero = Option::unwrap_or_default;
        let read: u64 = or_zero(self.cache_read_input_tokens);
        let by_life = self.cache_creation.unwrap_or_default();
        let long: u64 = or_zero(by_life.ephemeral_1h_input_tokens);
        let short: u64 = or_zero(by_life.ephemeral_5m_input_tokens);
        let written: u64 =
            or_zero(self.cache_creation_input_tokens).max(long.saturating_add(short));
        let fresh: u64 = or_zero(self.input_tokens);
        let input = fresh.saturating_add(read).saturating_add(written);
        let mut usage = Usage::text(input, or_zero(self.output_tokens));
        usage.cache_read = read;
        usage.cache_write_long = long;
        usage.cache_write = written - long;
        let details = self.output_tokens_details.unwrap_or_default();
        usage.reasoning = or_zero(details.thinking_tokens);
        usage.searches = or_zero(self.server_tool_use.unwrap_or_default().web_search_requests);
        usage.tier = self.service_tier;
        Some(usage)
    }

    /// A usage in Anthropic's words.
    pub(crate) fn of(usage: &Usage) -> Self {
        let written = usage.cache_write.saturating_add(usage.cache_write_long);
        let fresh = usage.input.saturating_sub(usage.cache_read).saturating_sub(written);
        let by_life = CacheCreation {
            ephemeral_5m_input_tokens: Some(usage.cache_write),
            ephemeral_1h_input_tokens: Some(usage.cache_write_long),
        };
        let details = OutputDetails { thinking_tokens: Some(usage.reasoning) };
        let tools =
            ServerTools { web_search_requests: Some(usage.searches), web_fetch_requests: Some(0) };
        Self {
            input_tokens: Some(fresh),
            cache_creation_input_tokens: Some(written),
            cache_read_input_tokens: Some(usage.cache_read),
            cache_creation: (written > 0).then_some(by_life),
            output_tokens: Some(usage.output),
            output_tokens_details: (usage.reasoning > 0).then_some(details),
            server_tool_use: (usage.searches > 0).then_some(tools),
            service_tier: None,
        }
    }
}
