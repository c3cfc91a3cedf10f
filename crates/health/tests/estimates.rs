//! What the estimates promise over any samples at any moments.

use std::{collections::BTreeMap, time::Duration};

use pointsman_clock::Instant;
use pointsman_health::{Headroom, HostWatch, Latency, Sample};
use pointsman_types::{Rate, RateHeaders};
use proptest::{collection::vec, option, prelude::*};

const START: Instant = Instant::from_secs(1_767_225_600);

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        8 => (0_u64..20_000).prop_map(Duration::from_millis),
        1 => Just(Duration::MAX),
    ]
}

fn tokens() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![1 => Just(None), 1 => Just(Some(0)), 6 => (1_u64..9_000).prop_map(Some),
        1 => Just(Some(u64::MAX))]
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        4 => (span(), span(), tokens())
            .prop_map(|(first, total, output)| Sample::Stream { first, total, output }),
        4 => (span(), tokens()).prop_map(|(total, output)| Sample::Whole { total, output }),
        1 => (any::<bool>(), span())
            .prop_map(|(stream, waited)| Sample::Timeout { stream, waited }),
        1 => option::of(span()).prop_map(|retry_after| Sample::Failure { retry_after }),
    ]
}

/// Samples and the waits before them.
fn history() -> impl Strategy<Value = Vec<(Duration, Sample)>> {
    let wait = prop_oneof![
        2 => Just(Duration::ZERO),
        6 => (0_u64..9_000).prop_map(Duration::from_millis),
        1 => (0_u64..90).prop_map(Duration::from_secs),
    ];
    vec((wait, sample()), 1..60)
}

/// The same means, from a list of all samples there ever were.
#[derive(Default)]
struct Naive {
    first: Vec<(Instant, f64)>,
    calls: Vec<(Instant, f64)>,
}

impl Naive {
    #[expect(clippy::cast_precision_loss, reason = "as the estimates have it")]
    fn observe(&mut self, sample: Sample, now: Instant) {
        let (total, output) = match sample {
            Sample::Stream { first, total, output } => {
                self.first.push((now, first.as_secs_f64()));
                (total, output)
            }
            Sample::Whole { total, output } => (total, output),
            Sample::Timeout { stream: true, .. } => return self.first.push((now, 1_000.0)),
            Sample::Timeout { stream: false, .. } => return self.calls.push((now, 1_000.0)),
            Sample::Failure { .. } => return,
        };
        if let Some(output) = output {
            self.calls.push((now, total.as_secs_f64() / output.max(1) as f64));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "ten at most")]
    fn mean(of: &[(Instant, f64)], ttl: Duration, now: Instant) -> Option<f64> {
        let last = of.iter().rev().take(10).filter(|(at, _)| now - *at <= ttl);
        let fresh: Vec<f64> = last.map(|(_, value)| *value).collect();
        (!fresh.is_empty()).then(|| fresh.iter().sum::<f64>() / fresh.len() as f64)
    }
}

fn close(is: Option<f64>, should: Option<f64>) -> bool {
    match (is, should) {
        (Some(is), Some(should)) => (is - should).abs() <= 1e-9 * should.abs().max(1e-9),
        (is, should) => is == should,
    }
}

/// What a sample brings to the peak-EWMA of streams or of whole answers, in seconds.
fn cost(sample: Sample, of_streams: bool) -> Option<f64> {
    let failed = |after: Duration| Some(after.as_secs_f64().clamp(5.0, 86_400.0));
    match sample {
        Sample::Stream { first, .. } => of_streams.then_some(first.as_secs_f64()),
        Sample::Whole { total, .. } => (!of_streams).then_some(total.as_secs_f64()),
        Sample::Timeout { waited, .. } => failed(waited),
        Sample::Failure { retry_after } => failed(retry_after.unwrap_or_default()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn means_are_of_the_last_ten_that_are_fresh(
        history in history(), ttl in prop_oneof![Just(3_600_000), 0_u64..60_000],
    ) {
        let (mut latency, mut naive, mut now) = (Latency::default(), Naive::default(), START);
        let ttl = Duration::from_millis(ttl);
        for (wait, sample) in history {
            now += wait;
            latency.observe(sample, now);
            naive.observe(sample, now);
            for later in [Duration::ZERO, Duration::from_secs(7)] {
                let at = now + later;
                prop_assert!(close(latency.ttft(ttl, at), Naive::mean(&naive.first, ttl, at)));
                prop_assert!(close(latency.per_token(ttl, at), Naive::mean(&naive.calls, ttl, at)));
            }
            if let Some(rate) = latency.tokens_per_s(ttl, now) {
                prop_assert!(rate.is_finite() && rate > 0.0, "{}", rate);
            }
        }
        latency.clear();
        prop_assert_eq!(latency, Latency::default());
    }

    #[test]
    fn the_peak_is_bounded_by_its_samples_and_falls_with_time(history in history()) {
        for streams in [true, false] {
            let (mut latency, mut now) = (Latency::default(), START);
            let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
            for &(wait, sample) in &history {
                now += wait;
                let before = latency.ewma(streams, now);
                latency.observe(sample, now);
                let after = latency.ewma(streams, now);
                let Some(cost) = cost(sample, streams) else {
                    prop_assert_eq!(after, before, "units never mix");
                    continue;
                };
                (least, most) = (least.min(cost), most.max(cost));
                let after = after.unwrap();
                prop_assert!(after >= cost, "a worse sample counts at once");
                prop_assert!((least..=most).contains(&after));
                let mut last = after;
                for seconds in [0, 1, 9, 10, 29, 30] {
                    let read = latency.ewma(streams, now + Duration::from_secs(seconds)).unwrap();
                    prop_assert!(read <= last && read >= 0.0);
                    last = read;
                }
                prop_assert_eq!(latency.ewma(streams, now + Duration::from_secs(31)), None);
            }
        }
    }

    #[test]
    fn no_moment_and_no_sample_makes_an_estimate_absurd(
        history in vec((any::<u64>(), sample(), any::<u64>()), 1..40), ttl in span(),
    ) {
        let mut latency = Latency::default();
        for (at, sample, read) in history {
            latency.observe(sample, Instant::from_nanos(at));
            let read = Instant::from_nanos(read);
            let all = [
                latency.ttft(ttl, read), latency.per_token(ttl, read),
                latency.tokens_per_s(ttl, read), latency.ewma(true, read), latency.ewma(false, read),
            ];
            prop_assert!(all.iter().flatten().all(|value| value.is_finite() && *value >= 0.0));
        }
    }

    #[test]
    fn a_host_is_given_up_for_three_deployments_within_ten_seconds(
        failures in vec((0_u64..6_000, 0_u64..5), 1..80),
    ) {
        let (mut host, mut now) = (HostWatch::default(), START);
        let mut last: BTreeMap<u64, Instant> = BTreeMap::new();
        for (wait, deployment) in failures {
            now += Duration::from_millis(wait);
            last.insert(deployment, now);
            let recent = last.values().filter(|at| now - **at <= Duration::from_secs(10)).count();
            prop_assert_eq!(host.failed(deployment, now), recent >= 3);
            if recent >= 3 {
                last.clear();
            }
        }
    }

    #[test]
    fn headroom_is_a_share_and_holds_for_a_minute_at_most(
        words in vec((0_u64..40, vec(rate(), 4)), 1..30),
    ) {
        let (mut headroom, mut now) = (Headroom::default(), START);
        for (wait, rates) in words {
            now += Duration::from_secs(wait);
            let [requests, tokens, input_tokens, output_tokens] = rates[..] else { unreachable!() };
            let said = RateHeaders { requests, tokens, input_tokens, output_tokens };
            headroom.observe(&said, now);
            prop_assert!((0.0..=1.0).contains(&headroom.share(now)));
            for rate in said.each() {
                let lasts = rate.resets_in.unwrap_or(Duration::from_mins(1));
                if lasts.is_zero() {
                    continue;
                }
                if rate.is_spent() {
                    let until = headroom.out_until(now).unwrap();
                    prop_assert!(until >= now + lasts.min(Duration::from_mins(1)));
                    prop_assert!(until <= now + Duration::from_mins(1));
                }
                if let Some(share) = rate.share() {
                    prop_assert!(headroom.share(now) <= share);
                }
            }
            prop_assert_eq!(headroom.out_until(now + Duration::from_mins(1)), None);
        }
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    let count = || {
        prop_oneof![2 => Just(None), 2 => Just(Some(0)), 5 => (0_u64..100).prop_map(Some),
        1 => Just(Some(u64::MAX))]
    };
    (count(), count(), option::of(span())).prop_map(|(limit, remaining, resets_in)| Rate {
        limit,
        remaining,
        resets_in,
    })
}
