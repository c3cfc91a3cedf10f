//! What every journal must do.

use std::{collections::HashMap, sync::Arc, task::Poll};

use pointsman_clock::Instant;
use pointsman_state::{Entry, Journal};
use pointsman_types::Decimal;
use tokio::task::JoinSet;

/// Runs everything that a journal must do.
///
/// `open` opens a journal over the same place again and again, each time after the last one was
/// dropped; the place is empty at first.
///
/// ```
/// use pointsman_state::{Entry, Journal};
/// use pointsman_testkit::contract;
/// use pointsman_types::Error;
/// use std::{collections::HashMap, sync::{Arc, Mutex}};
///
/// type Place = Arc<Mutex<HashMap<Arc<str>, Entry>>>;
///
/// #[derive(Debug)]
/// struct Shelf(Place);
///
/// #[async_trait::async_trait]
/// impl Journal for Shelf {
///     fn load(&self) -> Result<Vec<Entry>, Error> {
///         Ok(self.0.lock().unwrap().values().cloned().collect())
///     }
///     async fn write(&self, entries: Vec<Entry>) -> Result<(), Error> {
///         let mut all = self.0.lock().unwrap();
///         for entry in entries {
///             if all.get(&entry.account).is_none_or(|old| old.at < entry.at) {
///                 all.insert(Arc::clone(&entry.account), entry);
///             }
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let place = Place::default();
/// contract::journal(|| Arc::new(Shelf(Arc::clone(&place)))).await;
/// # }
/// ```
pub async fn journal(open: impl Fn() -> Arc<dyn Journal>) {
    let suite = Suite { open: &open };
    assert_eq!(suite.load(), HashMap::new(), "an empty place holds nothing");
    suite.keeps_what_was_written().await;
    suite.keeps_the_newest().await;
    suite.keeps_values_exactly().await;
    suite.writes_for_whoever_left().await;
    suite.writes_for_many_at_once().await;
}

struct Suite<'a> {
    open: &'a dyn Fn() -> Arc<dyn Journal>,
}

fn entry(account: &str, at: u64, claimed: u32) -> Entry {
    Entry {
        account: account.into(),
        at: Instant::from_nanos(at),
        spent: Decimal::from(claimed / 2),
        claimed: Decimal::from(claimed),
        since: Instant::from_nanos(at / 2),
    }
}

fn all(of: &dyn Journal) -> HashMap<Arc<str>, Entry> {
    let entries = of.load().expect("it can be read");
    let count = entries.len();
    let all: HashMap<_, _> =
        entries.into_iter().map(|entry| (Arc::clone(&entry.account), entry)).collect();
    assert_eq!(all.len(), count, "an account has one entry");
    all
}

impl Suite<'_> {
    fn open(&self) -> Arc<dyn Journal> {
        (self.open)()
    }

    fn load(&self) -> HashMap<Arc<str>, Entry> {
        all(self.open().as_ref())
    }

    async fn keeps_what_was_written(&self) {
        let (a, b) = (entry("kept:a", 10, 3), entry("kept:b", 11, 4));
        let journal = self.open();
        journal.write(Vec::new()).await.expect("nothing is easily written");
        journal.write(vec![a.clone(), b.clone()]).await.expect("it can be written");
        assert_eq!(
            all(journal.as_ref()).get("kept:a"),
            Some(&a),
            "it is read where it was written"
        );
        drop(journal);
        let left = self.load();
        assert_eq!(
            (left.get("kept:a"), left.get("kept:b")),
            (Some(&a), Some(&b)),
            "after a restart"
        );
    }

    async fn keeps_the_newest(&self) {
        let newest = entry("new", 30, 1);
        for order in [[10, 20, 30], [30, 20, 10], [20, 30, 10]] {
            let journal = self.open();
            for at in order {
                let entry = if at == 30 { newest.clone() } else { entry("new", at, 9) };
                journal.write(vec![entry]).await.expect("an old entry is no failure");
            }
            drop(journal);
            assert_eq!(self.load().get("new"), Some(&newest), "written in the order {order:?}");
        }
        let journal = self.open();
        let (older, newer) = (entry("once", 5, 9), entry("once", 6, 1));
        journal.write(vec![newer.clone(), older]).await.expect("they can be written");
        assert_eq!(all(journal.as_ref()).get("once"), Some(&newer), "both in one write");
        let next = entry("new", 31, 7);
        journal.write(vec![next.clone()]).await.expect("it can be written");
        drop(journal);
        assert_eq!(self.load().get("new"), Some(&next), "a restart is no end");
    }

    async fn keeps_values_exactly(&self) {
        let long = "0.0123456789012345678901234567".parse().expect("28 digits");
        let values = [Decimal::ZERO, long, Decimal::MAX, Decimal::new(1, 28)];
        let names = ["", "tag:ü/\"\n", "deployment:a-2", &"x".repeat(5_000)];
        let entries: Vec<Entry> = values
            .iter()
            .zip(names)
            .map(|(value, name)| Entry {
                account: name.into(),
                at: Instant::from_nanos(u64::MAX),
                spent: *value,
                claimed: *value,
                since: Instant::EPOCH,
            })
            .collect();
        self.open().write(entries.clone()).await.expect("they can be written");
        let left = self.load();
        for entry in entries {
            assert_eq!(left.get(&entry.account), Some(&entry), "exactly as it was");
        }
    }

    /// Whoever leaves while a write is under way harms nobody.
    async fn writes_for_whoever_left(&self) {
        let journal = self.open();
        let stays = entry("stays", 10, 2);
        {
            let mut leaves = journal.write(vec![entry("leaves", 10, 1)]);
            let ended = std::future::poll_fn(|cx| Poll::Ready(leaves.as_mut().poll(cx))).await;
            drop(ended);
        }
        journal.write(vec![stays.clone()]).await.expect("it can be written");
        drop(journal);
        assert_eq!(self.load().get("stays"), Some(&stays), "another one left");
    }

    async fn writes_for_many_at_once(&self) {
        const MANY: u64 = 64;
        let journal = self.open();
        let mut writing = JoinSet::new();
        for at in 1..=MANY {
            let journal = Arc::clone(&journal);
            writing.spawn(async move {
                let entries = vec![entry("shared", at, 1), entry(&format!("own:{at}"), at, 1)];
                journal.write(entries).await
            });
        }
        for written in writing.join_all().await {
            written.expect("it can be written");
        }
        drop(journal);
        let left = self.load();
        assert_eq!(left.get("shared"), Some(&entry("shared", MANY, 1)), "the newest of many");
        for at in 1..=MANY {
            let name = format!("own:{at}");
            assert_eq!(left.get(name.as_str()), Some(&entry(&name, at, 1)), "of many at once");
        }
    }
}
