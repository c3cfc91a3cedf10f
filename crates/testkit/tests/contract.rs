//! The store in memory keeps the contract of its port.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use pointsman_state::MemoryStore;
use pointsman_testkit::contract;

#[tokio::test]
async fn the_store_in_memory() {
    let seed = AtomicU64::new(0);
    contract::state_store(|| Arc::new(MemoryStore::new(seed.fetch_add(1, Ordering::Relaxed))))
        .await;
}
