//! Costs worked out by hand, and what holds for every usage.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pointsman_clock::Instant;
use pointsman_cost::{
    Hours, OffPeak, Price, PriceClass, PriceError, PriceKey, Rates, SearchContext, ServiceTier,
    Terms, parse_price,
};
use pointsman_types::{Decimal, Usage};
use proptest::prelude::*;

fn dollars(text: &str) -> Decimal {
    parse_price(text).unwrap()
}

fn rates(of: &[(&str, &str)]) -> Rates {
    let mut rates = Rates::default();
    for (key, rate) in of {
        rates.set(PriceKey::parse(key).unwrap(), dollars(rate));
    }
    rates
}

fn price(of: &[(&str, &str)]) -> Price {
    rates(of).price().unwrap()
}

fn usage(of: impl FnOnce(&mut Usage)) -> Usage {
    let mut usage = Usage::default();
    of(&mut usage);
    usage
}

fn cost(price: &Price, usage: &Usage) -> Decimal {
    price.of(usage, &Terms::default())
}

/// Claude's shape: caches, a second length, batches.
fn claude() -> Price {
    price(&[
        ("input_cost_per_token", "3e-06"),
        ("output_cost_per_token", "1.5e-05"),
        ("cache_read_input_token_cost", "3e-07"),
        ("cache_creation_input_token_cost", "3.75e-06"),
        ("cache_creation_input_token_cost_above_1hr", "6e-06"),
        ("input_cost_per_token_above_200k_tokens", "6e-06"),
        ("output_cost_per_token_above_200k_tokens", "2.25e-05"),
        ("cache_read_input_token_cost_above_200k_tokens", "6e-07"),
        ("input_cost_per_token_batches", "1.5e-06"),
        ("output_cost_per_token_batches", "7.5e-06"),
    ])
}

#[test]
fn caches() {
    // 60 × 3e-6 + 4,000 × 3e-7 + 1,000 × 3.75e-6 + 200 × 1.5e-5
    let written = usage(|u| {
        (u.input, u.output, u.cache_read, u.cache_write) = (5_060, 200, 4_000, 1_000);
    });
    assert_eq!(cost(&claude(), &written), dollars("0.00813"));
    // 40 × 3e-6 + 500 × 3.75e-6 + 700 × 6e-6 + 10 × 1.5e-5
    let long = usage(|u| {
        (u.input, u.output, u.cache_write, u.cache_write_long) = (1_240, 10, 500, 700);
    });
    assert_eq!(cost(&claude(), &long), dollars("0.006345"));
    // No rate of its own: an hour costs what five minutes do, and both what input does.
    let bare = price(&[("input_cost_per_token", "3e-06"), ("output_cost_per_token", "0")]);
    assert_eq!(cost(&bare, &long), dollars("0.00372"));
    let short = price(&[
        ("input_cost_per_token", "3e-06"),
        ("output_cost_per_token", "0"),
        ("cache_creation_input_token_cost", "4e-06"),
        ("cache_read_input_token_cost", "0"),
    ]);
    assert_eq!(cost(&short, &long), dollars("0.00492"));
    // Zero is a price: 1,060 × 3e-6, of which 1,000 × 4e-6.
    assert_eq!(cost(&short, &written), dollars("0.00418"));
}

#[test]
fn the_length_of_the_prompt_prices_the_whole_call() {
    let call = |input| usage(|u| (u.input, u.output, u.cache_read) = (input, 1_000, 100_000));
    // 100,000 × 3e-6 + 100,000 × 3e-7 + 1,000 × 1.5e-5
    assert_eq!(cost(&claude(), &call(200_000)), dollars("0.345"));
    // 100,001 × 6e-6 + 100,000 × 6e-7 + 1,000 × 2.25e-5
    assert_eq!(cost(&claude(), &call(200_001)), dollars("0.682506"));
    // What has no rate of that length keeps its base: a write costs 3.75e-6.
    let write = usage(|u| (u.input, u.cache_write) = (250_000, 250_000));
    assert_eq!(cost(&claude(), &write), dollars("0.9375"));
}

#[test]
fn a_length_that_is_met_exactly_may_count_as_crossed() {
    let mut grok = rates(&[
        ("input_cost_per_token", "2e-06"),
        ("output_cost_per_token", "6e-06"),
        ("input_cost_per_token_above_128k_tokens", "4e-06"),
        ("input_cost_per_token_above_512k_tokens", "5e-06"),
        ("output_cost_per_token_above_128k_tokens", "12e-06"),
    ]);
    let at = |rates: &Rates, input| rates.price().unwrap().estimate(input, 1);
    assert_eq!(at(&grok, 128_000), dollars("0.256006"));
    grok.inclusive = true;
    assert_eq!(at(&grok, 127_999), dollars("0.256004"));
    assert_eq!(at(&grok, 128_000), dollars("0.512012"));
    // The highest length wins, class by class.
    assert_eq!(at(&grok, 600_000), dollars("3.000012"));
}

#[test]
fn service_tiers() {
    let gpt = price(&[
        ("input_cost_per_token", "2e-06"),
        ("output_cost_per_token", "8e-06"),
        ("cache_read_input_token_cost", "5e-07"),
        ("output_cost_per_reasoning_token", "9e-06"),
        ("input_cost_per_token_flex", "1e-06"),
        ("input_cost_per_token_priority", "4e-06"),
        ("output_cost_per_token_priority", "1.6e-05"),
        ("input_cost_per_token_above_200k_tokens", "3e-06"),
        ("input_cost_per_token_above_200k_tokens_priority", "6e-06"),
    ]);
    let call = usage(|u| (u.input, u.output, u.cache_read, u.reasoning) = (1_100, 20, 100, 10));
    let of = |tier: ServiceTier, usage: &Usage| gpt.of(usage, &tier.into());
    // 1,000 × 2e-6 + 100 × 5e-7 + 10 × 9e-6 + 10 × 8e-6
    assert_eq!(of(ServiceTier::Standard, &call), dollars("0.00222"));
    // Only the input has a flex price.
    assert_eq!(of(ServiceTier::Flex, &call), dollars("0.00122"));
    // The tier prices output, not reasoning: reasoning is output.
    assert_eq!(of(ServiceTier::Priority, &call), dollars("0.00437"));
    // No batch price: standard, not half of it.
    assert_eq!(of(ServiceTier::Batch, &call), dollars("0.00222"));
    let long = Usage::text(300_000, 0);
    assert_eq!(of(ServiceTier::Priority, &long), dollars("1.8"));
    assert_eq!(of(ServiceTier::Flex, &long), dollars("0.9"));
    // Batches have lengths of their own, or none.
    let batch = claude().of(&Usage::text(300_000, 100), &ServiceTier::Batch.into());
    assert_eq!(batch, dollars("0.45075"));
}

#[test]
fn some_hours_are_cheaper() {
    let mut rates = rates(&[
        ("input_cost_per_token", "4e-07"),
        ("output_cost_per_token", "2e-06"),
        ("output_cost_per_token_priority", "9e-06"),
        ("input_cost_per_token_above_128k_tokens", "5e-07"),
    ]);
    // Nights from Monday to Friday in a calendar eight hours ahead, 10:00 to 01:30 UTC.
    let hours = Hours { weekdays: 0b001_1111, ahead: 8, from: 600, to: 90 };
    let cheap = vec![(PriceClass::Input, dollars("1e-07")), (PriceClass::Output, dollars("1e-06"))];
    rates.off_peak = Some(Box::new(OffPeak { hours: vec![hours], rates: cheap }));
    let price = rates.price().unwrap();
    let call = usage(|u| (u.input, u.output, u.cache_read) = (200_000, 1_000, 100_000));
    let at = |secs: u64| {
        let at = Some(Instant::from_secs(secs));
        price.of(&call, &Terms { at, tier: ServiceTier::Priority, ..Terms::default() })
    };
    let (full, off) = (dollars("0.109"), dollars("0.021"));
    // 2026-03-06 is a Friday.
    let friday = 1_772_755_200;
    for (secs, cost) in [
        (friday, off),
        (friday + 90 * 60 - 1, off),
        (friday + 90 * 60, full),
        (friday + 10 * 3_600 - 1, full),
        (friday + 10 * 3_600, off),
        // Saturday in the calendar that counts.
        (friday + 16 * 3_600 - 1, off),
        (friday + 16 * 3_600, full),
        // Sunday's evening is its Monday.
        (friday + (48 + 16) * 3_600 - 1, full),
        (friday + (48 + 16) * 3_600, off),
    ] {
        assert_eq!(at(secs), cost, "{secs}");
    }
    let untold = price.of(&call, &ServiceTier::Priority.into());
    assert_eq!(untold, full);
    let own = crate::rates(&[("input_cost_per_token", "1e-06")]);
    assert!(rates.overridden_by(&own).off_peak.is_none());
    let own = crate::rates(&[("input_cost_per_request", "1e-06")]);
    assert!(rates.overridden_by(&own).off_peak.is_some());
}

#[test]
fn audio_and_images() {
    let omni = price(&[
        ("input_cost_per_token", "2e-06"),
        ("output_cost_per_token", "8e-06"),
        ("cache_read_input_token_cost", "1e-06"),
        ("cache_read_input_audio_token_cost", "3e-06"),
        ("input_cost_per_audio_token", "4e-05"),
        ("output_cost_per_audio_token", "8e-05"),
        ("output_cost_per_image_token", "3e-05"),
    ]);
    let call = usage(|u| {
        (u.input, u.output) = (1_000, 500);
        (u.cache_read, u.cache_read_audio, u.audio_input, u.image_input) = (300, 100, 250, 50);
        (u.audio_output, u.image_output, u.reasoning) = (200, 100, 50);
    });
    // 200 × 1e-6 + 100 × 3e-6 + 150 × 4e-5 + 550 × 2e-6 of text and image
    //   + 200 × 8e-5 + 100 × 3e-5 + 200 × 8e-6 of plain and reasoned text
    assert_eq!(cost(&omni, &call), dollars("0.0282"));
}

#[test]
fn units_in_place_of_tokens() {
    let one = |key: &str, rate: &str| price(&[(key, rate)]);
    let heard = usage(|u| u.audio_millis = 12_345);
    assert_eq!(cost(&one("input_cost_per_second", "0.0001"), &heard), dollars("0.0012345"));
    let both = [("input_cost_per_second", "0.0001"), ("output_cost_per_second", "0.0002")];
    assert_eq!(cost(&price(&both), &heard), dollars("0.002469"));
    let free = [("input_cost_per_second", "0.0001"), ("output_cost_per_second", "0")];
    assert_eq!(cost(&price(&free), &heard), dollars("0.0012345"));
    let said = usage(|u| (u.characters, u.input) = (20, 5));
    assert_eq!(cost(&one("input_cost_per_character", "1.5e-05"), &said), dollars("0.0003"));
    let ranked = usage(|u| u.queries = 3);
    assert_eq!(cost(&one("input_cost_per_query", "0.002"), &ranked), dollars("0.006"));
    let drawn = usage(|u| (u.images_made, u.input) = (2, 9));
    assert_eq!(cost(&one("output_cost_per_image", "0.04"), &drawn), dollars("0.08"));
    assert_eq!(cost(&one("input_cost_per_request", "0.005"), &Usage::text(7, 7)), dollars("0.005"));
}

#[test]
fn tokens_stand_before_seconds_and_pictures() {
    let all = price(&[
        ("input_cost_per_token", "1e-06"),
        ("output_cost_per_token", "2e-06"),
        ("input_cost_per_second", "0.0001"),
        ("output_cost_per_image", "0.04"),
        ("search_context_size_low", "0.01"),
        ("search_context_size_medium", "0.02"),
    ]);
    let call = usage(|u| {
        (u.input, u.output, u.audio_millis, u.images_made, u.searches) = (10, 10, 5_000, 1, 2);
    });
    assert_eq!(cost(&all, &call), dollars("0.04003"));
    let low = Terms { search: SearchContext::Low, ..Terms::default() };
    assert_eq!(all.of(&call, &low), dollars("0.02003"));
    let untold = usage(|u| (u.audio_millis, u.images_made) = (5_000, 1));
    assert_eq!(cost(&all, &untold), dollars("0.0405"));
}

#[test]
fn details_that_contradict_the_whole_are_cut() {
    let usage = usage(|u| (u.input, u.cache_read, u.audio_input) = (7, 163, 50));
    assert_eq!(cost(&claude(), &usage), dollars("0.0000021"));
}

#[test]
fn what_is_not_known_has_no_price() {
    for known in [
        &["input_cost_per_token", "output_cost_per_token"][..],
        &["input_cost_per_token", "output_cost_per_image_token"],
        &["input_cost_per_token", "output_cost_per_image"],
        &["input_cost_per_second"],
        &["input_cost_per_request"],
        &["output_cost_per_token", "input_cost_per_character"],
    ] {
        let of: Vec<_> = known.iter().map(|key| (*key, "0")).collect();
        assert!(rates(&of).price().is_some(), "{known:?}");
    }
    for unknown in [
        &[][..],
        &["input_cost_per_token"],
        &["output_cost_per_token"],
        &["input_cost_per_token_flex", "output_cost_per_token"],
        &["input_cost_per_token_above_200k_tokens", "output_cost_per_token"],
        &["input_cost_per_token", "input_cost_per_request"],
        &["output_cost_per_token", "input_cost_per_request"],
        &["search_context_size_low"],
        &["cache_read_input_token_cost"],
    ] {
        let of: Vec<_> = unknown.iter().map(|key| (*key, "0")).collect();
        assert!(rates(&of).price().is_none(), "{unknown:?}");
    }
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
    prop_oneof![Just(0), Just(1), 0_u64..2_000_000, 199_999_u64..200_003, Just(u64::MAX)]
}

fn usages() -> impl Strategy<Value = Usage> {
    prop::array::uniform18(tokens()).prop_map(|n| {
        usage(|u| {
            (u.input, u.output, u.cache_read, u.cache_write) = (n[0], n[1], n[2], n[3]);
            (u.cache_write_long, u.reasoning, u.audio_input) = (n[4], n[5], n[6]);
            (u.audio_output, u.image_input, u.image_output) = (n[7], n[8], n[9]);
            (u.cache_read_audio, u.cache_read_image, u.images_read) = (n[10], n[11], n[12]);
            (u.images_made, u.audio_millis, u.characters) = (n[13], n[14], n[15]);
            (u.queries, u.searches) = (n[16], n[17]);
        })
    })
}

fn tiers() -> impl Strategy<Value = ServiceTier> {
    prop_oneof![
        Just(ServiceTier::Standard),
        Just(ServiceTier::Batch),
        Just(ServiceTier::Flex),
        Just(ServiceTier::Priority),
    ]
}

/// Rates of any classes, tiers and lengths, complete or not.
fn any_rates() -> impl Strategy<Value = Rates> {
    let key =
        (0..22_usize, tiers(), prop_oneof![3 => Just(0), 1 => Just(128_000), 1 => Just(200_000)])
            .prop_map(|(class, tier, above)| PriceKey {
                class: PriceClass::all().nth(class).unwrap(),
                tier,
                above,
            });
    let rate = prop_oneof![
        1 => Just(Decimal::ZERO),
        4 => (0_i64..100_000_000).prop_map(|pico| Decimal::new(pico, 12)),
        1 => Just(Decimal::new(1, 18)),
        1 => Just(Decimal::MAX),
    ];
    (prop::collection::vec((key, rate), 0..24), any::<bool>()).prop_map(|(of, inclusive)| {
        let mut rates = Rates::default();
        rates.inclusive = inclusive;
        for (key, rate) in of {
            rates.set(key, rate);
        }
        rates
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn anything_has_a_cost_that_is_not_negative(
        rates in any_rates(), usage in usages(), tier in tiers(),
    ) {
        if let Some(price) = rates.price() {
            prop_assert!(price.of(&usage, &tier.into()) >= Decimal::ZERO);
        }
    }

    #[test]
    fn a_cost_is_between_the_cheapest_and_the_dearest_class(usage in usages()) {
        let bound = |input: &str, output: &str| {
            Decimal::from(usage.input) * dollars(input)
                + Decimal::from(usage.output) * dollars(output)
        };
        let cost = cost(&claude(), &usage);
        prop_assert!(cost >= bound("3e-07", "1.5e-05"));
        prop_assert!(cost <= bound("6e-06", "2.25e-05"));
    }

    #[test]
    fn one_flat_rate_prices_every_detail_alike(usage in usages(), tier in tiers()) {
        let flat = Price::new(dollars("2e-06"), dollars("8e-06"));
        prop_assert_eq!(flat.of(&usage, &tier.into()), flat.estimate(usage.input, usage.output));
    }

    #[test]
    fn more_tokens_never_cost_less(
        input in 0_u64..1_000_000, output in 0_u64..1_000_000, more in 0_u64..200_000,
    ) {
        let claude = claude();
        let cost = |input, output| claude.estimate(input, output);
        prop_assert!(cost(input + more, output) >= cost(input, output));
        prop_assert!(cost(input, output + more) >= cost(input, output));
    }

    #[test]
    fn costs_are_exact(
        input in 0_u64..10_000_000, output in 0_u64..10_000_000,
        rates in (0_u64..10_u64.pow(12), 0_u64..10_u64.pow(12)),
    ) {
        // In units of 1e-18 dollars, where everything is an integer.
        let exact = u128::from(input) * u128::from(rates.0) + u128::from(output) * u128::from(rates.1);
        let rate = |units| Decimal::from_i128_with_scale(i128::from(units), 18);
        let price = Price::new(rate(rates.0), rate(rates.1));
        let wanted = Decimal::from_i128_with_scale(i128::try_from(exact).unwrap(), 18);
        prop_assert_eq!(price.estimate(input, output), wanted);
    }

    #[test]
    fn rates_are_found_as_they_were_set(rates in any_rates()) {
        let mut again = Rates::default();
        again.inclusive = rates.inclusive;
        let mut all: Vec<_> = rates.iter().collect();
        all.reverse();
        for (key, rate) in all {
            prop_assert_eq!(rates.get(key), Some(rate));
            again.set(key, rate);
        }
        prop_assert_eq!(again, rates);
    }
}
