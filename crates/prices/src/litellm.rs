//! LiteLLM's JSON of models, its numbers read from their text.

use std::{collections::BTreeMap, fmt};

use pointsman_cost::{PriceClass, PriceError, PriceKey, Rates, parse_price};
use pointsman_types::Decimal;
use serde_json::value::RawValue;

use crate::{Book, Capability, Mode, ModelFacts, Supports, names, off_peak};

/// Digits behind the point of a price; finer ones are the noise of floats.
const SCALE: u32 = 18;
/// The part of the input's price at which Fireworks bills what it had cached.
const FIREWORKS_CACHED: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

/// A fact that could not be read, and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The model, as the file spells it.
    pub model: String,
    /// The name of the fact; empty when it is all of the model.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.key.is_empty() { "" } else { "." };
        write!(f, "{}{dot}{}: {}", self.model, self.key, self.message)
    }
}

/// Why a text is no price book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub(crate) message: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

pub(crate) fn read(text: &str) -> Result<(Book, Vec<Problem>), ReadError> {
    let file: Members<'_> = serde_json::from_str(text).map_err(|e| ReadError {
        message: format!("a price book is a JSON object of models: {e}"),
    })?;
    let (mut book, mut problems) = (Book::default(), Vec::new());
    for (model, raw) in file.iter().filter(|(model, _)| *model != "sample_spec") {
        let mut entry = Entry { model, facts: ModelFacts::default(), problems: &mut problems };
        let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else {
            entry.problem("", "a model must be an object");
            continue;
        };
        let provider = members.get("litellm_provider").and_then(|raw| string(raw));
        entry.read(&members, provider.as_deref().map_or("", names::vendor));
        let facts = entry.facts;
        let (key, prefixed) = key(model, provider.as_deref());
        // `vertex_ai/x` stands before a bare `x` of the same vendor.
        if prefixed || !book.models.contains_key(&key) {
            book.models.insert(key, facts);
        }
    }
    Ok((book, problems))
}

/// The name of a model in a [`Book`], and whether the file spells the vendor before it.
fn key(model: &str, provider: Option<&str>) -> (String, bool) {
    let model = model.to_ascii_lowercase();
    let Some(provider) = provider.map(str::to_ascii_lowercase) else {
        return (format!("/{model}"), true);
    };
    let vendor = names::vendor(&provider);
    let bare = [provider.as_str(), vendor]
        .into_iter()
        .find_map(|prefix| model.strip_prefix(prefix)?.strip_prefix('/'));
    (format!("{vendor}/{}", bare.unwrap_or(&model)), bare.is_some())
}

struct Entry<'a> {
    model: &'a str,
    facts: ModelFacts,
    problems: &'a mut Vec<Problem>,
}

impl Entry<'_> {
    fn problem(&mut self, key: &str, message: impl Into<String>) {
        let (model, message) = (self.model.to_owned(), message.into());
        self.problems.push(Problem { model, key: key.to_owned(), message });
    }

    fn read(&mut self, members: &Members<'_>, vendor: &str) {
        let mut supports = Vec::new();
        for (key, raw) in members {
            if let Some(capability) = key.strip_prefix("supports_").and_then(Capability::named) {
                match raw.get() {
                    "true" => supports.push(capability),
                    "false" | "null" => {}
                    _ => self.problem(key, "must be true or false"),
                }
            } else {
                self.rate(key, raw);
            }
        }
        self.facts.supports = Supports::from_iter(supports);
        self.facts.mode =
            members.get("mode").and_then(|raw| string(raw)).and_then(|name| Mode::named(&name));
        let legacy = self.count(members, "max_tokens");
        self.facts.max_input_tokens = self.count(members, "max_input_tokens").or(legacy);
        self.facts.max_output_tokens = self.count(members, "max_output_tokens");
        if let Some(raw) = members.get("search_context_cost_per_query") {
            self.searches(raw);
        }
        if let Some(raw) = members.get("tiered_pricing") {
            self.tiers(raw);
        }
        if let Some(raw) = members.get("off_peak_pricing") {
            self.off_peak(raw);
        }
        self.complete(vendor);
    }

    fn off_peak(&mut self, raw: &RawValue) {
        const NAME: &str = "off_peak_pricing";
        let members = match serde_json::from_str::<Option<Members<'_>>>(raw.get()) {
            Ok(Some(members)) => members,
            Ok(None) => return,
            Err(_) => return self.problem(NAME, "must be an object"),
        };
        match off_peak::read(&members) {
            Ok(mut off_peak) if !off_peak.hours.is_empty() => {
                let rates = self.base_rates(NAME, &members);
                off_peak.rates = rates.iter().map(|(key, rate)| (key.class, rate)).collect();
                self.facts.rates.off_peak = Some(Box::new(off_peak));
            }
            Ok(_) => {}
            Err(why) => self.problem(NAME, why),
        }
    }

    /// The base rates among the members of the fact called `within`.
    fn base_rates(&mut self, within: &str, members: &Members<'_>) -> Rates {
        let mut rates = Rates::default();
        for (name, raw) in members {
            let Some(key) = PriceKey::parse(name).filter(|key| *key == key.class.into()) else {
                continue;
            };
            match price(raw) {
                Ok(Some(rate)) => rates.set(key, rate),
                Ok(None) => {}
                Err(why) => self.problem(&format!("{within}.{name}"), why.to_string()),
            }
        }
        rates
    }

    /// What follows from the vendor and the mode.
    fn complete(&mut self, vendor: &str) {
        let rates = &mut self.facts.rates;
        rates.inclusive = names::inclusive(vendor);
        let input = rates.get(PriceClass::Input);
        if self.facts.mode.is_some_and(Mode::answers_without_tokens)
            && input.is_some()
            && rates.get(PriceClass::Output).is_none()
        {
            rates.set(PriceClass::Output, Decimal::ZERO);
        }
        if vendor == "fireworks_ai"
            && rates.get(PriceClass::CacheRead).is_none()
            && let Some(half) = input.and_then(|input| input.checked_mul(FIREWORKS_CACHED))
        {
            rates.set(PriceClass::CacheRead, half.round_dp(SCALE).normalize());
        }
    }

    fn rate(&mut self, name: &str, raw: &RawValue) {
        let Some(key) = PriceKey::parse(name) else { return };
        match price(raw) {
            Ok(Some(rate)) => self.facts.rates.set(key, rate),
            Ok(None) => {}
            Err(why) => self.problem(name, why.to_string()),
        }
    }

    fn searches(&mut self, raw: &RawValue) {
        const NAME: &str = "search_context_cost_per_query";
        match serde_json::from_str::<Option<Members<'_>>>(raw.get()) {
            Ok(sizes) => sizes.iter().flatten().for_each(|(name, raw)| self.rate(name, raw)),
            Err(_) => self.problem(NAME, "must be an object of prices by size"),
        }
    }

    /// A table of prices by length stands in place of all base prices.
    fn tiers(&mut self, raw: &RawValue) {
        const NAME: &str = "tiered_pricing";
        let rows = match serde_json::from_str::<Option<Vec<Members<'_>>>>(raw.get()) {
            Ok(rows) => rows.unwrap_or_default(),
            Err(_) => return self.problem(NAME, "must be a list of objects"),
        };
        let mut table = Rates::default();
        for row in &rows {
            let range =
                row.get("range").map(|raw| serde_json::from_str::<[&RawValue; 2]>(raw.get()));
            let Some(Ok([from, _])) = range else {
                // Other tables go by something else than the prompt's length.
                continue;
            };
            let Some(above) = whole(from) else {
                self.problem(NAME, "a range must begin with a whole number of tokens");
                continue;
            };
            self.tier(row, above, &mut table);
        }
        for (key, rate) in table.iter() {
            self.facts.rates.set(key, rate);
        }
    }

    fn tier(&mut self, row: &Members<'_>, above: u64, table: &mut Rates) {
        let own = self.base_rates("tiered_pricing", row);
        table.set_tier(above, &own);
    }

    fn count(&mut self, members: &Members<'_>, key: &str) -> Option<u64> {
        let raw = members.get(key)?;
        let count = whole(raw);
        if count.is_none() && raw.get() != "null" {
            self.problem(key, "must be a whole number of tokens");
        }
        count
    }
}

/// A price as a number or as a number's text; `None` for null.
fn price(raw: &RawValue) -> Result<Option<Decimal>, PriceError> {
    let text = match string(raw) {
        Some(text) => text,
        None if raw.get() == "null" => return Ok(None),
        None => raw.get().to_owned(),
    };
    match parse_price(&text) {
        Err(PriceError::TooFine) => {
            let fine = Decimal::from_scientific(text.trim())
                .or_else(|_| Decimal::from_str_exact(text.trim()))
                .map_err(|_| PriceError::NotANumber)?;
            Ok(Some(fine.round_dp(SCALE).normalize()))
        }
        other => other.map(Some),
    }
}

/// A whole number, which may be written as a float or as text.
fn whole(raw: &RawValue) -> Option<u64> {
    let count = price(raw).ok()??;
    if count.is_integer() { u64::try_from(count).ok() } else { None }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
