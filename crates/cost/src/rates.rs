//! The prices that are known of a model, complete or not.

use std::sync::Arc;

use pointsman_types::Decimal;

use crate::{OffPeak, Price, PriceClass, PriceKey, ServiceTier};

/// US dollars for one unit of each class that has a price; what is missing is unknown, not zero.
///
/// [`price`](Self::price) makes a [`Price`] of it, when enough is known to bill a call.
///
/// ```
/// use pointsman_cost::{PriceClass, PriceKey, Rates, parse_price};
///
/// let mut rates = Rates::default();
/// rates.set(PriceClass::Input, parse_price("1.25e-06")?);
/// assert!(rates.price().is_none());
/// rates.set(PriceClass::Output, parse_price("1e-05")?);
/// rates.set(PriceKey::parse("input_cost_per_token_flex").unwrap(), parse_price("6.25e-07")?);
/// assert!(rates.price().is_some());
/// # Ok::<(), pointsman_cost::PriceError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Sorted by key, each once.
    sorted: Vec<(PriceKey, Decimal)>,
    /// Whether a prompt of exactly the length is priced as one above it.
    pub inclusive: bool,
    /// What is cheaper at some hours.
    pub off_peak: Option<Box<OffPeak>>,
}

impl Rates {
    /// Sets one rate, or replaces it. A negative one counts as zero.
    pub fn set(&mut self, key: impl Into<PriceKey>, rate: Decimal) {
        let (key, rate) = (key.into(), rate.max(Decimal::ZERO));
        match self.sorted.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => self.sorted[at].1 = rate,
            Err(at) => self.sorted.insert(at, (key, rate)),
        }
    }

    /// Sets the rates of prompts above a length from a row of a table of them. A rate that the row
    /// lacks is that row's input, or its output; a row without output has the model's, and one
    /// without input is none.
    ///
    /// ```
    /// use pointsman_cost::{PriceClass, Rates, Terms, parse_price};
    /// use pointsman_types::Usage;
    ///
    /// let mut row = Rates::default();
    /// row.set(PriceClass::Input, parse_price("2e-06")?);
    /// row.set(PriceClass::Output, parse_price("8e-06")?);
    /// let mut rates = Rates::default();
    /// rates.set_tier(0, &row);
    /// row.set(PriceClass::Input, parse_price("4e-06")?);
    /// rates.set_tier(1_000, &row);
    ///
    /// let price = rates.price().unwrap();
    /// assert_eq!(price.of(&Usage::text(1_000, 1), &Terms::default()), parse_price("0.002008")?);
    /// assert_eq!(price.of(&Usage::text(1_001, 1), &Terms::default()), parse_price("0.004012")?);
    /// # Ok::<(), pointsman_cost::PriceError>(())
    /// ```
    pub fn set_tier(&mut self, above: u64, row: &Self) {
        let Some(input) = row.get(PriceClass::Input) else { return };
        let output = row.get(PriceClass::Output);
        let write = row.get(PriceClass::CacheWrite).unwrap_or(input);
        let rates = [
            (PriceClass::Input, Some(input)),
            (PriceClass::Output, output),
            (PriceClass::CacheRead, row.get(PriceClass::CacheRead).or(Some(input))),
            (PriceClass::CacheWrite, Some(write)),
            (PriceClass::CacheWriteLong, row.get(PriceClass::CacheWriteLong).or(Some(write))),
            (PriceClass::Reasoning, row.get(PriceClass::Reasoning).or(output)),
        ];
        for (class, rate) in rates {
            if let Some(rate) = rate {
                self.set(PriceKey { above, ..class.into() }, rate);
            }
        }
    }

    /// One rate as it was set, without fall backs.
    pub fn get(&self, key: impl Into<PriceKey>) -> Option<Decimal> {
        let key = key.into();
        let at = self.sorted.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(self.sorted[at].1)
    }

    /// All rates, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (PriceKey, Decimal)> {
        self.sorted.iter().copied()
    }

    /// Whether no rate is set.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// These rates where `own` says nothing, as a configuration overrides a price book.
    ///
    /// A base price of `own` for input tokens stands for all of the input: no cache, audio, tier or
    /// length of these stays beside it, for their prices belong to the price that it replaces. So
    /// for output. The hours of these stay only where neither is replaced. Any other rate of `own` replaces just the one with its key.
    ///
    /// ```
    /// use pointsman_cost::{PriceClass, Rates, parse_price};
    ///
    /// let mut book = Rates::default();
    /// book.set(PriceClass::Input, parse_price("2e-06")?);
    /// book.set(PriceClass::CacheRead, parse_price("1e-06")?);
    /// book.set(PriceClass::Output, parse_price("8e-06")?);
    /// let mut own = Rates::default();
    /// own.set(PriceClass::Input, parse_price("5e-07")?);
    ///
    /// let both = book.overridden_by(&own);
    /// assert_eq!(both.get(PriceClass::Input), Some(parse_price("5e-07")?));
    /// assert_eq!(both.get(PriceClass::CacheRead), None);
    /// assert_eq!(both.get(PriceClass::Output), Some(parse_price("8e-06")?));
    /// # Ok::<(), pointsman_cost::PriceError>(())
    /// ```
    #[must_use]
    pub fn overridden_by(&self, own: &Self) -> Self {
        let replaced = |base: PriceClass| own.get(base).is_some();
        let (input, output) = (replaced(PriceClass::Input), replaced(PriceClass::Output));
        let mut all = self.clone();
        all.sorted.retain(|(key, _)| !(if key.class.is_input() { input } else { output }));
        for (key, rate) in own.iter() {
            all.set(key, rate);
        }
        if own.off_peak.is_some() || input || output {
            all.off_peak.clone_from(&own.off_peak);
        }
        all
    }

    /// A price, if enough is known. Of a model that bills tokens that is both the input's and the
    /// output's, where other units of what is sent may stand in for the input's tokens, and an
    /// image's tokens or an image made for the output's. Of any other it is the price of one unit.
    pub fn price(&self) -> Option<Price> {
        let has = |class: PriceClass| self.get(class).is_some();
        let sent = [
            PriceClass::Character,
            PriceClass::SecondInput,
            PriceClass::SecondOutput,
            PriceClass::ImageRead,
            PriceClass::Query,
        ];
        let made = [PriceClass::Request, PriceClass::ImageMade];
        let known = match (has(PriceClass::Input), has(PriceClass::Output)) {
            (true, true) => true,
            (true, false) => has(PriceClass::ImageOutput) || has(PriceClass::ImageMade),
            (false, true) => sent.into_iter().any(has),
            (false, false) => sent.into_iter().chain(made).any(has),
        };
        known.then(|| Price::from_rates(Arc::new(self.clone())))
    }

    /// The rate of a class for a prompt of this length in a tier: at the highest length crossed
    /// that has one, else the base; in the tier, else standard.
    ///
    /// A batch whose tier has a base of its own is priced by the batch's rates alone.
    pub(crate) fn rate(
        &self,
        class: PriceClass,
        tier: ServiceTier,
        prompt: u64,
    ) -> Option<Decimal> {
        let alone =
            tier == ServiceTier::Batch && self.get(PriceKey { class, tier, above: 0 }).is_some();
        let mut best: Option<(u64, bool, Decimal)> = None;
        // They are few: a look at each is cheaper than a search.
        for (key, rate) in self.sorted.iter().filter(|(key, _)| key.class == class) {
            let own = key.tier == tier;
            if !own && (alone || key.tier != ServiceTier::Standard)
                || !self.crossed(key.above, prompt)
            {
                continue;
            }
            if best.is_none_or(|(above, better, _)| (key.above, own) > (above, better)) {
                best = Some((key.above, own, *rate));
            }
        }
        best.map(|(_, _, rate)| rate)
    }

    fn crossed(&self, above: u64, prompt: u64) -> bool {
        above == 0 || prompt > above || (self.inclusive && prompt == above)
    }
}
