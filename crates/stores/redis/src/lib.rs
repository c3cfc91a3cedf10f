//! Many instances, one limit: the state store of instances that share over Redis.
//!
//! [`RedisStore`] composes the store in memory (health, latency, turns, what is in flight) with
//! limits and budgets that are *leased* from the server. Every decision reads local memory; a
//! background task fetches what will be used in the next 200 ms, tells what was used, and hears of
//! others' cooldowns.
//!
//! - **Never over.** What is out on a lease counts as used. It is stamped into the window when it is
//!   reported, returned or expires, never earlier, so no 60 seconds hold more than the limit.
//! - **Never an error, never a wait.** A call whose lease is spent waits for an answer, 50 ms at
//!   most; while the server answers and others have to give way first, 100 ms. When it is out of
//!   reach each instance goes on by [its share](#outages).
//! - **To the cent.** Use is reported with the number of the report; what the server has counted
//!   already it does not count again, so a report whose answer was lost is simply sent again.
//!
//! # Keys
//!
//! All begin with the prefix and the number of their layout, `pointsman:1:`, and all carry a time to
//! live. Scripts are called by their own hash: releases with one layout run side by side.
//!
//! | key | type | what | lives |
//! |---|---|---|---|
//! | `pointsman:1:{ACCOUNT}` | hash | `s`: windows and leases, packed; `t:NAME`, `b:NAME`: totals of days and budgets | 10 min, or until a counter's window is over; 400 days for a budget that never resets |
//! | `pointsman:1:{members}` | hash | instance → expiry and hints | 60 s |
//! | `pointsman:1:{cooldowns}` | hash | deployment → until when, and why | as long as the longest |
//! | `pointsman:1:news` | channel | cooldowns; whose promises are needed | – |
//!
//! `ACCOUNT` is `deployment:ID`, `quota:NAME`, `provider:NAME`, `tag:NAME` or `key:NAME`. A script
//! touches the keys of one hash tag in a Cluster.
//!
//! # Outages
//!
//! With each lease comes a *promise*: a part of what is free, kept for this instance should the
//! server vanish. Others may have it when they need it, by asking. In an outage an instance spends
//! what it holds, what it was promised, and then its part of whatever leaves the window that was
//! known last. When the server is back each one tells what it used, second by second, and a second
//! later leases again. A server that comes back empty, or with less than it knew, is told what was
//! known.

mod account;
mod hints;
mod hub;
mod keeper;
mod known;
mod link;
mod listener;
mod meter;
mod money;
mod outage;
mod rules;
mod settings;
mod spends;
mod store;
mod talk;
mod wire;

pub use settings::{Place, RedisSettings};
pub use store::{RedisHealth, RedisStore};
