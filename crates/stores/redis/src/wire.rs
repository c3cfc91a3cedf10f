//! What is said to the script of the shares, and what it answers.

use pointsman_state::Limit;
use redis::Value;

use crate::{
    known::{Bucket, Known},
    meter::Kind,
};

/// So much used or, below zero, given back, in a second of the server's; 0: when it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) second: u64,
    pub(crate) amount: i128,
}

/// What is asked for of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Held, once the report is taken off.
    pub(crate) held: u64,
    /// At least this is needed, by calls that wait.
    pub(crate) must: u64,
    /// All that is wanted.
    pub(crate) want: u64,
    /// Of what was promised for an outage, what is counted on further. The rest is given up.
    pub(crate) keep: u64,
    /// Whether more is to be promised.
    pub(crate) safe: bool,
}

/// What the server grants of one limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) held: u64,
    pub(crate) promised: u64,
    pub(crate) known: Known,
}

/// The server's answer for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It knows less than this instance.
    Lost,
    /// A later exchange of this instance came before this one, which says nothing therefore.
    Late,
    /// The report counts.
    Fine {
        /// Which life of the account this is.
        generation: String,
        /// The last report that counts, and the second in which it came.
        report: u64,
        second: u64,
        /// Instances that share the account.
        instances: u64,
        granted: Vec<Granted>,
    },
}

/// The length of a counter's window in milliseconds if it has one, its end if it began now, and the
/// end after that, of the server's milliseconds; 0: none.
pub(crate) type Ends = (u64, u64, u64);

/// The arguments of one account.
#[derive(Debug, Default)]
pub(crate) struct Arguments(pub(crate) Vec<String>);

impl Arguments {
    pub(crate) fn put(&mut self, value: impl std::fmt::Display) {
        self.0.push(value.to_string());
    }

    pub(crate) fn limit(&mut self, kind: &Kind, limit: u64, ends: Ends) {
        let (name, class) = match kind {
            Kind::Minute(limit) => (limit.name(), "w"),
            Kind::Day(limit, _) => (limit.name(), "c"),
            Kind::Slots => (Limit::Slots.name(), "g"),
            Kind::Money(_) => ("usd", "c"),
        };
        self.put(name);
        self.put(class);
        for number in [limit, ends.0, ends.1, ends.2] {
            self.put(number);
        }
    }

    pub(crate) fn ask(&mut self, ask: &Ask, entries: &[Entry]) {
        for number in [ask.held, ask.must, ask.want, ask.keep, u64::from(ask.safe)] {
            self.put(number);
        }
        self.put(entries.len());
        for entry in entries {
            self.put(entry.second);
            self.put(entry.amount);
        }
    }

    pub(crate) fn seed(&mut self, known: Option<&Known>) {
        let none = Known::default();
        let known = known.unwrap_or(&none);
        for number in [known.total, known.window.0, known.window.1] {
            self.put(number);
        }
        self.put(known.buckets.len());
        for bucket in &known.buckets {
            for number in [bucket.second, bucket.amount, bucket.last] {
                self.put(number);
            }
        }
    }
}

/// The server's milliseconds, and the answers in the order of the accounts; `None`: it is no answer
/// of this script.
pub(crate) fn answers(value: Value) -> Option<(u64, Vec<Answer>)> {
    let mut all = array(value)?.into_iter();
    let now = number(&all.next()?)?;
    let answers: Option<Vec<Answer>> = all.map(answer).collect();
    Some((now, answers?))
}

fn answer(value: Value) -> Option<Answer> {
    let mut parts = array(value)?.into_iter();
    match number(&parts.next()?)? {
        1 => return Some(Answer::Lost),
        2 => return Some(Answer::Late),
        _ => {}
    }
    let generation = text(&parts.next()?)?;
    let (report, second) = (number(&parts.next()?)?, number(&parts.next()?)?);
    let instances = number(&parts.next()?)?;
    let granted: Option<Vec<Granted>> = parts.map(granted).collect();
    Some(Answer::Fine { generation, report, second, instances, granted: granted? })
}

fn granted(value: Value) -> Option<Granted> {
    let parts = array(value)?;
    let at = |ix: usize| number(parts.get(ix)?);
    let buckets = match parts.get(8)? {
        Value::Array(flat) => flat.as_slice(),
        _ => return None,
    };
    let flat: Option<Vec<u64>> = buckets.iter().map(number).collect();
    let flat = flat?;
    let buckets =
        flat.chunks_exact(3).map(|one| Bucket { second: one[0], amount: one[1], last: one[2] });
    let known = Known {
        buckets: buckets.collect(),
        total: at(4)?.saturating_add(at(5)?),
        window: (at(6)?, at(7)?),
        others: at(2)?,
    };
    Some(Granted { held: at(0)?, promised: at(1)?, known })
}

pub(crate) fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

/// A number, whichever way it is written; below zero it is zero.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => Some(u64::try_from(*number).unwrap_or(0)),
        other => {
            let number: i128 = text(other)?.parse().ok()?;
            Some(u64::try_from(number.max(0)).unwrap_or(u64::MAX))
        }
    }
}

pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}
