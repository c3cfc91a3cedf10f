//! The spans of one call.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{Span, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;
use pointsman::{
    Answer, Failure,
    clock::{Clock, Instant},
    provider::CallHead,
    router::Trace,
    types::{Attempt, Deployment, Error, ErrorKind, Operation, Usage},
};

use super::Traces;

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct CallSpan {
    tracer: SdkTracer,
    clock: Arc<dyn Clock>,
    parent: Context,
    operation: Operation,
    /// The name that was asked for.
    model: String,
    stream: bool,
    began: Instant,
    /// Whether its end has been told; its caller may leave before.
    ended: bool,
}

/// A call that was answered; its answer may still be streaming.
#[derive(Debug)]
pub(crate) struct OpenCall {
    /// The spans of the call and of the send that was answered; both end with the answer.
    whole: Context,
    send: Option<opentelemetry_sdk::trace::Span>,
    clock: Arc<dyn Clock>,
}

impl Traces {
    /// A call that has begun.
    pub(crate) fn call(&self, parent: Context, of: &CallHead, began: Instant) -> CallSpan {
        CallSpan {
            tracer: self.tracer.clone(),
            clock: Arc::clone(&self.clock),
            parent,
            operation: of.operation,
            model: of.model.clone(),
            stream: of.stream,
            began,
            ended: false,
        }
    }
}

impl CallSpan {
    /// It was answered, or its answer begins to stream.
    pub(crate) fn answered(mut self, answer: &Answer) -> OpenCall {
        self.ended = true;
        let whole = self.whole();
        let span = whole.span();
        span.set_attribute(KeyValue::new("pointsman.deployment", answer.deployment.to_string()));
        span.set_attribute(KeyValue::new("pointsman.model_group", answer.group.to_string()));
        span.set_attribute(KeyValue::new("pointsman.cached", answer.cached));
        traced(&whole, &answer.trace);
        let mut send = None;
        for attempt in &answer.trace.attempts {
            let span = self.send(&whole, &answer.trace, attempt);
            match attempt.failure {
                None => send = Some(span),
                Some(_) => self.close(span, attempt),
            }
        }
        OpenCall { whole, send, clock: Arc::clone(&self.clock) }
    }

    /// It was not.
    pub(crate) fn failed(mut self, failed: &Failure) {
        self.ended = true;
        let whole = self.whole();
        if let Some(trace) = &failed.trace {
            traced(&whole, trace);
            for attempt in &trace.attempts {
                let span = self.send(&whole, trace, attempt);
                self.close(span, attempt);
            }
        }
        self.broke(&whole, &failed.error);
    }

    /// It ended without an answer.
    fn broke(&self, whole: &Context, why: &Error) {
        let span = whole.span();
        span.set_attribute(error_type(why.kind.name()));
        span.set_status(Status::error(why.message().to_owned()));
        span.end_with_timestamp(moment(self.clock.now()));
    }

    fn whole(&self) -> Context {
        let span = self
            .tracer
            .span_builder(format!("{} {}", name(self.operation), self.model))
            .with_kind(SpanKind::Server)
            .with_start_time(moment(self.began))
            .with_attributes([
                KeyValue::new("gen_ai.operation.name", name(self.operation)),
                KeyValue::new("gen_ai.request.model", self.model.clone()),
                KeyValue::new("gen_ai.request.stream", self.stream),
            ]);
        let span = span.start_with_context(&self.tracer, &self.parent);
        self.parent.with_span(span)
    }

    /// The span of one send.
    fn send(
        &self,
        whole: &Context,
        trace: &Trace,
        attempt: &Attempt,
    ) -> opentelemetry_sdk::trace::Span {
        let to = trace.deployment(&attempt.deployment);
        let model = to.map_or(self.model.as_str(), |to| to.model.as_str()).to_owned();
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", name(self.operation)),
            KeyValue::new("gen_ai.request.model", model.clone()),
            KeyValue::new("pointsman.deployment", attempt.deployment.to_string()),
        ];
        attributes.extend(to.map(|to| KeyValue::new("gen_ai.provider.name", provider(to))));
        attributes.extend(attempt.failure.map(|kind| error_type(kind.name())));
        let span = self
            .tracer
            .span_builder(format!("{} {model}", name(self.operation)))
            .with_kind(SpanKind::Client)
            .with_start_time(moment(self.began + attempt.after))
            .with_attributes(attributes);
        span.start_with_context(&self.tracer, whole)
    }

    /// Ends the span of a send that failed.
    fn close(&self, mut span: opentelemetry_sdk::trace::Span, attempt: &Attempt) {
        if let Some(kind) = attempt.failure {
            span.set_status(Status::error(kind.name()));
        }
        span.end_with_timestamp(moment(self.began + attempt.after + attempt.took));
    }
}

impl Drop for CallSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.broke(&self.whole(), &Error::new(ErrorKind::Cancelled, "the caller left"));
        }
    }
}

impl OpenCall {
    /// The answer has ended: whole, or with this error.
    pub(crate) fn end(mut self, usage: Option<Usage>, error: Option<&Error>) {
        let now = self.clock.now();
        let whole = self.whole.span();
        if let Some(send) = &mut self.send {
            if let Some(usage) = usage {
                send.set_attribute(tokens("gen_ai.usage.input_tokens", usage.input));
                send.set_attribute(tokens("gen_ai.usage.output_tokens", usage.output));
                send.set_attribute(tokens(
                    "gen_ai.usage.cache_read.input_tokens",
                    usage.cache_read,
                ));
            }
            if let Some(error) = error {
                send.set_attribute(error_type(error.kind.name()));
                send.set_status(Status::error(error.kind.name()));
            }
            send.end_with_timestamp(moment(now));
        }
        if let Some(error) = error {
            whole.set_attribute(error_type(error.kind.name()));
            whole.set_status(Status::error(error.message().to_owned()));
        }
        whole.end_with_timestamp(moment(now));
    }
}

/// What the trace says of the whole call.
fn traced(whole: &Context, trace: &Trace) {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let span = whole.span();
    span.set_attribute(KeyValue::new("pointsman.attempts", count(trace.attempts.len())));
    span.set_attribute(KeyValue::new("pointsman.fallbacks", i64::from(trace.fallbacks)));
}

fn tokens(name: &'static str, count: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX))
}

fn error_type(kind: &'static str) -> KeyValue {
    KeyValue::new("error.type", kind)
}

fn moment(at: Instant) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(at.as_nanos())
}

/// What the conventions call an operation.
fn name(of: Operation) -> &'static str {
    match of {
        Operation::Completions => "text_completion",
        Operation::Embeddings => "embeddings",
        Operation::Images => "generate_content",
        Operation::Chat | Operation::Responses | Operation::Messages => "chat",
        // They have no name for the others: their paths do.
        other => other.path(),
    }
}

/// What the conventions call a vendor.
fn provider(of: &Deployment) -> Value {
    match of.vendor.as_str() {
        "azure" => "azure.ai.openai".into(),
        "azure_ai" => "azure.ai.inference".into(),
        "bedrock" => "aws.bedrock".into(),
        "gemini" => "gcp.gemini".into(),
        "vertex_ai" => "gcp.vertex_ai".into(),
        "mistral" => "mistral_ai".into(),
        "watsonx" => "ibm.watsonx.ai".into(),
        "xai" => "x_ai".into(),
        other => other.to_owned().into(),
    }
}
