//! Tokens by class.

use serde::{Deserialize, Serialize};

/// The tokens of one call, by class.
///
/// Normalised so that `input` *includes* what was read from and written to a prompt cache and the
/// audio and image tokens of the prompt, and `output` includes reasoning and audio. Vendors that
/// report those separately are added up by their codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// All tokens of the prompt.
    pub input: u64,
    /// All tokens of the answer.
    pub output: u64,
    /// Prompt tokens that were read from a prompt cache.
    pub cache_read: u64,
    /// Prompt tokens that were written to a cache with the short (five minutes) life.
    pub cache_write: u64,
    /// Prompt tokens that were written to a cache with the long (one hour) life.
    pub cache_write_long: u64,
    /// Answer tokens spent on reasoning.
    pub reasoning: u64,
    /// Prompt tokens that were audio.
    pub audio_input: u64,
    /// Answer tokens that were audio.
    pub audio_output: u64,
}

impl Usage {
    /// A usage of plain text.
    pub fn text(input: u64, output: u64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// All tokens of the call.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}
