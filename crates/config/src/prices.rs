//! The prices of a `litellm_params` or a `model_info`.

use std::collections::BTreeMap;

use pointsman_types::Decimal;

use crate::{
    Place, PriceSpec, PriceTier, keys,
    read::{Field, Fields, Reading},
};

/// Prices by key.
type Rates = BTreeMap<String, Decimal>;

/// Reads the prices of both; the first that says something of a key counts.
pub(crate) fn read(reading: &mut Reading<'_>, places: [&Fields<'_>; 2]) -> PriceSpec {
    let mut price = PriceSpec::default();
    let mut first: Option<Place> = None;
    for fields in places {
        let mut own = rates(reading, fields);
        own.extend(
            reading.take(fields, "search_context_cost_per_query", searches).unwrap_or_default(),
        );
        let tiers = reading.take(fields, "tiered_pricing", tiers).unwrap_or_default();
        if !own.is_empty() || !tiers.is_empty() {
            let mut priced = fields.iter().filter(|field| is_price(field.key));
            first = first.or_else(|| priced.next().map(|field| field.at));
        }
        for (key, rate) in own {
            price.rates.entry(key).or_insert(rate);
        }
        if price.tiers.is_empty() {
            price.tiers = tiers;
        }
    }
    price.at = first.unwrap_or_default();
    price
}

fn is_price(key: &str) -> bool {
    keys::price_base(key).is_some()
        || matches!(key, "tiered_pricing" | "search_context_cost_per_query")
}

/// The plain rates of a section.
fn rates(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Rates {
    let mut read = Rates::new();
    for field in fields.iter().filter(|field| keys::price_base(field.key).is_some()) {
        if let Some(rate) = reading.take(fields, field.key, Reading::amount) {
            read.insert(field.key.to_owned(), rate);
        }
    }
    read
}

/// Dollars for one web search, by how much context it brings.
fn searches(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Rates> {
    reading.mapping(field, "sizes of context to prices")?;
    let path = "search_context_cost_per_query.";
    let fields = reading.fields(field.node, path, &keys::SEARCH_PRICES)?;
    let mut read = Rates::new();
    for field in fields.iter() {
        let rate = reading.take(&fields, field.key, Reading::amount);
        read.extend(rate.map(|rate| (field.key.to_owned(), rate)));
    }
    Some(read)
}

/// The tiers of a table; they must not overlap.
fn tiers(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Vec<PriceTier>> {
    const LIKE: &str = "tiers, like {range: [0, 256000], input_cost_per_token: 1e-06}";
    let mut read: Vec<PriceTier> = Vec::new();
    for item in reading.list(field, LIKE)? {
        let Some(fields) = reading.fields(item.node, "tiered_pricing.", &keys::PRICE_TIER) else {
            continue;
        };
        if fields.get("range").is_none() {
            reading.error(item.node.at, "tiered_pricing.range is missing");
        }
        let range = reading.take(&fields, "range", range);
        let rates = rates(reading, &fields);
        let Some((from, to)) = range else { continue };
        if read.last().is_some_and(|last| last.to.is_none_or(|end| end > from)) {
            let message = "tiered_pricing.range: it begins before the tier above it ends";
            reading.error(item.node.at, message);
        }
        read.push(PriceTier { from, to, rates });
    }
    Some(read)
}

/// `[from, to]`; the last tier may go without an end.
fn range(reading: &mut Reading<'_>, field: Field<'_>) -> Option<(u64, Option<u64>)> {
    let items = reading.list(field, "two numbers of tokens")?;
    let (from, to) = match items[..] {
        [from] => (reading.whole(from)?, None),
        [from, to] if to.node.is_null() => (reading.whole(from)?, None),
        [from, to] => (reading.whole(from)?, Some(reading.whole(to)?)),
        _ => (0, Some(0)),
    };
    if to.is_some_and(|to: u64| to <= from) {
        let wanted = "two numbers of tokens, the lower one first";
        reading.error(field.node.at, format!("{}: wanted {wanted}", field.name()));
        return None;
    }
    Some((from, to))
}
