//! Accepts connections and serves them until told to stop.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{extract::Request, response::Response};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::App,
    auth, cross_origin, paths, routes,
    socket::{Requests, Served, Socket},
};

/// How long an idle connection is kept: longer than what common balancers keep theirs.
const IDLE: Duration = Duration::from_secs(90);
/// The most that is read from a connection at once, and the longest head. Larger pieces of a body
/// would leave the processor's cache before they are copied.
const PIECE: usize = 64 << 10;
/// How long to wait when the process has no file handle left for one more connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Serves until `stop`, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    app: &Arc<App>,
    connections: &TaskTracker,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE).max_headers(256);
    http.max_buf_size(PIECE);
    let graceful = GracefulShutdown::new();
    let routes = routes::routes(Arc::clone(app));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let tcp = match accepted {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        // Small writes of a stream must not wait for more.
        let _ = tcp.set_nodelay(true);
        let requests = Requests::default();
        let (inner, count) = (TowerToHyperService::new(routes.clone()), requests.clone());
        let app = Arc::clone(app);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let serving = count.begin();
            paths::straighten(request.uri_mut());
            let uri = request.uri().clone();
            auth::take_from_address(&uri, request.headers_mut());
            let foreign = cross_origin::is_asked(request.headers()) && app.is_locked();
            let refusal = refusal(&app, &request, foreign);
            let answer = refusal.map(Box::new).map_or_else(|| Ok(inner.call(request)), Err);
            async move {
                let mut response = match answer {
                    Ok(answer) => answer.await?,
                    Err(refusal) => *refusal,
                };
                if foreign {
                    cross_origin::allow(response.headers_mut());
                }
                Ok::<_, Infallible>(response.map(|body| Served::new(body, serving)))
            }
        });
        let socket = TokioIo::new(Socket::new(tcp, requests));
        let connection = graceful.watch(http.serve_connection(socket, service));
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// What a request is answered that no path gets to see.
fn refusal(app: &App, request: &Request<Incoming>, foreign: bool) -> Option<Response> {
    let (method, headers) = (request.method(), request.headers());
    let preflight = if foreign { cross_origin::preflight(method, headers) } else { None };
    preflight.or_else(|| auth::refusal(app, request.uri().path(), headers))
}

/// One client's failure is nobody else's; a process without file handles has to wait.
async fn pause_after(error: &io::Error) {
    let theirs = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if !theirs {
        tracing::warn!("no connection can be accepted: {error}");
        tokio::time::sleep(NO_ROOM).await;
    }
}
