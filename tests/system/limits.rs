//! Limits that hold under bursts, and refusals that help.

use std::collections::HashMap;

use pointsman_testkit::{Behaviour, wire::Response};
use sha2::{Digest, Sha256};

use crate::world::{
    CHAT, Config, WITHIN, account, ask, burst, burst_with, chat, connect, get, hello, small,
    standing, upstream, with_status,
};

/// The milliseconds after which a refused call may come again, checked against the seconds.
fn comes_again(refused: &Response) -> u64 {
    let header = |name| refused.head.header(name).unwrap_or_default().parse::<u64>().unwrap();
    let ms = header("retry-after-ms");
    assert_eq!(header("retry-after"), ms.div_ceil(1_000), "{}", refused.text());
    ms
}

fn assert_refused(refused: &Response, code: &str, because: &str) {
    let error = &refused.json()["error"];
    assert_eq!(refused.head.status, 429, "{error}");
    assert_eq!((&error["type"], &error["code"]), (&"rate_limit_error".into(), &code.into()));
    assert!(error["message"].as_str().unwrap().contains(because), "{error}");
}

#[tokio::test]
async fn exactly_25_of_200_requests_are_sent() {
    let a = upstream("a").await;
    let gateway = Config::default().tuned(&a, ", rpm: 25").start().await;
    let answers = burst(&gateway, 200, &hello(false)).await;
    assert_eq!((with_status(200, &answers), with_status(429, &answers), a.count()), (25, 175, 25));
    for refused in answers.iter().filter(|one| one.head.status == 429) {
        assert_refused(refused, "rate_limit_exceeded", "a is refused: 25 of 25 rpm used");
        let ms = comes_again(refused);
        assert!((30_000..=60_000).contains(&ms), "{ms}");
        assert_eq!(refused.head.header("x-litellm-attempted-fallbacks"), Some("0"));
    }
    let window = &standing(&gateway, "a").await["windows"]["rpm"];
    assert_eq!((&window["used"], &window["limit"]), (&25.into(), &25.into()), "{window}");
}

#[tokio::test]
async fn never_an_eleventh_call_of_200_tokens_in_2000() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().usage(10, 0, 190));
    let gateway = Config::default().tuned(&a, ", tpm: 2000").start().await;
    let mut body = small();
    body["max_tokens"] = 190.into();
    let answers = burst(&gateway, 60, &body).await;
    assert_eq!((with_status(200, &answers), a.count()), (10, 10));
    let refused = answers.iter().find(|one| one.head.status == 429).unwrap();
    assert_refused(refused, "tokens_exceeded", "2000 of 2000 tpm used");
    comes_again(refused);

    // A call that used less than it had reserved gives the rest back.
    let b = upstream("b").await;
    b.always(Behaviour::ok().usage(10, 0, 40));
    let gateway = Config::default().tuned(&b, ", tpm: 2000").start().await;
    for nth in 0..40 {
        let status = ask(&gateway, &body).await.head.status;
        // Once answers are known to be short, less is reserved for the next one.
        assert!(status == 200 || nth >= 37, "call {nth}: {status}");
    }
    let used = &standing(&gateway, "b").await["windows"]["tpm"]["used"];
    assert!((1_850..=2_000).contains(&used.as_u64().unwrap()), "{used}");
}

#[tokio::test]
async fn all_of_150_limits_hold_at_once() {
    let a = upstream("a").await;
    let mut config = Config::default();
    for nth in 0..150 {
        config = config.member("m", &format!("a{nth}"), &a.base(), ", rpm: 2");
    }
    let gateway = config.start().await;
    let mut sent = 0;
    for _ in 0..2 {
        sent += with_status(200, &burst(&gateway, 250, &hello(false)).await);
    }
    assert_eq!((sent, a.count()), (300, 300));
    let mut by_key: HashMap<String, u64> = HashMap::new();
    for call in a.calls() {
        *by_key.entry(call.header("authorization").unwrap().to_owned()).or_default() += 1;
    }
    assert!(by_key.len() == 150 && by_key.values().all(|count| *count == 2), "{by_key:?}");
}

#[tokio::test]
async fn refusals_spill_to_siblings_and_then_fall_back() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    let config = Config::default().tuned(&a, ", rpm: 3, order: 1").tuned(&b, ", rpm: 2, order: 2");
    let config = config.member("n", "c", &c.base(), ", rpm: 4");
    let gateway = config.and("router_settings: {fallbacks: [{m: [n]}]}").start().await;
    let answers = burst(&gateway, 20, &hello(false)).await;
    assert_eq!((a.count(), b.count(), c.count()), (3, 2, 4));
    assert_eq!((with_status(200, &answers), with_status(429, &answers)), (9, 11));
    let fell = |one: &&Response| one.head.header("x-pointsman-fallbacks") == Some("1");
    assert_eq!(answers.iter().filter(|one| one.head.status == 200).filter(fell).count(), 4);
    let refused = answers.iter().find(|one| one.head.status == 429).unwrap();
    assert_refused(refused, "rate_limit_exceeded", "no deployment of `m` is available");
    assert!(refused.text().contains("2 of 2 rpm used"), "{}", refused.text());
}

#[tokio::test]
async fn what_fits_nowhere_falls_back_or_is_too_large() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let mut body = small();
    body["max_tokens"] = 1_000.into();
    let config = Config::default().tuned(&a, ", tpm: 500");
    let gateway = config.start().await;
    let refused = ask(&gateway, &body).await;
    assert_eq!(refused.head.status, 400, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "request_too_large");
    let asked = "0 of 500 tpm used, and the call may take 1010";
    assert!(refused.text().contains(asked), "{}", refused.text());
    assert_eq!((refused.head.header("retry-after"), a.count()), (None, 0));

    let config = Config::default().tuned(&a, ", tpm: 500").member("n", "b", &b.base(), "");
    let gateway = config.and("router_settings: {fallbacks: [{m: [n]}]}").start().await;
    assert_eq!(ask(&gateway, &body).await.head.header("x-pointsman-deployment"), Some("b"));
}

#[tokio::test]
async fn slots_free_with_the_answer() {
    let a = upstream("a").await;
    let gateway = Config::default().tuned(&a, ", max_parallel_requests: 2").start().await;
    a.then([Behaviour::ok().hang(), Behaviour::ok().hang_after_chunks(1)]);
    let mut wires = Vec::new();
    for stream in [false, true] {
        let mut wire = connect(&gateway).await;
        let body = hello(stream).to_string();
        wire.post(CHAT, &[], body, WITHIN).await.unwrap();
        wires.push(wire);
    }
    a.until(WITHIN, |tally| tally.in_flight == 2).await.unwrap();
    let refused = chat(&gateway).await;
    assert_refused(&refused, "slots_exhausted", "2 of 2 parallel requests under way");
    assert_eq!(comes_again(&refused), 1_000);
    for wire in wires {
        wire.hang_up();
    }
    a.until(WITHIN, |tally| tally.hung_up == 2).await.unwrap();
    assert_eq!(chat(&gateway).await.head.status, 200);
}

#[tokio::test]
async fn a_slot_that_is_taken_hides_no_moment() {
    let a = upstream("a").await;
    let limits = ", rpm: 1, max_parallel_requests: 1";
    let gateway = Config::default().tuned(&a, limits).start().await;
    a.then([Behaviour::ok().hang()]);
    let mut wire = connect(&gateway).await;
    wire.post(CHAT, &[], hello(false).to_string(), WITHIN).await.unwrap();
    a.until(WITHIN, |tally| tally.in_flight == 1).await.unwrap();
    let refused = chat(&gateway).await;
    assert_refused(&refused, "rate_limit_exceeded", "1 of 1 rpm used");
    assert!((30_000..=60_000).contains(&comes_again(&refused)), "{}", refused.text());
}

#[tokio::test]
async fn a_guess_of_the_answer_makes_no_call_too_large() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().usage(10, 0, 90));
    let gateway = Config::default().tuned(&a, ", tpm: 500").start().await;
    // Nobody says how long the answer may be: the first is claimed with all that there is, those
    // after it with what is usual.
    for used in [100, 200, 300] {
        assert_eq!(chat(&gateway).await.head.status, 200);
        assert_eq!(standing(&gateway, "a").await["windows"]["tpm"]["used"], used);
    }
    let mut body = hello(false);
    body["max_tokens"] = 1_000.into();
    let gateway = Config::default().tuned(&a, ", tpm: 500").start().await;
    let refused = ask(&gateway, &body).await;
    assert_eq!(refused.head.status, 400, "what was said holds: {}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "request_too_large");
}

#[tokio::test]
async fn an_error_keeps_the_request_and_no_tokens() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().error(400, "x", "invalid_request_error", "no"));
    let gateway = Config::default().tuned(&a, ", rpm: 3, tpm: 30").start().await;
    for status in [400, 400, 400, 429] {
        assert_eq!(ask(&gateway, &small()).await.head.status, status);
    }
    let windows = &standing(&gateway, "a").await["windows"];
    assert_eq!((&windows["rpm"]["used"], &windows["tpm"]["used"]), (&3.into(), &0.into()));
}

#[tokio::test]
async fn callers_and_quotas_have_limits_of_their_own() {
    let a = upstream("a").await;
    let hash = Sha256::digest(b"sk-team")
        .iter()
        .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
    let config = Config::default()
        .tuned(&a, ", quotas: [acct]")
        .and("general_settings: {master_key: sk-all}")
        .and(&format!(
            "router_settings: {{pointsman: {{quotas: {{acct: {{rpm: 7}}}}, keys: [{{name: team, \
             hash: 'sha256:{hash}', rpm: 4}}]}}}}"
        ));
    let gateway = config.start().await;
    let team = [("authorization", "Bearer sk-team")];
    let answers = burst_with(&gateway, 20, &team, &hello(false)).await;
    assert_eq!((with_status(200, &answers), a.count()), (4, 4));
    let refused = answers.iter().find(|one| one.head.status == 429).unwrap();
    assert_refused(refused, "rate_limit_exceeded", "4 of 4 rpm used (key:team)");

    let all = [("authorization", "Bearer sk-all")];
    let answers = burst_with(&gateway, 20, &all, &hello(false)).await;
    assert_eq!((with_status(200, &answers), a.count()), (3, 7), "what the quota has left");
    let refused = answers.iter().find(|one| one.head.status == 429).unwrap();
    assert_refused(refused, "rate_limit_exceeded", "7 of 7 rpm used (quota:acct)");
    let quota = account(&gateway, "quota:acct", &all).await;
    assert_eq!(quota["windows"]["rpm"]["used"], 7, "{quota}");
    let state = get(&gateway, "/router/state", &all).await;
    assert!(!state.text().contains("sk-"), "{}", state.text());
}
