//! The provider: the codec over HTTP, and embeddings in batches.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::HeaderMap;
use pointsman_clock::Clock;
use pointsman_provider::{
    Call, CallHead, HttpProvider, Machine, Provider, Reply, Speech, Target, Transport, Vendor,
    WholeReply,
    embeddings::{Embeddings, Vectors},
};
use pointsman_types::{Deployment, Error, ErrorKind, Operation, Usage};

use serde_json::Value;

use crate::{BedrockCodec, embed};

/// So many calls are on their way at once for the texts of one.
const AT_ONCE: usize = 8;

/// Bedrock over HTTP.
///
/// Its models embed few texts in a call, most of them one: a call with more becomes several, whose
/// answers are joined; the first failure is that of the whole.
#[derive(Debug)]
pub struct BedrockProvider {
    http: HttpProvider<BedrockCodec>,
}

impl BedrockProvider {
    /// Bedrock over `transport`; `machine` has AWS's files of profiles, tokens, and programs.
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        machine: Arc<dyn Machine>,
    ) -> Self {
        let codec = BedrockCodec::new(Arc::clone(&transport), machine);
        Self { http: HttpProvider::new(codec, transport, clock) }
    }

    /// A call of these texts in as many calls as the model needs.
    async fn in_batches(&self, to: &Target, call: &Call, texts: &[String]) -> Result<Reply, Error> {
        let one = |member: (String, String)| {
            // The numbers are joined as numbers, and written as the caller wants them.
            let part = call.with_members(&[member]).map(|mut part| {
                part.head.base64 = false;
                part
            });
            async move {
                let part = part?;
                match self.http.call(to, &part).await? {
                    Reply::Whole(whole) => Ok(whole),
                    Reply::Stream(_) => {
                        Err(Error::new(ErrorKind::Server, "embeddings as a stream"))
                    }
                }
            }
        };
        let most = embed::most(&to.model);
        let name = if call.head.operation == Operation::Predict { "instances" } else { "requests" };
        let members: Vec<(String, String)> = match call.envelope.read::<Vec<Value>>(name, "") {
            Ok(Some(requests)) if call.head.operation.is_google() => {
                let part = |some: &[Value]| (name.to_owned(), Value::from(some).to_string());
                requests.chunks(most).map(part).collect()
            }
            _ => {
                let part = |some: &[String]| ("input".to_owned(), Value::from(some).to_string());
                texts.chunks(most).map(part).collect()
            }
        };
        let parts: Vec<_> = members.into_iter().map(one).collect();
        let parts = stream::iter(parts).buffered(AT_ONCE);
        let whole: Vec<WholeReply> = parts.try_collect().await.map_err(sent)?;
        Ok(Reply::Whole(joined(call, &whole)))
    }
}

/// The vectors of all answers in one; its usage is known if each one's is.
fn joined(call: &Call, all: &[WholeReply]) -> WholeReply {
    let vectors = |whole: &WholeReply| -> Vec<Vec<f64>> {
        let body: Value = serde_json::from_slice(&whole.body).unwrap_or_default();
        let (list, at) = match call.head.operation {
            Operation::Predict => ("predictions", "/embeddings/values"),
            operation if operation.is_google() => ("embeddings", "/values"),
            _ => ("data", "/embedding"),
        };
        let data = body[list].as_array().into_iter().flatten();
        let numbers = |one: &Value| {
            let numbers = one.pointer(at).and_then(Value::as_array).into_iter().flatten();
            numbers.filter_map(Value::as_f64).collect()
        };
        data.map(numbers).collect()
    };
    let tokens: Option<u64> = all.iter().map(|whole| whole.usage.map(|usage| usage.input)).sum();
    let joined = Vectors {
        vectors: all.iter().flat_map(vectors).collect(),
        model: None,
        usage: tokens.map(|tokens| Usage::text(tokens, 0)),
    };
    let none = HeaderMap::new();
    joined.whole(&call.head, all.first().map_or(&none, |whole| &whole.headers))
}

/// Where one call of several failed, others may have left.
fn sent(mut error: Error) -> Error {
    error.detail.unsent = false;
    error
}

#[async_trait]
impl Provider for BedrockProvider {
    fn vendor(&self) -> Vendor {
        self.http.vendor()
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        self.http.target(of)
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        self.http.speaks(to, what)
    }

    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        self.http.settings_env()
    }

    async fn call(&self, to: &Target, call: &Call) -> Result<Reply, Error> {
        if call.head.operation.is_embeddings() {
            let asked = Embeddings::of(call, to).map_err(|error| error.unsent().by(to.vendor))?;
            if asked.texts.len() > embed::most(&to.model) {
                return self.in_batches(to, call, &asked.texts).await;
            }
        }
        self.http.call(to, call).await
    }
}
