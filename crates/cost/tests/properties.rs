//! Costs worked out by hand, and what holds for every usage.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pointsman_cost::{Price, PriceError, parse_price};
use pointsman_types::{Decimal, Usage};
use proptest::prelude::*;

fn dollars(text: &str) -> Decimal {
    parse_price(text).unwrap()
}

fn claude() -> Price {
    Price {
        cache_read: Some(dollars("3e-07")),
        cache_write: Some(dollars("3.75e-06")),
        cache_write_long: Some(dollars("6e-06")),
        ..Price::new(dollars("3e-06"), dollars("1.5e-05"))
    }
}

#[test]
fn worked_out_by_hand() {
    let plain = Price::new(dollars("2.5e-06"), dollars("1e-05"));
    assert_eq!(plain.of(&Usage::text(1_000, 500)), dollars("0.0075"));

    // 100 × 3e-6 + 5,000 × 3e-7 + 2,000 × 3.75e-6 + 300 × 1.5e-5
    let mut usage = Usage::text(7_100, 300);
    (usage.cache_read, usage.cache_write) = (5_000, 2_000);
    assert_eq!(claude().of(&usage), dollars("0.0138"));

    // 100 × 3e-6 + 1,000 × 3.75e-6 + 2,000 × 6e-6 + 300 × 1.5e-5
    let mut usage = Usage::text(3_100, 300);
    (usage.cache_write, usage.cache_write_long) = (1_000, 2_000);
    assert_eq!(claude().of(&usage), dollars("0.02055"));

    // 1,000 × 4e-7 + 800 × 4e-6 + 200 × 1.2e-6
    let reasoning = Some(dollars("4e-06"));
    let qwen = Price { reasoning, ..Price::new(dollars("4e-07"), dollars("1.2e-06")) };
    let mut usage = Usage::text(1_000, 1_000);
    usage.reasoning = 800;
    assert_eq!(qwen.of(&usage), dollars("0.00384"));
}

#[test]
fn details_that_contradict_the_whole_are_cut() {
    let mut usage = Usage::text(7, 0);
    (usage.cache_read, usage.audio_input) = (163, 50);
    assert_eq!(claude().of(&usage), dollars("3e-07") * Decimal::from(7));
}

#[test]
fn unreadable_prices() {
    for text in ["", "free", "NaN", "inf", "1e999", "0x1", "1_0e", "--1"] {
        assert_eq!(parse_price(text), Err(PriceError::NotANumber), "{text}");
    }
    assert_eq!(parse_price("1e-19"), Err(PriceError::TooFine));
    assert_eq!(parse_price("-0"), Ok(Decimal::ZERO));
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0_u64..2_000_000, Just(u64::MAX)]
}

fn usage() -> impl Strategy<Value = Usage> {
    prop::array::uniform8(tokens()).prop_map(|n| {
        let mut usage = Usage::text(n[0], n[1]);
        (usage.cache_read, usage.cache_write, usage.cache_write_long) = (n[2], n[3], n[4]);
        (usage.reasoning, usage.audio_input, usage.audio_output) = (n[5], n[6], n[7]);
        usage
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn a_cost_is_between_the_cheapest_and_the_dearest_class(usage in usage()) {
        let cost = claude().of(&usage);
        let bound = |input: &str, output: &str| {
            Decimal::from(usage.input) * dollars(input) + Decimal::from(usage.output) * dollars(output)
        };
        prop_assert!(cost >= bound("3e-07", "1.5e-05"));
        prop_assert!(cost <= bound("6e-06", "1.5e-05"));
    }

    #[test]
    fn one_flat_rate_prices_every_detail_alike(usage in usage()) {
        let flat = Price::new(dollars("2e-06"), dollars("8e-06"));
        prop_assert_eq!(flat.of(&usage), flat.of(&Usage::text(usage.input, usage.output)));
    }

    #[test]
    fn more_tokens_never_cost_less(input in 0_u64..1_000_000, output in 0_u64..1_000_000, more in 0_u64..1_000) {
        let cost = |input, output| claude().of(&Usage::text(input, output));
        prop_assert!(cost(input + more, output) >= cost(input, output));
        prop_assert!(cost(input, output + more) >= cost(input, output));
    }
}
