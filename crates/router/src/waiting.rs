//! Where calls wait until a member of their group is willing.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

/// Who waits for a member of one group: first in first out within a priority, lower ones first.
#[derive(Debug, Default)]
pub(crate) struct Room {
    line: Mutex<Line>,
    /// How many wait; read without the lock.
    length: AtomicUsize,
}

#[derive(Debug, Default)]
struct Line {
    waiting: BTreeMap<(i64, u64), Arc<Notify>>,
    next: u64,
}

/// A place in the line; leaving it, however that happens, lets the next one look.
#[derive(Debug)]
pub(crate) struct Ticket {
    room: Arc<Room>,
    place: (i64, u64),
    woken: Arc<Notify>,
}

impl Room {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place in the line; `None` when `most` wait already.
    pub(crate) fn enter(self: &Arc<Self>, priority: i64, most: usize) -> Option<Ticket> {
        let mut line = self.line();
        if line.waiting.len() >= most {
            return None;
        }
        let place = (priority, line.next);
        line.next += 1;
        let woken = Arc::new(Notify::new());
        line.waiting.insert(place, Arc::clone(&woken));
        self.length.store(line.waiting.len(), Ordering::Release);
        Some(Ticket { room: Arc::clone(self), place, woken })
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// Whether somebody waits whose turn comes before that of a new call.
    pub(crate) fn is_ahead_of(&self, priority: i64) -> bool {
        !self.is_empty()
            && self
                .line()
                .waiting
                .first_key_value()
                .is_some_and(|((first, _), _)| *first <= priority)
    }

    /// Lets the first in line look.
    pub(crate) fn wake(&self) {
        if !self.is_empty()
            && let Some((_, first)) = self.line().waiting.first_key_value()
        {
            first.notify_one();
        }
    }
}

impl Ticket {
    /// Waits until it is worth looking: something freed and this is the first in line, or `soonest`
    /// has passed. False when `most` passes first.
    pub(crate) async fn wait(&self, soonest: Option<Duration>, most: Duration) -> bool {
        let mut end = pin!(sleep(most));
        if let Some(soonest) = soonest.filter(|soonest| *soonest < most) {
            tokio::select! {
                biased;
                () = self.woken.notified() => return true,
                () = sleep(soonest) => {}
            }
            if self.is_first() {
                return true;
            }
        }
        tokio::select! {
            biased;
            () = self.woken.notified() => true,
            () = &mut end => false,
        }
    }

    fn is_first(&self) -> bool {
        self.room.line().waiting.first_key_value().is_some_and(|(place, _)| *place == self.place)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        {
            let mut line = self.room.line();
            line.waiting.remove(&self.place);
            self.room.length.store(line.waiting.len(), Ordering::Release);
        }
        self.room.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(100);

    #[tokio::test(start_paused = true)]
    async fn the_first_of_the_lowest_priority_is_woken() {
        let room = Arc::new(Room::default());
        let (late, first, second) =
            (room.enter(5, 9).unwrap(), room.enter(0, 9).unwrap(), room.enter(0, 9).unwrap());
        room.wake();
        assert!(first.wait(None, LONG).await);
        assert!(!second.wait(None, Duration::from_secs(1)).await);
        drop(first);
        assert!(second.wait(None, LONG).await, "leaving wakes the next");
        drop(second);
        assert!(late.wait(None, LONG).await);
        assert!(room.is_ahead_of(5) && !room.is_ahead_of(4));
        drop(late);
        assert!(room.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_wakes_only_the_first() {
        let room = Arc::new(Room::default());
        let (first, second) = (room.enter(0, 2).unwrap(), room.enter(0, 2).unwrap());
        assert!(room.enter(0, 2).is_none(), "it is full");
        let soon = Some(Duration::from_secs(2));
        assert!(!second.wait(soon, Duration::from_secs(5)).await);
        assert!(first.wait(soon, Duration::from_secs(5)).await);
        assert!(!first.wait(soon, Duration::from_secs(1)).await, "its time is up first");
    }
}
