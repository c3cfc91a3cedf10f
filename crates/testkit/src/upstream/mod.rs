//! An OpenAI-shaped HTTP upstream on a real loopback socket that fails on demand.

mod behaviour;
mod body;
mod reply;
mod responses;
mod seen;
mod server;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    time::timeout,
};

pub use behaviour::{Behaviour, Piece};
pub use seen::{Fate, Seen, Tally};
use server::{Shared, Standing};

/// A faulty upstream on `127.0.0.1`, on a port that the system picks.
///
/// A call takes the first behaviour that waits in the queue ([`Upstream::then`]), else the standing
/// one ([`Upstream::always`], [`Upstream::answer_with`]; [`Behaviour::ok`] to begin with). Both may
/// be changed at any time and from any thread; what a call got it keeps. Dropping the upstream stops
/// it: the runtime closes its sockets as soon as it runs its tasks; [`Upstream::stop`] waits for that.
///
/// ```
/// use pointsman_testkit::{Behaviour, Upstream, Wire};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let up = Upstream::start("a").await?;
/// up.then([Behaviour::ok().error(429, "rate_limit_exceeded", "rate_limit_error", "slow down")]);
///
/// let within = Duration::from_secs(10);
/// let mut wire = Wire::connect(up.address(), within).await?;
/// for expected in [429, 200] {
///     wire.post("/v1/chat/completions", &[], r#"{"model": "m", "messages": []}"#, within).await?;
///     let response = wire.response(within).await?;
///     assert_eq!(response.head.status, expected);
/// }
/// assert_eq!(up.count(), 2);
/// assert_eq!(up.calls()[1].json()["model"], "m");
/// # Ok(())
/// # })
/// # }
/// ```
pub struct Upstream {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Upstream {
    /// Starts one. The name is echoed: in the text and the ids of answers, in the list of models,
    /// and in the header `x-upstream`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(name: impl Into<String>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(name.into()));
        shared.tasks.spawn(server::accept(Arc::clone(&shared), listener));
        Ok(Self { shared, address })
    }

    /// An address where connections are refused, for as long as the value lives: the port is taken,
    /// and nobody listens.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn refusing() -> io::Result<Refusing> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        Ok(Refusing { _socket: socket, address })
    }

    /// The name it was started with.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a configuration calls `api_base`: `http://127.0.0.1:PORT/v1`.
    pub fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Queues behaviours, one per call, behind those that wait already.
    pub fn then(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        lock(&self.shared.script).queue.extend(behaviours);
    }

    /// Answers like this whenever nothing is queued.
    pub fn always(&self, behaviour: Behaviour) {
        lock(&self.shared.script).standing = Standing::Always(Arc::new(behaviour));
    }

    /// Asks the function whenever nothing is queued, with the call and its number from 0.
    ///
    /// It runs on the connection's task and must not block.
    pub fn answer_with(&self, answer: impl Fn(&Seen, u64) -> Behaviour + Send + Sync + 'static) {
        lock(&self.shared.script).standing = Standing::Ask(Arc::new(answer));
    }

    /// Whether the bodies of requests are kept; so it is to begin with.
    pub fn record(&self, bodies: bool) {
        self.shared.record.store(bodies, Ordering::Relaxed);
    }

    /// The calls that came, oldest first: the last 10,000, fewer when their bodies exceed 64 MiB.
    ///
    /// A request counts once it has arrived whole.
    pub fn calls(&self) -> Vec<Seen> {
        lock(&self.shared.ring).all()
    }

    /// How many calls came.
    pub fn count(&self) -> u64 {
        self.tally().count
    }

    /// How many calls are being answered.
    pub fn in_flight(&self) -> u64 {
        self.tally().in_flight
    }

    /// The counts of this moment.
    pub fn tally(&self) -> Tally {
        *self.shared.tally.borrow()
    }

    /// How many connections were ever accepted.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        // One task accepts, the others serve a connection each.
        self.shared.tasks.len().saturating_sub(1)
    }

    /// Waits until the counts are as wanted, and returns them.
    ///
    /// # Errors
    /// The counts as they are when `within` has passed.
    ///
    /// ```no_run
    /// # async fn wait(up: &pointsman_testkit::Upstream) {
    /// let idle = up.until(std::time::Duration::from_secs(10), |tally| tally.in_flight == 0).await;
    /// # drop(idle);
    /// # }
    /// ```
    pub async fn until(
        &self,
        within: Duration,
        wanted: impl FnMut(&Tally) -> bool,
    ) -> Result<Tally, Tally> {
        let mut receiver = self.shared.tally.subscribe();
        match timeout(within, receiver.wait_for(wanted)).await {
            Ok(Ok(tally)) => Ok(*tally),
            _ => Err(self.tally()),
        }
    }

    /// Forgets the calls that came and what is queued. Calls in flight stay counted as such; the
    /// standing behaviour stays.
    pub fn clear(&self) {
        lock(&self.shared.script).queue.clear();
        lock(&self.shared.ring).clear();
        self.shared.tally.send_modify(|tally| (tally.count, tally.hung_up) = (0, 0));
    }

    /// Stops it and waits until every socket of its is closed.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.shared.name)
            .field("address", &self.address)
            .field("tally", &self.tally())
            .finish_non_exhaustive()
    }
}

/// An address where connections are refused; see [`Upstream::refusing`].
#[derive(Debug)]
pub struct Refusing {
    _socket: TcpSocket,
    address: SocketAddr,
}

impl Refusing {
    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a configuration calls `api_base`: `http://127.0.0.1:PORT/v1`.
    pub fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// A panic of a test's own function is no reason to lose what was seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
