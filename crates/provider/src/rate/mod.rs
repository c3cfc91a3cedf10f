//! Rate limits in the headers of answers, in every dialect.

mod name;

use std::time::Duration;

use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_types::{Rate, RateHeaders};
use smallvec::SmallVec;

use self::name::{Dimension, Field, MINUTE, SECOND, TEN, What};
use crate::headers::{moment, seconds, span};

/// Windows that are told apart in one answer; more than any vendor has.
const MOST: usize = 16;

/// What an answer's headers say of the upstream's own rate limits.
///
/// | header | who | reset |
/// |---|---|---|
/// | `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, with or without `-minute`, `-day` … | OpenAI, Groq, Cerebras, Mistral, xAI | `6m0s`, `120ms`, `18.642s`, seconds |
/// | the same, with `x-ratelimit-renewalperiod-*` | Azure | seconds; milliseconds where it is longer than the period |
/// | `x-ratelimit-{limit,remaining}-tokens-{prompt,generated}` | Fireworks | – |
/// | `x-ratelimit-{limit,remaining,reset}`, `x-tokenlimit-*` | Together, OpenRouter | seconds, or since 1970 in seconds or milliseconds |
/// | `(x-)ratelimitbysize-*` | Mistral: tokens | seconds |
/// | `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-*` | Anthropic | RFC 3339 |
/// | `ratelimit: "api";r=9;t=295`, `ratelimit-{limit,remaining,reset}` | drafts of the IETF: requests | seconds |
///
/// Of several windows of one dimension the one that binds first counts: one that is used up, else
/// the one with the smallest share left. A limit of zero or below is no limit, and what cannot be
/// read was not said.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use pointsman_clock::Instant;
/// use pointsman_provider::rate_headers;
/// use std::time::Duration;
/// let mut headers = HeaderMap::new();
/// headers.insert("x-ratelimit-limit-requests", HeaderValue::from_static("60"));
/// headers.insert("x-ratelimit-remaining-requests", HeaderValue::from_static("59"));
/// headers.insert("x-ratelimit-reset-requests", HeaderValue::from_static("1m0.5s"));
/// let said = rate_headers(&headers, Instant::EPOCH);
/// assert_eq!((said.requests.limit, said.requests.remaining), (Some(60), Some(59)));
/// assert_eq!(said.requests.resets_in, Some(Duration::from_millis(60_500)));
/// ```
pub fn rate_headers(headers: &HeaderMap, now: Instant) -> RateHeaders {
    let mut said = RateHeaders::default();
    for window in windows(headers, now) {
        let rate = match window.dimension {
            Dimension::Requests => &mut said.requests,
            Dimension::Tokens => &mut said.tokens,
            Dimension::InputTokens => &mut said.input_tokens,
            Dimension::OutputTokens => &mut said.output_tokens,
        };
        if binds_before(&window.rate, rate) {
            *rate = window.rate;
        }
    }
    said
}

/// The longest reset of what is used up; where nothing is said of what is left, the soonest.
pub(crate) fn reset_after(headers: &HeaderMap, now: Instant) -> Option<Duration> {
    let windows = windows(headers, now);
    let rates = || windows.iter().map(|window| window.rate);
    if rates().all(|rate| rate.remaining.is_none()) {
        return rates().filter_map(|rate| rate.resets_in).filter(|after| !after.is_zero()).min();
    }
    let spent = rates().filter(Rate::is_spent).filter_map(|rate| rate.resets_in);
    spent.max().filter(|after| !after.is_zero())
}

/// Whether a window binds before another; one of which anything is said before one of which not.
fn binds_before(one: &Rate, other: &Rate) -> bool {
    match (one.is_spent(), other.is_spent()) {
        (true, true) => one.resets_in > other.resets_in,
        (false, false) => match (one.share(), other.share()) {
            (Some(one), Some(other)) => one < other,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => *other == Rate::default(),
        },
        (spent, _) => spent,
    }
}

/// One window of one dimension, as it is put together from its headers.
#[derive(Clone, Copy, Debug)]
struct Window {
    dimension: Dimension,
    /// What tells it from the dimension's others: the bits of the words in its name.
    label: u16,
    rate: Rate,
    /// The number of a reset that came without a unit.
    bare: Option<f64>,
    period: Option<f64>,
    /// The limit was said, and is none.
    unlimited: bool,
    /// Less than nothing is left.
    debt: bool,
}

type Windows = SmallVec<[Window; 4]>;

fn windows(headers: &HeaderMap, now: Instant) -> Windows {
    let mut windows = Windows::new();
    for (name, value) in headers {
        let Some(what) = What::of(name) else { continue };
        let Ok(text) = value.to_str() else { continue };
        match what {
            What::Field(dimension, label, field) => {
                window(&mut windows, dimension, label, |window| window.read(field, text, now));
            }
            What::Structured => structured(text, &mut windows),
        }
    }
    for window in &mut windows {
        window.finish();
    }
    windows
}

/// The window of that name, new or not; `None` of it once there are too many.
fn window(
    windows: &mut Windows,
    dimension: Dimension,
    label: u16,
    change: impl FnOnce(&mut Window),
) {
    let known = windows.iter().position(|one| (one.dimension, one.label) == (dimension, label));
    let at = known.unwrap_or(windows.len());
    if known.is_none() {
        if windows.len() == MOST {
            return;
        }
        let (rate, bare, period) = (Rate::default(), None, None);
        let new = Window { dimension, label, rate, bare, period, unlimited: false, debt: false };
        windows.push(new);
    }
    change(&mut windows[at]);
}

impl Window {
    fn read(&mut self, field: Field, text: &str, now: Instant) {
        let text = text.trim();
        let number = number(text);
        match field {
            Field::Limit => {
                self.rate.limit = number.and_then(whole).filter(|limit| *limit > 0);
                self.unlimited = self.rate.limit.is_none();
            }
            // Below zero is a debt, or, without a limit, no limit.
            Field::Remaining => match number {
                Some(left) if left < 0.0 => self.debt = true,
                number => self.rate.remaining = number.and_then(whole),
            },
            Field::Reset => {
                let other = || span(text).or_else(|| moment(text).map(|at| at - now));
                self.rate.resets_in = match number {
                    Some(number) => self.reset(number, now),
                    None => other(),
                };
            }
            Field::Period => self.period = number,
        }
    }

    /// A number is a span in seconds, or a moment since 1970 in seconds, milliseconds or
    /// microseconds.
    fn reset(&mut self, number: f64, now: Instant) -> Option<Duration> {
        let since_1970 = |unit| Some(Instant::EPOCH + seconds(number * unit)? - now);
        match number {
            n if n >= 1e14 => since_1970(1e-6),
            n if n >= 1e11 => since_1970(1e-3),
            n if n >= 1e8 => since_1970(1.0),
            _ => {
                self.bare = Some(number);
                seconds(number)
            }
        }
    }

    fn finish(&mut self) {
        if self.unlimited {
            self.rate = Rate::default();
            return;
        }
        if self.debt && self.rate.limit.is_some() {
            self.rate.remaining = Some(0);
        }
        // A window is not longer than its period: such a number is one of milliseconds.
        if let (Some(number), Some(period)) = (self.bare, self.period)
            && number > period
        {
            self.rate.resets_in = seconds(number / 1e3);
        }
        let length = LENGTHS.iter().find(|(word, _)| self.label & word != 0);
        if let (None, Some((_, length))) = (self.rate.resets_in, length)
            && self.rate.remaining.is_some()
        {
            let times = if self.label & TEN != 0 { 10 } else { 1 };
            self.rate.resets_in = Some(*length * times);
        }
    }
}

/// The number that a value begins with: drafts of the IETF add the window, `100, 100;w=60`.
fn number(text: &str) -> Option<f64> {
    // Nearly all are short and whole.
    if let Ok(number) = text.parse::<u32>() {
        return Some(f64::from(number));
    }
    text.split([',', ';']).next().and_then(|first| first.trim_end().parse().ok())
}

/// A number as a count: whole, not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked, and the cast saturates"
)]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

/// How long a window lasts at most that tells its length by its name alone. The longer ones are
/// left out: nothing is kept waiting for a day on a guess.
const LENGTHS: [(u16, Duration); 2] =
    [(SECOND, Duration::from_secs(1)), (MINUTE, Duration::from_mins(1))];

/// `"burst";r=9;t=1, "day";r=900;t=295` of one draft, `limit=10, remaining=9, reset=1` of another.
fn structured(text: &str, windows: &mut Windows) {
    // Each policy is a window; beyond the bits of words, so that none is taken for another's.
    let mut label = 1 << 9;
    for part in text.split([',', ';']).take(4 * MOST) {
        let Some((key, value)) = part.trim().split_once('=') else {
            label += 1;
            continue;
        };
        let number: Option<f64> = value.trim().parse().ok();
        let Some(number) = number else { continue };
        window(windows, Dimension::Requests, label, |window| match key.trim() {
            "r" | "remaining" => window.rate.remaining = whole(number),
            "t" | "reset" => window.rate.resets_in = seconds(number),
            "q" | "limit" => window.rate.limit = whole(number).filter(|limit| *limit > 0),
            _ => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    /// 1994-11-06T08:49:30Z.
    const NOW: Instant = Instant::from_secs(784_111_770);

    fn said(pairs: &[(&str, &str)]) -> RateHeaders {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        rate_headers(&headers, NOW)
    }

    fn rate(limit: u64, remaining: u64, resets_in: f64) -> Rate {
        let resets_in = Some(Duration::from_secs_f64(resets_in));
        Rate { limit: Some(limit), remaining: Some(remaining), resets_in }
    }

    fn unset(limit: u64, remaining: u64) -> Rate {
        Rate { resets_in: None, ..rate(limit, remaining, 0.0) }
    }

    #[test]
    fn openai_and_those_who_follow_it() {
        let openai = said(&[
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "18.642s"),
            ("x-ratelimit-limit-input-images", "9"),
            ("x-ratelimit-remaining-input-images", "0"),
            ("x-ratelimit-limit-project-tokens", "40000"),
            ("x-ratelimit-remaining-project-tokens", "1"),
        ]);
        assert_eq!(openai.requests, rate(10_000, 9_999, 0.006));
        assert_eq!(openai.tokens, rate(30_000, 0, 18.642));
        assert_eq!((openai.input_tokens, openai.output_tokens), Default::default());
        let fireworks = said(&[
            ("x-ratelimit-limit-tokens-prompt", "60"),
            ("x-ratelimit-remaining-tokens-prompt", "3"),
            ("x-ratelimit-limit-tokens-generated", "6"),
            ("x-ratelimit-remaining-tokens-generated", "0"),
            ("x-ratelimit-over-limit", "no"),
        ]);
        assert_eq!(fireworks.input_tokens, unset(60, 3));
        assert_eq!(fireworks.output_tokens, unset(6, 0));
        assert!(fireworks.tokens == Rate::default() && fireworks.requests == Rate::default());
    }

    #[test]
    fn azure_counts_in_seconds_or_in_milliseconds() {
        let azure = |reset| {
            said(&[
                ("x-ratelimit-limit-requests", "120"),
                ("x-ratelimit-remaining-requests", "119"),
                ("x-ratelimit-reset-requests", reset),
                ("x-ratelimit-renewalperiod-requests", "60"),
                ("x-ratelimit-key", "a"),
                ("x-ratelimit-abusepenalty-active", "False"),
            ])
        };
        assert_eq!(azure("7").requests, rate(120, 119, 7.0));
        assert_eq!(azure("500").requests, rate(120, 119, 0.5));
    }

    #[test]
    fn anthropic_tells_moments() {
        let anthropic = said(&[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:37Z"),
            ("anthropic-ratelimit-input-tokens-limit", "400"),
            ("anthropic-ratelimit-input-tokens-remaining", "100"),
            ("anthropic-ratelimit-input-tokens-reset", "1994-11-06T09:49:37+01:00"),
            ("anthropic-ratelimit-output-tokens-limit", "80"),
            ("anthropic-ratelimit-output-tokens-remaining", "80"),
            ("anthropic-ratelimit-output-tokens-reset", "1994-11-06T08:49:00Z"),
            ("anthropic-ratelimit-tokens-remaining", "180"),
            ("anthropic-ratelimit-unified-status", "allowed"),
        ]);
        assert_eq!(anthropic.requests, rate(50, 0, 7.0));
        assert_eq!(anthropic.input_tokens, rate(400, 100, 7.0));
        assert_eq!(anthropic.output_tokens, rate(80, 80, 0.0));
        let untold = Rate { remaining: Some(180), ..Rate::default() };
        assert_eq!(anthropic.tokens, untold);
    }

    #[test]
    fn of_several_windows_the_one_that_binds_first() {
        let mistral = said(&[
            ("x-ratelimit-limit-req-minute", "100"),
            ("x-ratelimit-remaining-req-minute", "50"),
            ("x-ratelimit-limit-req-10-second", "20"),
            ("x-ratelimit-remaining-req-10-second", "0"),
            ("x-ratelimit-limit-tokens-minute", "1000"),
            ("x-ratelimit-remaining-tokens-minute", "900"),
            ("x-ratelimit-limit-tokens-month", "1000"),
            ("x-ratelimit-remaining-tokens-month", "100"),
            ("x-ratelimit-tokens-query-cost", "0"),
        ]);
        assert_eq!(mistral.requests, rate(20, 0, 10.0));
        assert_eq!(mistral.tokens, unset(1_000, 100));
        let cerebras = said(&[
            ("x-ratelimit-limit-requests-day", "1440"),
            ("x-ratelimit-remaining-requests-day", "0"),
            ("x-ratelimit-reset-requests-day", "33011.382867"),
            ("x-ratelimit-limit-requests-minute", "10"),
            ("x-ratelimit-remaining-requests-minute", "0"),
            ("x-ratelimit-reset-requests-minute", "11.382867"),
        ]);
        assert_eq!(cerebras.requests, rate(1_440, 0, 33_011.382_867));
        let sizes = said(&[
            ("ratelimitbysize-limit", "500"),
            ("ratelimitbysize-remaining", "342"),
            ("ratelimitbysize-reset", "60"),
            ("ratelimitbysize-query-cost", "32"),
        ]);
        assert_eq!(sizes.tokens, rate(500, 342, 60.0));
    }

    #[test]
    fn numbers_are_spans_or_moments() {
        let reset = |text| said(&[("x-ratelimit-reset", text)]).requests.resets_in;
        let seconds = |s| Some(Duration::from_secs_f64(s));
        assert_eq!(reset("2"), seconds(2.0));
        assert_eq!(reset("784111777"), seconds(7.0));
        assert_eq!(reset("784111777000"), seconds(7.0));
        assert_eq!(reset("784111777000000"), seconds(7.0));
        assert_eq!(reset("784111700"), seconds(0.0));
        assert_eq!(reset("Sun, 06 Nov 1994 08:49:37 GMT"), seconds(7.0));
        for nothing in ["", "-1", "NaN", "inf", "soon", "1994-13-06T08:49:37Z"] {
            assert_eq!(reset(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn drafts_of_the_ietf() {
        let hf =
            said(&[("ratelimit", r#""api";r=999;t=295"#), ("ratelimit-policy", r#""api";q=9"#)]);
        let untold = Rate { limit: None, ..rate(1, 999, 295.0) };
        assert_eq!(hf.requests, untold);
        let two = said(&[("ratelimit", r#""burst";r=0;t=2, "day";r=900;t=295"#)]);
        assert_eq!(two.requests, Rate { limit: None, ..rate(1, 0, 2.0) });
        let old = said(&[("ratelimit", "limit=100, remaining=50, reset=30")]);
        assert_eq!(old.requests, rate(100, 50, 30.0));
        let older = said(&[
            ("ratelimit-limit", "100, 100;w=60"),
            ("ratelimit-remaining", "5"),
            ("ratelimit-reset", "9"),
        ]);
        assert_eq!(older.requests, rate(100, 5, 9.0));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let none = |limit, left| {
            said(&[("x-ratelimit-limit-tokens", limit), ("x-ratelimit-remaining-tokens", left)])
        };
        assert!(none("-1", "-1").is_empty());
        assert!(none("unlimited", "unlimited").is_empty());
        assert_eq!(none("100", "-7").tokens, unset(100, 0), "debt");
        assert_eq!(none("100", "0.6").tokens, unset(100, 0));
        assert!(none("0", "0").is_empty());
    }
}
