//! What upstream headers say of waiting, and which of them a client sees.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use pointsman_clock::Instant;

/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// How long the upstream asks to wait: `retry-after-ms`, else `retry-after` in seconds or as an
/// HTTP date, else the longest `x-ratelimit-reset-*` of what is used up. Nothing that is not
/// positive counts; at most a day.
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
            Err(_) => until(after, now),
        }
    });
    explicit.or_else(|| reset_after(headers)).map(|after| after.min(LONGEST))
}

/// The longest `x-ratelimit-reset-*` among what `x-ratelimit-remaining-*` says is used up.
pub fn reset_after(headers: &HeaderMap) -> Option<Duration> {
    let used_up = |what: &str| {
        let left = headers.get(format!("x-ratelimit-remaining-{what}"));
        left.and_then(|left| left.to_str().ok()?.trim().parse::<f64>().ok())
            .is_some_and(|n| n <= 0.0)
    };
    headers
        .iter()
        .filter_map(|(name, value)| {
            let what = name.as_str().strip_prefix("x-ratelimit-reset-")?;
            used_up(what).then(|| span(value.to_str().ok()?)).flatten()
        })
        .max()
}

/// Whether an upstream header is passed on to the client.
pub fn passes_to_client(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-ratelimit-") || name == "content-type" || name == "x-request-id"
}

fn positive(seconds: f64) -> Option<Duration> {
    // `clamp` keeps a NaN, and a NaN is no duration.
    let bounded = seconds.clamp(0.0, LONGEST.as_secs_f64());
    Duration::try_from_secs_f64(bounded).ok().filter(|after| !after.is_zero())
}

fn until(date: &str, now: Instant) -> Option<Duration> {
    let at = httpdate::parse_http_date(date).ok()?;
    let since = at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    let after = (Instant::EPOCH + since).since(now);
    (!after.is_zero()).then_some(after)
}

/// `6m0s`, `120ms`, `18.642s`, `1h2m3s`, or whole seconds.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return positive(seconds);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        total += number
            * match &rest[digits..unit_end] {
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
    positive(total)
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
        let seconds = |s| Some(Duration::from_secs_f64(s));
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
        assert_eq!(reset("soon"), None);
        assert_eq!(after(&[("x-ratelimit-reset-requests", "6m0s")]), None);
    }
}
