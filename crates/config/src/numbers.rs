//! Further readers: numbers within bounds, budgets' durations, times of day, mappings.

use std::time::Duration;

use pointsman_types::Decimal;

use crate::{
    BudgetDuration, BudgetUnit,
    read::{Field, Given, Reading},
    tree::Entry,
};

impl Reading<'_> {
    /// A whole number above zero.
    pub(crate) fn above_zero<T>(&mut self, field: Field<'_>) -> Option<T>
    where
        T: TryFrom<Decimal> + Default + PartialEq,
    {
        let number: T = self.whole(field)?;
        if number == T::default() {
            self.wrong(field, "a whole number above zero");
            return None;
        }
        Some(number)
    }

    /// A number from `least` to `most`, not exact.
    pub(crate) fn real(
        &mut self,
        field: Field<'_>,
        (least, most): (u32, u32),
        wanted: &str,
    ) -> Option<f64> {
        let number = self.amount(field)?;
        let within = (Decimal::from(least)..=Decimal::from(most)).contains(&number);
        let real = number.to_string().parse().ok().filter(|_| within);
        if real.is_none() {
            self.wrong(field, wanted);
        }
        real
    }

    /// How long a budget lasts.
    pub(crate) fn budget_duration(&mut self, field: Field<'_>) -> Option<BudgetDuration> {
        const WANTED: &str = "a whole number and a unit: s, m, h, d, w or mo, like 1d or 1mo";
        let text = self.text(field)?;
        let duration = budget_duration(text.text.trim());
        if duration.is_none() {
            self.wrong(field, WANTED);
        }
        duration
    }

    /// `HH:MM`: the time since midnight.
    pub(crate) fn time_of_day(&mut self, field: Field<'_>) -> Option<Duration> {
        let text = self.text(field)?;
        let time = time_of_day(text.text.trim());
        if time.is_none() {
            self.wrong(field, "a time of day in UTC, in quotes, like \"06:30\"");
        }
        time
    }

    /// The entries of a mapping; null is an empty one.
    pub(crate) fn mapping<'t>(&mut self, field: Field<'t>, of: &str) -> Option<&'t [Entry]> {
        if field.node.is_null() {
            return Some(&[]);
        }
        let entries = field.node.entries();
        if entries.is_none() {
            self.wrong(field, &format!("a mapping of {of}"));
        }
        entries
    }

    /// A text or a list of texts.
    pub(crate) fn text_or_texts(&mut self, field: Field<'_>) -> Option<Vec<Given>> {
        if field.node.is_list() {
            return self.texts(field);
        }
        Some(vec![self.text(field)?])
    }
}

/// LiteLLM's words and units; a number alone is seconds.
fn budget_duration(text: &str) -> Option<BudgetDuration> {
    const LONGEST: u64 = 10 * 366 * 24 * 3600;
    let text = match text.to_ascii_lowercase().as_str() {
        "hourly" => "1h",
        "daily" => "24h",
        "weekly" => "7d",
        "monthly" => "30d",
        _ => text,
    };
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (amount, unit) = text.split_at(split);
    let (unit, seconds) = match unit.trim_start() {
        "" | "s" => (BudgetUnit::Second, 1),
        "m" => (BudgetUnit::Minute, 60),
        "h" => (BudgetUnit::Hour, 3600),
        "d" => (BudgetUnit::Day, 24 * 3600),
        "w" => (BudgetUnit::Week, 7 * 24 * 3600),
        "mo" => (BudgetUnit::Month, 30 * 24 * 3600),
        _ => return None,
    };
    let amount: u32 = amount.parse().ok().filter(|&amount| amount > 0)?;
    (u64::from(amount) * seconds <= LONGEST).then_some(BudgetDuration { amount, unit })
}

fn time_of_day(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: u64| -> Option<u64> {
        let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|&number| two && number < below)
    };
    let minutes = number(hours, 24)? * 60 + number(minutes, 60)?;
    Some(Duration::from_secs(minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_last_calendar_units() {
        let read = |text| budget_duration(text).map(|one| one.to_string());
        for (text, same) in [
            ("30", "30s"),
            ("30s", "30s"),
            ("5m", "5m"),
            ("1h", "1h"),
            ("1 d", "1d"),
            ("2w", "2w"),
            ("1mo", "1mo"),
            ("120mo", "120mo"),
            ("Monthly", "30d"),
            ("daily", "24h"),
        ] {
            assert_eq!(read(text).as_deref(), Some(same), "{text}");
        }
        for text in ["", "d", "0d", "1.5d", "-1d", "1y", "1d12h", "200mo", "4294967296s", "1M"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_has_four_digits() {
        assert_eq!(time_of_day("00:00"), Some(Duration::ZERO));
        assert_eq!(time_of_day("23:59"), Some(Duration::from_mins(23 * 60 + 59)));
        for text in ["24:00", "12:60", "7:30", "0730", "12:3", "12:300", "-1:00", "+1:00", ""] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
    }
}
