//! Which tokenizer a model has.

use tiktoken::CoreBpe;

/// A vocabulary and how text is cut for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// OpenAI's older models: GPT-3.5, GPT-4 before 4o, embeddings.
    Cl100k,
    /// OpenAI's models since GPT-4o; of all others, who publish no tokenizer or one of their own,
    /// the nearest.
    #[default]
    O200k,
}

impl Encoding {
    /// The encoding of a model, by its name; a vendor in front (`azure/gpt-4`) does not matter.
    ///
    /// ```
    /// use pointsman_tokens::Encoding;
    /// assert_eq!(Encoding::of("openai/gpt-4-turbo"), Encoding::Cl100k);
    /// assert_eq!(Encoding::of("gpt-4.1-mini"), Encoding::O200k);
    /// assert_eq!(Encoding::of("claude-sonnet-4-5"), Encoding::O200k);
    /// ```
    pub fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        match tiktoken::model_to_encoding(name) {
            // The three before it are of models long gone, and nearer to it than to its successor.
            Some("cl100k_base" | "p50k_base" | "p50k_edit" | "r50k_base") => Self::Cl100k,
            _ => Self::O200k,
        }
    }

    /// Its tokenizer, built at the first call.
    pub(crate) fn tokenizer(self) -> Option<&'static CoreBpe> {
        tiktoken::get_encoding(match self {
            Self::Cl100k => "cl100k_base",
            Self::O200k => "o200k_base",
        })
    }
}

/// Builds the tokenizer of a model now, so that no call waits for it.
///
/// It takes a core for some tens of milliseconds: call it where that holds up nobody.
pub fn warm(model: &str) {
    let _built = Encoding::of(model).tokenizer();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_encoding() {
        let old = ["gpt-4", "gpt-4-0613", "gpt-4-32k", "gpt-3.5-turbo-16k", "azure/gpt-35-turbo"];
        let older = ["text-embedding-3-small", "text-embedding-ada-002", "ft:gpt-3.5-turbo:me::1"];
        let oldest = ["davinci-002", "text-davinci-003", "openai/gpt-4-turbo-2024-04-09"];
        for model in old.into_iter().chain(older).chain(oldest) {
            assert_eq!(Encoding::of(model), Encoding::Cl100k, "{model}");
        }
        let new = ["gpt-4o", "gpt-4o-mini", "gpt-4.1-nano", "gpt-4.5-preview", "gpt-5.1", "o1"];
        let newer = ["o3-mini", "o4-mini", "chatgpt-4o-latest", "ft:gpt-4o:me::1", "gpt-oss-20b"];
        let others = ["", "/", "claude-opus-4-1", "gemini-2.5-pro", "deepseek-chat", "my-gpt-4"];
        for model in new.into_iter().chain(newer).chain(others) {
            assert_eq!(Encoding::of(model), Encoding::O200k, "{model}");
        }
    }

    #[test]
    fn both_are_built_in() {
        assert!(Encoding::Cl100k.tokenizer().is_some());
        assert!(Encoding::O200k.tokenizer().is_some());
    }
}
