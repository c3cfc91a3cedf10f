//! Books read from text, and the one that is shipped.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pointsman_cost::{Hours, PriceClass, PriceKey, parse_price};
use pointsman_prices::{Book, Capability, Mode};
use pointsman_types::Decimal;
use proptest::prelude::*;

fn dollars(text: &str) -> Decimal {
    parse_price(text).unwrap()
}

fn read(text: &str) -> Book {
    let (book, problems) = Book::from_litellm_json(text).unwrap();
    assert_eq!(problems, []);
    book
}

#[test]
fn facts_of_a_model_are_read() {
    let book = read(
        r#"{"sample_spec": {"input_cost_per_token": "not a price"},
        "gpt-9": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 9,
            "max_input_tokens": 128000.0, "max_output_tokens": "16384", "rpm": [],
            "input_cost_per_token": 2.5e-06, "output_cost_per_token": "1e-05",
            "input_cost_per_token_above_200k_tokens_priority": 8E-6,
            "cache_read_input_token_cost": null, "output_cost_per_second_720p": "x",
            "search_context_cost_per_query": {"search_context_size_low": 0.01},
            "supports_vision": true, "supports_reasoning": false, "supports_nothing": 7}}"#,
    );
    let facts = book.lookup("openai", "gpt-9").unwrap();
    assert_eq!(facts.mode, Some(Mode::Chat));
    assert_eq!(facts.max_input_tokens, Some(128_000));
    assert_eq!(facts.max_output_tokens, Some(16_384));
    assert_eq!(facts.supports.iter().collect::<Vec<_>>(), [Capability::Vision]);
    let key = PriceKey::parse("input_cost_per_token_above_200k_tokens_priority").unwrap();
    let rates: Vec<_> = facts.rates.iter().collect();
    assert_eq!(
        rates,
        [
            (PriceClass::Input.into(), dollars("2.5e-06")),
            (key, dollars("8e-06")),
            (PriceClass::Output.into(), dollars("1e-05")),
            (PriceClass::SearchLow.into(), dollars("0.01")),
        ]
    );
    assert_eq!(book.len(), 1);
}

#[test]
fn numbers_do_not_pass_through_floats() {
    let book = read(
        r#"{"m": {"input_cost_per_token": 0.100000000000000001,
            "output_cost_per_token": 1.5000020000000002e-05}}"#,
    );
    let rates = &book.lookup("any", "m").unwrap().rates;
    assert_eq!(rates.get(PriceClass::Input).unwrap().to_string(), "0.100000000000000001");
    // Finer than 18 digits is rounded.
    assert_eq!(rates.get(PriceClass::Output).unwrap().to_string(), "0.00001500002");
}

#[test]
fn what_cannot_be_read_is_told_and_unknown() {
    let text = r#"{"a": {"litellm_provider": "openai", "input_cost_per_token": "free",
            "output_cost_per_token": -1, "max_input_tokens": 1.5, "supports_vision": "yes",
            "search_context_cost_per_query": 1, "tiered_pricing": {}},
        "b": 7,
        "c": {"litellm_provider": "openai", "input_cost_per_token": 0, "output_cost_per_token": 0}}"#;
    let (book, problems) = Book::from_litellm_json(text).unwrap();
    let mut told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "a.input_cost_per_token: a price must be a number of US dollars, such as 2.5e-06",
            "a.max_input_tokens: must be a whole number of tokens",
            "a.output_cost_per_token: a price must not be negative",
            "a.search_context_cost_per_query: must be an object of prices by size",
            "a.supports_vision: must be true or false",
            "a.tiered_pricing: must be a list of objects",
            "b: a model must be an object",
        ]
    );
    assert_eq!(book.lookup("openai", "a").unwrap().price(), None);
    assert!(book.lookup("openai", "b").is_none());
    // Zero is a price.
    let free = book.lookup("openai", "c").unwrap().price().unwrap();
    assert!(free.estimate(1_000, 1_000).is_zero());
}

#[test]
fn what_is_no_book_is_an_error_that_says_where() {
    for text in ["", "[]", "7", "{\"a\": {}", "{'a': 1}"] {
        let error = Book::from_litellm_json(text).unwrap_err().to_string();
        assert!(error.contains("line"), "{text}: {error}");
    }
    assert!(Book::from_table("openai\tchat").is_err());
    assert!(Book::from_table("openai\tchat\t1/2\tvision\ti=free\ta").is_err());
    assert!(Book::from_table("openai\tchat\t1/2\twings\ti=1\ta").is_err());
}

#[test]
fn a_table_by_length_stands_for_the_base_prices() {
    let book = read(
        r#"{"qwen": {"litellm_provider": "dashscope", "output_cost_per_token": 9,
            "tiered_pricing": [
                {"range": [32000, 128000.0], "input_cost_per_token": 4e-07,
                 "output_cost_per_token": 3e-06, "cache_read_input_token_cost": 1e-07},
                {"range": [0, 32e3], "input_cost_per_token": 1e-07, "output_cost_per_token": 2e-06,
                 "output_cost_per_reasoning_token": 5e-06}]},
        "search": {"litellm_provider": "somebody", "tiered_pricing": [{"max_results_range": [0, 9]}]}}"#,
    );
    let facts = book.lookup("dashscope", "qwen").unwrap();
    let price = facts.price().unwrap();
    assert_eq!(price.estimate(32_000, 100), dollars("0.0034"));
    // The last row goes on for ever.
    assert_eq!(price.estimate(200_000, 100), dollars("0.0803"));
    let long =
        |class: PriceClass| facts.rates.get(PriceKey { above: 32_000, ..class.into() }).unwrap();
    // No rate of the row below outlives it.
    assert_eq!(long(PriceClass::Reasoning), dollars("3e-06"));
    assert_eq!(long(PriceClass::CacheRead), dollars("1e-07"));
    assert_eq!(long(PriceClass::CacheWrite), dollars("4e-07"));
    assert!(book.lookup("somebody", "search").unwrap().is_empty());
}

#[test]
fn hours_off_peak_are_read() {
    let model = |off_peak: &str| {
        format!(
            r#"{{"m": {{"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 2e-6,
                "output_cost_per_token": 2e-6, "off_peak_pricing": {off_peak}}}}}"#
        )
    };
    let book = read(&model(
        r#"{"hours_utc": "16:30-00:30", "weekday_timezone": "Asia/Shanghai",
            "windows": [{"hours_utc": ["04:00-06:00", "10:00-00:00"], "weekdays": [1, "Tuesday", 7]},
                {"hours_utc": "00:00-00:00", "weekdays": ["sat"]}],
            "input_cost_per_token": 1e-6, "output_cost_per_token": null}"#,
    ));
    let off_peak = book.lookup("deepseek", "m").unwrap().rates.off_peak.clone().unwrap();
    let hours = |weekdays, from, to| Hours { weekdays, ahead: 8, from, to };
    assert_eq!(
        off_peak.hours,
        [
            hours(Hours::DAILY, 990, 30),
            hours(0b100_0011, 240, 360),
            hours(0b100_0011, 600, 0),
            hours(0b010_0000, 0, 0),
        ]
    );
    assert_eq!(off_peak.rates, [(PriceClass::Input, dollars("1e-06"))]);
    assert_eq!(
        Book::from_table(&book.to_table()).unwrap().lookup("deepseek", "m"),
        book.lookup("deepseek", "m")
    );

    for wrong in [
        "7",
        r#"{"hours_utc": 7}"#,
        r#"{"hours_utc": "24:00-01:00"}"#,
        r#"{"hours_utc": "9-17"}"#,
        r#"{"windows": [{"hours_utc": "01:00-02:00", "weekdays": [0]}]}"#,
        r#"{"windows": [{"hours_utc": "01:00-02:00", "weekdays": 3}]}"#,
        r#"{"windows": {}}"#,
        r#"{"hours_utc": "01:00-02:00", "weekday_timezone": "Mars/Olympus"}"#,
    ] {
        let (book, problems) = Book::from_litellm_json(&model(wrong)).unwrap();
        assert_eq!(problems.len(), 1, "{wrong}");
        assert_eq!(problems[0].key, "off_peak_pricing");
        assert_eq!(book.lookup("deepseek", "m").unwrap().rates.off_peak, None, "{wrong}");
    }
}

#[test]
fn what_a_vendor_is_known_for() {
    let model = r#"{"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6,"#;
    let book = read(&format!(
        r#"{{"xai/grok": {model} "litellm_provider": "xai", "input_cost_per_token_above_200k_tokens": 2e-6}},
        "fireworks_ai/qwen": {model} "litellm_provider": "fireworks_ai"}},
        "embed": {{"input_cost_per_token": 1e-6, "litellm_provider": "openai", "mode": "embedding"}},
        "chat": {{"input_cost_per_token": 1e-6, "litellm_provider": "openai", "mode": "chat"}}}}"#
    ));
    let price = |vendor, model| book.lookup(vendor, model).unwrap().price();
    assert_eq!(price("xai", "grok").unwrap().estimate(200_000, 0), dollars("0.4"));
    let fireworks = price("fireworks_ai", "qwen").unwrap();
    assert_eq!(fireworks.rates().get(PriceClass::CacheRead), Some(dollars("5e-07")));
    assert_eq!(price("openai", "embed").unwrap().estimate(1_000, 0), dollars("0.001"));
    assert!(price("openai", "chat").is_none());
}

#[test]
fn a_model_is_found_by_vendor_and_any_of_its_names() {
    let one = |provider: &str, cost: u32| {
        format!(r#"{{"litellm_provider": "{provider}", "input_cost_per_query": {cost}}}"#)
    };
    let book = read(&format!(
        r#"{{"gpt-9": {}, "azure/gpt-9": {}, "azure/gpt-8": {}, "gpt-7": {},
            "anthropic.claude-9-v1:0": {}, "eu.anthropic.claude-9-v1:0": {},
            "gemini-9": {}, "vertex_ai/gemini-9": {}, "vertex_ai/claude-9@20300101": {},
            "somebody/own": {{"input_cost_per_query": 10}}}}"#,
        one("openai", 1),
        one("azure", 2),
        one("azure", 3),
        one("openai", 4),
        one("bedrock_converse", 5),
        one("bedrock", 6),
        one("vertex_ai-language-models", 7),
        one("vertex_ai", 8),
        one("vertex_ai-anthropic_models", 9),
    ));
    for (vendor, model, cost) in [
        ("openai", "gpt-9", Some(1)),
        ("OpenAI", "openai/GPT-9-2030-12-31", Some(1)),
        ("azure", "gpt-9", Some(2)),
        ("azure", "azure/gpt-8", Some(3)),
        ("openai", "gpt-8", None),
        ("azure_ai", "gpt-8", Some(3)),
        ("azure_ai", "gpt-7", Some(4)),
        ("azure", "gpt-7", None),
        ("bedrock", "us.anthropic.claude-9-v1:0", Some(5)),
        ("bedrock", "converse/eu.anthropic.claude-9-v1:0", Some(6)),
        ("bedrock", "eu-west-1/anthropic.claude-9-v1:0", Some(5)),
        ("vertex_ai", "gemini-9-001", Some(8)),
        ("vertex_ai", "claude-9@20300101", Some(9)),
        ("vertex_ai", "claude-9@20310101", None),
        ("somebody", "own", Some(10)),
        ("somebody", "somebody/own", Some(10)),
        ("", "", None),
    ] {
        let found = book.lookup(vendor, model);
        let rate = found.and_then(|facts| facts.rates.get(PriceClass::Query));
        assert_eq!(rate, cost.map(Decimal::from), "{vendor} {model}");
    }
}

#[test]
fn the_shipped_book_knows_the_usual_models() {
    let book = Book::shipped();
    assert!(book.date().starts_with("20") && book.len() > 1_000);
    for (vendor, model) in [
        ("openai", "gpt-4o"),
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("openai", "text-embedding-3-small"),
        ("openai", "whisper-1"),
        ("openai", "tts-1"),
        ("openai", "gpt-image-1"),
        ("openai", "omni-moderation-latest"),
        ("azure", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-pro"),
        ("vertex_ai", "gemini-2.5-flash"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("mistral", "mistral-large-latest"),
        ("cohere", "rerank-v3.5"),
        ("groq", "whisper-large-v3"),
        ("deepseek", "deepseek-chat"),
        ("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("fireworks_ai", "llama-v3p1-8b-instruct"),
        ("perplexity", "sonar-pro"),
        ("cerebras", "gpt-oss-120b"),
        ("sambanova", "Meta-Llama-3.3-70B-Instruct"),
        ("databricks", "databricks-gpt-5"),
    ] {
        let facts = book.lookup(vendor, model).unwrap_or_else(|| panic!("{vendor} {model}"));
        assert!(facts.price().is_some(), "{vendor} {model}: {facts:?}");
    }
    assert!(book.lookup("hosted_vllm", "gpt-4o").is_none());
    for (vendor, name, facts) in book.iter() {
        assert!(facts.mode.is_some() && !facts.is_empty(), "{vendor} {name}");
    }
}

#[test]
fn the_shipped_book_is_what_it_writes() {
    let text = include_str!("../data/models.tsv");
    assert!(Book::from_table(text).unwrap().to_table() == text, "cargo xtask prices writes it");
}

/// A member of a model: names that mean something with values that do not, too.
fn member() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("litellm_provider"),
        Just("mode"),
        Just("max_input_tokens"),
        Just("supports_vision"),
        Just("search_context_cost_per_query"),
        Just("tiered_pricing"),
        Just("off_peak_pricing"),
        Just("input_cost_per_token"),
        Just("output_cost_per_token_above_128k_tokens_flex"),
        Just("output_cost_per_image"),
    ];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"xai\"".to_owned()),
        Just("\"chat\"".to_owned()),
        Just("1e999".to_owned()),
        Just("-0.0".to_owned()),
        Just("[{\"range\": [0, 1e9], \"input_cost_per_token\": 1}, {\"range\": []}, 3]".to_owned()),
        Just("[{\"range\": [5, null], \"input_cost_per_token\": 2}]".to_owned()),
        Just("{\"hours_utc\": \"01:00-02:00\", \"output_cost_per_token\": 3}".to_owned()),
        Just("{\"search_context_size_high\": 3, \"x\": []}".to_owned()),
        any::<f64>()
            .prop_filter("JSON has no others", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        any::<u64>().prop_map(|n| n.to_string()),
    ];
    (name, value).prop_map(|(name, value)| format!("\"{name}\": {value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_file_is_read_and_written(models in prop::collection::vec(prop::collection::vec(member(), 0..6), 0..5)) {
        let models: Vec<_> = models.iter().enumerate()
            .map(|(n, members)| format!("\"m{n}\": {{{}}}", members.join(", ")))
            .collect();
        let (book, _) = Book::from_litellm_json(&format!("{{{}}}", models.join(", "))).unwrap();
        let again = Book::from_table(&book.to_table()).unwrap();
        prop_assert_eq!(again.len(), book.len());
        for (vendor, name, facts) in book.iter() {
            prop_assert_eq!(again.lookup(vendor, name), Some(facts));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", vendor in "[a-z_]{0,12}", model in "\\PC{0,40}") {
        let _ = Book::from_litellm_json(&text);
        let _ = Book::from_table(&text);
        let _ = Book::shipped().lookup(&vendor, &model);
    }
}
