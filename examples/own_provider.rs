//! A provider of your own: implement `Provider`, hand it to the builder.
//!
//! `cargo run -p pointsman --example own_provider`
//!
//! For a vendor with an HTTP API, implement `Codec` instead and wrap it in an `HttpProvider`: then
//! transport, streams and credentials come with it.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use pointsman::{
    Call, Deployment, Payload, Router,
    provider::{CallHead, Provider, Reply, Speech, Target, Vendor, WholeReply},
    types::{self, ErrorKind, Usage},
};
use serde_json::json;

/// Answers with the time of day that its deployment is named after; one of them is out of order.
#[derive(Debug)]
struct Sundial;

#[async_trait]
impl Provider for Sundial {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "sundial",
            base: Some("http://garden.invalid"),
            version_path: "",
            key_env: &[],
            base_env: &[],
            needs_key: false,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        Target::of(of, &self.vendor())
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        if what.stream { Speech::No("a sundial does not stream".into()) } else { Speech::Native }
    }

    async fn call(&self, to: &Target, _: &Call) -> Result<Reply, types::Error> {
        if to.model == "midnight" {
            return Err(types::Error::new(ErrorKind::Overloaded, "the sun is down"));
        }
        let body = json!({"choices": [{"message": {"role": "assistant", "content": to.model}}]});
        let mut reply = WholeReply::of(body.to_string().into());
        reply.usage = Some(Usage::text(1, 1));
        Ok(Reply::Whole(reply))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::builder()
        .provider(Arc::new(Sundial))
        .deployment(Deployment::new("time", "sundial", "midnight"))
        .deployment(Deployment::new("time", "sundial", "noon"))
        .build()?;
    for _ in 0..4 {
        let answer = router.call(Call::chat("time", json!({"messages": []}))?).await?;
        let attempts = answer.trace.attempts.len();
        let Payload::Whole { body, .. } = answer.payload else { return Err("a stream".into()) };
        println!("{attempts} attempt(s): {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}
