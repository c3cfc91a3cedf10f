//! What all handlers share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;
use pointsman::{Router, clock::Clock, config::ServerSpec, openai::OpenAiSurface};
use tokio_util::task::TaskTracker;

use crate::auth::KeyDigest;

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) surface: OpenAiSurface,
    pub(crate) clock: Arc<dyn Clock>,
    /// Owns what goes on beside a call.
    pub(crate) tasks: TaskTracker,
    master_key: ArcSwapOption<KeyDigest>,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn new(router: Router, clock: Arc<dyn Clock>, server: &ServerSpec) -> Self {
        let app = Self {
            router,
            surface: OpenAiSurface,
            clock,
            tasks: TaskTracker::new(),
            master_key: ArcSwapOption::empty(),
            draining: AtomicBool::new(false),
        };
        app.set_server(server);
        app
    }

    /// Takes over what concerns the gateway alone.
    pub(crate) fn set_server(&self, server: &ServerSpec) {
        self.master_key.store(server.master_key.as_ref().map(|key| Arc::new(KeyDigest::of(key))));
    }

    /// Whether a caller who presents this key may pass; it is asked for only if one is needed.
    pub(crate) fn admits<'a>(&self, presented: impl FnOnce() -> Option<&'a str>) -> bool {
        let wanted = self.master_key.load();
        wanted.as_ref().is_none_or(|wanted| presented().is_some_and(|key| wanted.is(key)))
    }

    /// From now on the gateway is not ready for more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
