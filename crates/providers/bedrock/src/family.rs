//! What depends on the model behind an id.

use pointsman_provider::chat::messages::{has_formats, version};

/// Who made a model, which tells what it can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Claude,
    Nova,
    Titan,
    Llama,
    Mistral,
    DeepSeek,
    GptOss,
    Cohere,
    Qwen,
    /// Another one, or an ARN that does not tell.
    Unknown,
}

/// Hints that may stand before an ARN: `bedrock/nova/arn:…`.
pub(crate) const HINTS: [(&str, Family); 12] = [
    ("anthropic", Family::Claude),
    ("claude", Family::Claude),
    ("nova", Family::Nova),
    ("nova-2", Family::Nova),
    ("titan", Family::Titan),
    ("llama", Family::Llama),
    ("mistral", Family::Mistral),
    ("deepseek_r1", Family::DeepSeek),
    ("openai", Family::GptOss),
    ("cohere", Family::Cohere),
    ("qwen2", Family::Qwen),
    ("qwen3", Family::Qwen),
];

/// What is found in ids, in the order in which it is asked.
const WORDS: [(&str, Family); 12] = [
    ("claude", Family::Claude),
    ("anthropic", Family::Claude),
    ("nova", Family::Nova),
    ("titan", Family::Titan),
    ("llama", Family::Llama),
    ("mistral", Family::Mistral),
    ("pixtral", Family::Mistral),
    ("deepseek", Family::DeepSeek),
    ("gpt-oss", Family::GptOss),
    ("cohere", Family::Cohere),
    ("qwen", Family::Qwen),
    ("openai", Family::GptOss),
];

impl Family {
    /// The family of a model as configured.
    pub(crate) fn of(model: &str) -> Self {
        let hint = model.split('/').find_map(|part| HINTS.iter().find(|(hint, _)| *hint == part));
        if let Some((_, family)) = hint {
            return *family;
        }
        WORDS.iter().find(|(word, _)| model.contains(word)).map_or(Self::Unknown, |(_, one)| *one)
    }

    /// Whether it can be made to call a tool.
    pub(crate) fn obeys(self) -> bool {
        matches!(self, Self::Claude | Self::Nova | Self::Mistral | Self::Unknown)
    }

    /// Whether it keeps prompts in a cache.
    pub(crate) fn caches(self) -> bool {
        matches!(self, Self::Claude | Self::Nova | Self::Unknown)
    }

    /// Whether the model writes by a schema.
    pub(crate) fn writes_by_schema(self, model: &str) -> bool {
        match self {
            Self::Claude => version(model).is_some() && has_formats(model),
            Self::GptOss => true,
            Self::Qwen => model.contains("qwen3"),
            Self::DeepSeek => model.contains("v3"),
            _ => false,
        }
    }
}

/// Whether a Claude thinks before it answers.
pub(crate) fn claude_thinks(model: &str) -> bool {
    version(model).is_none_or(|version| version >= (3, 7))
}

/// Whether a Nova thinks before it answers.
pub(crate) fn nova_thinks(model: &str) -> bool {
    model.contains("nova-2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_ids_and_hints() {
        for (model, want) in [
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Family::Claude),
            ("amazon.nova-2-lite-v1:0", Family::Nova),
            ("meta.llama3-70b-instruct-v1:0", Family::Llama),
            ("deepseek.r1-v1:0", Family::DeepSeek),
            ("openai.gpt-oss-120b-1:0", Family::GptOss),
            ("nova/arn:aws:bedrock:us-east-1:1:application-inference-profile/x", Family::Nova),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", Family::Unknown),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", Family::Nova),
        ] {
            assert_eq!(Family::of(model), want, "{model}");
        }
        assert!(Family::Claude.writes_by_schema("anthropic.claude-sonnet-4-5-20250929-v1:0"));
        assert!(!Family::Claude.writes_by_schema("anthropic.claude-3-haiku-20240307-v1:0"));
        assert!(!claude_thinks("anthropic.claude-3-5-sonnet-20240620-v1:0"));
    }
}
