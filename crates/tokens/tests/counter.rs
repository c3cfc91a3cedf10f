//! What a counter promises of any text.

use pointsman_tokens::{Counter, MAX_COUNTED, count};
use proptest::{collection::vec, prelude::*};

/// Pieces that meet at all the places where the encodings cut, or do not.
const PIECES: [&str; 26] = [
    "the", " ", "  ", "\n", "\n\n", " \n", "\r\n", "\t", "/", "word", " Word", "don't", "'s",
    "'re", "123", "4567", ".", "!?", "字", "。", "\u{3000}", "é", "e\u{301}", "😀", "कि", "ा",
];

fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(0..PIECES.len(), pieces)
        .prop_map(|all| all.into_iter().map(|piece| PIECES[piece]).collect())
}

/// The tokens of a text that the tokenizer sees whole.
fn whole(encoding: &str, text: &str) -> u64 {
    let tokenizer = tiktoken::get_encoding(encoding);
    tokenizer.map_or(0, |tokenizer| tokenizer.count(text) as u64)
}

#[test]
fn counts_are_those_of_the_vendors_own_tokenizer() {
    // As `tiktoken-rs` counts them.
    let known = [
        ("", 0, 0),
        ("Once upon a midnight dreary", 6, 6),
        ("naïve café — 東京タワー 😀", 10, 13),
        ("fn main() {\n    println!(\"{}\", 42);\n}\n", 11, 11),
        ("<|endoftext|>", 7, 7),
        ("          x", 2, 2),
    ];
    for (text, new, old) in known {
        assert_eq!((count("gpt-5", text), count("gpt-4", text)), (new, old), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn long_texts_are_cut_where_tokens_end(text in text(8_000..12_000)) {
        prop_assert!(text.len() > 16_384);
        prop_assert_eq!(count("gpt-4o", &text), whole("o200k_base", &text));
        prop_assert_eq!(count("gpt-4", &text), whole("cl100k_base", &text));
    }

    #[test]
    fn a_run_without_a_break_is_off_by_a_few(one in "[a-z字😀\t]", len in 1_usize..20_000) {
        let text = one.repeat(len.div_ceil(one.len()));
        let (ours, exact) = (count("gpt-4o", &text), whole("o200k_base", &text));
        let cuts = u64::try_from(text.len() / 4_000).unwrap();
        prop_assert!(ours.abs_diff(exact) <= 4 * cuts, "{ours} for {exact}");
    }

    #[test]
    fn the_rest_is_never_less_than_a_quarter_of_its_bytes(
        one in prop_oneof![Just("word "), Just("\u{0}"), Just("字")],
        beyond in 0_usize..100_000,
    ) {
        let text = one.repeat((MAX_COUNTED + beyond) / one.len());
        let counted = &text[..text.floor_char_boundary(MAX_COUNTED)];
        let rest = u64::try_from(text.len() - counted.len()).unwrap();
        let (all, first) = (count("gpt-4o", &text), count("gpt-4o", counted));
        prop_assert!(all >= first + rest.div_ceil(4), "{all} after {first} and {rest}");
        // At the pace of what was counted, too.
        let bytes = u64::try_from(counted.len()).unwrap();
        prop_assert!(u128::from(all) * u128::from(bytes)
            >= u128::from(first) * u128::from(bytes + rest));
    }
}

proptest! {
    #[test]
    fn texts_one_by_one_count_as_each_alone(all in vec(text(0..40), 0..8)) {
        let mut counter = Counter::new("gpt-4o");
        for text in &all {
            counter.add(text);
        }
        let alone: u64 = all.iter().map(|text| count("gpt-4o", text)).sum();
        prop_assert_eq!(counter.total(), alone);
    }

    #[test]
    fn any_text_is_counted(text in any::<String>()) {
        let tokens = count("gpt-4o", &text);
        prop_assert!(tokens <= u64::try_from(text.len()).unwrap());
        prop_assert_eq!(tokens == 0, text.is_empty());
    }
}
