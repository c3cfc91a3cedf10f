//! A thousand streams, a third of them left by their clients.

use std::time::Duration;

use futures_util::StreamExt;
use pointsman::clock::{Dice, EntropyExt};
use pointsman_testkit::{Behaviour, Gateway};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, WITHIN, connect, small, standing, upstream};

const CHUNKS: u32 = 6;

/// Takes one stream, or leaves it after so many pieces; whether it was taken whole.
async fn take(gateway: &Gateway, leave: Option<u64>) -> bool {
    let mut body = small();
    body["stream"] = true.into();
    let mut wire = connect(gateway).await;
    wire.post(CHAT, &[], body.to_string(), WITHIN).await.unwrap();
    assert_eq!(wire.head(WITHIN).await.unwrap().status, 200);
    let mut pieces = 0;
    while leave.is_none_or(|leave| pieces < leave) {
        if wire.next_piece(WITHIN).await.unwrap().is_none() {
            return true;
        }
        pieces += 1;
    }
    wire.hang_up();
    false
}

/// The state once nothing is under way any more; asked for again and again until then.
async fn at_rest(gateway: &Gateway) -> Value {
    let until = pointsman_testkit::now() + WITHIN;
    loop {
        let state = standing(gateway, "a").await;
        if state["in_flight"] == 0 || pointsman_testkit::now() > until {
            return state;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_returns_to_zero_and_what_was_used_is_charged() {
    let a = upstream("a").await;
    a.record(false);
    let slow = Duration::from_millis(5);
    a.always(Behaviour::ok().usage(10, 0, 5).chunks(CHUNKS as usize).chunk_delay(slow));
    // A token of the prompt costs $0.01, one of the answer $1.
    let params = ", input_cost_per_token: 0.01, output_cost_per_token: 1, rpm: 1000, \
                  tpm: 1000000, max_parallel_requests: 200, max_budget: 100000, \
                  budget_duration: 1d";
    let gateway = Config::default().tuned(&a, params).start().await;
    let mut dice = Dice::of_call(1, 1);
    let plans: Vec<Option<u64>> =
        (0..1_000).map(|_| (dice.below(3) == 0).then(|| dice.below(CHUNKS.into()))).collect();
    let left = u32::try_from(plans.iter().flatten().count()).unwrap();
    let whole = 1_000 - left;
    let streams = futures_util::stream::iter(plans).map(|leave| take(&gateway, leave));
    let taken = streams.buffer_unordered(150).filter(|whole| std::future::ready(*whole)).count();
    assert_eq!(taken.await, whole as usize);

    let state = at_rest(&gateway).await;
    assert_eq!(state["in_flight"], 0, "{state}");
    assert_eq!((&state["state"], &state["spend"]["reserved"]), (&json!("refused"), &json!(0)));
    assert_eq!(state["windows"]["rpm"]["used"], 1_000, "{state}");
    assert_eq!(state["windows"]["slots"]["used"], 0, "{state}");
    // Every stream's prompt, and the answer of each that was taken whole; of one that was left
    // what had come, which is less than all of its chunks and its finish.
    let used = state["spend"]["used"].as_f64().unwrap();
    let least = 1_000.0 * 0.1 + f64::from(whole) * 5.0;
    let most = least + f64::from(left * (CHUNKS + 1));
    assert!(least < used && used <= most, "{least} < {used} <= {most}");
    let tokens = state["windows"]["tpm"]["used"].as_f64().unwrap();
    // Ten tokens of each prompt for ten cents, and a dollar for each token of an answer.
    assert!((tokens - (10_000.0 + used - 100.0)).abs() < 0.5, "{tokens} tokens, ${used}");
}
