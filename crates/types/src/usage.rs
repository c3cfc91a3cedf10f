//! What a call used, by class.

use serde::{Deserialize, Serialize};

use crate::ServiceTier;

/// What one call used: its tokens by class, and the units that some vendors bill instead.
///
/// Normalised so that `input` *includes* what was read from and written to a prompt cache and the
/// audio and image tokens of the prompt, and `output` includes reasoning and audio. Vendors that
/// report those separately are added up by their codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Prompt tokens that were images.
    pub image_input: u64,
    /// Answer tokens that were images.
    pub image_output: u64,
    /// Of the tokens read from a prompt cache, those that were audio; `audio_input` has them too.
    pub cache_read_audio: u64,
    /// Of the tokens read from a prompt cache, those that were images; `image_input` has them too.
    pub cache_read_image: u64,
    /// Images of the prompt, where the vendor bills them by the piece.
    pub images_read: u64,
    /// Images that were made.
    pub images_made: u64,
    /// Milliseconds of audio, heard or spoken, where the vendor tells them.
    pub audio_millis: u64,
    /// Characters of the prompt, where the vendor bills by them (speech).
    pub characters: u64,
    /// Searches of a rerank call (Cohere's search units).
    pub queries: u64,
    /// Searches of the web.
    pub searches: u64,
    /// The service tier that served the call, where the vendor tells it.
    pub tier: Option<ServiceTier>,
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
