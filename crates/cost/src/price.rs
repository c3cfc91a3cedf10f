//! What a usage costs.

use std::sync::Arc;

use pointsman_clock::Instant;
use pointsman_types::{Decimal, Usage};

use crate::{PriceClass, Rates, ServiceTier};

/// Under which terms a call was served, where they bear on its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The service tier that served it.
    pub tier: ServiceTier,
    /// How much context its web searches fetched.
    pub search: SearchContext,
    /// When it is billed, for models that are cheaper at some hours; `None` is never off peak.
    pub at: Option<Instant>,
}

impl From<ServiceTier> for Terms {
    fn from(tier: ServiceTier) -> Self {
        Self { tier, ..Self::default() }
    }
}

/// How much context a web search fetches (`search_context_size`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SearchContext {
    /// Little.
    Low,
    /// The usual.
    #[default]
    Medium,
    /// Much.
    High,
}

/// The price of a model's calls: [`Rates`] of which enough is known to bill one. Cheap to clone.
///
/// ```
/// use pointsman_cost::{Price, Terms, parse_price};
/// use pointsman_types::Usage;
///
/// let price = Price::new(parse_price("2.5e-06")?, parse_price("0.00001")?);
/// assert_eq!(price.of(&Usage::text(1_000, 500), &Terms::default()), parse_price("0.0075")?);
/// assert_eq!(price.estimate(1_000, 500), parse_price("0.0075")?);
/// # Ok::<(), pointsman_cost::PriceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price(Arc<Rates>);

impl Price {
    /// A price of plain text: US dollars for a prompt token and for an answer token.
    pub fn new(input: Decimal, output: Decimal) -> Self {
        let mut rates = Rates::default();
        rates.set(PriceClass::Input, input);
        rates.set(PriceClass::Output, output);
        Self::from_rates(Arc::new(rates))
    }

    pub(crate) fn from_rates(rates: Arc<Rates>) -> Self {
        Self(rates)
    }

    /// The rates that it was made of.
    pub fn rates(&self) -> &Rates {
        &self.0
    }

    /// The cost of a plain text of these lengths under the usual terms, in US dollars.
    pub fn estimate(&self, input: u64, output: u64) -> Decimal {
        self.of(&Usage::text(input, output), &Terms::default())
    }

    /// The cost of one call in US dollars, exact and unrounded.
    ///
    /// The length of the prompt decides the tier of the whole call, its answer included. A class
    /// without a rate falls back as [`PriceClass`] says, to the rate that applies in this tier and
    /// at this length; a rate of zero is a price. Details that add up to more than the whole are
    /// cut: what was cached counts first, then audio, then images; of the answer reasoning, audio,
    /// images. A cost that no `Decimal` holds is `Decimal::MAX`.
    pub fn of(&self, usage: &Usage, terms: &Terms) -> Decimal {
        let at = At { rates: &self.0, terms, prompt: usage.input };
        let mut bill = Bill(Some(Decimal::ZERO));
        input(&at, usage, &mut bill);
        output(&at, usage, &mut bill);
        units(&at, usage, &mut bill);
        bill.0.map_or(Decimal::MAX, |sum| sum.normalize())
    }
}

/// The rates as they apply to one call.
struct At<'a> {
    rates: &'a Rates,
    terms: &'a Terms,
    prompt: u64,
}

impl At<'_> {
    fn rate(&self, class: PriceClass) -> Option<Decimal> {
        self.off_peak(class).or_else(|| self.rates.rate(class, self.terms.tier, self.prompt))
    }

    fn off_peak(&self, class: PriceClass) -> Option<Decimal> {
        self.rates.off_peak.as_ref()?.rate(class, self.terms.at?)
    }

    /// An answer's token; images are all that some models answer with.
    fn output(&self) -> Option<Decimal> {
        self.rate(PriceClass::Output)
            .filter(|rate| !rate.is_zero())
            .or_else(|| self.rate(PriceClass::ImageOutput))
            .or_else(|| self.rate(PriceClass::Output))
    }

    /// A tier that prices the output, but not reasoning, prices reasoning as output.
    fn reasoning(&self) -> Option<Decimal> {
        let own = |class| {
            let tier = self.terms.tier;
            self.rates.get(crate::PriceKey { class, tier, above: 0 }).is_some()
        };
        if own(PriceClass::Output) && !own(PriceClass::Reasoning) {
            return self.off_peak(PriceClass::Reasoning);
        }
        self.rate(PriceClass::Reasoning)
    }
}

/// The sum so far; `None` once no `Decimal` holds it.
struct Bill(Option<Decimal>);

impl Bill {
    /// Adds so many units. What has no rate is not billed by: a price that bills by tokens has
    /// rates for all of them.
    fn add(&mut self, units: u64, rate: Option<Decimal>) {
        self.add_decimal(Decimal::from(units), rate);
    }

    fn add_decimal(&mut self, units: Decimal, rate: Option<Decimal>) {
        if let Some(rate) = rate
            && !units.is_zero()
        {
            self.0 = self.0.and_then(|sum| sum.checked_add(units.checked_mul(rate)?));
        }
    }
}

fn input(at: &At<'_>, usage: &Usage, bill: &mut Bill) {
    let mut whole = Part::of(usage.input);
    let plain = at.rate(PriceClass::Input);
    let read = at.rate(PriceClass::CacheRead).or(plain);
    let write = at.rate(PriceClass::CacheWrite).or(plain);

    let mut cached = Part::of(whole.take(usage.cache_read));
    let (audio, image) = (cached.take(usage.cache_read_audio), cached.take(usage.cache_read_image));
    bill.add(audio, at.rate(PriceClass::CacheReadAudio).or(read));
    bill.add(image, at.rate(PriceClass::CacheReadImage).or(read));
    bill.add(cached.left, read);
    bill.add(whole.take(usage.cache_write), write);
    bill.add(whole.take(usage.cache_write_long), at.rate(PriceClass::CacheWriteLong).or(write));

    let heard = whole.take(usage.audio_input.saturating_sub(audio));
    bill.add(heard, at.rate(PriceClass::AudioInput).or(plain));
    let seen = whole.take(usage.image_input.saturating_sub(image));
    if usage.images_read == 0 || at.rate(PriceClass::ImageRead).is_none() {
        bill.add(seen, at.rate(PriceClass::ImageInput).or(plain));
    }
    if usage.characters == 0 || at.rate(PriceClass::Character).is_none() {
        bill.add(whole.left, plain);
    }
}

fn output(at: &At<'_>, usage: &Usage, bill: &mut Bill) {
    let mut whole = Part::of(usage.output);
    let plain = at.output();
    bill.add(whole.take(usage.reasoning), at.reasoning().or(plain));
    bill.add(whole.take(usage.audio_output), at.rate(PriceClass::AudioOutput).or(plain));
    bill.add(whole.take(usage.image_output), at.rate(PriceClass::ImageOutput).or(plain));
    bill.add(whole.left, plain);
}

fn units(at: &At<'_>, usage: &Usage, bill: &mut Bill) {
    bill.add(1, at.rate(PriceClass::Request));
    bill.add(usage.images_read, at.rate(PriceClass::ImageRead));
    bill.add(usage.characters, at.rate(PriceClass::Character));
    bill.add(usage.queries, at.rate(PriceClass::Query));
    let search = match at.terms.search {
        SearchContext::Low => PriceClass::SearchLow,
        SearchContext::Medium => PriceClass::SearchMedium,
        SearchContext::High => PriceClass::SearchHigh,
    };
    bill.add(usage.searches, at.rate(search));
    if usage.output == 0 || at.output().is_none() {
        bill.add(usage.images_made, at.rate(PriceClass::ImageMade));
    }
    if usage.total() == 0 || at.rate(PriceClass::Input).is_none() {
        let second = at.rate(PriceClass::SecondOutput).filter(|rate| !rate.is_zero());
        let seconds = Decimal::from(usage.audio_millis).checked_mul(Decimal::new(1, 3));
        let rate = second.or_else(|| at.rate(PriceClass::SecondInput));
        bill.add_decimal(seconds.unwrap_or(Decimal::MAX), rate);
    }
}

/// The tokens of a whole that no class has taken yet.
struct Part {
    left: u64,
}

impl Part {
    fn of(tokens: u64) -> Self {
        Self { left: tokens }
    }

    fn take(&mut self, tokens: u64) -> u64 {
        let taken = tokens.min(self.left);
        self.left -= taken;
        taken
    }
}
