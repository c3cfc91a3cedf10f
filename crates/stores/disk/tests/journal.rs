//! The journal on a real disk.

#![expect(clippy::expect_used, reason = "what the tests share is a test as well")]

use std::{fs, path::Path, sync::Arc};

use pointsman_clock::Instant;
use pointsman_disk::Disk;
use pointsman_state::{Entry, Journal};
use pointsman_testkit::{Scratch, contract};
use pointsman_types::Decimal;

fn entry(account: &str, at: u64, claimed: u64) -> Entry {
    let (at, claimed) = (Instant::from_nanos(at), Decimal::from(claimed));
    Entry { account: account.into(), at, spent: claimed, claimed, since: at }
}

fn refusal(directory: &Path) -> String {
    Disk::open(directory).expect_err("it is refused").message().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let scratch = Scratch::new().unwrap();
    let directory = scratch.path().join("made/when/opened");
    contract::journal(|| Arc::new(Disk::open(&directory).unwrap())).await;
}

#[tokio::test]
async fn one_directory_is_one_process_s() {
    let scratch = Scratch::new().unwrap();
    let first = Disk::open(scratch.path()).unwrap();
    let refused = refusal(scratch.path());
    assert!(refused.contains("in use by another process"), "{refused}");
    assert!(refused.contains("state_dir of its own"), "{refused}");
    first.write(vec![entry("a", 1, 2)]).await.unwrap();
    drop(first);
    let second = Disk::open(scratch.path()).unwrap();
    assert_eq!(second.load().unwrap(), [entry("a", 1, 2)]);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_left_as_it_is() {
    let scratch = Scratch::new().unwrap();
    let file = scratch.write("spend.redb", "these are no entries").unwrap();
    let refused = refusal(scratch.path());
    assert!(refused.contains("damaged, or no file of ours"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "these are no entries");

    let refused = refusal(&file);
    assert!(refused.contains("cannot be made"), "{refused}");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let refused = refusal(scratch.path());
    assert!(refused.contains("cannot be opened"), "{refused}");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let scratch = Scratch::new().unwrap();
    let disk = Disk::open(scratch.path()).unwrap();
    let entries = (0..200).map(|nth| entry(&format!("account:{nth}"), nth + 1, nth)).collect();
    disk.write(entries).await.unwrap();
    let whole = disk.load().unwrap().len();
    drop(disk);
    let file = scratch.path().join("spend.redb");
    let good = fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(good.len() / 97 + 1) {
        let mut bad = good.clone();
        bad[at] ^= 0x5a;
        fs::write(&file, &bad).unwrap();
        // A byte that nothing uses may be anything.
        if let Ok(disk) = Disk::open(scratch.path()) {
            assert_eq!(disk.load().unwrap().len(), whole, "byte {at} of {}", good.len());
        }
    }
    for length in [0, 1, 100, good.len() / 2, good.len() - 1] {
        fs::write(&file, &good[..length]).unwrap();
        match Disk::open(scratch.path()) {
            Ok(disk) => {
                let left = disk.load().unwrap().len();
                assert!(left == whole || length == 0, "{left} entries of {length} bytes");
            }
            Err(error) => assert!(error.message().contains("is damaged"), "{length}: {error}"),
        }
    }
}
