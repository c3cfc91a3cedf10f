//! The store in memory, with its spend on a real disk, keeps the contract of its port.

use std::{cell::RefCell, sync::Arc};

use pointsman_disk::Disk;
use pointsman_state::MemoryStore;
use pointsman_testkit::{Scratch, contract};

#[tokio::test(flavor = "multi_thread")]
async fn with_a_journal_the_store_keeps_its_contract() {
    let scratches = RefCell::new(Vec::new());
    contract::state_store(|| {
        let scratch = Scratch::new().unwrap();
        let journal = Arc::new(Disk::open(scratch.path()).unwrap());
        scratches.borrow_mut().push(scratch);
        Arc::new(MemoryStore::with_journal(7, journal).unwrap())
    })
    .await;
}
