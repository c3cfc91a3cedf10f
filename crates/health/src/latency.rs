//! How soon a deployment answers, and how fast it writes.

use std::time::Duration;

use pointsman_clock::Instant;

/// What a timeout counts as in the means, in seconds.
const TIMEOUT: f64 = 1_000.0;
/// The least that a failure counts as in the peak-EWMA, in seconds: failing fast is not cheap.
const FAILURE: f64 = 5.0;
/// The most that an upstream's `retry-after` is believed, in seconds.
const ONE_DAY: f64 = 86_400.0;
/// The time in which the peak-EWMA falls to 1 ÷ e.
const DECAY: f64 = 10.0;
/// After this long without a sample the peak-EWMA, down to a twentieth, says nothing any more.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// Samples that a mean is taken over.
const KEPT: usize = 10;

/// What one attempt tells of its deployment's latency.
///
/// What the caller spoilt, refused or left tells nothing and is no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A stream that ended well.
    Stream {
        /// From the send to the first content.
        first: Duration,
        /// From the send to the end.
        total: Duration,
        /// Output tokens, if they are known.
        output: Option<u64>,
    },
    /// An answer in one piece.
    Whole {
        /// From the send to the end.
        total: Duration,
        /// Output tokens, if they are known; 0 for answers that have none, such as embeddings.
        output: Option<u64>,
    },
    /// The deployment did not answer in time.
    Timeout {
        /// Whether the call asked for a stream.
        stream: bool,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Any other failure of the deployment.
    Failure {
        /// How long the upstream asked to stay away.
        retry_after: Option<Duration>,
    },
}

/// Latency estimates of one deployment.
///
/// Calls that stream and calls that do not are told apart throughout, because their latencies are
/// different things; a reader asks in the unit of its own call, and a deployment without a sample
/// in that unit has none. What feeds what:
///
/// | sample | [`ttft`](Self::ttft) | [`per_token`](Self::per_token), [`tokens_per_s`](Self::tokens_per_s) | [`ewma`](Self::ewma) of streams | … of whole answers |
/// |---|---|---|---|---|
/// | stream | `first` | `total`, `output` | `first` | – |
/// | whole | – | `total`, `output` | – | `total` |
/// | timeout of a stream | 1000 s | – | `max(waited, 5 s)` | `max(waited, 5 s)` |
/// | timeout of a whole answer | – | 1000 s a token | `max(waited, 5 s)` | `max(waited, 5 s)` |
/// | other failure | – | – | `max(retry_after, 5 s)` | `max(retry_after, 5 s)` |
///
/// - Of a whole answer the first token is seen with the last: its whole time is its time to first
///   token.
/// - Seconds per token are of the whole call in both cases, the wait for its first token included,
///   or the two could not be compared. An answer without tokens counts as one token; one whose
///   tokens are unknown is no sample of them.
/// - Means are over the last ten samples, as far as they are not older than `ttl`.
/// - The peak-EWMA takes a worse sample at once and a better one by the time since the last:
///   `e^(-t ÷ 10 s)` of the old remains. The same decay applies when it is read, so one failure
///   does not shut a deployment out for ever. After 30 s without a sample it is `None`: a remnant
///   says nothing, and would draw a burst of calls to whoever was idle longest.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_health::{Latency, Sample};
/// use std::time::Duration;
/// let (mut latency, now, hour) = (Latency::default(), Instant::from_secs(60), Duration::from_hours(1));
/// let stream = |ms| Sample::Stream {
///     first: Duration::from_millis(ms),
///     total: Duration::from_secs(4),
///     output: Some(100),
/// };
/// latency.observe(stream(200), now);
/// latency.observe(stream(400), now);
/// assert!((latency.ttft(hour, now).unwrap() - 0.3).abs() < 1e-9);
/// assert!((latency.per_token(hour, now).unwrap() - 0.04).abs() < 1e-6);
/// assert!((latency.tokens_per_s(hour, now).unwrap() - 25.0).abs() < 1e-3);
/// // The worse of the two at once, and a third of it ten seconds later.
/// assert_eq!(latency.ewma(true, now), Some(0.4));
/// assert!(latency.ewma(true, now + Duration::from_secs(10)).unwrap() < 0.15);
/// assert_eq!(latency.ewma(false, now), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    first: Ring<f64>,
    calls: Ring<Written>,
    streams: Peak,
    wholes: Peak,
}

/// What an attempt wrote, and how long it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Written {
    seconds: f64,
    /// None for a timeout.
    tokens: Option<f64>,
}

impl Latency {
    /// Takes a sample in.
    pub fn observe(&mut self, sample: Sample, now: Instant) {
        match sample {
            Sample::Stream { first, total, output } => {
                self.first.push(first.as_secs_f64(), now);
                self.wrote(total, output, now);
                self.streams.observe(first.as_secs_f64(), now);
            }
            Sample::Whole { total, output } => {
                self.wrote(total, output, now);
                self.wholes.observe(total.as_secs_f64(), now);
            }
            Sample::Timeout { stream, waited } => {
                if stream {
                    self.first.push(TIMEOUT, now);
                } else {
                    self.calls.push(Written { seconds: TIMEOUT, tokens: None }, now);
                }
                self.failed(waited, now);
            }
            Sample::Failure { retry_after } => self.failed(retry_after.unwrap_or_default(), now),
        }
    }

    /// Mean time to first token of streams, in seconds.
    pub fn ttft(&self, ttl: Duration, now: Instant) -> Option<f64> {
        mean(self.first.fresh(ttl, now).copied())
    }

    /// Mean seconds per output token.
    pub fn per_token(&self, ttl: Duration, now: Instant) -> Option<f64> {
        mean(self.calls.fresh(ttl, now).map(|call| call.seconds / call.tokens.unwrap_or(1.0)))
    }

    /// Output tokens a second of one call: those of the last ten answers by their time.
    pub fn tokens_per_s(&self, ttl: Duration, now: Instant) -> Option<f64> {
        let calls =
            self.calls.fresh(ttl, now).filter_map(|call| Some((call.tokens?, call.seconds)));
        let (tokens, seconds) =
            calls.fold((0.0, 0.0), |sum, call| (sum.0 + call.0, sum.1 + call.1));
        (seconds > 0.0).then(|| tokens / seconds)
    }

    /// Peak-EWMA of the time to first token, in seconds, of streams or of whole answers.
    pub fn ewma(&self, stream: bool, now: Instant) -> Option<f64> {
        if stream { self.streams.read(now) } else { self.wholes.read(now) }
    }

    /// Forgets everything, as entering a cooldown asks for.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn wrote(&mut self, total: Duration, output: Option<u64>, now: Instant) {
        let Some(output) = output else { return };
        #[expect(clippy::cast_precision_loss, reason = "an estimate; tokens are far below 2^53")]
        let tokens = output.max(1) as f64;
        self.calls.push(Written { seconds: total.as_secs_f64(), tokens: Some(tokens) }, now);
    }

    fn failed(&mut self, cost: Duration, now: Instant) {
        let cost = cost.as_secs_f64().clamp(FAILURE, ONE_DAY);
        self.streams.observe(cost, now);
        self.wholes.observe(cost, now);
    }
}

fn mean(samples: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = samples.fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The last ten samples and their moments.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ring<T> {
    samples: [Option<(Instant, T)>; KEPT],
    /// Where the next one goes.
    next: usize,
}

impl<T: Copy> Ring<T> {
    fn push(&mut self, sample: T, now: Instant) {
        self.samples[self.next] = Some((now, sample));
        self.next = (self.next + 1) % KEPT;
    }

    /// Those that are not older than `ttl`.
    fn fresh(&self, ttl: Duration, now: Instant) -> impl Iterator<Item = &T> {
        let samples = self.samples.iter().flatten();
        samples.filter(move |(at, _)| now.since(*at) <= ttl).map(|(_, sample)| sample)
    }
}

/// A mean that forgets by time and jumps to a worse sample (as in Finagle's load balancer).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Peak {
    /// When the last sample came, and the mean at that moment.
    last: Option<(Instant, f64)>,
}

impl Peak {
    fn observe(&mut self, sample: f64, now: Instant) {
        let Some((at, mean)) = self.last.filter(|(at, _)| now.since(*at) <= FORGOTTEN) else {
            self.last = Some((now, sample));
            return;
        };
        let kept = remains(at, now);
        // Bounded by both, or the rounding of a sum of two products puts it an ulp outside.
        let blend = (mean * kept + sample * (1.0 - kept)).clamp(sample, sample.max(mean));
        self.last = Some((now.max(at), blend));
    }

    fn read(&self, now: Instant) -> Option<f64> {
        let (at, mean) = self.last.filter(|(at, _)| now.since(*at) <= FORGOTTEN)?;
        Some(mean * remains(at, now))
    }
}

fn remains(at: Instant, now: Instant) -> f64 {
    (-now.since(at).as_secs_f64() / DECAY).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(1_000 + seconds)
    }

    fn stream(first: f64) -> Sample {
        let first = Duration::from_secs_f64(first);
        Sample::Stream { first, total: first + SECOND, output: Some(100) }
    }

    fn near(is: Option<f64>, should: f64) -> bool {
        is.is_some_and(|is| (is - should).abs() < 1e-9 * should.max(1.0))
    }

    #[test]
    fn a_mean_is_of_ten_and_of_what_is_fresh() {
        let mut latency = Latency::default();
        assert_eq!(latency.ttft(HOUR, at(0)), None);
        for n in 0..12_u32 {
            latency.observe(stream(f64::from(n)), at(u64::from(n)));
        }
        assert!(near(latency.ttft(HOUR, at(12)), 6.5), "2 to 11");
        assert!(near(latency.ttft(SECOND * 2, at(12)), 10.5), "10 and 11");
        assert!(near(latency.ttft(Duration::ZERO, at(11)), 11.0));
        assert_eq!(latency.ttft(Duration::ZERO, at(12)), None);
        latency.clear();
        assert_eq!(latency, Latency::default());
    }

    #[test]
    fn units_do_not_mix() {
        let mut latency = Latency::default();
        latency.observe(Sample::Whole { total: SECOND * 8, output: Some(400) }, at(0));
        assert_eq!((latency.ttft(HOUR, at(0)), latency.ewma(true, at(0))), (None, None));
        assert!(near(latency.per_token(HOUR, at(0)), 0.02));
        assert!(near(latency.ewma(false, at(0)), 8.0));
        latency.observe(stream(0.5), at(0));
        assert!(near(latency.ttft(HOUR, at(0)), 0.5));
        assert!(near(latency.per_token(HOUR, at(0)), f64::midpoint(0.02, 0.015)));
        assert!(near(latency.tokens_per_s(HOUR, at(0)), 500.0 / 9.5));
        assert!(near(latency.ewma(true, at(0)), 0.5));
        assert!(near(latency.ewma(false, at(0)), 8.0));
    }

    #[test]
    fn answers_without_tokens_are_compared_by_their_time() {
        let mut latency = Latency::default();
        latency.observe(Sample::Whole { total: SECOND, output: None }, at(0));
        assert_eq!(latency.per_token(HOUR, at(0)), None, "unknown is not one");
        latency.observe(Sample::Whole { total: SECOND * 3, output: Some(0) }, at(0));
        assert!(near(latency.per_token(HOUR, at(0)), 3.0));
        let nothing = Sample::Whole { total: Duration::ZERO, output: Some(0) };
        let mut latency = Latency::default();
        latency.observe(nothing, at(0));
        assert!(near(latency.per_token(HOUR, at(0)), 0.0));
        assert_eq!(latency.tokens_per_s(HOUR, at(0)), None);
    }

    #[test]
    fn a_timeout_counts_as_a_thousand_seconds_in_its_own_unit() {
        let mut latency = Latency::default();
        latency.observe(stream(1.0), at(0));
        latency.observe(Sample::Timeout { stream: true, waited: SECOND * 60 }, at(0));
        assert!(near(latency.ttft(HOUR, at(0)), 500.5));
        assert!(near(latency.per_token(HOUR, at(0)), 0.02));
        assert!(near(latency.ewma(true, at(0)), 60.0));
        latency.observe(Sample::Timeout { stream: false, waited: SECOND }, at(0));
        assert!(near(latency.per_token(HOUR, at(0)), 500.01));
        assert!(near(latency.tokens_per_s(HOUR, at(0)), 50.0), "it wrote nothing");
    }

    #[test]
    fn failing_fast_is_not_cheap() {
        let mut latency = Latency::default();
        latency.observe(stream(0.1), at(0));
        latency.observe(Sample::Failure { retry_after: None }, at(0));
        assert!(near(latency.ewma(true, at(0)), 5.0));
        latency.observe(Sample::Failure { retry_after: Some(SECOND * 20) }, at(0));
        assert!(near(latency.ewma(true, at(0)), 20.0));
        assert!(near(latency.ewma(false, at(0)), 20.0));
        assert!(near(latency.ttft(HOUR, at(0)), 0.1));
        latency.observe(Sample::Failure { retry_after: Some(Duration::MAX) }, at(0));
        assert!(near(latency.ewma(true, at(0)), 86_400.0));
    }

    #[test]
    fn the_peak_is_taken_at_once_and_decays_when_read_and_when_written() {
        let mut latency = Latency::default();
        latency.observe(stream(4.0), at(0));
        latency.observe(stream(1.0), at(0));
        assert!(near(latency.ewma(true, at(0)), 4.0), "no time has passed");
        let e = 1.0_f64.exp();
        assert!(near(latency.ewma(true, at(10)), 4.0 / e));
        latency.observe(stream(1.0), at(10));
        assert!(near(latency.ewma(true, at(10)), 4.0 / e + (1.0 - 1.0 / e)));
        latency.observe(stream(9.0), at(10));
        assert!(near(latency.ewma(true, at(10)), 9.0));
        assert!(near(latency.ewma(true, at(3)), 9.0), "an earlier reader sees no more");
        assert!(latency.ewma(true, at(40)).is_some());
        assert_eq!(latency.ewma(true, at(41)), None, "forgotten");
        latency.observe(stream(2.0), at(41));
        assert!(near(latency.ewma(true, at(41)), 2.0));
    }
}
