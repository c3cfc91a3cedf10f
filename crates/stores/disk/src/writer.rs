//! The one thread that writes, and the desk where entries are handed in.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use pointsman_state::Entry;
use pointsman_types::Error;
use tokio::sync::oneshot;

use crate::file::{File, Opener};

/// From so many on, those who left are struck off the list of those who wait.
const CROWD: usize = 1_024;

/// So many writes in a row end a trouble.
const GOOD: u32 = 10;

type Waiting = oneshot::Sender<Result<(), Error>>;

/// Where entries wait to be written, the newest of each account.
#[derive(Debug)]
pub(crate) struct Desk {
    inner: Mutex<Inner>,
    handed_in: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// What the file holds.
    written: Entries,
    /// What it does not hold yet.
    pending: Entries,
    waiting: Vec<Waiting>,
    closed: bool,
}

/// Trouble with the disk, told once until it is over: a disk that is all but full fails now and
/// then.
#[derive(Debug, Default)]
struct Trouble {
    told: bool,
    good: u32,
}

impl Trouble {
    fn failed(&mut self, error: &Error) {
        self.good = 0;
        if !mem::replace(&mut self.told, true) {
            tracing::error!(
                "{}; calls go on, and a crash before it is written would forget it",
                error.message()
            );
        }
    }

    fn succeeded(&mut self) {
        self.good = self.good.saturating_add(1);
        if self.told && self.good >= GOOD {
            self.told = false;
            tracing::info!("spend is written again");
        }
    }
}

/// What is written at one time.
struct Batch {
    entries: Entries,
    waiting: Vec<Waiting>,
    /// Nothing will be handed in any more.
    last: bool,
}

/// The newest entry of each account.
#[derive(Debug, Default)]
struct Entries(HashMap<Arc<str>, Entry>);

impl Entries {
    fn is_older(&self, account: &str, entry: &Entry) -> bool {
        self.0.get(account).is_none_or(|old| old.at < entry.at)
    }

    fn take_in(&mut self, entry: Entry) {
        if self.is_older(&entry.account, &entry) {
            self.0.insert(Arc::clone(&entry.account), entry);
        }
    }
}

impl Desk {
    pub(crate) fn new(written: Vec<Entry>) -> Self {
        let mut inner = Inner::default();
        for entry in written {
            inner.written.take_in(entry);
        }
        Self { inner: Mutex::new(inner), handed_in: Condvar::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn written(&self) -> Vec<Entry> {
        self.inner().written.0.values().cloned().collect()
    }

    pub(crate) fn hand_in(&self, entries: Vec<Entry>, done: Waiting) {
        let mut inner = self.inner();
        for entry in entries {
            inner.pending.take_in(entry);
        }
        if inner.waiting.len() >= CROWD {
            inner.waiting.retain(|one| !one.is_closed());
        }
        inner.waiting.push(done);
        drop(inner);
        self.handed_in.notify_one();
    }

    /// Has the writer end once everything is written.
    pub(crate) fn close(&self) {
        self.inner().closed = true;
        self.handed_in.notify_one();
    }

    /// Waits for something to write; `None` when there will be nothing any more.
    fn next(&self) -> Option<Batch> {
        let mut inner = self.inner();
        while inner.waiting.is_empty() && !inner.closed {
            inner = self.handed_in.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut entries, waiting) = (mem::take(&mut inner.pending), mem::take(&mut inner.waiting));
        // Only now: what was being written when they were handed in is written by now.
        entries.0.retain(|account, entry| inner.written.is_older(account, entry));
        let last = inner.closed;
        (!entries.0.is_empty() || !waiting.is_empty()).then_some(Batch { entries, waiting, last })
    }

    /// What was not written is pending again, unless something newer is.
    fn put_back(&self, entries: Entries) {
        let mut inner = self.inner();
        entries.0.into_values().for_each(|entry| inner.pending.take_in(entry));
    }

    fn put_down(&self, entries: Entries) {
        let mut inner = self.inner();
        entries.0.into_values().for_each(|entry| inner.written.take_in(entry));
    }

    /// Writes what is handed in, until the desk closes.
    pub(crate) fn serve(&self, opener: &Opener, file: File) {
        let (mut file, mut trouble) = (Some(file), Trouble::default());
        while let Some(Batch { entries, waiting, last }) = self.next() {
            let written = write(opener, &mut file, &entries);
            match &written {
                Ok(()) => {
                    self.put_down(entries);
                    trouble.succeeded();
                }
                Err(error) => {
                    // A failure leaves the open file unusable: it is opened anew.
                    file = None;
                    self.put_back(entries);
                    trouble.failed(error);
                }
            }
            for one in waiting {
                // Whoever left does not want to know.
                drop(one.send(written.clone()));
            }
            if written.is_err() && last {
                break;
            }
        }
    }
}

fn write(opener: &Opener, file: &mut Option<File>, entries: &Entries) -> Result<(), Error> {
    let open = match file {
        Some(open) => open,
        None => file.insert(opener.open()?.0),
    };
    if entries.0.is_empty() { Ok(()) } else { open.commit(entries.0.values()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64) -> Entry {
        let (account, at) = (Arc::from("a"), pointsman_clock::Instant::from_nanos(at));
        Entry { account, at, spent: 1.into(), claimed: 1.into(), since: at }
    }

    fn moments(batch: &Batch) -> Vec<u64> {
        batch.entries.0.values().map(|entry| entry.at.as_nanos()).collect()
    }

    #[test]
    fn what_is_older_than_what_is_being_written_is_not_written_over_it() {
        let desk = Desk::new(vec![entry(1)]);
        let hand_in = |at| desk.hand_in(vec![entry(at)], oneshot::channel().0);
        hand_in(9);
        let first = desk.next().unwrap();
        assert_eq!(moments(&first), [9]);
        hand_in(5);
        desk.put_down(first.entries);
        let second = desk.next().unwrap();
        assert_eq!((moments(&second), second.waiting.len()), (vec![], 1));
        // The same when it could not be written.
        hand_in(11);
        let third = desk.next().unwrap();
        hand_in(10);
        desk.put_back(third.entries);
        assert_eq!(moments(&desk.next().unwrap()), [11]);
    }
}
