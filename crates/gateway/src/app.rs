//! What all handlers share.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use pointsman::{
    Router, RouterBuilder, clock::Clock, config::ServerSpec, redis::RedisStore, router::BuildError,
};
use tokio_util::task::TaskTracker;

use crate::{
    auth::{Caller, Door},
    health::Checks,
    metrics::Metrics,
    traces::Traces,
};

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) clock: Arc<dyn Clock>,
    /// What the router tells of calls, counted.
    pub(crate) metrics: Arc<Metrics>,
    /// The store over Redis, if instances share one.
    pub(crate) redis: Option<Arc<RedisStore>>,
    /// What probes of the deployments found.
    pub(crate) checks: Checks,
    /// Where the traces of calls go, if anywhere.
    pub(crate) traces: Option<Traces>,
    /// Owns what goes on beside a call.
    pub(crate) tasks: TaskTracker,
    door: ArcSwap<Door>,
    draining: AtomicBool,
}

impl App {
    /// Builds the router, and all that goes with it.
    pub(crate) fn build(
        builder: RouterBuilder,
        clock: Arc<dyn Clock>,
        server: &ServerSpec,
        redis: Option<Arc<RedisStore>>,
    ) -> Result<Self, BuildError> {
        let metrics = Arc::new(Metrics::default());
        let builder = builder.clock(Arc::clone(&clock)).observer(Arc::clone(&metrics) as _);
        Ok(Self {
            router: builder.seed(seed()).build()?,
            clock,
            metrics,
            redis,
            checks: Checks::new(server.health_checks),
            traces: None,
            tasks: TaskTracker::new(),
            door: ArcSwap::from_pointee(Door::new(server)),
            draining: AtomicBool::new(false),
        })
    }

    /// The same with traces.
    pub(crate) fn traced(self, traces: Option<Traces>) -> Self {
        Self { traces, ..self }
    }

    /// Takes over what concerns the gateway alone.
    pub(crate) fn set_server(&self, server: &ServerSpec) {
        self.door.store(Arc::new(Door::new(server)));
        self.checks.set(server.health_checks);
    }

    /// Whether a key is needed.
    pub(crate) fn is_locked(&self) -> bool {
        self.door.load().is_locked()
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

/// Chance of its own for each process, so that instances do not move in step.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
