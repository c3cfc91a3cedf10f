//! What a prompt's weight promises, whatever the request is.

use pointsman_provider::{Envelope, Prompt, near, output_estimate};
use pointsman_types::Operation;
use proptest::{collection::vec, prelude::*};

const OPERATIONS: [Operation; 3] = [Operation::Chat, Operation::Completions, Operation::Embeddings];

/// Names that mean something somewhere, and one that does not.
const NAMES: [&str; 22] = [
    "messages",
    "prompt",
    "input",
    "tools",
    "system",
    "content",
    "text",
    "type",
    "role",
    "name",
    "image_url",
    "source",
    "data",
    "result",
    "file",
    "tool_calls",
    "function",
    "arguments",
    "output",
    "summary",
    "refusal",
    "odd",
];

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just(String::new()),
        Just("data:image/png;base64,AAAA".to_owned()),
        Just("image".to_owned()),
        Just("text".to_owned()),
        "[a-z \\n\"\\\\é😀]{0,12}".prop_map(|text| text),
    ];
    // Written by a serializer, or with half a pair in it.
    (word, 0_u8..8).prop_map(|(word, odd)| {
        let json = serde_json::Value::from(word).to_string();
        if odd == 0 { format!("\"\\ud83d{}", &json[1..]) } else { json }
    })
}

fn json() -> impl Strategy<Value = String> {
    let number = proptest::sample::select(&["0", "-1", "1.5", "1e999", "18446744073709551616"][..]);
    let leaf = prop_oneof![
        4 => text(),
        2 => number.prop_map(String::from),
        1 => proptest::sample::select(&["null", "true", "false"][..]).prop_map(String::from),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        let member = (0..NAMES.len(), inner.clone());
        prop_oneof![
            vec(inner, 0..6).prop_map(|all| format!("[{}]", all.join(", "))),
            vec(member, 0..6).prop_map(|all| object(&all)),
        ]
    })
}

fn object(members: &[(usize, String)]) -> String {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("\"{}\":{value}", NAMES[*name])).collect();
    format!("{{{}}}", members.join(","))
}

fn body() -> impl Strategy<Value = String> {
    vec((0..5_usize, json()), 0..4).prop_map(|members| object(&members))
}

fn envelope(body: &str) -> Envelope {
    Envelope::parse(body.to_owned().into()).unwrap_or_else(|fault| panic!("{fault}: {body}"))
}

fn of(body: &str, operation: Operation) -> Prompt {
    Prompt::of(&envelope(body), operation)
}

fn texts(body: &str, operation: Operation) -> Vec<String> {
    let mut texts = Vec::new();
    Prompt::texts(&envelope(body), operation, &mut |text| texts.push(text.to_owned()));
    texts
}

proptest! {
    #[test]
    fn any_json_has_a_weight_and_it_is_no_more_than_its_bytes(body in body()) {
        for operation in OPERATIONS {
            let prompt = of(&body, operation);
            let pieces = u64::from(prompt.messages) + u64::from(prompt.images) + prompt.tokens;
            let bytes = u64::try_from(body.len()).unwrap();
            prop_assert!(prompt.text_bytes + pieces <= bytes, "{prompt:?} of {body}");
            prop_assert!(prompt.estimate() >= prompt.text_bytes.div_ceil(4) + 3);
        }
    }

    #[test]
    fn the_texts_have_the_bytes_that_were_counted(body in body()) {
        for operation in OPERATIONS {
            let bytes: usize = texts(&body, operation).iter().map(String::len).sum();
            prop_assert_eq!(bytes as u64, of(&body, operation).text_bytes);
        }
    }

    #[test]
    fn one_more_message_adds_what_it_weighs_alone(
        messages in vec(json(), 0..5),
        one in text(),
    ) {
        let chat = |messages: &[String]| {
            of(&format!("{{\"messages\":[{}]}}", messages.join(",")), Operation::Chat)
        };
        // Numbers out of range turn the whole member into raw bytes, which is another rule.
        let sound: Vec<_> = messages.into_iter().filter(|json| !json.contains("1e999")).collect();
        let one = format!("{{\"role\":\"user\",\"content\":{one}}}");
        let more = [sound.clone(), vec![one.clone()]].concat();
        let (less, alone, all) = (chat(&sound), chat(&[one]), chat(&more));
        prop_assert_eq!(all.text_bytes, less.text_bytes + alone.text_bytes);
        prop_assert_eq!(all.messages, less.messages + 1);
        prop_assert!(all.estimate() >= less.estimate() + 4);
    }

    #[test]
    fn an_estimate_grows_with_all_that_it_counts(
        text_bytes in any::<u64>(), tokens in any::<u64>(), messages in any::<u32>(),
        images in any::<u32>(), more in 0_u64..1_000,
    ) {
        let prompt = Prompt { text_bytes, tokens, messages, images };
        let longer = Prompt { text_bytes: text_bytes.saturating_add(more), ..prompt };
        let fuller = Prompt { messages: messages.saturating_add(1), ..prompt };
        let richer = Prompt { images: images.saturating_add(1), ..prompt };
        for heavier in [longer, fuller, richer] {
            prop_assert!(heavier.estimate() >= prompt.estimate());
        }
    }

    #[test]
    fn an_answer_is_never_expected_beyond_the_callers_bound(
        most in any::<u64>(), average in any::<f64>(), model in any::<Option<u64>>(),
    ) {
        prop_assert!(output_estimate(Some(most), Some(average), model) <= most);
        prop_assert!(output_estimate(None, None, model) <= 1_024);
    }

    #[test]
    fn what_is_left_is_near_to_itself(left in any::<u64>(), off in 0_u64..1_000) {
        prop_assert!(near(left, left));
        let left = left / 2;
        prop_assert_eq!(near(left + off, left), off <= left / 5);
        prop_assert_eq!(near(left.saturating_sub(off), left), off.min(left) <= left / 5);
    }
}
