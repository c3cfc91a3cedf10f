//! Prices by the hour.

use pointsman_clock::Instant;
use pointsman_types::Decimal;

use crate::PriceClass;

const MINUTES: u64 = 24 * 60;

/// Hours of some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hours {
    /// The days on which they count: Monday is the lowest of seven bits.
    pub weekdays: u8,
    /// Hours that the calendar which tells the weekday is ahead of UTC.
    pub ahead: u8,
    /// Their first minute, counted from midnight in UTC.
    pub from: u16,
    /// The first minute that is none of them any more. Hours that end where they begin are all
    /// day, and those that end before it go over midnight.
    pub to: u16,
}

impl Hours {
    /// Every day of the week.
    pub const DAILY: u8 = 0b111_1111;

    /// Whether `at` lies in them.
    ///
    /// ```
    /// use pointsman_clock::Instant;
    /// use pointsman_cost::Hours;
    ///
    /// let night = Hours { weekdays: Hours::DAILY, ahead: 0, from: 23 * 60, to: 60 };
    /// assert!(night.contain(Instant::from_secs(23 * 3_600)));
    /// assert!(night.contain(Instant::from_secs(59 * 60)));
    /// assert!(!night.contain(Instant::from_secs(60 * 60)));
    /// ```
    pub fn contain(&self, at: Instant) -> bool {
        let minutes = at.as_secs() / 60;
        // The first of January 1970 was a Thursday.
        let weekday = ((minutes + u64::from(self.ahead) * 60) / MINUTES + 3) % 7;
        let (minute, from, to) = (minutes % MINUTES, u64::from(self.from), u64::from(self.to));
        let open =
            if from < to { from <= minute && minute < to } else { minute >= from || minute < to };
        open && self.weekdays & (1 << weekday) != 0
    }
}

/// Rates that stand in place of a model's others while some hours last, whatever the length of
/// the prompt and the service tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffPeak {
    /// When.
    pub hours: Vec<Hours>,
    /// US dollars for a unit of some classes; the others keep their rates.
    pub rates: Vec<(PriceClass, Decimal)>,
}

impl OffPeak {
    /// The rate of a class at this moment, if it is off peak and has one.
    pub(crate) fn rate(&self, class: PriceClass, at: Instant) -> Option<Decimal> {
        let (_, rate) = self.rates.iter().find(|(priced, _)| *priced == class)?;
        self.hours.iter().any(|hours| hours.contain(at)).then_some(*rate)
    }
}
