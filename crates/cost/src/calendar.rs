//! How long a budget lasts, and when it starts again.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use pointsman_clock::Instant;

/// How long spend counts against a budget, read from LiteLLM's `budget_duration`.
///
/// | written | a window |
/// |---|---|
/// | `30`, `30s`, `5m`, `1h` | runs from the first spend for exactly that long |
/// | `1d` | is a day of the calendar |
/// | `7d`, `1w` | is a week of the calendar; it begins on Monday |
/// | `30d`, `1mo` | is a month of the calendar |
/// | `<n>d`, `<n>w`, `<n>mo` | is n days, weeks or months, from the first midnight of the day, week or month in which the first spend fell |
///
/// The calendar is UTC's. That `7d` and `30d` mean the week and the month is LiteLLM's rule for
/// its budgets. `hourly`, `daily`, `weekly` and `monthly` are read too.
///
/// ```
/// use pointsman_cost::BudgetWindow;
///
/// let week: BudgetWindow = "7d".parse()?;
/// assert_eq!(week, "1w".parse()?);
/// assert_eq!(week.to_string(), "1w");
/// assert!("0s".parse::<BudgetWindow>().is_err());
/// # Ok::<(), pointsman_cost::WindowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BudgetWindow {
    count: NonZeroU32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl BudgetWindow {
    /// When the window is over in which the first spend fell at `first`: its first moment that
    /// counts no more. `None` when that lies beyond all time.
    pub fn end(self, first: Instant) -> Option<Instant> {
        let count = self.count.get();
        let seconds = match self.unit {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day | Unit::Week | Unit::Month => return self.calendar_end(first),
        };
        let span = Duration::from_secs(u64::from(count) * seconds);
        let nanos = u64::try_from(span.as_nanos()).ok()?;
        first.as_nanos().checked_add(nanos).map(Instant::from_nanos)
    }

    /// Whether its windows lie fixed in the calendar, spend or no spend.
    pub fn is_calendar(self) -> bool {
        matches!(self.unit, Unit::Day | Unit::Week | Unit::Month)
    }

    fn calendar_end(self, first: Instant) -> Option<Instant> {
        let at = Timestamp::from_second(i64::try_from(first.as_secs()).ok()?).ok()?;
        let day = TimeZone::UTC.to_datetime(at).date();
        let count = i64::from(self.count.get());
        let (start, length) = match self.unit {
            Unit::Month => (day.first_of_month(), Span::new().try_months(count).ok()?),
            Unit::Week => {
                let since = day.weekday().to_monday_zero_offset();
                (day.checked_sub(since.days()).ok()?, Span::new().try_weeks(count).ok()?)
            }
            _ => (day, Span::new().try_days(count).ok()?),
        };
        midnight(start.checked_add(length).ok()?)
    }
}

fn midnight(day: Date) -> Option<Instant> {
    let at = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    let nanos = u64::try_from(at.as_nanosecond()).ok()?;
    Some(Instant::from_nanos(nanos))
}

/// Why a text is no window of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowError;

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a budget's duration must be a whole number above zero and a unit, \
             such as 30s, 5m, 1h, 1d, 7d, 2w, 1mo",
        )
    }
}

impl std::error::Error for WindowError {}

impl FromStr for BudgetWindow {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let text = match text.trim() {
            "hourly" => "1h",
            "daily" => "1d",
            "weekly" => "1w",
            "monthly" => "1mo",
            other => other,
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let count: NonZeroU32 = count.parse().map_err(|_| WindowError)?;
        let one = NonZeroU32::MIN;
        let (count, unit) = match (unit.trim(), count.get()) {
            ("" | "s", _) => (count, Unit::Second),
            ("m", _) => (count, Unit::Minute),
            ("h", _) => (count, Unit::Hour),
            ("d", 7) => (one, Unit::Week),
            ("d", 30) => (one, Unit::Month),
            ("d", _) => (count, Unit::Day),
            ("w", _) => (count, Unit::Week),
            ("mo", _) => (count, Unit::Month),
            _ => return Err(WindowError),
        };
        Ok(Self { count, unit })
    }
}

impl fmt::Display for BudgetWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
        };
        write!(f, "{}{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        let at: Timestamp = text.parse().unwrap();
        Instant::from_nanos(u64::try_from(at.as_nanosecond()).unwrap())
    }

    #[test]
    fn windows_end_where_the_calendar_says() {
        for (window, first, end) in [
            ("30", "2026-03-04T05:06:07.5Z", "2026-03-04T05:06:37.5Z"),
            ("30s", "2026-03-04T05:06:07.5Z", "2026-03-04T05:06:37.5Z"),
            ("5m", "2026-12-31T23:58:00Z", "2027-01-01T00:03:00Z"),
            ("24h", "2026-03-04T05:06:07Z", "2026-03-05T05:06:07Z"),
            ("1d", "2026-03-04T05:06:07Z", "2026-03-05T00:00:00Z"),
            ("daily", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"),
            ("1d", "2026-03-04T23:59:59.999999999Z", "2026-03-05T00:00:00Z"),
            ("3d", "2024-02-28T12:00:00Z", "2024-03-02T00:00:00Z"),
            // 2026-03-04 is a Wednesday.
            ("7d", "2026-03-04T05:06:07Z", "2026-03-09T00:00:00Z"),
            ("1w", "2026-03-09T00:00:00Z", "2026-03-16T00:00:00Z"),
            ("1w", "2026-03-08T23:59:59Z", "2026-03-09T00:00:00Z"),
            ("2w", "2026-03-04T05:06:07Z", "2026-03-16T00:00:00Z"),
            ("30d", "2026-02-11T01:00:00Z", "2026-03-01T00:00:00Z"),
            ("1mo", "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z"),
            ("1mo", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("3mo", "2026-11-30T10:00:00Z", "2027-02-01T00:00:00Z"),
        ] {
            let parsed: BudgetWindow = window.parse().unwrap();
            assert_eq!(parsed.end(at(first)), Some(at(end)), "{window} from {first}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in
            ["", "s", "0s", "0", "-1d", "1.5h", "1y", "1h30m", "4294967296s", "mo", "1 0", "١d"]
        {
            assert_eq!(text.parse::<BudgetWindow>(), Err(WindowError), "{text}");
        }
    }

    #[test]
    fn an_end_beyond_all_time_is_none() {
        let last = Instant::from_nanos(u64::MAX);
        for text in ["1s", "4294967295h", "1d", "4294967295d", "4294967295w", "4294967295mo"] {
            let window: BudgetWindow = text.parse().unwrap();
            assert_eq!(window.end(last), None, "{text}");
        }
    }
}
