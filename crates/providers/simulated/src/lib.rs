//! Simulated deployments (`model: simulated/NAME`), for a first start without a key.
//!
//! They answer chat in the dialect in which it is asked, completions and embeddings, whole or
//! streamed, after a `latency` of their own, and say in the answer that they are simulated. Tokens
//! are estimated.

mod answers;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use pointsman_clock::Clock;
use pointsman_provider::{
    Call, CallHead, CallOptions, Provider, Reply, Speech, StreamReply, Target, Vendor,
    chat::estimated_count,
};
use pointsman_types::{Deployment, Error};

use crate::answers::Answer;

/// How long a deployment takes that says nothing of `latency`.
const LATENCY: Duration = Duration::from_millis(150);
/// Between two words of a stream.
const BETWEEN_WORDS: Duration = Duration::from_millis(15);

/// Answers calls without any upstream.
///
/// ```
/// use pointsman_clock::ManualClock;
/// use pointsman_provider::Provider;
/// use pointsman_simulated::Simulated;
/// use std::sync::Arc;
/// assert_eq!(Simulated::new(Arc::new(ManualClock::default())).vendor().name, "simulated");
/// ```
#[derive(Debug)]
pub struct Simulated {
    clock: Arc<dyn Clock>,
}

impl Simulated {
    /// A provider for `simulated/…` deployments.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Provider for Simulated {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "simulated",
            base: Some("http://simulated.invalid"),
            version_path: "",
            key_env: &[],
            base_env: &[],
            needs_key: false,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        if let Some(text) = of.settings.get("latency") {
            seconds(text).ok_or_else(|| format!("`latency` {text:?} is no number of seconds"))?;
        }
        Target::of(of, &self.vendor())
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        let operation = what.operation;
        if operation.writes() || operation.is_embeddings() {
            Speech::Native
        } else if operation.is_count() {
            Speech::Estimated
        } else {
            Speech::No(format!("`simulated` has no {}", operation.path()))
        }
    }

    async fn call(&self, to: &Target, call: &Call) -> Result<Reply, Error> {
        let latency = to.settings.get("latency").and_then(|text| seconds(text));
        tokio::time::sleep(latency.unwrap_or(LATENCY)).await;
        if call.head.operation.is_count() {
            return Ok(Reply::Whole(estimated_count(call)));
        }
        let answer = Answer::new(to, call, self.clock.now());
        if !(call.head.stream && call.head.operation.writes()) {
            let mut whole = answer.whole();
            let kind = HeaderValue::from_static("application/json");
            whole.headers.insert(CONTENT_TYPE, kind);
            return Ok(Reply::Whole(whole));
        }
        let kind = HeaderValue::from_static("text/event-stream");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        let frames = stream::iter(answer.frames()?).then(|frame| async {
            tokio::time::sleep(BETWEEN_WORDS).await;
            Ok(vec![frame])
        });
        Ok(Reply::Stream(StreamReply { headers, frames: Box::pin(frames) }))
    }
}

fn seconds(text: &str) -> Option<Duration> {
    CallOptions::time(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use pointsman_clock::ManualClock;
    use pointsman_provider::{Envelope, Frame};
    use pointsman_types::Operation;
    use serde_json::Value;

    use super::*;

    async fn ask(operation: Operation, stream: bool) -> Reply {
        let provider = Simulated::new(Arc::new(ManualClock::default()));
        let mut deployment = Deployment::new("g", "simulated", "fast");
        deployment.settings.insert("latency".into(), "0.001".into());
        let to = provider.target(&deployment).unwrap();
        let body = r#"{"model":"g","input":["a","b"],"requests":[{},{}],"instances":[{},{}],
            "stream_options":{"include_usage":true}}"#;
        let envelope = Envelope::parse(body.into()).unwrap();
        let mut head = CallHead::read(operation, "g".into(), &envelope).unwrap();
        (head.stream, head.include_usage) = (stream, true);
        let call = Call::of(head, envelope).unwrap();
        assert!(!matches!(provider.speaks(&to, &call.head), Speech::No(_)));
        provider.call(&to, &call).await.unwrap()
    }

    async fn streamed(operation: Operation) -> Vec<Frame> {
        let Reply::Stream(reply) = ask(operation, true).await else { panic!("whole") };
        let batches: Vec<_> = reply.frames.collect().await;
        batches.into_iter().flat_map(Result::unwrap).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn answers_have_the_shape_they_are_asked_in() {
        for (operation, at) in [
            (Operation::Chat, "/choices/0/message/content"),
            (Operation::Completions, "/choices/0/text"),
            (Operation::Messages, "/content/0/text"),
            (Operation::Responses, "/output/0/content/0/text"),
            (Operation::GenerateContent, "/candidates/0/content/parts/0/text"),
            (Operation::Embeddings, "/data/1/embedding"),
            (Operation::EmbedContent, "/embedding/values"),
            (Operation::BatchEmbedContents, "/embeddings/1/values"),
            (Operation::Predict, "/predictions/1/embeddings/values"),
            (Operation::CountTokens, "/input_tokens"),
            (Operation::CountContents, "/totalTokens"),
        ] {
            let Reply::Whole(whole) = ask(operation, false).await else { panic!("a stream") };
            let body: Value = serde_json::from_slice(&whole.body).unwrap();
            assert!(body.pointer(at).is_some(), "{at} in {body}");
            assert!(operation.is_count() || whole.usage.unwrap().total() > 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn streams_come_word_by_word_and_end_with_usage() {
        for operation in [
            Operation::Chat,
            Operation::Completions,
            Operation::Messages,
            Operation::Responses,
            Operation::GenerateContent,
        ] {
            let frames = streamed(operation).await;
            assert!(frames.iter().filter(|frame| frame.event.content).count() > 4, "{operation:?}");
            assert!(frames.last().unwrap().event.done, "{operation:?}");
            assert!(frames.iter().any(|frame| frame.event.usage.is_some()), "{operation:?}");
        }
    }

    #[test]
    fn what_it_has_no_answer_to_is_for_others() {
        let provider = Simulated::new(Arc::new(ManualClock::default()));
        let to = provider.target(&Deployment::new("g", "simulated", "m")).unwrap();
        let call = Call::json(Operation::Images, "g", serde_json::json!({})).unwrap();
        assert!(
            matches!(provider.speaks(&to, &call.head), Speech::No(why) if why.contains("images"))
        );
    }
}
