//! What all handlers share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use pointsman::{Router, clock::Clock, config::ServerSpec};
use tokio_util::task::TaskTracker;

use crate::auth::{Caller, Door};

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) clock: Arc<dyn Clock>,
    /// Owns what goes on beside a call.
    pub(crate) tasks: TaskTracker,
    door: ArcSwap<Door>,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn new(router: Router, clock: Arc<dyn Clock>, server: &ServerSpec) -> Self {
        Self {
            router,
            clock,
            tasks: TaskTracker::new(),
            door: ArcSwap::from_pointee(Door::new(server)),
            draining: AtomicBool::new(false),
        }
    }

    /// Takes over what concerns the gateway alone.
    pub(crate) fn set_server(&self, server: &ServerSpec) {
        self.door.store(Arc::new(Door::new(server)));
    }

    /// Whether a caller who presents this key may pass; it is asked for only if one is needed.
    pub(crate) fn admits<'a>(&self, presented: impl FnOnce() -> Option<&'a str>) -> bool {
        self.door.load().admits(presented)
    }

    /// The caller whose key this is, if callers have keys of their own.
    pub(crate) fn caller<'a>(
        &self,
        presented: impl FnOnce() -> Option<&'a str>,
    ) -> Option<Arc<Caller>> {
        self.door.load().caller(presented)
    }

    /// From now on the gateway is not ready for more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
