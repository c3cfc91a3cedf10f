//! What a call is expected to use, before it has.

/// What is reserved where neither the caller, the group's past nor the model says less.
const FIRST_OUTPUT: u64 = 1_024;

/// The calls that a [`MovingAverage`] looks back on, about.
const SPAN: u32 = 50;

/// Whether an estimate is so near to what is left of a limit that the real count matters: the two
/// differ by at most 20 % of what is left.
///
/// ```
/// use pointsman_provider::near;
/// assert!(near(80, 100) && near(120, 100));
/// assert!(!near(79, 100) && !near(121, 100));
/// ```
pub fn near(estimate: u64, left: u64) -> bool {
    u128::from(estimate.abs_diff(left)) * 5 <= u128::from(left)
}

/// The tokens an answer is expected to have: 1.2 times the group's moving average, and no more
/// than the caller's `max_tokens`.
///
/// Without an average it is `max_tokens`; with neither, the model's `max_output_tokens`, at most
/// 1,024.
///
/// ```
/// use pointsman_provider::output_estimate;
/// assert_eq!(output_estimate(Some(500), Some(100.0), None), 120);
/// assert_eq!(output_estimate(Some(50), Some(100.0), None), 50);
/// assert_eq!(output_estimate(None, None, Some(4_096)), 1_024);
/// ```
pub fn output_estimate(
    max_tokens: Option<u64>,
    average: Option<f64>,
    max_output_tokens: Option<u64>,
) -> u64 {
    // Six fifths, not 1.2: a whole average has no rounding to be rounded up.
    let expected = average.filter(|average| average.is_finite()).map(|a| whole(a * 6.0 / 5.0));
    match (max_tokens, expected) {
        (Some(most), Some(expected)) => most.min(expected),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => max_output_tokens.map_or(FIRST_OUTPUT, |most| most.min(FIRST_OUTPUT)),
    }
}

/// Rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float's cast saturates, and less than nothing is nothing"
)]
fn whole(tokens: f64) -> u64 {
    tokens.ceil() as u64
}

/// The moving average of a group's output tokens: the plain mean of its first 25 or so calls, then
/// exponentially weighted, so that about the last 50 tell.
///
/// ```
/// use pointsman_provider::MovingAverage;
/// let mut average = MovingAverage::default();
/// assert_eq!(average.value(), None);
/// average.add(100);
/// average.add(200);
/// assert_eq!(average.value(), Some(150.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MovingAverage {
    mean: f64,
    /// At most [`SPAN`]: more makes no difference.
    seen: u32,
}

impl MovingAverage {
    /// Takes the output of one more call.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^53 tokens")]
    pub fn add(&mut self, tokens: u64) {
        self.seen = (self.seen + 1).min(SPAN);
        let weight = (1.0 / f64::from(self.seen)).max(2.0 / f64::from(SPAN + 1));
        self.mean += (tokens as f64 - self.mean) * weight;
    }

    /// The average in tokens; `None` before the first call.
    pub fn value(&self) -> Option<f64> {
        (self.seen > 0).then_some(self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_a_fifth_of_what_is_left() {
        assert!(near(0, 0) && !near(1, 0) && !near(0, 1));
        assert!(near(4, 5) && near(6, 5) && !near(3, 5) && !near(7, 5));
        assert!(near(u64::MAX, u64::MAX) && !near(0, u64::MAX));
    }

    #[test]
    fn an_answer_is_expected_to_be_like_the_last_ones() {
        assert_eq!(output_estimate(None, Some(55.0), Some(10)), 66);
        assert_eq!(output_estimate(None, Some(0.1), None), 1);
        assert_eq!(output_estimate(Some(7), None, Some(3)), 7);
        assert_eq!(output_estimate(None, None, Some(100)), 100);
        assert_eq!(output_estimate(None, None, None), 1_024);
        for odd in [f64::NAN, f64::INFINITY] {
            assert_eq!(output_estimate(Some(9), Some(odd), None), 9);
        }
        assert_eq!(output_estimate(Some(9), Some(f64::MAX), None), 9);
        assert_eq!(output_estimate(Some(9), Some(-1.0), None), 0);
    }

    #[test]
    fn an_average_forgets_what_is_long_past() {
        let mut average = MovingAverage::default();
        (0..20).for_each(|_| average.add(10));
        (0..5).for_each(|_| average.add(110));
        assert!((average.value().unwrap() - 30.0).abs() < 1e-9, "the plain mean");
        (0..150).for_each(|_| average.add(500));
        assert!((average.value().unwrap() - 500.0).abs() < 2.0, "{average:?}");
        average.add(u64::MAX);
        assert!(average.value().unwrap().is_finite());
    }
}
