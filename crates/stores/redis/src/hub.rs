//! What all accounts of a store share.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use crate::known::ServerTime;

/// What all accounts of a store share.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    time: Mutex<ServerTime>,
    /// Instances seen, this one included.
    pub(crate) instances: AtomicU64,
    pub(crate) strict: bool,
    /// Wakes the keeper.
    pub(crate) kick: Notify,
    /// Wakes who tells that promises are spent.
    pub(crate) spends: Notify,
}

impl Hub {
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    pub(crate) fn time(&self) -> ServerTime {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_time(&self, time: ServerTime) {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    pub(crate) fn instances(&self) -> u64 {
        self.instances.load(Ordering::Relaxed).max(1)
    }
}
