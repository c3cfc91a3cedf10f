//! A book as compact text.
//!
//! The first line is the date. Each other one has six fields, parted by tabs: vendor, mode, tokens
//! of prompt and answer at most (`128000/16384`), capabilities, rates (`i=25e-7 o=1e-5`), and the
//! models of which all this is known.

use std::{collections::BTreeMap, fmt::Write};

use pointsman_cost::{Hours, OffPeak, PriceClass, PriceKey, Rates, ServiceTier, parse_price};
use pointsman_types::Decimal;

use crate::{Book, Capability, Mode, ModelFacts, ReadError, Supports};

/// Names of the classes, as short as a table of thousands of lines wants them.
const CLASSES: [(PriceClass, &str); 22] = [
    (PriceClass::Input, "i"),
    (PriceClass::CacheRead, "cr"),
    (PriceClass::CacheReadAudio, "cra"),
    (PriceClass::CacheReadImage, "cri"),
    (PriceClass::CacheWrite, "cw"),
    (PriceClass::CacheWriteLong, "cwl"),
    (PriceClass::AudioInput, "ai"),
    (PriceClass::ImageInput, "ii"),
    (PriceClass::ImageRead, "image_read"),
    (PriceClass::Character, "character"),
    (PriceClass::SecondInput, "second_in"),
    (PriceClass::Query, "query"),
    (PriceClass::Request, "request"),
    (PriceClass::Output, "o"),
    (PriceClass::Reasoning, "r"),
    (PriceClass::AudioOutput, "ao"),
    (PriceClass::ImageOutput, "io"),
    (PriceClass::ImageMade, "image_made"),
    (PriceClass::SecondOutput, "second_out"),
    (PriceClass::SearchLow, "search_low"),
    (PriceClass::SearchMedium, "search_medium"),
    (PriceClass::SearchHigh, "search_high"),
];

const TIERS: [(ServiceTier, &str); 6] = [
    (ServiceTier::Standard, ""),
    (ServiceTier::Batch, "@batch"),
    (ServiceTier::Flex, "@flex"),
    (ServiceTier::Balanced, "@balanced"),
    (ServiceTier::Priority, "@priority"),
    (ServiceTier::Ultrafast, "@ultrafast"),
];

/// Behind the rates: a prompt of exactly the length counts as above it.
const INCLUSIVE: &str = "inclusive";
/// Before hours off peak: bits of the weekdays, hours ahead of UTC, first and last minute.
const HOURS: &str = "hours=";
/// Before a rate off peak.
const OFF: &str = "off.";

pub(crate) fn write(book: &Book) -> String {
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (vendor, name, facts) in book.iter() {
        lines.entry(line(vendor, facts)).or_default().push(name);
    }
    let mut text = format!("# as of {}\n", book.date);
    for (line, mut names) in lines {
        names.sort_unstable();
        // Writing to a string does not fail.
        writeln!(text, "{line}\t{}", names.join(" ")).ok();
    }
    text
}

fn line(vendor: &str, facts: &ModelFacts) -> String {
    let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let mode = facts.mode.map_or("", Mode::name);
    let (most_in, most_out) = (count(facts.max_input_tokens), count(facts.max_output_tokens));
    let supports: Vec<_> = facts.supports.iter().map(Capability::name).collect();
    let mut rates: Vec<_> = facts.rates.iter().map(|(key, rate)| one_rate(key, rate)).collect();
    if facts.rates.inclusive {
        rates.push(INCLUSIVE.to_owned());
    }
    if let Some(off_peak) = &facts.rates.off_peak {
        rates.extend(off_peak.hours.iter().map(|hours| {
            let Hours { weekdays, ahead, from, to } = hours;
            format!("{HOURS}{weekdays}/{ahead}/{from}/{to}")
        }));
        let own = off_peak.rates.iter();
        rates.extend(own.map(|(class, rate)| format!("{OFF}{}", one_rate((*class).into(), *rate))));
    }
    format!("{vendor}\t{mode}\t{most_in}/{most_out}\t{}\t{}", supports.join(" "), rates.join(" "))
}

fn one_rate(key: PriceKey, rate: Decimal) -> String {
    let class = CLASSES.iter().find(|(class, _)| *class == key.class).map_or("", |(_, code)| code);
    let tier = TIERS.iter().find(|(tier, _)| *tier == key.tier).map_or("", |(_, code)| code);
    let above = if key.above == 0 { String::new() } else { format!(">{}", key.above) };
    let rate = rate.normalize();
    let scale = if rate.scale() == 0 { String::new() } else { format!("e-{}", rate.scale()) };
    format!("{class}{tier}{above}={}{scale}", rate.mantissa())
}

pub(crate) fn read(text: &str) -> Result<Book, ReadError> {
    let mut book = Book::default();
    for (number, line) in text.lines().enumerate() {
        if let Some(date) = line.strip_prefix("# as of ") {
            date.clone_into(&mut book.date);
            continue;
        }
        let wrong = || ReadError { message: format!("line {}: no line of models", number + 1) };
        let mut fields = line.split('\t');
        let mut next = || fields.next().ok_or_else(wrong);
        let (vendor, mode, most) = (next()?, next()?, next()?);
        let (supports, rates, names) = (next()?, next()?, next()?);
        let facts = facts(mode, most, supports, rates).ok_or_else(wrong)?;
        for name in names.split(' ') {
            book.models.insert(format!("{vendor}/{name}"), facts.clone());
        }
    }
    Ok(book)
}

fn facts(mode: &str, most: &str, supports: &str, rates: &str) -> Option<ModelFacts> {
    let count = |text: &str| match text {
        "" => Some(None),
        _ => text.parse().ok().map(Some),
    };
    let (most_in, most_out) = most.split_once('/')?;
    Some(ModelFacts {
        rates: read_rates(rates)?,
        mode: if mode.is_empty() { None } else { Some(Mode::named(mode)?) },
        max_input_tokens: count(most_in)?,
        max_output_tokens: count(most_out)?,
        supports: words(supports).map(Capability::named).collect::<Option<Supports>>()?,
    })
}

fn read_rates(text: &str) -> Option<Rates> {
    let (mut rates, mut off_peak) = (Rates::default(), OffPeak::default());
    for word in words(text) {
        if word == INCLUSIVE {
            rates.inclusive = true;
        } else if let Some(hours) = word.strip_prefix(HOURS) {
            off_peak.hours.push(read_hours(hours)?);
        } else if let Some(rate) = word.strip_prefix(OFF) {
            let (key, rate) = read_rate(rate)?;
            off_peak.rates.push((key.class, rate));
        } else {
            let (key, rate) = read_rate(word)?;
            rates.set(key, rate);
        }
    }
    rates.off_peak = Some(off_peak).filter(|some| !some.hours.is_empty()).map(Box::new);
    Some(rates)
}

fn read_hours(text: &str) -> Option<Hours> {
    let mut numbers = text.split('/').map(str::parse::<u16>);
    let mut next = || numbers.next()?.ok();
    let (weekdays, ahead) = (u8::try_from(next()?).ok()?, u8::try_from(next()?).ok()?);
    Some(Hours { weekdays, ahead, from: next()?, to: next()? })
}

fn read_rate(word: &str) -> Option<(PriceKey, Decimal)> {
    let (key, rate) = word.split_once('=')?;
    let (key, above) = match key.split_once('>') {
        Some((key, above)) => (key, above.parse().ok()?),
        None => (key, 0),
    };
    let at = key.find('@').unwrap_or(key.len());
    let (class, _) = CLASSES.into_iter().find(|(_, code)| *code == &key[..at])?;
    let (tier, _) = TIERS.into_iter().find(|(_, code)| *code == &key[at..])?;
    Some((PriceKey { class, tier, above }, parse_price(rate).ok()?))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}
