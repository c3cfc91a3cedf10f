//! Disks that fill up, and whose power goes at any write.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use pointsman_clock::Instant;
use pointsman_state::{Entry, Journal};
use pointsman_types::Decimal;
use proptest::prelude::*;
use redb::StorageBackend;

use crate::{
    Disk,
    file::{Opener, builder},
};

/// A disk in memory that forgets what was not synced.
#[derive(Clone, Debug, Default)]
struct Medium(Arc<Mutex<Image>>);

#[derive(Debug, Default)]
struct Image {
    live: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Op>,
    /// So many more operations that change something succeed.
    left: Option<usize>,
}

#[derive(Clone, Debug)]
enum Op {
    Length(u64),
    Write(u64, Vec<u8>),
}

impl Op {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Length(length) => to.resize(usize::try_from(*length).unwrap(), 0),
            Self::Write(at, bytes) => {
                let at = usize::try_from(*at).unwrap();
                if to.len() < at + bytes.len() {
                    to.resize(at + bytes.len(), 0);
                }
                to[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

impl Medium {
    fn image(&self) -> MutexGuard<'_, Image> {
        self.0.lock().unwrap()
    }

    fn fail_after(&self, left: Option<usize>) {
        self.image().left = left;
    }

    fn change(&self, op: Op) -> io::Result<()> {
        let mut image = self.image();
        image.spend()?;
        op.apply(&mut image.live);
        image.unsynced.push(op);
        Ok(())
    }

    /// The disk after a power cut: of what was not synced, what the mask says, whole or half.
    fn cut(&self, mask: u64) -> Self {
        let image = self.image();
        let mut left = image.synced.clone();
        for (nth, op) in image.unsynced.iter().enumerate() {
            match (mask >> (2 * (nth % 32)) & 3, op) {
                (0, _) => {}
                (1, Op::Write(at, bytes)) => {
                    Op::Write(*at, bytes[..bytes.len() / 2].to_vec()).apply(&mut left);
                }
                (_, op) => op.apply(&mut left),
            }
        }
        let image = Image { live: left.clone(), synced: left, ..Image::default() };
        Self(Arc::new(Mutex::new(image)))
    }

    fn open(&self) -> Result<Disk, pointsman_types::Error> {
        let medium = self.clone();
        Disk::with(Opener::new("the disk".to_owned(), move || {
            builder().create_with_backend(medium.clone())
        }))
    }
}

impl Image {
    fn spend(&mut self) -> io::Result<()> {
        match &mut self.left {
            None => Ok(()),
            Some(0) => Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        Ok(self.image().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let image = self.image();
        let at = usize::try_from(offset).unwrap();
        let bytes = image.live.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Op::Length(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut image = self.image();
        image.spend()?;
        image.synced = image.live.clone();
        image.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Op::Write(offset, data.to_vec()))
    }
}

fn entry(account: u64, at: u64) -> Entry {
    Entry {
        account: format!("tag:{account}").into(),
        at: Instant::from_nanos(at),
        spent: Decimal::from(at),
        claimed: Decimal::from(at),
        since: Instant::EPOCH,
    }
}

/// The moments of all entries, by account; 0 where there is none.
fn moments(of: &Disk) -> Vec<u64> {
    let mut moments = vec![0; ACCOUNTS];
    for entry in of.load().unwrap() {
        let account: usize = entry.account["tag:".len()..].parse().unwrap();
        assert_eq!(entry.claimed, Decimal::from(entry.at.as_nanos()), "a torn entry");
        moments[account] = entry.at.as_nanos();
    }
    moments
}

const ACCOUNTS: usize = 40;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The power goes in the middle of the last write of several: it is there whole or not at all,
    /// and all before it is there.
    #[test]
    fn a_power_cut_loses_nothing_and_tears_nothing(
        writes in proptest::collection::vec(1..ACCOUNTS as u64, 1..6),
        last in 1..ACCOUNTS as u64,
        left in 0..40usize,
        mask in any::<u64>(),
    ) {
        let medium = Medium::default();
        let disk = medium.open().unwrap();
        runtime().block_on(async {
            let mut at = 0;
            for many in writes {
                at += 1;
                disk.write((0..many).map(|nth| entry(nth, at)).collect()).await.unwrap();
            }
            let before = moments(&disk);
            medium.fail_after(Some(left));
            at += 1;
            let written = disk.write((0..last).map(|nth| entry(nth, at)).collect()).await.is_ok();
            let after = medium.cut(mask).open().map_err(|e| TestCaseError::fail(e.to_string()))?;
            let after = moments(&after);
            let whole: Vec<u64> =
                (0u64..).zip(&before).map(|(nth, old)| if nth < last { at } else { *old }).collect();
            prop_assert!(after == whole || (!written && after == before), "{before:?} {after:?}");
            Ok(())
        })?;
    }
}

#[test]
fn a_full_disk_is_told_at_once_and_tried_again() {
    let medium = Medium::default();
    let disk = medium.open().unwrap();
    runtime().block_on(async {
        disk.write(vec![entry(0, 1)]).await.unwrap();
        medium.fail_after(Some(0));
        for at in [2, 3] {
            let error = disk.write(vec![entry(1, at)]).await.unwrap_err();
            assert!(error.message().contains("cannot be"), "{error}");
        }
        assert_eq!(moments(&disk)[..3], [1, 0, 0], "what is not written is not told");
        medium.fail_after(None);
        disk.write(vec![entry(2, 4)]).await.unwrap();
        assert_eq!(moments(&disk)[..3], [1, 3, 4], "what failed goes along");
    });
    drop(disk);
    assert_eq!(moments(&medium.cut(0).open().unwrap())[..3], [1, 3, 4]);
}

#[test]
fn what_failed_is_written_at_the_end_if_it_can_be() {
    let medium = Medium::default();
    let disk = medium.open().unwrap();
    medium.fail_after(Some(0));
    runtime().block_on(disk.write(vec![entry(0, 7)])).unwrap_err();
    medium.fail_after(None);
    drop(disk);
    assert_eq!(moments(&medium.cut(0).open().unwrap())[0], 7);
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let medium = Medium::default();
    drop(medium.open().unwrap());
    let database = builder().create_with_backend(medium.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let refused = medium.open().unwrap_err();
    assert!(refused.message().contains("has the format 2"), "{refused}");
}
