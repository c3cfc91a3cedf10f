//! Headers are somebody else's text: whatever they hold, reading them does no harm.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use pointsman_clock::Instant;
use pointsman_provider::{rate_headers, retry_after, retry_delay};
use proptest::{collection::vec, prelude::*, sample::select};

const DAY: Duration = Duration::from_hours(24);

fn name() -> impl Strategy<Value = String> {
    let prefix = select(vec![
        "x-ratelimit",
        "anthropic-ratelimit",
        "ratelimit",
        "x-tokenlimit",
        "x-rate-limit",
        "ratelimitbysize",
    ]);
    let words = select(vec![
        "limit",
        "remaining",
        "reset",
        "renewalperiod",
        "requests",
        "tokens",
        "input",
        "output",
        "req",
        "minute",
        "10",
        "second",
        "day",
        "images",
        "",
    ]);
    let made = (prefix, vec(words, 1..4)).prop_map(|(prefix, words)| {
        std::iter::once(prefix).chain(words).collect::<Vec<_>>().join("-")
    });
    let whole = select(vec!["retry-after", "retry-after-ms", "ratelimit", "x-request-id"]);
    prop_oneof![6 => made, 2 => whole.prop_map(str::to_owned), 1 => "[a-z][a-z-]{0,20}"]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0_u64..200).prop_map(|n| n.to_string()),
        1 => any::<i64>().prop_map(|n| n.to_string()),
        1 => any::<f64>().prop_map(|n| n.to_string()),
        2 => "[0-9]{1,4}(\\.[0-9]{1,9})?(ms|s|m|h|d|us|ns)([0-9]{1,3}(ms|s))?",
        1 => "(19|20|99)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:00)",
        1 => "(Sun|Mon), [0-3][0-9] (Nov|Feb) (19|20)[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-5][0-9] GMT",
        1 => "(\"[a-z]*\"|[rtqw]=-?[0-9.]{0,9}|limit=[0-9]{1,30}|[;,= ]){0,12}",
        1 => select(vec!["", "NaN", "inf", "-inf", "1e999", "-0", "0s", "infinity", "é"])
            .prop_map(str::to_owned),
        2 => "\\PC{0,30}",
    ]
}

/// Names of which no two tell the same.
fn distinct() -> impl Strategy<Value = HeaderMap> {
    let names = select(vec![
        "retry-after",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-renewalperiod-requests",
        "x-ratelimit-limit-requests-day",
        "x-ratelimit-remaining-requests-day",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
        "x-ratelimit-remaining-tokens-minute",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
        "ratelimitbysize-limit",
        "ratelimitbysize-remaining",
        "ratelimit",
    ]);
    vec((names, text()), 0..20).prop_map(|pairs| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers
    })
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let raw = vec(any::<u8>(), 0..20);
    let value = prop_oneof![9 => text().prop_map(String::into_bytes), 1 => raw];
    vec((name(), value), 0..20).prop_map(|pairs| {
        let read = |(name, value): (String, Vec<u8>)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(&value).ok()?))
        };
        pairs.into_iter().filter_map(read).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn whatever_they_say_is_bounded(headers in headers(), now: u64) {
        let now = Instant::from_nanos(now);
        let said = rate_headers(&headers, now);
        for rate in said.each() {
            prop_assert!(rate.limit != Some(0));
            prop_assert!(rate.share().is_none_or(|share| (0.0..=1.0).contains(&share)));
        }
        if let Some(after) = retry_after(&headers, now) {
            prop_assert!(after > Duration::ZERO && after <= DAY);
        }
    }

    #[test]
    fn the_order_of_headers_does_not_matter(headers in distinct(), now: u64) {
        let now = Instant::from_nanos(now);
        let mut turned: Vec<_> = headers.clone().into_iter().collect();
        turned.reverse();
        let turned: HeaderMap =
            turned.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
        let (one, other) = (rate_headers(&headers, now), rate_headers(&turned, now));
        for (one, other) in one.each().into_iter().zip(other.each()) {
            prop_assert_eq!((one.is_spent(), one.share()), (other.is_spent(), other.share()));
        }
        prop_assert_eq!(retry_after(&headers, now), retry_after(&turned, now));
    }

    #[test]
    fn a_delay_is_a_positive_span_of_a_day_at_most(text in text()) {
        if let Some(after) = retry_delay(&text) {
            prop_assert!(after > Duration::ZERO && after <= DAY);
        }
    }

    #[test]
    fn spans_are_read_to_the_millisecond(minutes in 0_u64..600, ms in 1_u64..60_000) {
        let text = format!("{minutes}m{}.{:03}s", ms / 1_000, ms % 1_000);
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-reset-tokens", HeaderValue::from_str(&text).unwrap());
        let read = rate_headers(&headers, Instant::EPOCH).tokens.resets_in.unwrap();
        let exact = Duration::from_millis(minutes * 60_000 + ms);
        prop_assert!(read.abs_diff(exact) < Duration::from_micros(1), "{}: {:?}", text, read);
    }
}
