//! Simulated deployments (`model: simulated/NAME`), for a first start without a key.
//!
//! They answer chat, completions and embeddings in OpenAI's shape, whole or streamed, after a
//! `latency` of their own, and say in the answer that they are simulated.

mod answers;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use pointsman_clock::Clock;
use pointsman_provider::{
    Call, CallHead, CallOptions, Provider, Reply, Speech, StreamReply, Target, Vendor, WholeReply,
};
use pointsman_types::{Deployment, Error};

use crate::answers::Answers;

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

    fn speaks(&self, _: &Target, _: &CallHead) -> Speech {
        Speech::Native
    }

    async fn call(&self, to: &Target, call: &Call) -> Result<Reply, Error> {
        let latency = to.settings.get("latency").and_then(|text| seconds(text));
        tokio::time::sleep(latency.unwrap_or(LATENCY)).await;
        let answers = Answers::new(to, call, self.clock.now().as_secs());
        let mut headers = HeaderMap::new();
        if !call.head.stream {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let (body, usage) = answers.whole();
            return Ok(Reply::Whole(WholeReply { headers, body, usage: Some(usage) }));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        let frames = stream::iter(answers.frames()).then(|frame| async {
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
    use pointsman_provider::Envelope;
    use pointsman_types::Operation;
    use serde_json::Value;

    use super::*;

    async fn ask(operation: Operation, stream: bool) -> Reply {
        let provider = Simulated::new(Arc::new(ManualClock::default()));
        let mut deployment = Deployment::new("g", "simulated", "fast");
        deployment.settings.insert("latency".into(), "0.001".into());
        let to = provider.target(&deployment).unwrap();
        let body = r#"{"model":"g","messages":[],"stream_options":{"include_usage":true}}"#;
        let envelope = Envelope::parse(body.into()).unwrap();
        let mut head = CallHead::read(operation, "g".into(), &envelope).unwrap();
        head.stream = stream;
        let call = Call::of(head, envelope).unwrap();
        provider.call(&to, &call).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn answers_have_openais_shape() {
        for (operation, member) in [
            (Operation::Chat, "choices"),
            (Operation::Completions, "choices"),
            (Operation::Embeddings, "data"),
        ] {
            let Reply::Whole(whole) = ask(operation, false).await else { panic!("a stream") };
            let body: Value = serde_json::from_slice(&whole.body).unwrap();
            assert!(body[member][0].is_object(), "{body}");
            assert!(whole.usage.unwrap().total() > 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn streams_end_with_usage_and_a_mark() {
        let Reply::Stream(reply) = ask(Operation::Chat, true).await else { panic!("whole") };
        let batches: Vec<_> = reply.frames.collect().await;
        let frames: Vec<_> = batches.into_iter().flat_map(Result::unwrap).collect();
        assert!(frames.len() > 4);
        assert!(frames.last().unwrap().event.done);
        assert!(frames[frames.len() - 2].event.usage.is_some());
    }
}
