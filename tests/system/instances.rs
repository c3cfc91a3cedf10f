//! Three gateways over one Redis: one limit, one budget, one cooldown; and without it.

use std::time::Duration;

use pointsman_testkit::{Behaviour, Gateway, RedisServer, SlowLink, Upstream, now};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::world::{
    Config, PRICED, WITHIN, account, ask, burst, chat, connect, get, hello, post, small, standing,
    upstream, with_status,
};

async fn server() -> RedisServer {
    RedisServer::start().await.unwrap()
}

fn over(server: &RedisServer, config: Config, more: &str) -> Config {
    at(&server.url(), config, more)
}

fn at(url: &str, config: Config, more: &str) -> Config {
    config.and(&format!("router_settings: {{redis_url: '{url}'{more}}}"))
}

async fn three(config: &Config) -> [Gateway; 3] {
    tokio::join!(config.start(), config.start(), config.start()).into()
}

/// Bursts of so many calls from all sides, until nobody has got anything for three seconds, in
/// which a lease comes back even where processes wait for a processor; how many were answered.
async fn all_of(gateways: &[Gateway], calls: usize, body: &Value) -> usize {
    let (mut all, mut idle) = (0, 0);
    while idle < 30 {
        let bursts = gateways.iter().map(|one| burst(one, calls, body));
        let answers = futures_util::future::join_all(bursts).await;
        let made: usize = answers.iter().map(|one| with_status(200, one)).sum();
        all += made;
        idle = if made == 0 { idle + 1 } else { 0 };
        sleep(Duration::from_millis(100)).await;
    }
    all
}

/// The most calls that any 60 seconds held, as the upstream saw them.
fn most_in_a_minute(at: &Upstream) -> usize {
    let mut moments: Vec<_> = at.calls().iter().map(|call| call.at).collect();
    moments.sort_unstable();
    let minute = Duration::from_mins(1);
    let from = |begin: usize| {
        moments[begin..].iter().take_while(|at| **at - moments[begin] < minute).count()
    };
    (0..moments.len()).map(from).max().unwrap_or_default()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let polling = async {
        while !holds().await {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(WITHIN, polling).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_requests_a_minute_are_sixty_of_all_in_any_minute() {
    let (server, a) = (server().await, upstream("a").await);
    a.record(false);
    let gateways = three(&over(&server, Config::default().tuned(&a, ", rpm: 60"), "")).await;
    let began = now();
    let (mut made, mut first) = (0, 0);
    // On into the second minute.
    while now() - began < Duration::from_secs(66) {
        let body = small();
        let bursts = gateways.iter().map(|one| burst(one, 8, &body));
        let answers = futures_util::future::join_all(bursts).await;
        made += answers.iter().map(|one| with_status(200, one)).sum::<usize>();
        let failed = answers.iter().flatten().find(|one| ![200, 429].contains(&one.head.status));
        assert!(failed.is_none(), "{}", failed.unwrap().text());
        if now() - began < Duration::from_secs(55) {
            first = made;
        }
        sleep(Duration::from_millis(150)).await;
    }
    assert!((57..=60).contains(&first), "{first} of 60 in the first minute");
    assert!(made > 60, "the window slides");
    assert!(most_in_a_minute(&a) <= 60, "{}", most_in_a_minute(&a));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_may_ask() {
    let (server, a) = (server().await, upstream("a").await);
    let config = Config::default().tuned(&a, ", rpm: 60");
    let config = over(&server, config, ", pointsman: {strict_limits: true}");
    assert!((57..=60).contains(&all_of(&three(&config).await, 10, &small()).await));
    assert!((57..=60).contains(&a.count()), "{}", a.count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_one_limit() {
    let (server, a) = (server().await, upstream("a").await);
    a.always(Behaviour::ok().usage(10, 0, 5));
    let gateways = three(&over(&server, Config::default().tuned(&a, ", tpm: 900"), "")).await;
    let made = all_of(&gateways, 10, &small()).await;
    assert!((57..=60).contains(&made), "{made} of 60 times 15 tokens");
    assert_eq!(u64::try_from(made).unwrap(), a.count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_one_to_the_cent_and_outlives_them_all() {
    let (server, a) = (server().await, upstream("a").await);
    a.always(Behaviour::ok().usage(10, 0, 5));
    let config = Config::default().tuned(&a, &format!("{PRICED}, quotas: [q]"));
    let quota = ", pointsman: {quotas: {q: {max_budget: 0.12, budget_duration: 30d}}}";
    let config = over(&server, config, quota);
    let gateways = three(&config).await;
    let made = all_of(&gateways, 10, &small()).await;
    assert!((57..=60).contains(&made), "{made} of 60 times a fifth of a cent");
    #[expect(clippy::cast_precision_loss, reason = "it is at most 60")]
    let spent = (made as f64) * 0.002;
    let right = async |one: &Gateway| {
        let used = account(one, "quota:q", &[]).await["spend"]["used"].as_f64();
        used.is_some_and(|used| (used - spent).abs() < 1e-9)
    };
    for one in &gateways {
        until("everybody knows what was spent", async || right(one).await).await;
    }
    for mut one in gateways {
        one.signal_term().await.unwrap();
        assert!(one.wait(WITHIN).await.unwrap().success());
    }
    let next = config.start().await;
    assert!(right(&next).await, "{}", account(&next, "quota:q", &[]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cooldown_is_everybodys_at_once() {
    let (server, a, b) = (server().await, upstream("a").await, upstream("b").await);
    a.always(
        Behaviour::ok().error(429, "rate_limit_exceeded", "x", "slow").header("retry-after", "40"),
    );
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2");
    let config = over(&server, config, "");
    let gateways = three(&config).await;
    let cools = async |one: &Gateway| standing(one, "a").await["state"] == "cooling";
    assert_eq!(chat(&gateways[0]).await.head.status, 200);
    let began = now();
    until("the others know", async || cools(&gateways[1]).await && cools(&gateways[2]).await).await;
    println!("known to all after {:?}, polls included", now() - began);
    // Whoever joins knows it before the first call.
    let late = config.start().await;
    assert_eq!(chat(&late).await.head.header("x-pointsman-attempts"), Some("1"));
    assert_eq!(a.count(), 1);
}

/// Whether an instance had to go by its share at any time.
async fn was_cut_off(one: &Gateway) -> bool {
    !get(one, "/metrics", &[]).await.text().contains("pointsman_redis_outages_total 0")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_instance_held_comes_back() {
    for _ in 0..8 {
        let (server, a) = (server().await, upstream("a").await);
        let gateways = three(&over(&server, Config::default().tuned(&a, ", rpm: 60"), "")).await;
        let [one, rest @ ..] = gateways;
        let made = with_status(200, &burst(&one, 30, &small()).await);
        // Where everything waits for a processor it may have gone by its promise, which is lost too,
        // or not have got what the others were promised.
        let quick = made == 30 && !was_cut_off(&one).await;
        one.kill().await.unwrap();
        sleep(Duration::from_secs(2)).await;
        let rest = all_of(&rest, 20, &small()).await;
        assert!(made + rest <= 60, "{made} before, and {rest}");
        if quick {
            // At most one lease, of two requests, is lost.
            assert!(rest >= 28, "{rest} of the 30 that were left");
            return;
        }
    }
    println!("nobody was ever quick here: how much comes back was not judged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_while_redis_was_slow_counts_though_its_sender_is_killed() {
    let (server, a) = (server().await, upstream("a").await);
    let link = SlowLink::to(server.port()).await.unwrap();
    let config = || Config::default().tuned(&a, ", rpm: 60");
    let slow = at(&format!("redis://127.0.0.1:{}", link.port()), config(), "");
    let (one, other) = (slow.start().await, over(&server, config(), "").start().await);
    link.delay(Duration::from_millis(400));
    until("it does not wait for Redis", async || {
        get(&one, "/metrics", &[]).await.text().contains("pointsman_redis_up 0")
    })
    .await;
    let made = with_status(200, &burst(&one, 30, &small()).await);
    assert!(made > 0, "it goes by what it was promised");
    one.kill().await.unwrap();
    let rest = all_of(&[other], 20, &small()).await;
    assert!(made + rest <= 60, "{made} before, and {rest}");
    assert!(made + rest >= 45, "{made} before, and {rest}: no more than a promise is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_or_waits_when_redis_dies_and_the_spend_is_right_afterwards() {
    let (mut server, a) = (server().await, upstream("a").await);
    a.always(Behaviour::ok().usage(10, 0, 5));
    let params = format!("{PRICED}, rpm: 100000, quotas: [q]");
    let quota = ", pointsman: {quotas: {q: {max_budget: 1000, budget_duration: 30d}}}";
    let config = over(&server, Config::default().tuned(&a, &params), quota);
    let gateways = three(&config).await;
    let (mut calls, mut longest) = (0_u32, Duration::ZERO);
    for round in 0..180 {
        match round {
            80 => server.kill().await.unwrap(),
            130 => server.restart().await.unwrap(),
            _ => {}
        }
        for one in &gateways {
            let began = now();
            let answer = ask(one, &small()).await;
            longest = longest.max(now() - began);
            assert_eq!(answer.head.status, 200, "in round {round}: {}", answer.text());
            calls += 1;
        }
        sleep(Duration::from_millis(10)).await;
    }
    println!("the longest of {calls} calls took {longest:?}");
    let spent = f64::from(calls) * 0.002;
    for one in &gateways {
        until("all that was spent is known", async || {
            let used = account(one, "quota:q", &[]).await["spend"]["used"].as_f64();
            used.is_some_and(|used| (used - spent).abs() < 1e-9)
        })
        .await;
        let metrics = get(one, "/metrics", &[]).await.text();
        assert!(metrics.contains("pointsman_redis_up 1"), "{metrics}");
        assert!(!metrics.contains("pointsman_redis_outages_total 0"), "{metrics}");
        assert!(one.logs().contains("Redis is out of reach"), "{}", one.logs());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_gateway_starts_and_the_password_is_told_to_nobody() {
    let a = upstream("a").await;
    let url = "redis://someone:hunter2@127.0.0.1:1";
    let config = Config::default().tuned(&a, ", rpm: 60");
    let config = config.and(&format!("router_settings: {{redis_url: '{url}'}}"));
    let gateway = config.start().await;
    assert_eq!(with_status(200, &burst(&gateway, 70, &hello(false)).await), 60);
    gateway.logged("Redis is not there", WITHIN).await.unwrap();
    assert!(!gateway.logs().contains("hunter2"), "{}", gateway.logs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_access_list_is_enough() {
    let acl = "pointsman on >hunter2 ~pointsman:* &pointsman:* +@hash +@pubsub +@scripting \
               +@connection +time +pexpire +pexpireat";
    let mut options = vec!["--user"];
    options.extend(acl.split(' '));
    options.extend(["--user", "default", "on", "nopass", "+ping", "+quit"]);
    let server = RedisServer::with(&options).await.unwrap();
    let a = upstream("a").await;
    let url = format!("redis://pointsman:hunter2@127.0.0.1:{}", server.port());
    let config = Config::default().tuned(&a, ", rpm: 60");
    let config = config.and(&format!("router_settings: {{redis_url: '{url}'}}"));
    let gateway = config.start().await;
    assert_eq!(post(&gateway, crate::world::CHAT, &[], small().to_string()).await.head.status, 200);
    let metrics = get(&gateway, "/metrics", &[]).await.text();
    assert!(metrics.contains("pointsman_redis_up 1"), "{metrics}");
}

/// At steady load. What Redis adds to a call, in the gateway's own measure, is printed and not
/// judged: it is a matter of the machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_calls_and_more_take_one_round_trip() {
    let (server, a) = (server().await, upstream("a").await);
    let config = || Config::default().tuned(&a, ", rpm: 10000000, tpm: 1000000000");
    let (with, without) = (over(&server, config(), "").start().await, config().start().await);
    let mut wires = [connect(&with).await, connect(&without).await];
    let mut took = [Vec::new(), Vec::new()];
    let (body, began) = (small().to_string(), now());
    for round in 0..1_500 {
        for (wire, took) in wires.iter_mut().zip(&mut took) {
            wire.post(crate::world::CHAT, &[], &body, WITHIN).await.unwrap();
            let answer = wire.response(WITHIN).await.unwrap();
            assert_eq!(answer.head.status, 200, "{}", answer.text());
            let us: u64 = answer.head.header("x-pointsman-overhead-us").unwrap().parse().unwrap();
            if round >= 250 {
                took.push(us);
            }
        }
    }
    let metrics = get(&with, "/metrics", &[]).await.text();
    let trips = metrics.lines().find_map(|line| {
        line.strip_prefix("pointsman_redis_round_trips_total ")?.parse::<u64>().ok()
    });
    let trips = trips.unwrap();
    println!("{trips} round trips");
    // Five a second are due whoever calls, and these calls may take long.
    let due = 6 * (now() - began).as_secs();
    assert!(trips < due.max(150), "{trips} for 1,500 calls");
    for (name, took) in ["with", "without"].iter().zip(&mut took) {
        took.sort_unstable();
        let at = |share: usize| took[took.len() * share / 1_000];
        println!("{name}: p50 {} us, p99 {} us, p99.9 {} us", at(500), at(990), at(999));
    }
}
