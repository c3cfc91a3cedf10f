//! Traces for OpenTelemetry, in its conventions for generative AI, where an endpoint is set.
//!
//! One span for the call, one within it for each send. They are made when the call has ended, from
//! what its trace says, so that a call is not slower for being watched.

mod client;
mod span;

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use opentelemetry::{Context, propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use pointsman::{clock::Clock, provider::Transport};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

pub(crate) use span::{CallSpan, OpenCall};

/// The variables that say where traces go; the exporter reads the rest of its own (`…_HEADERS`).
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// How long the last spans may take to leave.
const LAST: Duration = Duration::from_secs(5);

/// Where spans go.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    clock: Arc<dyn Clock>,
}

impl Traces {
    /// Starts to export over this transport, if an endpoint is set.
    pub(crate) fn start(
        env: &dyn Fn(&str) -> Option<String>,
        transport: &Arc<dyn Transport>,
        clock: &Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Result<Option<Self>, String> {
        if !ENDPOINTS.iter().any(|name| env(name).is_some_and(|value| !value.trim().is_empty())) {
            return Ok(None);
        }
        let client = client::Client {
            transport: Arc::clone(transport),
            runtime: runtime.clone(),
            tasks: TaskTracker::new(),
        };
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| format!("the exporter of traces: {error}"))?;
        let mut resource = Resource::builder();
        if env("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("pointsman");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let (tracer, clock) = (provider.tracer("pointsman"), Arc::clone(clock));
        Ok(Some(Self { provider, tracer, clock }))
    }

    /// The caller's own span, where its headers name one.
    #[expect(clippy::unused_self, reason = "without traces nobody asks")]
    pub(crate) fn parent(&self, headers: &HeaderMap) -> Context {
        TraceContextPropagator::new()
            .extract_with_context(&Context::new(), &HeaderExtractor(headers))
    }

    /// Exports what is left.
    pub(crate) async fn end(&self) {
        let provider = self.provider.clone();
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST));
        if let Ok(Err(error)) = ended.await {
            tracing::warn!("the last traces were lost: {error}");
        }
    }
}
