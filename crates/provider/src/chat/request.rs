//! A call for the next turn of a conversation, in no vendor's words.

use serde_json::{Map, Value};

/// A call for the next turn of a conversation.
///
/// `None` and an empty list mean that the caller said nothing of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The conversation so far, in the order in which it was said.
    pub messages: Vec<Message>,
    /// The functions that the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must, may or must not call one.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several in one turn.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer's text.
    pub format: Option<Format>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The bound on the answer, in tokens.
    pub max_output: Option<u64>,
    /// How many answers.
    pub n: Option<u64>,
    /// Sampling temperature, on OpenAI's scale of 0 to 2.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling among so many tokens.
    pub top_k: Option<u64>,
    /// Penalty for tokens by how often they came, -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// Penalty for tokens that came at all, -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Makes sampling repeatable, as far as the vendor does.
    pub seed: Option<i64>,
    /// Whether the answer's tokens come with their probabilities.
    pub logprobs: Option<bool>,
    /// With so many alternatives each.
    pub top_logprobs: Option<u64>,
    /// How much the model thinks before it answers.
    pub reasoning: Option<Reasoning>,
    /// What the answer may consist of: `text`, `audio`, `image`.
    pub modalities: Vec<String>,
    /// The end user, for the vendor's abuse detection.
    pub user: Option<String>,
    /// The caller's notes on the call.
    pub metadata: Option<Map<String, Value>>,
    /// The vendor's service tier, in OpenAI's words.
    pub service_tier: Option<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Members that this form has no words for, as they came.
    pub rest: Map<String, Value>,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The application, in the words of most vendors.
    System,
    /// The application, in OpenAI's newer word.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A function that was called; every part is a [`Content::ToolResult`].
    Tool,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said, in order. Tool calls and reasoning are parts like text.
    pub parts: Vec<Part>,
    /// The name of who says it, where several share a role.
    pub name: Option<String>,
    /// Members that this form has no words for, as they came.
    pub rest: Map<String, Value>,
}

impl Message {
    /// A message of these parts.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None, rest: Map::new() }
    }

    /// The text of all its text parts, joined by newlines.
    pub fn text(&self) -> String {
        let text = |part: &Part| match &part.content {
            Content::Text { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.parts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
    }
}

/// A part of a message or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// Whether the prompt up to here is kept in the vendor's cache.
    pub cache: Option<Cache>,
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self { content, cache: None }
    }
}

impl Part {
    /// A part of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text { text: text.into(), citations: Vec::new() }.into()
    }
}

/// A mark up to which the prompt is kept in the vendor's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// For the vendor's usual time.
    Default,
    /// For five minutes.
    Short,
    /// For an hour.
    Long,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text, and what it rests on.
    Text {
        /// The text.
        text: String,
        /// Where it comes from; empty in requests.
        citations: Vec<Citation>,
    },
    /// A picture.
    Image {
        /// Where its bytes are.
        source: Source,
        /// How closely to look: `low`, `high`, `auto`.
        detail: Option<String>,
    },
    /// Sound.
    Audio {
        /// Where its bytes are.
        source: Source,
        /// What is said in it, where that is known.
        transcript: Option<String>,
    },
    /// A document.
    File {
        /// Where its bytes are.
        source: Source,
        /// Its name.
        name: Option<String>,
    },
    /// What the model thought. It goes back to its vendor unchanged.
    Reasoning {
        /// The thought, or its summary; empty if it is hidden.
        text: String,
        /// The vendor's seal on it.
        signature: Option<String>,
        /// The thought itself, readable by its vendor alone.
        hidden: Option<String>,
    },
    /// The model declines, and says why.
    Refusal(String),
    /// The model calls a function.
    ToolCall(ToolCall),
    /// What a function answered.
    ToolResult {
        /// The call it answers.
        id: String,
        /// What it answered: text, images, files.
        parts: Vec<Part>,
        /// Whether it failed.
        is_error: bool,
    },
    /// Something of one dialect's own, such as a tool that ran at the vendor: as it came.
    Other(Value),
}

/// Where the bytes of a picture, a sound or a document are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// At an address.
    Url(String),
    /// Here.
    Data {
        /// Their type, such as `image/png`.
        media_type: String,
        /// The bytes in Base64.
        base64: String,
    },
    /// At the vendor, under an id.
    Id(String),
}

impl Source {
    /// An address; a `data:` address is taken apart.
    ///
    /// ```
    /// use pointsman_provider::chat::Source;
    /// let here = Source::Data { media_type: "image/png".into(), base64: "AAAA".into() };
    /// assert_eq!(Source::of_url("data:image/png;base64,AAAA"), here);
    /// assert_eq!(here.to_url(), Some("data:image/png;base64,AAAA".into()));
    /// ```
    pub fn of_url(url: &str) -> Self {
        let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
        match data {
            Some((kind, base64)) => {
                let media_type = kind.split(';').next().unwrap_or(kind).to_owned();
                Self::Data { media_type, base64: base64.to_owned() }
            }
            None => Self::Url(url.to_owned()),
        }
    }

    /// The address, a `data:` one for bytes that are here; `None` for an id.
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Data { media_type, base64 } => Some(format!("data:{media_type};base64,{base64}")),
            Self::Id(_) => None,
        }
    }
}

/// What a piece of an answer rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation {
    /// The page, if it is one.
    pub url: Option<String>,
    /// Its title, or the document's.
    pub title: Option<String>,
    /// The words that are cited.
    pub text: Option<String>,
    /// Where in the answer's text the cited statement begins and ends, in characters.
    pub range: Option<(u64, u64)>,
    /// The citation in the vendor's own words.
    pub native: Value,
}

/// The model calls a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id; made by the codec where the vendor has none.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// The arguments: the text of a JSON object.
    pub arguments: String,
    /// The vendor's seal on the thought behind it.
    pub signature: Option<String>,
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// A function of the caller's.
    Function {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// The JSON schema of its arguments.
        schema: Option<Value>,
        /// Whether the arguments must match it exactly.
        strict: Option<bool>,
        /// Whether the prompt up to here is kept in the vendor's cache.
        cache: Option<Cache>,
    },
    /// A tool that runs at the vendor: as it came.
    Native(Value),
}

/// Whether the model calls functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it sees fit.
    Auto,
    /// Never.
    None,
    /// At least one.
    Required,
    /// This one.
    Function(String),
}

/// The form of an answer's text.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Free text.
    Text,
    /// Some JSON object.
    Json,
    /// JSON of a schema.
    Schema {
        /// The schema's name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The JSON schema.
        schema: Value,
        /// Whether the answer must match it exactly.
        strict: Option<bool>,
    },
}

/// How much the model thinks: by a word, by a budget, or, with neither, as it sees fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// In a word.
    pub effort: Option<Effort>,
    /// At most so many tokens.
    pub budget: Option<u64>,
}

impl Reasoning {
    /// Whether it shall not think at all.
    pub fn is_off(self) -> bool {
        self.effort == Some(Effort::None)
    }
}

/// How much the model thinks, in OpenAI's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// `minimal`
    Minimal,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `xhigh`
    XHigh,
    /// `max`
    Max,
}

impl Effort {
    const NAMES: [(&'static str, Self); 7] = [
        ("none", Self::None),
        ("minimal", Self::Minimal),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("xhigh", Self::XHigh),
        ("max", Self::Max),
    ];

    /// The effort of that name.
    ///
    /// ```
    /// use pointsman_provider::chat::Effort;
    /// assert_eq!(Effort::of("high").map(Effort::budget), Some(4_096));
    /// ```
    pub fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, effort)| *effort)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("medium", |(name, _)| name)
    }

    /// The tokens it stands for at vendors that want a number, as in LiteLLM.
    pub fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 128,
            Self::Low => 1_024,
            Self::Medium => 2_048,
            Self::High => 4_096,
            Self::XHigh => 8_192,
            Self::Max => 16_384,
        }
    }

    /// The word for a number of tokens.
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..=1_024 => Self::Low,
            1_025..=2_048 => Self::Medium,
            _ => Self::High,
        }
    }
}
