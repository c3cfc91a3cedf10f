//! What happened in a world: every attempt as the store and the upstream saw it, every call as its
//! caller did, and what broke a law on the way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pointsman_clock::{Clock, Instant};
use pointsman_state::{AccountIx, Take};
use pointsman_types::{Decimal, ErrorKind, Outcome, Usage};
use smallvec::SmallVec;

/// One attempt.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) grant: u64,
    pub(crate) member: usize,
    /// The call it was sent for.
    pub(crate) call: Option<usize>,
    pub(crate) reserved: Instant,
    pub(crate) take: Take,
    /// What was reserved of budgets.
    pub(crate) estimate: Option<Decimal>,
    pub(crate) accounts: SmallVec<[AccountIx; 4]>,
    pub(crate) sent: Option<Instant>,
    /// The first content that the upstream sent.
    pub(crate) content: Option<Instant>,
    /// Frames with content that the upstream sent.
    pub(crate) tokens: u64,
    /// The usage that the upstream told.
    pub(crate) usage: Option<Usage>,
    /// How the upstream ended it.
    pub(crate) said: Option<Said>,
    /// When the upstream was done with it, or was left.
    pub(crate) over: Option<Instant>,
    pub(crate) settled: Option<(Instant, Outcome)>,
}

/// How an upstream ended an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Whole,
    StreamEnd,
    Failure(ErrorKind),
}

/// One call, as its caller saw it.
#[derive(Debug, Default)]
pub(crate) struct CallNote {
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
    pub(crate) end: Option<CallEnd>,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub(crate) enum CallEnd {
    /// Answered whole, or by a stream whose end is told apart.
    Answered { stream: StreamEnd, sends: Option<usize> },
    Failed {
        kind: ErrorKind,
        code: Option<String>,
        message: String,
        sends: usize,
        visited: Vec<String>,
    },
    /// Its caller left.
    Left,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    None,
    Complete,
    Broken(ErrorKind),
    Left,
}

/// A law that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) law: &'static str,
    pub(crate) at: Instant,
    pub(crate) what: String,
}

/// The most that is kept of what broke: the first tells most.
const MOST: usize = 20;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) calls: Vec<CallNote>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) by_grant: HashMap<u64, usize>,
    /// Attempts that were reserved at a member and not sent yet.
    pub(crate) unsent: HashMap<usize, Vec<usize>>,
    /// Until when a member asked not to be sent anything.
    pub(crate) asked_off: HashMap<usize, Instant>,
    pub(crate) open: HashMap<usize, u32>,
    pub(crate) reloads: u32,
    /// Claims and settles that were checked.
    pub(crate) steps: u64,
}

/// The book, and the time.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) clock: Arc<dyn Clock>,
    book: Mutex<Book>,
}

impl Log {
    pub(crate) fn new(clock: Arc<dyn Clock>, calls: usize) -> Self {
        let mut book = Book::default();
        book.calls.resize_with(calls, CallNote::default);
        Self { clock, book: Mutex::new(book) }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The upstream got a call: of the attempts that were reserved there, the last.
    pub(crate) fn sent(&self, member: usize, call: Option<usize>) -> Option<usize> {
        let now = self.now();
        let mut book = self.book();
        let at = book.unsent.get_mut(&member).and_then(Vec::pop);
        let Some(at) = at else {
            book.breaks("claimed before sent", now, || format!("a send to member {member}"));
            return None;
        };
        if book.asked_off.get(&member).is_some_and(|until| now < *until) {
            let until = seconds(book.asked_off[&member]);
            book.breaks("retry-after is kept", now, || {
                format!("member {member} had asked to be left alone until {until}")
            });
        }
        *book.open.entry(member).or_default() += 1;
        let attempt = &mut book.attempts[at];
        (attempt.sent, attempt.call) = (Some(now), call);
        Some(at)
    }

    /// Changes what is known of an attempt.
    pub(crate) fn note(&self, at: Option<usize>, change: impl FnOnce(&mut Attempt, Instant)) {
        let now = self.now();
        if let Some(at) = at {
            change(&mut self.book().attempts[at], now);
        }
    }

    /// The upstream is done with an attempt, or was left.
    pub(crate) fn over(&self, at: usize) {
        let now = self.now();
        let mut book = self.book();
        let attempt = &mut book.attempts[at];
        if attempt.over.replace(now).is_none() {
            let member = attempt.member;
            if let Some(open) = book.open.get_mut(&member) {
                *open = open.saturating_sub(1);
            }
        }
    }
}

impl Book {
    pub(crate) fn breaks(&mut self, law: &'static str, at: Instant, what: impl FnOnce() -> String) {
        if self.broken.len() < MOST {
            self.broken.push(Broken { law, at, what: what() });
        }
    }

    /// The attempts of each call, in the order of their sends.
    pub(crate) fn by_call(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.calls.len()];
        for (at, attempt) in self.attempts.iter().enumerate() {
            if let (Some(call), Some(_)) = (attempt.call, attempt.sent) {
                all[call].push(at);
            }
        }
        all
    }
}

/// A moment in seconds since a world began.
pub(crate) fn seconds(at: Instant) -> String {
    format!("{:.3} s", (at - super::time::DAWN).as_secs_f64())
}
