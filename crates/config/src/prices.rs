//! The prices of a `litellm_params` or a `model_info`.

use std::collections::BTreeMap;

use pointsman_types::Decimal;

use crate::{
    Place, PriceSpec, PriceTier, keys,
    read::{Field, Fields, Reading},
};

/// Reads the prices of both; the first that says something of a key counts.
pub(crate) fn read(reading: &mut Reading<'_>, places: [&Fields<'_>; 2]) -> PriceSpec {
    let mut price = PriceSpec::default();
    let mut first: Option<Place> = None;
    for fields in places {
        let (rates, at) = rates(reading, fields);
        for (key, rate) in rates {
            price.rates.entry(key).or_insert(rate);
        }
        let tiers = reading.take(fields, "tiered_pricing", tiers).unwrap_or_default();
        if price.tiers.is_empty() {
            price.tiers = tiers;
        }
        let tiers_at = fields.get("tiered_pricing").map(|field| field.at);
        first = first.or(at).or(tiers_at);
    }
    price.at = first.unwrap_or_default();
    price
}

/// The plain rates, and where the first of them stands.
fn rates(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
) -> (BTreeMap<String, Decimal>, Option<Place>) {
    let mut read = BTreeMap::new();
    let mut first = None;
    for field in fields.iter().filter(|field| keys::price_base(field.key).is_some()) {
        if let Some(rate) = reading.take(fields, field.key, Reading::amount) {
            read.insert(field.key.to_owned(), rate);
            first = first.or(Some(field.at));
        }
    }
    (read, first)
}

fn tiers(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Vec<PriceTier>> {
    let path = "tiered_pricing.";
    let mut read: Vec<PriceTier> = Vec::new();
    for item in
        reading.list(field, "tiers, like {range: [0, 256000], input_cost_per_token: 1e-06}")?
    {
        let Some(fields) = reading.fields(item.node, path, &keys::PRICE_TIER) else { continue };
        if fields.get("range").is_none() {
            reading.error(item.node.at, "tiered_pricing.range is missing");
        }
        let range = reading.take(&fields, "range", range);
        let (rates, _) = rates(reading, &fields);
        let Some((from, to)) = range else { continue };
        let last = read.last().map(|tier| tier.to);
        if last.is_some_and(|last| last.is_none_or(|last| last > from)) {
            let message = "tiered_pricing.range: it begins before the tier above it ends";
            reading.error(item.node.at, message);
        }
        read.push(PriceTier { from, to, rates });
    }
    Some(read)
}

/// `[from, to]`; an end that is not there or no number has none.
fn range(reading: &mut Reading<'_>, field: Field<'_>) -> Option<(u64, Option<u64>)> {
    let items = reading.list(field, "two numbers of tokens")?;
    let wanted = "two numbers of tokens, the lower one first";
    let (from, to) = match items[..] {
        [from] => (reading.whole(from)?, None),
        [from, to] if to.node.is_null() => (reading.whole(from)?, None),
        [from, to] => (reading.whole(from)?, Some(reading.whole(to)?)),
        _ => {
            reading.error(field.node.at, format!("{}: wanted {wanted}", field.name()));
            return None;
        }
    };
    if to.is_some_and(|to: u64| to <= from) {
        reading.error(field.node.at, format!("{}: wanted {wanted}", field.name()));
        return None;
    }
    Some((from, to))
}
