//! An answer, whole and in pieces, in no vendor's words.

use pointsman_types::{Error, Usage};
use serde_json::{Map, Value};

use super::{Citation, Part};

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReply {
    /// The vendor's id for it; one is made where there is none.
    pub id: Option<String>,
    /// The model that answered, in the vendor's words.
    pub model: Option<String>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The answers, one unless the call asked for more.
    pub choices: Vec<Choice>,
    /// What it took.
    pub usage: Option<Usage>,
    /// The service tier that it was given.
    pub service_tier: Option<String>,
    /// Further members for the answer's top level, for callers that speak OpenAI's dialect.
    pub rest: Map<String, Value>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// What the model says, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
    /// The same in the vendor's words.
    pub native_finish: Option<String>,
    /// The text that ended it, if one of the caller's did.
    pub stop_sequence: Option<String>,
    /// The probabilities of its tokens, in OpenAI's shape.
    pub logprobs: Option<Value>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// It was complete.
    #[default]
    Stop,
    /// A bound was reached.
    Length,
    /// It goes on with the results of the functions it calls.
    ToolCalls,
    /// It was filtered, or declined.
    ContentFilter,
}

impl Finish {
    /// The reason behind a vendor's word, whichever vendor's; `None` for one that nobody knows.
    ///
    /// A codec maps what is its vendor's alone before it asks here.
    ///
    /// ```
    /// use pointsman_provider::chat::Finish;
    /// assert_eq!(Finish::of("MAX_TOKENS"), Some(Finish::Length));
    /// ```
    pub fn of(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "stop"
            | "end_turn"
            | "stop_sequence"
            | "pause_turn"
            | "complete"
            | "eos"
            | "eos_token"
            | "completed"
            | "malformed_function_call"
            | "unexpected_tool_call"
            | "too_many_tool_calls"
            | "malformed_response"
            | "error"
            | "malformed_model_output"
            | "malformed_tool_use" => Self::Stop,
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "model_length"
            | "model_context_window_exceeded" => Self::Length,
            "tool_calls" | "tool_use" | "tool_call" | "function_call" => Self::ToolCalls,
            "content_filter"
            | "refusal"
            | "safety"
            | "recitation"
            | "language"
            | "blocklist"
            | "prohibited_content"
            | "spii"
            | "other"
            | "guardrail_intervened"
            | "content_filtered"
            | "error_toxic"
            | "model_armor" => Self::ContentFilter,
            word if word.starts_with("image_") => Self::ContentFilter,
            _ => return None,
        })
    }

    /// OpenAI's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// What happens in a stream. `choice` counts the answers from 0.
///
/// A codec sends what its vendor sends, in that order; whatever the caller's dialect needs around
/// it (starts and ends of blocks, roles, indexes) its writer adds.
#[derive(Clone, Debug)]
pub enum ChatEvent {
    /// The answer begins. Sent at most once, before any content; it is none itself.
    Start {
        /// The vendor's id for it.
        id: Option<String>,
        /// The model that answers.
        model: Option<String>,
    },
    /// More text.
    Text {
        /// Which answer.
        choice: u32,
        /// The piece.
        text: String,
        /// The probabilities of its tokens, in OpenAI's shape.
        logprobs: Option<Value>,
    },
    /// More of the thought.
    Reasoning {
        /// Which answer.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// The vendor's seal on the thought so far, which ends it.
    Signature {
        /// Which answer.
        choice: u32,
        /// The seal.
        signature: String,
    },
    /// A thought that its vendor alone can read.
    HiddenReasoning {
        /// Which answer.
        choice: u32,
        /// The thought.
        data: String,
    },
    /// More of a refusal.
    Refusal {
        /// Which answer.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// A call of a function begins.
    ToolCall {
        /// Which answer.
        choice: u32,
        /// Which of its calls, from 0.
        index: u32,
        /// The call's id.
        id: String,
        /// The function.
        name: String,
        /// The vendor's seal on the thought behind it.
        signature: Option<String>,
    },
    /// More of a call's arguments.
    Arguments {
        /// Which answer.
        choice: u32,
        /// Which of its calls, from 0.
        index: u32,
        /// The piece of JSON text.
        piece: String,
    },
    /// The text so far rests on something.
    Citation {
        /// Which answer.
        choice: u32,
        /// On what.
        citation: Citation,
    },
    /// A whole part that comes in no pieces: an image, audio, something of the vendor's own.
    Part {
        /// Which answer.
        choice: u32,
        /// The part.
        part: Part,
    },
    /// An answer ends.
    Finish {
        /// Which answer.
        choice: u32,
        /// Why.
        reason: Finish,
        /// The same in the vendor's words.
        native: Option<String>,
        /// The text that ended it, if one of the caller's did.
        stop_sequence: Option<String>,
    },
    /// The usage so far: a later one replaces it.
    Usage(Usage),
    /// A sign of life.
    Ping,
    /// The answer is complete. Only for vendors that say so: else the end of the body is the end.
    End,
    /// The vendor broke off.
    Error(Error),
}

impl ChatEvent {
    /// How long the text in it is, in bytes.
    pub fn length(&self) -> usize {
        match self {
            Self::Text { text, .. } | Self::Reasoning { text, .. } | Self::Refusal { text, .. } => {
                text.len()
            }
            Self::Arguments { piece, .. } => piece.len(),
            _ => 0,
        }
    }
}
