//! What is billed otherwise than by plain tokens: pieces, tiers, answers that tell nothing.

use pointsman_testkit::{Behaviour, Gateway, Upstream, wire::Response};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, ask, hello, post, standing, upstream, with_status};

const IMAGES: &str = "/v1/images/generations";
const SPEECH: &str = "/v1/audio/speech";
const RERANK: &str = "/v1/rerank";
const RESPONSES: &str = "/v1/responses";
const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";

/// A chat answer that used 1,000 and 500 tokens, 400 of them cached.
fn answer(more: &Value) -> Value {
    let mut answer = json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500,
            "prompt_tokens_details": {"cached_tokens": 400}},
    });
    answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer
}

fn cost(answer: &Response) -> Option<&str> {
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    answer.head.header("x-pointsman-cost")
}

async fn priced(with: Behaviour, prices: &str) -> (Gateway, Upstream) {
    let a = upstream("a").await;
    a.always(with);
    (Config::default().tuned(&a, prices).start().await, a)
}

#[tokio::test]
async fn budgets_hold_for_what_is_billed_by_the_piece() {
    let pictures = json!({"created": 1, "data": [{"url": "u"}, {"url": "u"}]});
    let ranks = json!({
        "results": [{"index": 0, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 1}},
    });
    let wav = Behaviour::ok().header("content-type", "audio/wav").body("RIFF");
    let json = |body: &Value| Behaviour::ok().body(body.to_string());
    let two = json!({"model": "m", "prompt": "a cat", "n": 2});
    let drawn = |price| (IMAGES, two.clone(), json(&pictures), price, 3);
    for (path, body, behaviour, price, sent) in [
        drawn("output_cost_per_image: 0.04"),
        drawn("input_cost_per_token: 0, output_cost_per_token: 0, output_cost_per_image: 0.04"),
        drawn("input_cost_per_token: 0, output_cost_per_token: 1e-6, output_cost_per_image: 0.04"),
        (
            SPEECH,
            json!({"model": "m", "input": "helloworld", "voice": "alloy"}),
            wav,
            "input_cost_per_character: 0.01",
            2,
        ),
        (
            RERANK,
            json!({"model": "m", "query": "a", "documents": ["b"]}),
            json(&ranks),
            "input_cost_per_query: 0.1",
            2,
        ),
    ] {
        let a = upstream("a").await;
        a.always(behaviour);
        let params = format!(", {price}, max_budget: 0.25, budget_duration: 1d");
        let gateway = Config::default().tuned(&a, &params).start().await;
        let body = body.to_string();
        let calls = (0..12).map(|_| post(&gateway, path, &[], &body));
        let answers = futures_util::future::join_all(calls).await;
        let refused = with_status(429, &answers);
        assert_eq!(
            (with_status(200, &answers), refused, a.calls().len()),
            (sent, 12 - sent, sent),
            "{path}"
        );
        let spent = standing(&gateway, "a").await["spend"]["used"].as_f64().unwrap();
        assert!((0.2..=0.25).contains(&spent), "{path}: {spent}");
    }
}

#[tokio::test]
async fn the_tier_that_served_is_billed() {
    let prices = ", input_cost_per_token: 1e-6, cache_read_input_token_cost: 1e-7, \
                  output_cost_per_token: 1e-5, input_cost_per_token_priority: 2e-6, \
                  cache_read_input_token_cost_priority: 2e-7, output_cost_per_token_priority: 2e-5, \
                  input_cost_per_token_flex: 5e-7, output_cost_per_token_flex: 5e-6";
    // 600 + 400 cached + 500, in each tier; what flex has no price for is standard.
    let (standard, priority, flex) = ("0.00564", "0.01128", "0.00284");
    for (asked, served, costs) in [
        (Some("priority"), Some("priority"), priority),
        (Some("priority"), Some("default"), standard),
        (Some("priority"), None, priority),
        (Some("auto"), Some("flex"), flex),
        (None, Some("flex"), flex),
        (None, Some("auto"), standard),
    ] {
        let told = json!({"service_tier": served});
        let (gateway, _a) = priced(Behaviour::ok().body(answer(&told).to_string()), prices).await;
        let mut body = hello(false);
        body["service_tier"] = asked.into();
        assert_eq!(cost(&ask(&gateway, &body).await), Some(costs), "{asked:?} {served:?}");
    }

    let response = json!({
        "id": "r", "object": "response", "status": "completed", "model": "m", "service_tier": "flex",
        "output": [{"type": "message", "id": "i", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}],
        "usage": {"input_tokens": 1_000, "output_tokens": 500, "total_tokens": 1_500,
            "input_tokens_details": {"cached_tokens": 400}},
    });
    let (gateway, _a) = priced(Behaviour::ok().body(response.to_string()), prices).await;
    let body = json!({"model": "m", "input": "Hi"}).to_string();
    assert_eq!(cost(&post(&gateway, RESPONSES, &[], body).await), Some(flex));

    // A stream tells it with its usage.
    let chunk = |more: &Value| {
        let mut chunk = json!({"id": "x", "object": "chat.completion.chunk", "model": "m",
            "service_tier": "flex"});
        chunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("data: {chunk}\n\n")
    };
    let streamed = [
        chunk(
            &json!({"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}),
        ),
        chunk(&json!({"choices": [], "usage": answer(&json!({}))["usage"]})),
        "data: [DONE]\n\n".to_owned(),
    ];
    let streamed = Behaviour::ok().sse(streamed.map(bytes::Bytes::from));
    let budget = format!("{prices}, max_budget: 1, budget_duration: 1d");
    let (gateway, _a) = priced(streamed, &budget).await;
    assert_eq!(ask(&gateway, &hello(true)).await.head.status, 200);
    assert_eq!(standing(&gateway, "a").await["spend"]["used"], json!(0.00284));
}

#[tokio::test]
async fn anthropic_tells_the_tier_within_the_usage() {
    let prices = ", input_cost_per_token: 1e-6, output_cost_per_token: 1e-5, \
                  input_cost_per_token_priority: 2e-6, output_cost_per_token_priority: 2e-5";
    let message = json!({
        "id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}], "stop_sequence": null,
        "usage": {"input_tokens": 100, "output_tokens": 300, "service_tier": "priority"},
    });
    let a = upstream("a").await;
    a.always(Behaviour::ok().body(message.to_string()));
    let gateway = Config::default().vendor("anthropic/c", "a", &a.base(), prices).start().await;
    let body =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    for path in ["/v1/messages", CHAT] {
        assert_eq!(
            cost(&post(&gateway, path, &[], body.to_string()).await),
            Some("0.0062"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn pictures_sound_and_speech_have_their_own_words() {
    // LiteLLM's `input_cost_per_image` is the price of one made, where nothing else is.
    let pictures = json!({"created": 1, "data": [{"url": "u"}, {"url": "u"}]});
    let by_image = ", input_cost_per_image: 0.02";
    let (gateway, _a) = priced(Behaviour::ok().body(pictures.to_string()), by_image).await;
    let body = json!({"model": "m", "prompt": "a cat", "n": 2}).to_string();
    assert_eq!(cost(&post(&gateway, IMAGES, &[], body).await), Some("0.04"));

    // White space is not billed.
    let wav = Behaviour::ok().header("content-type", "audio/wav").body("RIFF");
    let (gateway, _a) = priced(wav.clone(), ", input_cost_per_character: 1.5e-5").await;
    let body = json!({"model": "m", "input": "hello world", "voice": "alloy"}).to_string();
    assert_eq!(cost(&post(&gateway, SPEECH, &[], &body).await), Some("0.00015"));
    // Who bills speech by tokens tells none: the prompt's are estimated, "hello world" at 3 + 7.
    let (gateway, _a) =
        priced(wav, ", input_cost_per_token: 0.001, output_cost_per_token: 0").await;
    let estimated = cost(&post(&gateway, SPEECH, &[], &body).await).map(str::to_owned);
    assert!(estimated.is_some_and(|cost| cost.parse::<f64>().unwrap() >= 0.003));

    // A search at least, where the vendor does not tell.
    let ranks = json!({"results": [{"index": 0, "relevance_score": 0.5}]});
    let (gateway, _a) =
        priced(Behaviour::ok().body(ranks.to_string()), ", input_cost_per_query: 0.002").await;
    let body = json!({"model": "m", "query": "a", "documents": ["b"]}).to_string();
    assert_eq!(cost(&post(&gateway, RERANK, &[], body).await), Some("0.002"));
}

/// A form with a recording of 8,000 bytes.
fn recording() -> (String, String) {
    let form = format!(
        "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
         --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n{}\r\n--x--\r\n",
        "a".repeat(8_000)
    );
    ("multipart/form-data; boundary=x".to_owned(), form)
}

#[tokio::test]
async fn transcriptions_are_billed_by_tokens_by_time_or_as_long_as_they_seem() {
    let tokens = ", input_cost_per_token: 1e-6, input_cost_per_audio_token: 1e-5, \
                  output_cost_per_token: 1e-4";
    let told = json!({"text": "Hi", "usage": {"type": "tokens", "input_tokens": 14,
        "input_token_details": {"text_tokens": 10, "audio_tokens": 4}, "output_tokens": 20,
        "total_tokens": 34}});
    let by_second = ", input_cost_per_second: 0.0001";
    let mistral = json!({"text": "Hi", "usage": {"prompt_audio_seconds": 36, "prompt_tokens": 13,
        "completion_tokens": 151, "total_tokens": 164}});
    let nothing = json!({"text": "Hi"});
    for (said, prices, costs) in [
        // 10 x 0.000001 + 4 x 0.00001 + 20 x 0.0001
        (told, tokens, Some("0.00205")),
        (mistral, by_second, Some("0.0036")),
        // A second at 64 kbit/s; no header says what nobody told.
        (nothing, by_second, None),
    ] {
        let budget = format!("{prices}, max_budget: 1, budget_duration: 1d");
        let (gateway, _a) = priced(Behaviour::ok().body(said.to_string()), &budget).await;
        let (kind, form) = recording();
        let heard = post(&gateway, TRANSCRIPTIONS, &[("content-type", &kind)], form).await;
        assert_eq!(cost(&heard), costs, "{said}");
        let spent = &standing(&gateway, "a").await["spend"]["used"];
        let expected = costs.unwrap_or("0.0001").parse::<f64>().unwrap();
        assert_eq!(spent, &json!(expected), "{said}");
    }
}

#[tokio::test]
async fn a_stream_that_tells_no_usage_is_charged_by_its_text() {
    let delta = |text: &str, end: Option<&str>| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": end});
        format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [choice]}))
    };
    let long = "abcdefgh".repeat(50);
    let pieces = [delta(&long, None), delta(&long, Some("stop")), "data: [DONE]\n\n".to_owned()];
    let prices = ", input_cost_per_token: 0, output_cost_per_token: 0.001, max_budget: 10, \
                  budget_duration: 1d";
    let (gateway, _a) = priced(Behaviour::ok().sse(pieces.map(bytes::Bytes::from)), prices).await;
    assert_eq!(ask(&gateway, &hello(true)).await.head.status, 200);
    // 800 bytes, a quarter of a token each.
    assert_eq!(standing(&gateway, "a").await["spend"]["used"], json!(0.2));
}

#[tokio::test]
async fn a_usage_without_a_count_is_no_usage() {
    // Each charge is the estimate of the call, and none of them costs the answer.
    let prices = ", input_cost_per_token: 0.001, output_cost_per_token: 0, \
                  max_budget: 1, budget_duration: 1d";
    let odd = [
        json!({}),
        json!({"prompt_tokens": null, "completion_tokens": null}),
        json!({"prompt_tokens": -5, "completion_tokens": -6, "total_tokens": -11}),
        json!({"prompt_tokens": 1e30, "completion_tokens": []}),
        json!(["odd"]),
    ];
    let (gateway, a) =
        priced(Behaviour::ok().body(answer(&json!({"usage": null})).to_string()), prices).await;
    assert_eq!(cost(&ask(&gateway, &hello(false)).await), None);
    let estimate = spent(&gateway).await;
    assert!(estimate > 0.0);
    for (calls, usage) in (2..).zip(odd) {
        a.always(Behaviour::ok().body(answer(&json!({"usage": usage})).to_string()));
        assert_eq!(cost(&ask(&gateway, &hello(false)).await), None, "{usage}");
        let all = f64::from(calls) * estimate;
        assert!((spent(&gateway).await - all).abs() < 1e-9, "{usage}: {all}");
    }
}

async fn spent(gateway: &Gateway) -> f64 {
    standing(gateway, "a").await["spend"]["used"].as_f64().unwrap()
}

#[tokio::test]
async fn searches_of_the_web_are_billed_by_the_context_that_they_fetch() {
    let prices = ", input_cost_per_token: 0, output_cost_per_token: 0, max_budget: 9, \
                  search_context_cost_per_query: {search_context_size_low: 0.01, \
                  search_context_size_medium: 0.02, search_context_size_high: 0.04}";
    let cited = json!([{"type": "url_citation", "url_citation": {"url": "u", "title": "t",
        "start_index": 0, "end_index": 2}}]);
    let mut told = answer(&json!({}));
    told["choices"][0]["message"]["annotations"] = cited.clone();
    let (gateway, a) = priced(Behaviour::ok().body(told.to_string()), prices).await;
    let mut body = hello(false);
    for (size, costs) in [(None, "0.02"), (Some("low"), "0.01"), (Some("high"), "0.04")] {
        if let Some(size) = size {
            body["web_search_options"] = json!({"search_context_size": size});
        }
        assert_eq!(cost(&ask(&gateway, &body).await), Some(costs), "{size:?}");
    }
    // Who speaks another dialect pays the same.
    let message =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    let answer = post(&gateway, "/v1/messages", &[], message.to_string()).await;
    assert_eq!(cost(&answer), Some("0.02"));

    // A stream cites before it tells its usage.
    let before = spent(&gateway).await;
    let chunk = |more: &Value| {
        let mut chunk = json!({"id": "x", "object": "chat.completion.chunk", "model": "m"});
        chunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("data: {chunk}\n\n")
    };
    let delta = json!({"content": "Hi", "annotations": cited});
    let streamed = [
        chunk(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]})),
        chunk(&json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})),
        "data: [DONE]\n\n".to_owned(),
    ];
    a.always(Behaviour::ok().sse(streamed.map(bytes::Bytes::from)));
    body["stream"] = true.into();
    assert_eq!(ask(&gateway, &body).await.head.status, 200);
    assert!((spent(&gateway).await - before - 0.04).abs() < 1e-9);

    // A response shows each search, and its tool has the size.
    let searched = json!({
        "id": "r", "object": "response", "status": "completed", "model": "m",
        "output": [{"type": "web_search_call", "id": "1", "status": "completed"},
            {"type": "web_search_call", "id": "2", "status": "completed"},
            {"type": "message", "id": "i", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "\"web_search_call\"", "annotations": []}]}],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    });
    a.always(Behaviour::ok().body(searched.to_string()));
    let body = json!({"model": "m", "input": "Hi",
        "tools": [{"type": "web_search", "search_context_size": "low"}]});
    assert_eq!(cost(&post(&gateway, RESPONSES, &[], body.to_string()).await), Some("0.02"));
}
