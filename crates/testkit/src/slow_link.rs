//! A way to a server that is as slow as a test wants it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Forwards connections to a port of the loopback interface, and holds back what goes through it,
/// both ways, for so long as it is set to. Ends on drop, and its connections with it.
///
/// ```no_run
/// # async fn run() -> std::io::Result<()> {
/// use pointsman_testkit::{RedisServer, SlowLink};
/// use std::time::Duration;
/// let server = RedisServer::start().await?;
/// let link = SlowLink::to(server.port()).await?;
/// link.delay(Duration::from_millis(200));
/// println!("redis://127.0.0.1:{}", link.port());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SlowLink {
    address: SocketAddr,
    millis: Arc<AtomicU64>,
    /// Aborted on drop.
    _tasks: JoinSet<()>,
}

impl SlowLink {
    /// One that delays nothing yet.
    ///
    /// # Errors
    /// No port is free.
    pub async fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let millis = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, port, Arc::clone(&millis)));
        Ok(Self { address, millis, _tasks: tasks })
    }

    /// The port to connect to instead.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Whatever comes from now on is held back for so long, each way.
    pub fn delay(&self, by: Duration) {
        self.millis.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, port: u16, millis: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let millis = Arc::clone(&millis);
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
            let ((from, to), (back, forth)) = (client.into_split(), server.into_split());
            // When one side is gone, both are.
            tokio::select! {
                () = pass(from, forth, &millis) => {}
                () = pass(back, to, &millis) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// What comes in goes on after its delay, in order, while more comes in.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    millis: &AtomicU64,
) {
    let (held, mut due) = mpsc::unbounded_channel();
    let reading = async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let at = Instant::now() + Duration::from_millis(millis.load(Ordering::Relaxed));
            if held.send((at, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((at, bytes)) = due.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    // What was written before an end arrives, as on any way between two machines.
    tokio::join!(reading, writing);
}
