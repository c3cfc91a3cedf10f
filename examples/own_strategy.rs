//! A strategy of your own: implement `Pick`, hand it to the builder.
//!
//! `cargo run -p pointsman --example own_strategy`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use pointsman::{
    Call, Deployment,
    clock::{Entropy, EntropyExt},
    strategy::{Ask, Candidate, Pick},
};
use serde_json::json;

/// Callers with a key always get the same member of those that are left; others any.
#[derive(Debug)]
struct Sticky;

impl Pick for Sticky {
    fn pick(&self, ask: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        match ask.key {
            Some(key) => (0..among.len()).max_by_key(|&at| draw(&among[at], key)),
            None => (!among.is_empty()).then(|| chance.index(among.len())),
        }
    }

    // What `POST /router/explain` shows of each member; a strategy may have nothing to show.
    fn score(&self, _: &Ask, _: &[Candidate], _: usize) -> Option<f64> {
        None
    }

    fn weighs(&self) -> bool {
        false
    }
}

/// Rendezvous hashing: each member draws for the key, the highest wins.
fn draw(member: &Candidate, key: u64) -> u64 {
    (member.id ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = pointsman::builder()?.strategy(Arc::new(Sticky));
    for model in ["one", "two", "three"] {
        let mut deployment = Deployment::new("chat", "simulated", model).with_id(model);
        deployment.settings.insert("latency".into(), "0.01".into());
        builder = builder.deployment(deployment);
    }
    let router = builder.build()?;
    for user in ["ann", "bob", "ann", "cid", "bob", "ann"] {
        let call = Call::chat("chat", json!({"messages": []}))?.key(user);
        println!("{user}: {}", router.call(call).await?.deployment);
    }
    Ok(())
}
