//! The exporter's way out: the same transport that upstreams are reached over.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use pointsman::{
    provider::{Pieces, Transport, collect},
    types::Error,
};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::task::TaskTracker;

/// How long one export may take.
const WITHIN: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MOST: usize = 1 << 20;

/// Sends what is exported. The exporter has a thread of its own, which drives no sockets: the runtime
/// does.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) runtime: Handle,
    pub(super) tasks: TaskTracker,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let transport = Arc::clone(&self.transport);
        let sending = async move { send(transport.as_ref(), request).await };
        let bounded = async move { timeout(WITHIN, sending).await };
        let sent = self.tasks.spawn_on(bounded, &self.runtime).await??;
        Ok(sent.inspect_err(|error| tracing::debug!("traces were not exported: {error}"))?)
    }
}

async fn send(
    transport: &dyn Transport,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Error> {
    let answer = transport.send(request.map(Pieces::from)).await?;
    let (head, body) = answer.into_parts();
    let body = collect(&head.headers, body, MOST).await?;
    Ok(Response::from_parts(head, body))
}
