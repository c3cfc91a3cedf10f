//! A Redis server as a child process.

use std::{io, net::Ipv4Addr, path::Path, process::Stdio, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{Scratch, signals};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(10);

/// A Redis server on a free port of the loopback interface, which keeps nothing on disk. Killed on
/// drop.
///
/// `redis-server` has to be in the search path: Debian has it in the package `redis-server`.
///
/// ```no_run
/// # async fn run() -> std::io::Result<()> {
/// use pointsman_testkit::RedisServer;
/// let mut server = RedisServer::start().await?;
/// println!("{}", server.url());
/// server.kill().await?;
/// // It comes back at the same port, and knows nothing.
/// server.restart().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    port: u16,
    options: Vec<String>,
    scratch: Scratch,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// It cannot be run or does not answer in 10 s.
    pub async fn start() -> io::Result<Self> {
        Self::with(&[]).await
    }

    /// Starts one with more options, as on its command line.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn with(options: &[&str]) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let scratch = Scratch::new()?;
        let child = spawn(port, &options, scratch.path())?;
        let server = Self { child, port, options, scratch };
        server.answers().await?;
        Ok(server)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// It cannot be ended.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Starts it again at its port, empty, after it was killed.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> io::Result<()> {
        self.child = spawn(self.port, &self.options, self.scratch.path())?;
        self.answers().await
    }

    /// Stops it where it is: connections stay open, and nobody is answered.
    ///
    /// # Errors
    /// It has ended.
    pub async fn pause(&self) -> io::Result<()> {
        signals::send(&self.child, "-STOP").await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub async fn resume(&self) -> io::Result<()> {
        signals::send(&self.child, "-CONT").await
    }

    /// What it says to one command of words without spaces, as it is on the wire.
    ///
    /// # Errors
    /// It does not answer in 10 s.
    pub async fn ask(&self, command: &str) -> io::Result<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let asking = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
            let mut said = String::new();
            stream.read_to_string(&mut said).await?;
            Ok(said)
        };
        timeout(START, asking).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn answers(&self) -> io::Result<()> {
        let trying = async {
            while !self.ask("PING").await.is_ok_and(|said| said.contains("PONG")) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(START, trying).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "redis-server does not answer on its port")
        })
    }
}

fn spawn(port: u16, options: &[String], directory: &Path) -> io::Result<Child> {
    let port = port.to_string();
    let fixed = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let mut command = Command::new("redis-server");
    command.args(fixed).args(options).current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("redis-server cannot be run: {error}; install it"))
    })
}
