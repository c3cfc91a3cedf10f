//! The built gateway as a child process.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Scratch, signals};

/// How long the gateway may take to start listening, or to refuse to.
const START: Duration = Duration::from_secs(30);
/// The name of the configuration in the gateway's directory.
const CONFIG: &str = "config.yaml";

/// A running gateway, with a configuration and a directory of its own. Killed on drop.
///
/// It runs `BIN serve --config FILE --listen 127.0.0.1:0 --log-format json` with an environment of
/// nothing but what it is given, and has started when a line of its log names the address: the field
/// `listening` of a JSON line, or `listening on http://ADDRESS` in any other.
///
/// ```no_run
/// use pointsman_testkit::{Gateway, Upstream};
/// use std::{path::Path, time::Duration};
///
/// # async fn run(bin: &Path) -> std::io::Result<()> {
/// let up = Upstream::start("a").await?;
/// let config = format!(
///     "model_list: [{{model_name: m, litellm_params: {{model: openai/m, api_base: '{}'}}}}]",
///     up.base(),
/// );
/// let mut gateway = Gateway::start(bin, &config, &[("RUST_LOG", "debug")]).await?;
/// println!("{}", gateway.url());
/// gateway.signal_term().await?;
/// assert!(gateway.wait(Duration::from_secs(10)).await?.success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    address: SocketAddr,
    log: Arc<Log>,
    reading: JoinSet<()>,
    scratch: Scratch,
}

/// What the gateway wrote to its standard error.
#[derive(Debug, Default)]
struct Log {
    lines: watch::Sender<Vec<String>>,
}

impl Gateway {
    /// Starts the binary on this configuration and waits until it listens, 30 s at most.
    ///
    /// # Errors
    /// It cannot be run, ends first or does not listen in time; the error has its log.
    pub async fn start(bin: &Path, config: &str, envs: &[(&str, &str)]) -> io::Result<Self> {
        let scratch = Scratch::new()?;
        let file = scratch.write(CONFIG, config)?;
        let mut child = command(bin, &file, envs).spawn()?;
        let log = Arc::new(Log::default());
        let mut reading = JoinSet::new();
        if let Some(stderr) = child.stderr.take() {
            reading.spawn(Arc::clone(&log).read(stderr));
        }
        let address = tokio::select! {
            address = log.address() => address,
            ended = reading.join_next() => { drop(ended); None }
            () = sleep(START) => None,
        };
        if let Some(address) = address {
            return Ok(Self { child, address, log, reading, scratch });
        }
        // Whether it still runs, and how it ended, is the first thing to know.
        let state = match timeout(Duration::from_secs(1), child.wait()).await {
            Ok(status) => format!("ended first: {}", status?),
            Err(_) => "does not listen".to_owned(),
        };
        Err(io::Error::other(format!("the gateway {state}\n{}", log.text())))
    }

    /// Runs the binary on a configuration that it should refuse, and returns its exit code and what
    /// it wrote to its standard error.
    ///
    /// # Errors
    /// It cannot be run, does not end in 30 s, or is ended by a signal.
    pub async fn refused(bin: &Path, config: &str) -> io::Result<(i32, String)> {
        let scratch = Scratch::new()?;
        let file = scratch.write(CONFIG, config)?;
        let child = command(bin, &file, &[]).spawn()?;
        let output = timeout(START, child.wait_with_output())
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the gateway goes on"))??;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(code) => Ok((code, stderr)),
            None => Err(io::Error::other(format!("{}\n{stderr}", output.status))),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process's number; none once [`Gateway::wait`] has seen it end.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The directory of its own, which holds `config.yaml`.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// What it has written to its standard error so far; after [`Gateway::wait`], all of it.
    pub fn logs(&self) -> String {
        self.log.text()
    }

    /// Waits until a line of its log contains this text; one written before counts as well.
    ///
    /// # Errors
    /// `TimedOut` when none does within that time; the error has the log.
    pub async fn logged(&self, text: &str, within: Duration) -> io::Result<()> {
        let mut lines = self.log.lines.subscribe();
        let there = lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        if matches!(timeout(within, there).await, Ok(Ok(_))) {
            return Ok(());
        }
        let message = format!("{text:?} was not logged\n{}", self.log.text());
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    }

    /// Replaces its configuration file. It is read on [`Gateway::signal_hup`].
    ///
    /// # Errors
    /// As the file system has them.
    pub fn configure(&self, config: &str) -> io::Result<()> {
        self.scratch.write(CONFIG, config).map(drop)
    }

    /// Asks it to drain and end (SIGTERM).
    ///
    /// # Errors
    /// `NotFound` when it has ended.
    pub async fn signal_term(&self) -> io::Result<()> {
        signals::send(&self.child, "-TERM").await
    }

    /// Asks it to read its configuration again (SIGHUP).
    ///
    /// # Errors
    /// `NotFound` when it has ended.
    pub async fn signal_hup(&self) -> io::Result<()> {
        signals::send(&self.child, "-HUP").await
    }

    /// Ends it at once, as a crash does (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// As the system has them.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// `TimedOut` when it does not end within that time.
    pub async fn wait(&mut self, within: Duration) -> io::Result<ExitStatus> {
        let ending = async {
            let status = self.child.wait().await?;
            while self.reading.join_next().await.is_some() {}
            Ok(status)
        };
        timeout(within, ending)
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the gateway goes on"))?
    }
}

fn command(bin: &Path, file: &PathBuf, envs: &[(&str, &str)]) -> Command {
    let mut command = Command::new(bin);
    command
        .args(["serve", "--config"])
        .arg(file)
        .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
        // Neither keys nor log levels of whoever runs the tests.
        .env_clear()
        .envs(envs.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Log {
    async fn read(self: Arc<Self>, stderr: ChildStderr) {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        // An error is an end as well: there is nothing more to be read.
        while matches!(stderr.read_until(b'\n', &mut line).await, Ok(1..)) {
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            self.lines.send_modify(|lines| lines.push(text));
            line.clear();
        }
    }

    fn text(&self) -> String {
        self.lines.borrow().join("\n")
    }

    /// The address, as soon as a line names it.
    async fn address(&self) -> Option<SocketAddr> {
        let find = |lines: &[String]| lines.iter().find_map(|line| listening(line));
        let mut lines = self.lines.subscribe();
        let lines = lines.wait_for(|lines| find(lines).is_some()).await.ok()?;
        find(&lines)
    }
}

/// The address that a line of the log says is listened on.
fn listening(line: &str) -> Option<SocketAddr> {
    if let Ok(entry) = serde_json::from_str::<Value>(line) {
        let field = entry.get("listening").or_else(|| entry.get("fields")?.get("listening"));
        if let Some(address) = field.and_then(Value::as_str) {
            return address.parse().ok();
        }
    }
    let (_, address) = line.split_once("listening on http://")?;
    let end = address.find(|c: char| !(c.is_ascii_hexdigit() || ".:[]".contains(c)));
    address[..end.unwrap_or(address.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address_in_any_log() {
        for line in [
            r#"{"level":"INFO","fields":{"message":"ready","listening":"127.0.0.1:4000"}}"#,
            r#"{"level":"INFO","message":"ready","listening":"127.0.0.1:4000"}"#,
            r#"{"fields":{"message":"listening on http://127.0.0.1:4000"}}"#,
            "INFO pointsman: listening on http://127.0.0.1:4000",
            "listening on http://127.0.0.1:4000/ui, 3 deployments",
        ] {
            assert_eq!(listening(line), Some(SocketAddr::from(([127, 0, 0, 1], 4000))), "{line}");
        }
        for line in ["", "{}", "listening", "listening on http://", r#"{"listening":"soon"}"#] {
            assert_eq!(listening(line), None, "{line}");
        }
    }
}
