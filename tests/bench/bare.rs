//! A proxy that does nothing but pass on: hyper to hyper, with a pool.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
};

use hyper::{Request, Uri, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::Outcome;

/// Says on its output where it listens, and passes everything on to `to`.
pub(crate) async fn serve(to: SocketAddr) -> Outcome<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let connections = TaskTracker::new();
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let client = client.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            let uri = format!("http://{to}{path}").parse::<Uri>();
            let client = client.clone();
            async move {
                *request.uri_mut() = uri?;
                Outcome::Ok(client.request(request).await?)
            }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
}
