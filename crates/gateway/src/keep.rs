//! What outlives the process: opened at the start, written every second, and once more at the end.

use std::{sync::Arc, time::Duration};

use pointsman::{
    Router,
    clock::Clock,
    config::StoreSpec,
    redis::RedisStore,
    redis_store,
    state::StateStore,
    store,
    types::{Error, ExposeSecret},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::seed;

const SECOND: Duration = Duration::from_secs(1);

/// How long the start waits for what other instances have told Redis: who does not know it begins
/// with the whole limit.
const JOIN: Duration = Duration::from_secs(3);

/// The store that the configuration asks for.
pub(crate) struct Kept {
    pub(crate) store: Arc<dyn StateStore>,
    /// The same, if it is over Redis.
    pub(crate) redis: Option<Arc<RedisStore>>,
}

impl Kept {
    /// Opens it. One over Redis is opened on a runtime.
    pub(crate) fn open(spec: &StoreSpec, clock: &Arc<dyn Clock>) -> Result<Self, Error> {
        if let Some(redis) = redis_store(spec, seed(), Arc::clone(clock))? {
            if spec.state_dir.is_some() {
                tracing::warn!(
                    "router_settings.pointsman.state_dir: is not used, spend is kept in Redis"
                );
            }
            return Ok(Self { store: Arc::clone(&redis) as _, redis: Some(redis) });
        }
        Ok(Self { store: store(spec, seed(), Arc::clone(clock))?, redis: None })
    }
}

/// Waits until it is known what other instances have used, and who cools down.
pub(crate) async fn join(redis: Option<&RedisStore>) {
    if let Some(redis) = redis {
        redis.ready(JOIN).await;
        if !redis.health().reachable {
            tracing::warn!("Redis is not there: this instance begins alone");
        }
    }
}

/// Writes every second what must survive, until it is over.
pub(crate) async fn writing(router: Router, over: CancellationToken) {
    let mut seconds = interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = over.cancelled() => return,
            _ = seconds.tick() => {}
        }
        // The journal says itself what is wrong with it, once and not every second.
        drop(router.flush(false).await);
    }
}

/// Writes what must survive, now that all calls have ended.
pub(crate) async fn last_words(router: &Router) {
    if let Err(error) = router.flush(true).await {
        tracing::error!("spend is not written: {}", error.message());
    }
}

/// Says what a reload leaves as it is.
pub(crate) fn compare(at_start: &StoreSpec, now: &StoreSpec) {
    if at_start.state_dir != now.state_dir {
        tracing::warn!("router_settings.pointsman.state_dir: takes a restart to change");
    }
    if place(at_start) != place(now) {
        tracing::warn!("router_settings: Redis and strict_limits take a restart to change");
    }
}

/// What is said of Redis, passwords apart.
fn place(of: &StoreSpec) -> impl PartialEq + use<'_> {
    let redis = of.redis.as_ref().map(|redis| {
        let url = redis.url.as_ref().map(ExposeSecret::expose_secret);
        (url, &redis.host, redis.db, redis.ssl, &redis.sentinel_nodes, &redis.startup_nodes)
    });
    (redis, of.strict_limits)
}
