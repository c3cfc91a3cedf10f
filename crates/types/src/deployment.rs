//! One physical endpoint with its credential and its model.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{DeploymentId, GroupName, Secret, stable_hash};

/// One physical endpoint + credential + model, as configured.
///
/// ```
/// use pointsman_types::Deployment;
/// let one = Deployment::new("chat", "openai", "gpt-4o-mini");
/// assert_eq!(one.id, Deployment::new("chat", "openai", "gpt-4o-mini").id);
/// ```
#[derive(Clone)]
pub struct Deployment {
    /// Unique and stable.
    pub id: DeploymentId,
    /// The group it serves.
    pub group: GroupName,
    /// The vendor's prefix, as in LiteLLM: `openai`, `azure`, `anthropic`…
    pub vendor: String,
    /// The model's name at the upstream.
    pub model: String,
    /// Where the upstream is; the vendor's own address when absent.
    pub api_base: Option<String>,
    /// The key, where the vendor takes one.
    pub api_key: Option<Secret>,
    /// The organization to bill, where the vendor has one.
    pub organization: Option<String>,
    /// Further settings of the vendor, by their configuration key (`api_version`, `region`…).
    pub settings: BTreeMap<String, String>,
    /// Default request parameters: name and JSON text, applied where the request has none.
    pub params: Vec<(String, String)>,
    /// Share of the traffic for weighted strategies.
    pub weight: Option<u32>,
    /// Tier: lower ones first, none is last.
    pub order: Option<i64>,
    /// Routing tags.
    pub tags: Vec<String>,
    /// Bounds one attempt.
    pub timeout: Option<Duration>,
    /// Bounds one attempt's wait for the first content of a stream.
    pub stream_timeout: Option<Duration>,
    /// Retries after a failure of this deployment, where it differs from the router's.
    pub num_retries: Option<u32>,
}

impl Deployment {
    /// A deployment with the default id and nothing else set.
    pub fn new(group: &str, vendor: &str, model: &str) -> Self {
        Self {
            id: Self::default_id(group, vendor, model, None),
            group: group.into(),
            vendor: vendor.into(),
            model: model.into(),
            api_base: None,
            api_key: None,
            organization: None,
            settings: BTreeMap::new(),
            params: Vec::new(),
            weight: None,
            order: None,
            tags: Vec::new(),
            timeout: None,
            stream_timeout: None,
            num_retries: None,
        }
    }

    /// The same deployment under an id of its own.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// The same deployment at an address.
    #[must_use]
    pub fn with_base(mut self, api_base: impl Into<String>) -> Self {
        self.api_base = Some(api_base.into());
        self
    }

    /// The same deployment with a key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The same deployment with a share of the traffic.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The id a deployment gets when none is configured.
    ///
    /// It hangs on group, vendor, model and address alone, so editing a key, a limit or a price
    /// never changes it.
    pub fn default_id(
        group: &str,
        vendor: &str,
        model: &str,
        api_base: Option<&str>,
    ) -> DeploymentId {
        let key = [group, vendor, model, api_base.unwrap_or("")].join("\n");
        DeploymentId::from(format!("{model}-{:08x}", stable_hash(key.as_bytes()) >> 32))
    }
}

// By hand: settings, defaults and an address may each carry a secret of the vendor's.
impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment")
            .field("id", &self.id)
            .field("group", &self.group)
            .field("vendor", &self.vendor)
            .field("model", &self.model)
            .field("weight", &self.weight)
            .field("order", &self.order)
            .field("tags", &self.tags)
            .field("timeout", &self.timeout)
            .field("stream_timeout", &self.stream_timeout)
            .field("num_retries", &self.num_retries)
            .finish_non_exhaustive()
    }
}

/// What a call asks an upstream to do.
///
/// It tells the caller's dialect too: chat, responses and messages ask for the same thing in three
/// ways, and whoever speaks one of them natively passes it through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `chat/completions`
    Chat,
    /// `completions`
    Completions,
    /// `embeddings`
    Embeddings,
    /// OpenAI's `responses`
    Responses,
    /// Anthropic's `messages`
    Messages,
    /// Anthropic's `messages/count_tokens`
    CountTokens,
    /// `images/generations`
    Images,
    /// `audio/speech`: the answer is audio
    Speech,
    /// `audio/transcriptions`: the request is a form
    Transcription,
    /// `rerank`, in Cohere's shape
    Rerank,
    /// `moderations`
    Moderations,
    /// Google's `models/{model}:generateContent` and, streamed, `:streamGenerateContent`
    GenerateContent,
    /// Google's `models/{model}:countTokens`
    CountContents,
    /// Google's `models/{model}:embedContent`: one text
    EmbedContent,
    /// Google's `models/{model}:batchEmbedContents`: several
    BatchEmbedContents,
    /// Vertex AI's `models/{model}:predict`: vectors of several texts
    Predict,
}

impl Operation {
    /// The path of the operation below a base in the shape of its inventor; of Google's, which
    /// stand behind the model, the method.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "messages/count_tokens",
            Self::Images => "images/generations",
            Self::Speech => "audio/speech",
            Self::Transcription => "audio/transcriptions",
            Self::Rerank => "rerank",
            Self::Moderations => "moderations",
            Self::GenerateContent => "generateContent",
            Self::CountContents => "countTokens",
            Self::EmbedContent => "embedContent",
            Self::BatchEmbedContents => "batchEmbedContents",
            Self::Predict => "predict",
        }
    }

    /// Whether its answer is written token by token.
    pub fn writes(self) -> bool {
        self.is_chat() || self == Self::Completions
    }

    /// Whether it asks for the next turn of a conversation, in whichever dialect.
    pub fn is_chat(self) -> bool {
        matches!(self, Self::Chat | Self::Responses | Self::Messages | Self::GenerateContent)
    }

    /// Whether it asks for vectors of texts, in whichever dialect.
    pub fn is_embeddings(self) -> bool {
        matches!(
            self,
            Self::Embeddings | Self::EmbedContent | Self::BatchEmbedContents | Self::Predict
        )
    }

    /// Whether it asks for a count of a prompt's tokens, in whichever dialect.
    pub fn is_count(self) -> bool {
        matches!(self, Self::CountTokens | Self::CountContents)
    }

    /// Whether it is in Google's dialect, where the model is no part of the body.
    pub fn is_google(self) -> bool {
        matches!(
            self,
            Self::GenerateContent
                | Self::CountContents
                | Self::EmbedContent
                | Self::BatchEmbedContents
                | Self::Predict
        )
    }
}
