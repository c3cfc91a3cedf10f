//! Two deployments, a strategy, a call, a stream and the trace.
//!
//! `cargo run -p pointsman --example routed_call`
//!
//! The deployments are simulated so that this runs anywhere. A real one is
//! `Deployment::new("chat", "openai", "gpt-4o-mini").with_key(key)`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, time::Duration};

use futures_util::StreamExt;
use pointsman::{Call, Deployment, Payload, strategy::builtin};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = pointsman::builder()?
        .deployment(Deployment::new("chat", "simulated", "quick").with_weight(3))
        .deployment(Deployment::new("chat", "simulated", "slow").with_weight(1))
        .strategy(builtin("round-robin").ok_or("no such strategy")?)
        .build()?;

    let hello = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let call = Call::chat("chat", hello.clone())?
        .tag("docs")
        .priority(1)
        .timeout(Duration::from_secs(5))
        .key("user-7");
    let answer = router.call(call).await?;
    println!("answered by {}", answer.deployment);
    if let Payload::Whole { body, usage, .. } = answer.payload {
        println!("{}", String::from_utf8_lossy(&body));
        println!("{usage:?}");
    }

    let answer = router.call(Call::chat("chat", hello)?.streamed()).await?;
    if let Payload::Stream(mut frames) = answer.payload {
        while let Some(frame) = frames.next().await {
            print!("{}", String::from_utf8_lossy(&frame?));
        }
    }
    for decision in &answer.trace.decisions {
        for (member, verdict) in &decision.members {
            println!("{}: {verdict:?}", answer.trace.id(*member));
        }
    }
    println!("{} attempt(s): {:?}", answer.trace.attempts.len(), answer.trace.attempts);
    Ok(())
}
