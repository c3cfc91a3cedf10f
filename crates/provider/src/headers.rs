//! What upstream headers say of waiting, and which of them a client sees.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use pointsman_clock::Instant;

use crate::rate;

/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// How long the upstream asks to wait: `retry-after-ms`, else `retry-after` in seconds or as an
/// HTTP date, else the reset of its rate limits. Nothing that is not positive counts; at most a
/// day.
///
/// Of several rate limits that of the longest reset counts among those that are used up; where
/// nothing is said of what is left of any, that of the soonest.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use pointsman_clock::Instant;
/// use pointsman_provider::retry_after;
/// use std::time::Duration;
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", HeaderValue::from_static("1.5"));
/// assert_eq!(retry_after(&headers, Instant::EPOCH), Some(Duration::from_millis(1_500)));
/// ```
pub fn retry_after(headers: &HeaderMap, now: Instant) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let ms = text("retry-after-ms").and_then(|ms| positive(ms.parse::<f64>().ok()? / 1e3));
    let explicit = ms.or_else(|| {
        let after = text("retry-after")?;
        match after.parse::<f64>() {
            Ok(seconds) => positive(seconds),
            Err(_) => moment(after).map(|at| at - now).filter(|after| !after.is_zero()),
        }
    });
    explicit.or_else(|| rate::reset_after(headers, now)).map(|after| after.min(LONGEST))
}

/// The wait that an error body names as text, such as Google's `retryDelay`. At most a day; `None`
/// for what is not a positive span.
///
/// ```
/// use pointsman_provider::retry_delay;
/// use std::time::Duration;
/// assert_eq!(retry_delay("34.07s"), Some(Duration::from_millis(34_070)));
/// assert_eq!(retry_delay("soon"), None);
/// ```
pub fn retry_delay(text: &str) -> Option<Duration> {
    let text = text.trim();
    let after = span(text).or_else(|| seconds(text.parse().ok()?))?;
    (!after.is_zero()).then(|| after.min(LONGEST))
}

/// Whether an upstream header is passed on to the client.
pub fn passes_to_client(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-ratelimit-") || name == "content-type" || name == "x-request-id"
}

fn positive(number: f64) -> Option<Duration> {
    // `clamp` keeps a NaN, and a NaN is no duration.
    let bounded = number.clamp(0.0, LONGEST.as_secs_f64());
    Duration::try_from_secs_f64(bounded).ok().filter(|after| !after.is_zero())
}

/// A span of so many seconds; none that is negative or without end.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// A moment as an HTTP date or by RFC 3339; one before 1970 is 1970.
pub(crate) fn moment(text: &str) -> Option<Instant> {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        let at: jiff::Timestamp = text.parse().ok()?;
        return Some(Instant::from_nanos(u64::try_from(at.as_nanosecond().max(0)).ok()?));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(Instant::EPOCH + at.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// `6m0s`, `120ms`, `18.642s`, `1h2m3s`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, 0.0);
    if text.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        total += number
            * match &rest[digits..unit_end] {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    seconds(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pairs: &[(&str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        retry_after(&headers, Instant::from_secs(784_111_770))
    }

    #[test]
    fn every_dialect_is_read() {
        assert_eq!(after(&[("retry-after", "20")]), seconds(20.0));
        assert_eq!(after(&[("retry-after-ms", "120"), ("retry-after", "1")]), seconds(0.12));
        assert_eq!(after(&[("retry-after-ms", "0"), ("retry-after", "1")]), seconds(1.0));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), seconds(7.0));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1984 08:49:37 GMT")]), None);
        assert_eq!(after(&[("retry-after", "-3")]), None);
        assert_eq!(after(&[("retry-after", "NaN")]), None);
        assert_eq!(after(&[("retry-after", "1e300")]), seconds(86_400.0));
        let reset = |value| {
            after(&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", value)])
        };
        assert_eq!(reset("6m0s"), seconds(360.0));
        assert_eq!(reset("120ms"), seconds(0.12));
        assert_eq!(reset("1h2m3s"), seconds(3_723.0));
        assert_eq!(reset("7"), seconds(7.0));
        assert_eq!(reset("3d"), seconds(86_400.0));
        assert_eq!(reset("soon"), None);
        assert_eq!(reset("0s"), None);
    }

    #[test]
    fn a_reset_counts_where_something_is_used_up() {
        let anthropic = |left| {
            after(&[
                ("anthropic-ratelimit-requests-remaining", "3"),
                ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:31Z"),
                ("anthropic-ratelimit-output-tokens-remaining", left),
                ("anthropic-ratelimit-output-tokens-reset", "1994-11-06T08:50:00Z"),
            ])
        };
        assert_eq!(anthropic("0"), seconds(30.0));
        assert_eq!(anthropic("9"), None, "nothing is used up");
        let two = [("x-ratelimit-reset-requests", "6m0s"), ("x-ratelimit-reset-tokens", "9")];
        assert_eq!(after(&two), seconds(9.0), "nobody says what is used up");
        assert_eq!(after(&two[..1]), seconds(360.0));
    }

    #[test]
    fn delays_in_bodies_are_read() {
        assert_eq!(retry_delay(" 34.074824224s "), seconds(34.074_824_224));
        assert_eq!(retry_delay("12"), seconds(12.0));
        for nothing in ["", "s", "0s", "-1s", "1..2s", "1 s", "NaN", "∞s"] {
            assert_eq!(retry_delay(nothing), None, "{nothing}");
        }
    }
}
