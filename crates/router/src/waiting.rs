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
    waiting: BTreeMap<(i64, u64), Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    woken: Arc<Notify>,
    /// Whether it would take any member: then nobody goes before it. One that is held up by a limit
    /// of its own, or wants one member and no other, holds up nobody else.
    blocks: bool,
}

impl Line {
    /// Those whom something that frees may help: all up to the first that blocks.
    fn front(&self) -> impl Iterator<Item = (&(i64, u64), &Waiter)> {
        let mut blocked = false;
        self.waiting.iter().take_while(move |(_, waiter)| {
            let shown = !blocked;
            blocked |= waiter.blocks;
            shown
        })
    }
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
        let waiter = Waiter { woken: Arc::clone(&woken), blocks: true };
        line.waiting.insert(place, waiter);
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
                .iter()
                .any(|((ahead, _), waiter)| *ahead <= priority && waiter.blocks)
    }

    /// Lets the first in line look, and whoever does not mind the line.
    pub(crate) fn wake(&self) {
        if !self.is_empty() {
            self.line().front().for_each(|(_, waiter)| waiter.woken.notify_one());
        }
    }
}

impl Room {
    /// Lets those look who were held up by the one at that place.
    fn wake_behind(&self, place: (i64, u64)) {
        let line = self.line();
        let behind = line.front().filter(|(other, _)| **other > place);
        behind.for_each(|(_, waiter)| waiter.woken.notify_one());
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
            if self.may_look() {
                return true;
            }
        }
        tokio::select! {
            biased;
            () = self.woken.notified() => true,
            () = &mut end => false,
        }
    }

    /// Whether it holds up those behind it.
    pub(crate) fn set_blocks(&self, blocks: bool) {
        let before = self
            .room
            .line()
            .waiting
            .get_mut(&self.place)
            .map(|waiter| std::mem::replace(&mut waiter.blocks, blocks));
        if before == Some(true) && !blocks {
            self.room.wake_behind(self.place);
        }
    }

    fn may_look(&self) -> bool {
        self.room.line().front().any(|(place, _)| *place == self.place)
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
    async fn who_waits_for_its_own_sake_holds_up_nobody() {
        let room = Arc::new(Room::default());
        let (own, other) = (room.enter(0, 9).unwrap(), room.enter(0, 9).unwrap());
        own.set_blocks(false);
        assert!(other.wait(None, LONG).await, "it may look from now on");
        assert!(room.is_ahead_of(0), "the other one still blocks");
        room.wake();
        assert!(own.wait(None, LONG).await && other.wait(None, LONG).await);
        drop(other);
        assert!(!room.is_ahead_of(0));
        assert!(own.wait(None, LONG).await, "leaving wakes");
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
