//! What a usage costs.

use std::sync::Arc;

use pointsman_clock::Instant;
use pointsman_types::{Decimal, Usage};

use crate::{PriceClass, PriceKey, Rates, ServiceTier};

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
        let sum = Some(Decimal::ZERO);
        let mut bill = Bill { rates: &self.0, terms, prompt: usage.input, sum };
        bill.input(usage);
        bill.output(usage);
        bill.units(usage);
        bill.sum.map_or(Decimal::MAX, |sum| sum.normalize())
    }
}

/// One call's bill, at the rates that apply to it.
struct Bill<'a> {
    rates: &'a Rates,
    terms: &'a Terms,
    prompt: u64,
    /// `None` once no `Decimal` holds it.
    sum: Option<Decimal>,
}

impl Bill<'_> {
    fn input(&mut self, usage: &Usage) {
        use PriceClass::{
            AudioInput, CacheRead, CacheReadAudio, CacheReadImage, CacheWrite, CacheWriteLong,
            Character, ImageInput, ImageRead, Input,
        };
        let mut whole = Part::of(usage.input);
        let mut cached = Part::of(whole.take(usage.cache_read));
        let audio = cached.take(usage.cache_read_audio);
        let image = cached.take(usage.cache_read_image);
        self.add(audio, &[CacheReadAudio, CacheRead, Input]);
        self.add(image, &[CacheReadImage, CacheRead, Input]);
        self.add(cached.left, &[CacheRead, Input]);
        self.add(whole.take(usage.cache_write), &[CacheWrite, Input]);
        self.add(whole.take(usage.cache_write_long), &[CacheWriteLong, CacheWrite, Input]);
        self.add(whole.take(usage.audio_input.saturating_sub(audio)), &[AudioInput, Input]);
        let seen = whole.take(usage.image_input.saturating_sub(image));
        if usage.images_read == 0 || self.rate(ImageRead).is_none() {
            self.add(seen, &[ImageInput, Input]);
        }
        if usage.characters == 0 || self.rate(Character).is_none() {
            self.add(whole.left, &[Input]);
        }
    }

    fn output(&mut self, usage: &Usage) {
        let mut whole = Part::of(usage.output);
        let (reasoned, spoken) = (whole.take(usage.reasoning), whole.take(usage.audio_output));
        let drawn = whole.take(usage.image_output);
        if usage.output == 0 {
            return;
        }
        let plain = self.plain_output();
        if reasoned > 0 {
            self.add_at(reasoned.into(), self.reasoning().or(plain));
        }
        if spoken > 0 {
            self.add_at(spoken.into(), self.rate(PriceClass::AudioOutput).or(plain));
        }
        if drawn > 0 {
            self.add_at(drawn.into(), self.rate(PriceClass::ImageOutput).or(plain));
        }
        self.add_at(whole.left.into(), plain);
    }

    fn units(&mut self, usage: &Usage) {
        self.add(1, &[PriceClass::Request]);
        self.add(usage.images_read, &[PriceClass::ImageRead]);
        self.add(usage.characters, &[PriceClass::Character]);
        self.add(usage.queries, &[PriceClass::Query]);
        let search = match self.terms.search {
            SearchContext::Low => PriceClass::SearchLow,
            SearchContext::Medium => PriceClass::SearchMedium,
            SearchContext::High => PriceClass::SearchHigh,
        };
        self.add(usage.searches, &[search]);
        if usage.images_made > 0 && (usage.output == 0 || self.plain_output().is_none()) {
            // Where nothing is looked at, LiteLLM's `input_cost_per_image` is that of one made.
            let read = (usage.images_read == 0).then_some(PriceClass::ImageRead);
            let classes = [Some(PriceClass::ImageMade), read];
            let rate = classes.into_iter().flatten().find_map(|class| self.rate(class));
            self.add_at(usage.images_made.into(), rate);
        }
        if usage.audio_millis > 0 && (usage.total() == 0 || self.rate(PriceClass::Input).is_none())
        {
            let said = self.rate(PriceClass::SecondOutput).filter(|rate| !rate.is_zero());
            let rate = said.or_else(|| self.rate(PriceClass::SecondInput));
            self.add_at(Decimal::from_i128_with_scale(usage.audio_millis.into(), 3), rate);
        }
    }

    /// Adds so many units at the rate of the first class that has one. What has none is not billed
    /// by: a price that bills by tokens has rates for all of them.
    fn add(&mut self, units: u64, classes: &[PriceClass]) {
        if units > 0 {
            let rate = classes.iter().find_map(|class| self.rate(*class));
            self.add_at(units.into(), rate);
        }
    }

    fn add_at(&mut self, units: Decimal, rate: Option<Decimal>) {
        if let Some(rate) = rate {
            self.sum = self.sum.and_then(|sum| sum.checked_add(units.checked_mul(rate)?));
        }
    }

    fn rate(&self, class: PriceClass) -> Option<Decimal> {
        self.off_peak(class).or_else(|| self.rates.rate(class, self.terms.tier, self.prompt))
    }

    fn off_peak(&self, class: PriceClass) -> Option<Decimal> {
        self.rates.off_peak.as_ref()?.rate(class, self.terms.at?)
    }

    /// An answer's token; images are all that some models answer with.
    fn plain_output(&self) -> Option<Decimal> {
        let text = self.rate(PriceClass::Output);
        text.filter(|rate| !rate.is_zero()).or_else(|| self.rate(PriceClass::ImageOutput)).or(text)
    }

    /// A tier that prices the output, but not reasoning, prices reasoning as output.
    fn reasoning(&self) -> Option<Decimal> {
        let tier = self.terms.tier;
        let own = |class| self.rates.get(PriceKey { class, tier, above: 0 }).is_some();
        if own(PriceClass::Output) && !own(PriceClass::Reasoning) {
            return self.off_peak(PriceClass::Reasoning);
        }
        self.rate(PriceClass::Reasoning)
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
