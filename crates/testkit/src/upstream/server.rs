//! Accepts, reads, answers.

use std::{
    collections::VecDeque,
    fmt,
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Request, Response, body::Incoming, header::HeaderValue, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    behaviour::{Behaviour, Start},
    body::Steps,
    lock,
    reply::{Asked, Who},
    seen::{Open, Ring, Seen, Tally},
};

/// How long to wait when the process has no socket left, before trying again.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(10);

pub(super) struct Shared {
    pub(super) name: String,
    pub(super) script: Mutex<Script>,
    pub(super) ring: Mutex<Ring>,
    pub(super) record: AtomicBool,
    pub(super) tally: watch::Sender<Tally>,
    pub(super) accepted: AtomicU64,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

#[derive(Debug)]
pub(super) struct Script {
    pub(super) queue: VecDeque<Behaviour>,
    pub(super) standing: Standing,
}

type Answer = dyn Fn(&Seen, u64) -> Behaviour + Send + Sync;

#[derive(Clone)]
pub(super) enum Standing {
    Always(Arc<Behaviour>),
    Ask(Arc<Answer>),
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(behaviour) => f.debug_tuple("Always").field(behaviour).finish(),
            Self::Ask(_) => f.write_str("Ask"),
        }
    }
}

impl Shared {
    pub(super) fn new(name: String) -> Self {
        let standing = Standing::Always(Arc::new(Behaviour::ok()));
        Self {
            name,
            script: Mutex::new(Script { queue: VecDeque::new(), standing }),
            ring: Mutex::default(),
            record: AtomicBool::new(true),
            tally: watch::Sender::new(Tally::default()),
            accepted: AtomicU64::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Counts and records the call, and finds out how to answer it.
    fn take(&self, mut seen: Seen) -> (Arc<Behaviour>, u64, Open) {
        let body = seen.body.clone();
        // Under one lock, so that numbers, queue and record are in the same order.
        let mut script = lock(&self.script);
        self.tally.send_modify(|tally| {
            seen.nth = tally.count;
            tally.count += 1;
            tally.in_flight += 1;
        });
        if !self.record.load(Ordering::Relaxed) {
            seen.body = Bytes::new();
        }
        lock(&self.ring).push(seen.clone());
        let queued = script.queue.pop_front();
        let standing = script.standing.clone();
        drop(script);

        let open = Open::new(Arc::clone(&seen.fate), self.tally.clone(), self.stop.clone());
        let nth = seen.nth;
        seen.body = body;
        let behaviour = match (queued, standing) {
            (Some(behaviour), _) => Arc::new(behaviour),
            (None, Standing::Always(behaviour)) => behaviour,
            (None, Standing::Ask(answer)) => Arc::new(answer(&seen, nth)),
        };
        (behaviour, nth, open)
    }
}

/// Accepts until told to stop.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let accepting = async {
        loop {
            match listener.accept().await {
                Ok(accepted) => serve(&shared, accepted),
                Err(_) => sleep(OUT_OF_SOCKETS).await,
            }
        }
    };
    shared.stop.run_until_cancelled(accepting).await;
}

fn serve(shared: &Arc<Shared>, (stream, _): (TcpStream, SocketAddr)) {
    shared.accepted.fetch_add(1, Ordering::Relaxed);
    let owned = Arc::clone(shared);
    shared.tasks.spawn(async move {
        owned.stop.run_until_cancelled(connection(&owned, stream)).await;
    });
}

async fn connection(shared: &Arc<Shared>, stream: TcpStream) {
    // Without it small chunks wait for the peer's acknowledgement; a socket that refuses still works.
    drop(stream.set_nodelay(true));
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let answering = answer(Arc::clone(shared), request, Arc::clone(&reset));
        Box::pin(answering) as Pin<Box<dyn Future<Output = _> + Send>>
    });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    // An error here is a client that left, a request that is no HTTP, or a fault as scripted.
    drop(poll_fn(|cx| connection.poll_without_shutdown(cx)).await);
    let stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        drop(stream.set_zero_linger());
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    reset: Arc<AtomicBool>,
) -> io::Result<Response<Steps>> {
    let at = crate::now();
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let asked = Asked::read(&path, &body);
    let seen = Seen {
        nth: 0,
        at,
        method: head.method,
        path,
        headers: head.headers,
        body,
        fate: Arc::default(),
    };
    let (behaviour, nth, mut call) = shared.take(seen);
    let plan = behaviour.plan(&asked, Who { name: &shared.name, nth });
    if !plan.delay.is_zero() {
        sleep(plan.delay).await;
    }
    match plan.start {
        Start::Answer => {}
        Start::Hang => pending().await,
        Start::Cut { reset: abrupt } => {
            reset.store(abrupt, Ordering::Relaxed);
            call.end();
            return Err(io::Error::other("cut as scripted"));
        }
    }
    let mut response = Response::new(Steps::new(plan.steps, reset, call));
    *response.status_mut() = plan.status;
    *response.headers_mut() = plan.headers;
    if let Ok(name) = HeaderValue::from_str(&shared.name) {
        response.headers_mut().insert("x-upstream", name);
    }
    Ok(response)
}
