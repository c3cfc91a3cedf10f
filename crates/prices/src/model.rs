//! What is known of one model.

use pointsman_cost::{Price, Rates};

/// What is known of one model of one vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// Its prices, complete or not.
    pub rates: Rates,
    /// What it is for; `None` when that is not told, or no call that is routed here.
    pub mode: Option<Mode>,
    /// Tokens that a prompt may have.
    pub max_input_tokens: Option<u64>,
    /// Tokens that an answer may have.
    pub max_output_tokens: Option<u64>,
    /// What it is known to be able to do.
    pub supports: Supports,
}

impl ModelFacts {
    /// Its price, if enough is known to bill a call.
    pub fn price(&self) -> Option<Price> {
        self.rates.price()
    }

    /// Whether nothing but its mode is known of it.
    pub fn is_empty(&self) -> bool {
        let Self { rates, mode: _, max_input_tokens, max_output_tokens, supports } = self;
        rates.is_empty()
            && max_input_tokens.is_none()
            && max_output_tokens.is_none()
            && *supports == Supports::default()
    }
}

/// A C-like enum whose members have names.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$member_doc])* $member,)* }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$member,)*];

            /// Its name in LiteLLM's file.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $text,)* }
            }

            /// The one of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

named! {
    /// What a model is for.
    Mode {
        /// Chat.
        Chat = "chat",
        /// OpenAI's responses.
        Responses = "responses",
        /// Text completion.
        Completion = "completion",
        /// Embeddings.
        Embedding = "embedding",
        /// Images from text.
        ImageGeneration = "image_generation",
        /// Speech from text.
        AudioSpeech = "audio_speech",
        /// Text from speech.
        AudioTranscription = "audio_transcription",
        /// Ranking of documents.
        Rerank = "rerank",
        /// Moderation.
        Moderation = "moderation",
    }
}

impl Mode {
    /// Whether its answers have no tokens, so that none need a price.
    pub(crate) fn answers_without_tokens(self) -> bool {
        matches!(self, Self::Embedding | Self::Rerank | Self::Moderation)
    }
}

named! {
    /// Something that a model may be able to do; the names follow `supports_` in LiteLLM's file.
    Capability {
        /// Calls functions.
        FunctionCalling = "function_calling",
        /// Calls several at once.
        ParallelFunctionCalling = "parallel_function_calling",
        /// Takes `tool_choice`.
        ToolChoice = "tool_choice",
        /// Sees images.
        Vision = "vision",
        /// Answers by a JSON schema.
        ResponseSchema = "response_schema",
        /// Takes system messages.
        SystemMessages = "system_messages",
        /// Caches prompts.
        PromptCaching = "prompt_caching",
        /// Hears audio.
        AudioInput = "audio_input",
        /// Speaks.
        AudioOutput = "audio_output",
        /// Reads PDF.
        PdfInput = "pdf_input",
        /// Sees video.
        VideoInput = "video_input",
        /// Searches the web.
        WebSearch = "web_search",
        /// Reasons.
        Reasoning = "reasoning",
        /// Goes on from the start of an answer.
        AssistantPrefill = "assistant_prefill",
        /// Streams by itself.
        NativeStreaming = "native_streaming",
        /// Uses a computer.
        ComputerUse = "computer_use",
        /// Reads what addresses lead to.
        UrlContext = "url_context",
    }
}

/// A set of capabilities.
///
/// ```
/// use pointsman_prices::{Capability, Supports};
/// let eyes: Supports = [Capability::Vision].into_iter().collect();
/// assert!(eyes.has(Capability::Vision) && !eyes.has(Capability::Reasoning));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Supports(u32);

impl Supports {
    /// Whether it is known to have `one`.
    pub fn has(self, one: Capability) -> bool {
        self.0 & bit(one) != 0
    }

    /// What it has.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |one| self.has(*one))
    }
}

impl FromIterator<Capability> for Supports {
    fn from_iter<I: IntoIterator<Item = Capability>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |bits, one| bits | bit(one)))
    }
}

fn bit(one: Capability) -> u32 {
    1 << one as u32
}
