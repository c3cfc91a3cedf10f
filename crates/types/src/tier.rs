//! How urgently a call is served.

use serde::{Deserialize, Serialize};

/// How urgently the vendor serves a call, which some price apart.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ServiceTier {
    /// As usual.
    #[default]
    Standard,
    /// Within hours, as part of a batch.
    Batch,
    /// When there is room.
    Flex,
    /// Between flex and standard.
    Balanced,
    /// Ahead of others.
    Priority,
    /// Ahead of all.
    Ultrafast,
}

impl ServiceTier {
    /// The tier that a request names in its `service_tier`; `fast` is `priority`, and what is
    /// unknown (`auto`, `scale`…) is standard.
    ///
    /// ```
    /// use pointsman_types::ServiceTier;
    /// assert_eq!(ServiceTier::named("flex"), ServiceTier::Flex);
    /// assert_eq!(ServiceTier::named("auto"), ServiceTier::Standard);
    /// ```
    pub fn named(name: &str) -> Self {
        Self::served(name).unwrap_or_default()
    }

    /// The tier that an answer names: the one that served the call, whatever was asked for. `None`
    /// where the word tells of none, so that the request's counts.
    ///
    /// ```
    /// use pointsman_types::ServiceTier;
    /// assert_eq!(ServiceTier::served("default"), Some(ServiceTier::Standard));
    /// assert_eq!(ServiceTier::served("ON_DEMAND_FLEX"), Some(ServiceTier::Flex));
    /// assert_eq!(ServiceTier::served("auto"), None);
    /// ```
    pub fn served(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        // Vertex AI says how the traffic was paid for.
        Some(match name.strip_prefix("on_demand_").unwrap_or(&name) {
            "default" | "standard" | "on_demand" => Self::Standard,
            "batch" => Self::Batch,
            "flex" => Self::Flex,
            "balanced" => Self::Balanced,
            "priority" | "fast" => Self::Priority,
            "ultrafast" => Self::Ultrafast,
            _ => return None,
        })
    }
}
