//! What is picked from where picks are measured.

use std::sync::Arc;

use pointsman_strategy::{Affinity, Ask, Candidate, NAMES, Pick, SimpleShuffle, builtin};
use pointsman_types::Decimal;

/// Each strategy, and affinity.
pub(crate) fn strategies() -> Vec<(&'static str, Arc<dyn Pick>)> {
    let built = NAMES.iter().filter_map(|name| Some((*name, builtin(name)?)));
    let affinity = Affinity::new(Arc::new(SimpleShuffle), Affinity::BOUND);
    built.chain([("affinity", Arc::new(affinity) as Arc<dyn Pick>)]).collect()
}

/// A streamed call with a key.
pub(crate) fn ask() -> Ask {
    Ask { key: Some(42), stream: true, ..Ask::default() }
}

/// So many members that are all alike: idle, without a sample, a weight or a price.
pub(crate) fn alike(count: u32) -> Vec<Candidate> {
    (0..count).map(Candidate::of).collect()
}

/// So many members under load: all sampled, weighted and priced, no two quite alike.
pub(crate) fn busy(count: u32) -> Vec<Candidate> {
    let member = |ix: u32| {
        // Scattered, so that the best is anywhere.
        let odd = ix.wrapping_mul(0x9e37_79b9) >> 16;
        Candidate::of(ix)
            .weight(1 + odd % 9)
            .in_flight(1 + odd % 31)
            .served(u64::from(odd % 5))
            .ttft(0.1 + f64::from(odd) / 1e5)
            .per_token(0.01 + f64::from(odd) / 1e6)
            .draining(u64::from(odd), 50.0)
            .used(u64::from(odd % 60), u64::from(odd))
            .price(Decimal::new(i64::from(1_000 + odd), 3 + odd % 9))
            .headroom(1.0 / (1.0 + f32::from(u8::try_from(odd % 100).unwrap_or(0))))
    };
    (0..count).map(member).collect()
}
