//! Where Vertex AI is asked, and Claude beside Gemini.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::{Instant, ManualClock};
use pointsman_gemini::{GeminiCodec, VertexCodec};
use pointsman_provider::{
    Call, CallHead, Codec, HttpProvider, Incoming, NoMachine, Pieces, Provider, Reply, Speech,
    Transport,
};
use pointsman_testkit::recorded::cuts_do_not_matter;
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);
const ACCOUNT: &str = include_str!("data/service_account.json");

/// Issues a token, and answers any other call with a stream in an array.
#[derive(Debug, Default)]
struct Google(Mutex<Vec<Request<Pieces>>>);

#[async_trait]
impl Transport for Google {
    async fn send(&self, request: Request<Pieces>) -> Result<http::Response<Incoming>, Error> {
        let token = request.uri().path().ends_with("/token");
        self.0.lock().unwrap().push(request);
        let answer =
            json!([{"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": 1}]}]);
        let issued = json!({"access_token": "planted", "expires_in": 3_600});
        let body = Bytes::from(if token { issued } else { answer }.to_string());
        let body: Incoming = Box::pin(stream::iter([Ok(body)]));
        let response =
            http::Response::builder().header("content-type", "application/json; charset=UTF-8");
        Ok(response.body(body).unwrap())
    }
}

fn codec() -> VertexCodec {
    VertexCodec::new(Arc::new(Google::default()), Arc::new(NoMachine))
}

fn deployment(model: &str, settings: &[(&str, &str)]) -> Deployment {
    let mut deployment = Deployment::new("g", "vertex_ai", model);
    for (name, value) in settings {
        deployment.settings.insert((*name).to_owned(), (*value).to_owned());
    }
    deployment
}

fn address(of: &Deployment, operation: Operation) -> Result<String, String> {
    let target = codec().target(of)?;
    let body = json!({"input": "a", "messages": [{"role": "user", "content": "Hi"}]});
    let call = Call::json(operation, "g", body).unwrap();
    Ok(codec().encode(&target, &call).unwrap().uri().to_string())
}

#[test]
fn addresses() {
    let at = |model, location| {
        let settings = [("vertex_project", "p-1"), ("vertex_location", location)];
        address(&deployment(model, &settings), Operation::Chat).unwrap()
    };
    let models = "projects/p-1/locations";
    assert_eq!(
        at("gemini-2.5-flash", "europe-west4"),
        format!(
            "https://europe-west4-aiplatform.googleapis.com/v1/{models}/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"
        )
    );
    assert!(
        at("gemini-2.5-flash", "").starts_with("https://us-central1-aiplatform.googleapis.com/v1/")
    );
    assert!(
        at("gemini-3-pro", "global")
            .starts_with(&format!("https://aiplatform.googleapis.com/v1/{models}/global/"))
    );
    assert!(at("gemini-2.5-pro", "eu").starts_with("https://aiplatform.eu.rep.googleapis.com/v1/"));
    assert!(at("gemini/123", "us-east1").ends_with("/endpoints/123:generateContent"));
    assert!(
        at("meta/llama", "us-east1").ends_with("/publishers/meta/models/llama:generateContent")
    );
    assert!(
        at("claude-opus-4-5@20251101", "us-east5")
            .ends_with("/publishers/anthropic/models/claude-opus-4-5@20251101:rawPredict")
    );
}

#[test]
fn addresses_of_ones_own() {
    let at = |base: &str| {
        let of = deployment("m", &[("vertex_project", "p")]).with_base(base);
        address(&of, Operation::Embeddings).unwrap()
    };
    let path = "projects/p/locations/us-central1/publishers/google/models/m:predict";
    assert_eq!(at("http://host:1"), format!("http://host:1/v1/{path}"));
    assert_eq!(at("http://host:1/own/v1beta1/"), format!("http://host:1/own/v1beta1/{path}"));
    assert_eq!(
        at("http://host:1/v1/projects/q/locations/x"),
        "http://host:1/v1/projects/q/locations/x/publishers/google/models/m:predict"
    );
    assert_eq!(
        at("http://host:1/v1/projects/q/locations/x/publishers/google"),
        "http://host:1/v1/projects/q/locations/x/publishers/google/models/m:predict"
    );
}

#[test]
fn projects() {
    let chat = |of: &Deployment| address(of, Operation::Chat);
    assert!(chat(&deployment("m", &[])).unwrap_err().contains("set `vertex_project`"));
    let named = chat(&deployment("m", &[("vertex_credentials", ACCOUNT)])).unwrap();
    assert!(named.contains("/projects/made-up/"));
    assert!(chat(&deployment("m", &[("vertex_project", "a/b")])).is_err());
    assert!(
        chat(&deployment("m", &[("vertex_project", "p"), ("vertex_location", "evil.invalid/")]))
            .is_err()
    );
    let keyed = chat(&deployment("m", &[("vertex_location", "global")]).with_key("k")).unwrap();
    assert_eq!(
        keyed,
        "https://aiplatform.googleapis.com/v1/publishers/google/models/m:generateContent"
    );
}

#[test]
fn embeddings_are_predictions() {
    let of = deployment("text-embedding-005", &[("vertex_project", "p")]);
    let target = codec().target(&of).unwrap();
    let body = json!({"input": ["a", "b"], "dimensions": 8, "input_type": "RETRIEVAL_QUERY", "auto_truncate": false});
    let call = Call::json(Operation::Embeddings, "g", body).unwrap();
    let sent: Value =
        serde_json::from_slice(&codec().encode(&target, &call).unwrap().body().to_bytes()).unwrap();
    let each = ["a", "b"].map(|text| json!({"content": text, "task_type": "RETRIEVAL_QUERY"}));
    assert_eq!(
        sent,
        json!({"instances": each, "parameters": {"outputDimensionality": 8, "autoTruncate": false}})
    );
    let answer = json!({"predictions": [
        {"embeddings": {"values": [0.5], "statistics": {"token_count": 4.0}}},
        {"embeddings": {"values": [0.25], "statistics": {"token_count": 3}}}]});
    let body = Bytes::from(answer.to_string());
    let read = codec().decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW).unwrap();
    assert_eq!(read.usage.unwrap().input, 7);
}

#[test]
fn geminis_own_embeddings() {
    let asked = |model: &str, input: Value| {
        let target = codec().target(&deployment(model, &[("vertex_project", "p")])).unwrap();
        let body = json!({"input": input, "dimensions": 8});
        let call = Call::json(Operation::Embeddings, "g", body).unwrap();
        let request = codec().encode(&target, &call).unwrap();
        let method = request.uri().path().rsplit(':').next().unwrap().to_owned();
        (method, serde_json::from_slice::<Value>(&request.body().to_bytes()).unwrap())
    };
    let one = |text: &str| {
        json!({"content": {"parts": [{"text": text}]},
            "embedContentConfig": {"outputDimensionality": 8}})
    };
    assert_eq!(asked("gemini-embedding-001", json!("a")).0, "predict");
    let several = ("batchEmbedContents".to_owned(), json!({"requests": [one("a"), one("b")]}));
    assert_eq!(asked("gemini-embedding-001", json!(["a", "b"])), several);
    assert_eq!(asked("gemini-embedding-2", json!(["a"])), ("embedContent".to_owned(), one("a")));
}

fn head(operation: Operation) -> CallHead {
    Call::json(operation, "g", json!({"messages": [], "stream": true})).unwrap().head
}

#[test]
fn claude_is_asked_and_read_in_its_own_dialect() {
    let of = deployment("claude-sonnet-4-5", &[("vertex_project", "p")]);
    let target = codec().target(&of).unwrap();
    let call = Call::chat("g", json!({"messages": [{"role": "user", "content": "Hi"}]})).unwrap();
    let request = codec().encode(&target, &call.clone().streamed()).unwrap();
    assert!(request.uri().path().ends_with("claude-sonnet-4-5:streamRawPredict"));
    let sent: Value = serde_json::from_slice(&request.body().to_bytes()).unwrap();
    assert_eq!(
        (&sent["anthropic_version"], &sent["stream"]),
        (&json!("vertex-2023-10-16"), &json!(true))
    );
    assert!(sent.get("model").is_none());
    let counting = Call::json(Operation::CountTokens, "g", json!({"messages": []})).unwrap();
    let counted = codec().encode(&target, &counting).unwrap();
    assert!(counted.uri().path().ends_with("/models/count-tokens:rawPredict"));
    assert!(matches!(codec().speaks(&target, &head(Operation::Embeddings)), Speech::No(_)));

    let decode = |head: &CallHead, status: StatusCode, body: Value| {
        let body = Bytes::from(body.to_string());
        codec().decode(head, status, &HeaderMap::new(), body, NOW)
    };
    let answer = json!({"type": "message", "id": "m", "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 2, "output_tokens": 1}});
    let read = decode(&call.head, StatusCode::OK, answer).unwrap();
    assert_eq!(read.usage.unwrap().total(), 3);
    let read = decode(&counting.head, StatusCode::OK, json!({"input_tokens": 4})).unwrap();
    assert_eq!(read.body, r#"{"input_tokens":4}"#);
    let busy = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    let error = decode(&call.head, StatusCode::from_u16(529).unwrap(), busy).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded);
}

#[test]
fn streams_of_either_dialect() {
    let claude = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":8}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let gemini = "\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\"}]}\r\n\r\n";
    for body in [claude, gemini] {
        for operation in [Operation::Chat, Operation::Messages] {
            let read =
                cuts_do_not_matter(body.as_bytes(), &|| codec().frames(&head(operation), NOW));
            assert!(read.done && read.content && read.error.is_none(), "{body}: {:?}", read.error);
        }
    }
    for body in ["", "eve", "event: message_start\n"] {
        let read =
            cuts_do_not_matter(body.as_bytes(), &|| codec().frames(&head(Operation::Chat), NOW));
        assert_eq!(read.error.unwrap().kind, ErrorKind::Connection, "{body}");
    }
}

#[tokio::test]
async fn a_stream_in_an_array_is_a_stream_and_the_token_goes_along() {
    let google = Arc::new(Google::default());
    let transport: Arc<dyn Transport> = Arc::<Google>::clone(&google);
    let clock = Arc::new(ManualClock::at(NOW));
    let provider = HttpProvider::new(
        VertexCodec::new(Arc::clone(&transport), Arc::new(NoMachine)),
        transport,
        clock,
    );
    let target = provider
        .target(&deployment("gemini-2.5-flash", &[("vertex_credentials", ACCOUNT)]))
        .unwrap();
    let call = Call::chat("g", json!({"messages": [{"role": "user", "content": "Hi"}]}))
        .unwrap()
        .streamed();
    let Reply::Stream(stream) = provider.call(&target, &call).await.unwrap() else {
        panic!("whole")
    };
    let batches: Vec<_> = stream.frames.collect().await;
    let frames = batches.into_iter().flat_map(Result::unwrap);
    assert!(frames.last().unwrap().event.done);
    let asked = google.0.lock().unwrap();
    assert_eq!(asked[1].headers()["authorization"], "Bearer planted");
    assert!(!format!("{asked:?} {target:?} {provider:?}").contains("planted"));
}

#[test]
fn a_callers_name_leads_nowhere_else() {
    let of = |codec: &dyn Codec, model: &str| {
        let settings = [("vertex_project", "p"), ("vertex_location", "us-east1")];
        let deployment =
            Deployment { vendor: codec.vendor().name.into(), ..deployment(model, &settings) };
        let target = codec.target(&deployment.with_key("k")).unwrap();
        let body = json!({"messages": [{"role": "user", "content": "Hi"}]});
        let call = Call::json(Operation::Chat, "g", body).unwrap();
        codec.encode(&target, &call).map(|request| request.uri().to_string())
    };
    let (studio, vertex) = (&GeminiCodec as &dyn Codec, &codec() as &dyn Codec);
    for (codec, model, end) in [
        (studio, "a?b=c#d", "/v1beta/models/a%3Fb%3Dc%23d:generateContent"),
        (studio, "x/a b\r\né", "/v1beta/x/a%20b%0D%0A%C3%A9:generateContent"),
        (studio, "a:deleteAll?", "/v1beta/models/a%3AdeleteAll%3F:generateContent"),
        (vertex, "a%2f..?x", "/publishers/google/models/a%252f..%3Fx:generateContent"),
        (vertex, "claude-x@1", "/publishers/anthropic/models/claude-x@1:rawPredict"),
    ] {
        let address = of(codec, model).unwrap();
        assert!(address.ends_with(end), "{model}: {address}");
    }
    for model in ["x/../../files", "..", "publishers/../../../q", "a//b", "x/.", ""] {
        for codec in [studio, vertex] {
            // A name without a slash is one segment behind `models/`.
            if let Err(error) = of(codec, model) {
                assert_eq!(error.kind, ErrorKind::BadRequest, "{model}");
            } else {
                panic!("{model}: {:?}", of(codec, model));
            }
        }
    }
}
