//! Keeps spend across restarts: the [`Journal`] of budgets in one crash-safe file.
//!
//! A [`Disk`] owns a directory, which no other process may open meanwhile. One thread writes; what
//! several callers have to write at one time is one transaction, which is on the disk whole or not
//! at all, whatever the power does.
//!
//! A disk that is full or broken stops nobody: it is logged once, every write fails at once, and
//! each tries again all that is not written yet.
//!
//! ```
//! use std::sync::Arc;
//! use pointsman_clock::{Clock, ManualClock};
//! use pointsman_disk::Disk;
//! use pointsman_state::{Journal, MemoryStore, StateStore};
//!
//! # let directory = pointsman_testkit::Scratch::new()?;
//! # let directory = directory.path();
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let journal: Arc<dyn Journal> = Arc::new(Disk::open(directory)?);
//! let store = MemoryStore::with_journal(7, journal)?;
//! // Every second, and with `true` when all calls have ended:
//! store.flush(true, ManualClock::default().now()).await?;
//! # Ok::<(), pointsman_types::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
mod faulty;
mod file;
mod writer;

use std::{
    fmt, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use pointsman_state::{Entry, Journal};
use pointsman_types::{Error, ErrorKind};
use tokio::{sync::oneshot, time::timeout};

use crate::{file::Opener, writer::Desk};

/// The file in the directory.
const FILE: &str = "spend.redb";
/// The longest that a caller waits for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The journal in a directory. Its writes are awaited in a tokio runtime that drives time.
pub struct Disk {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<()>>,
    /// It was said that the disk does not answer.
    is_slow: AtomicBool,
}

impl Disk {
    /// Opens the journal of a directory, and makes both if there are none.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, another process holds it, or its file is damaged or of a
    /// later version. The message says what to do.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let shown = directory.display();
        let refused = |what: &str, error: &std::io::Error| {
            failure(format!("the state_dir `{shown}` cannot be {what}: {error}"))
        };
        fs::create_dir_all(directory).map_err(|error| refused("made", &error))?;
        let disk = Self::with(Opener::at(directory.join(FILE)))?;
        // A file that was just made is in its directory only once that is written, too.
        let synced = fs::File::open(directory).and_then(|open| open.sync_all());
        synced.map_err(|error| refused("written", &error))?;
        Ok(disk)
    }

    fn with(opener: Opener) -> Result<Self, Error> {
        let (file, entries) = opener.open()?;
        let desk = Arc::new(Desk::new(entries));
        let at = Arc::clone(&desk);
        let writer = std::thread::Builder::new().name("pointsman-disk".into());
        let writer = writer
            .spawn(move || at.serve(&opener, file))
            .map_err(|error| failure(format!("no thread can be started: {error}")))?;
        Ok(Self { desk, writer: Some(writer), is_slow: AtomicBool::new(false) })
    }
}

#[async_trait]
impl Journal for Disk {
    fn load(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.desk.written())
    }

    async fn write(&self, entries: Vec<Entry>) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let (done, told) = oneshot::channel();
        self.desk.hand_in(entries, done);
        match timeout(PATIENCE, told).await {
            Ok(Ok(written)) => {
                self.is_slow.store(false, Ordering::Relaxed);
                written
            }
            Ok(Err(_)) => Err(failure("the journal has ended".to_owned())),
            Err(_) => {
                let message = format!("spend is not written after {} s", PATIENCE.as_secs());
                if !self.is_slow.swap(true, Ordering::Relaxed) {
                    tracing::error!("{message}: the disk does not answer; calls go on");
                }
                Err(failure(message))
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.desk.close();
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("writer", &self.writer).finish_non_exhaustive()
    }
}

fn failure(message: String) -> Error {
    Error::new(ErrorKind::Server, message)
}
