//! What is known of a vendor that speaks OpenAI's dialect.

use pointsman_provider::{Call, Lack, Target, Vendor, chat::openai::Taste};
use pointsman_types::{Error, ErrorKind, Operation};

use crate::edits;

/// The setting that asks for responses by way of chat.
pub(crate) const BY_CHAT: &str = "use_chat_completions_api";

/// A vendor that speaks OpenAI's dialect, and how it differs.
///
/// ```
/// use pointsman_openai::{Dialect, OpenAiCodec};
/// use pointsman_provider::Vendor;
/// let mine = Vendor { name: "mine", base: Some("https://llm.invalid/v1"), version_path: "/v1", key_env: &[], base_env: &[], needs_key: true };
/// let codec = OpenAiCodec::new(&Dialect::plain(mine));
/// # let _ = codec;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What is known of it before any call.
    pub vendor: Vendor,
    /// What it can be asked in OpenAI's own shape.
    pub operations: &'static [Operation],
    /// How its chat differs.
    pub taste: Taste,
    /// Parameters that have another name here: OpenAI's, and its own.
    pub renames: &'static [(&'static str, &'static str)],
    /// Parameters that it refuses and that change nothing if left out.
    pub cuts: &'static [&'static str],
    /// Whether it refuses messages with members it does not know, and ids of calls that are not of
    /// nine letters and digits.
    pub strict_messages: bool,
    /// Whether its answers differ from OpenAI's so that they are written anew.
    pub rewrites_answers: bool,
    /// Whether its chat is asked for responses, whatever it can be asked beside.
    pub responds_by_chat: bool,
}

/// What almost all have.
pub(crate) const TEXT: &[Operation] =
    &[Operation::Chat, Operation::Completions, Operation::Embeddings];

/// What OpenAI has.
pub(crate) const ALL: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Responses,
    Operation::Images,
    Operation::Speech,
    Operation::Transcription,
    Operation::Moderations,
];

impl Dialect {
    /// A vendor that has chat, completions and embeddings, and takes what everybody takes.
    pub const fn plain(vendor: Vendor) -> Self {
        Self {
            vendor,
            operations: TEXT,
            taste: Taste::PLAIN,
            renames: &[],
            cuts: &[],
            strict_messages: false,
            rewrites_answers: false,
            responds_by_chat: false,
        }
    }

    pub(crate) const fn with(self, operations: &'static [Operation]) -> Self {
        Self { operations, ..self }
    }

    /// It knows the older name of the bound on the answer only.
    pub(crate) const fn old_limit(self) -> Self {
        Self { renames: &[("max_completion_tokens", "max_tokens")], ..self }
    }

    pub(crate) const fn rewritten(self) -> Self {
        Self { rewrites_answers: true, ..self }
    }

    pub(crate) fn has(&self, operation: Operation) -> bool {
        let by_chat = operation == Operation::Responses && self.responds_by_chat;
        !by_chat && self.operations.contains(&operation)
    }

    /// Whether a target is not the vendor itself.
    pub(crate) fn is_elsewhere(&self, to: &Target) -> bool {
        self.vendor.base.is_none_or(|base| base != to.base)
    }

    /// The dialect as it is spoken there.
    pub(crate) fn at(&self, to: &Target) -> Self {
        let mut here = *self;
        here.responds_by_chat |= to.lacks.has(Lack::Responses)
            || to.settings.get(BY_CHAT).is_some_and(|asked| asked == "true");
        here.taste.stream_options &= !to.lacks.has(Lack::StreamUsage);
        // Others that speak it know the older words, unless they pass OpenAI's models on.
        if self.taste.completion_limit && self.is_elsewhere(to) && !edits::is_openais(&to.model) {
            (here.taste.completion_limit, here.taste.developer) = (false, false);
        }
        here
    }

    /// What a target lacks, by how it refused a call.
    pub(crate) fn lack(&self, to: &Target, call: &Call, refused: &Error) -> Option<Lack> {
        let status = refused.detail.status?;
        let responses = call.head.operation == Operation::Responses;
        if responses && self.has(Operation::Responses) && self.is_elsewhere(to) {
            return matches!(status, 404 | 405 | 501).then_some(Lack::Responses);
        }
        let named = || refused.message().contains(edits::OPTIONS);
        let asked = edits::asks_for_usage(self, call)
            || call.head.stream && self.taste.stream_options && !self.has(call.head.operation);
        (asked && matches!(status, 400 | 422) && named()).then_some(Lack::StreamUsage)
    }

    /// The error, with the kind of a code that is this vendor's alone.
    pub(crate) fn classified(&self, mut error: Error) -> Error {
        let code = error.detail.code.as_deref().unwrap_or_default();
        error.kind = match (self.vendor.name, code) {
            // No such model, and no such account.
            ("cloudflare", "5007" | "7000" | "7003") => ErrorKind::NotFound,
            ("cloudflare", "10000") if error.kind != ErrorKind::RateLimited => {
                ErrorKind::Authentication
            }
            ("cloudflare", "3040") => ErrorKind::Overloaded,
            // A word for everything it refuses.
            ("deepseek", "invalid_request_error") if error.detail.status == Some(401) => {
                ErrorKind::Authentication
            }
            _ => error.kind,
        };
        error
    }
}

#[cfg(test)]
mod tests {
    use pointsman_provider::classify_body;

    use crate::VENDORS;

    use super::*;

    #[test]
    fn codes_of_one_vendor_alone() {
        let kind = |vendor: &str, status: u16, code: u32| {
            let body = format!(r#"{{"errors":[{{"message":"no","code":{code}}}]}}"#);
            let dialect = VENDORS.iter().find(|one| one.vendor.name == vendor).unwrap();
            dialect.classified(classify_body(status, body.as_bytes(), None)).kind
        };
        for code in [5007, 7000, 7003] {
            assert_eq!(kind("cloudflare", 400, code), ErrorKind::NotFound);
            assert_eq!(kind("groq", 400, code), ErrorKind::BadRequest);
        }
        assert_eq!(kind("cloudflare", 403, 10_000), ErrorKind::Authentication);
        assert_eq!(kind("cloudflare", 429, 3040), ErrorKind::Overloaded);
    }
}
