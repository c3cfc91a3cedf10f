//! Where a configuration wants the state to be.

use std::sync::Arc;

use pointsman_clock::Clock;
use pointsman_config::StoreSpec;
use pointsman_state::{MemoryStore, StateStore};
use pointsman_types::Error;

/// The store that a configuration asks for: over Redis if it names one; else in memory, with spend
/// that survives in its `state_dir` if it has one. The seed decides the jitter of cooldowns, and
/// names this instance to others: each has one of its own. One over Redis is made on a tokio runtime.
///
/// Whoever uses it calls [`Router::flush`](crate::Router::flush) every second, and once with `true`
/// when all calls have ended.
///
/// ```
/// use pointsman::{clock::SystemClock, config::StoreSpec, store};
/// use std::sync::Arc;
///
/// let store = store(&StoreSpec::default(), 7, Arc::new(SystemClock::new()))?;
/// let builder = pointsman::Router::builder().store(store);
/// # Ok::<(), pointsman::types::Error>(())
/// ```
///
/// # Errors
///
/// The directory cannot be used, or another process uses it; what is said of Redis is no address.
/// The message says what to do.
pub fn store(
    spec: &StoreSpec,
    seed: u64,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn StateStore>, Error> {
    if spec.redis.is_some() {
        return over_redis(spec, seed, clock);
    }
    match &spec.state_dir {
        Some(directory) => on_disk(directory, seed),
        None => Ok(Arc::new(MemoryStore::new(seed))),
    }
}

/// The store over Redis, if the configuration names one: to be asked how the connection stands.
///
/// # Errors
///
/// As [`store`].
#[cfg(feature = "redis")]
pub fn redis_store(
    spec: &StoreSpec,
    seed: u64,
    clock: Arc<dyn Clock>,
) -> Result<Option<Arc<pointsman_redis::RedisStore>>, Error> {
    use pointsman_redis::{Place, RedisSettings, RedisStore};
    let Some(redis) = &spec.redis else { return Ok(None) };
    let nodes = |nodes: &[pointsman_config::Node]| {
        nodes.iter().map(|node| (node.host.clone(), node.port)).collect()
    };
    let place = if let Some(url) = &redis.url {
        Place::Url(url.clone())
    } else if !redis.sentinel_nodes.is_empty() {
        Place::Sentinels {
            nodes: nodes(&redis.sentinel_nodes),
            password: redis.sentinel_password.clone(),
            service: redis.service_name.clone().unwrap_or_default(),
        }
    } else if !redis.startup_nodes.is_empty() {
        Place::Cluster(nodes(&redis.startup_nodes))
    } else {
        let node = redis.host.as_ref();
        Place::Node(
            node.map_or_else(String::new, |at| at.host.clone()),
            node.map_or(0, |at| at.port),
        )
    };
    let settings = RedisSettings {
        username: redis.username.clone(),
        password: redis.password.clone(),
        db: redis.db,
        tls: redis.ssl,
        strict: spec.strict_limits,
        ..RedisSettings::new(place)
    };
    RedisStore::start(&settings, seed, clock).map(|store| Some(Arc::new(store)))
}

#[cfg(feature = "redis")]
fn over_redis(
    spec: &StoreSpec,
    seed: u64,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn StateStore>, Error> {
    match redis_store(spec, seed, clock)? {
        Some(store) => Ok(store),
        None => Ok(Arc::new(MemoryStore::new(seed))),
    }
}

#[cfg(not(feature = "redis"))]
fn over_redis(_: &StoreSpec, _: u64, _: Arc<dyn Clock>) -> Result<Arc<dyn StateStore>, Error> {
    let message =
        "router_settings: Redis cannot be used, this build is without the feature `redis`";
    Err(Error::new(pointsman_types::ErrorKind::Unsupported, message))
}

#[cfg(feature = "disk")]
fn on_disk(directory: &str, seed: u64) -> Result<Arc<dyn StateStore>, Error> {
    let journal = Arc::new(pointsman_disk::Disk::open(directory.as_ref())?);
    Ok(Arc::new(MemoryStore::with_journal(seed, journal)?))
}

#[cfg(not(feature = "disk"))]
fn on_disk(directory: &str, _: u64) -> Result<Arc<dyn StateStore>, Error> {
    let message = format!(
        "router_settings.pointsman.state_dir: `{directory}` cannot be used, this build is without \
         the feature `disk`"
    );
    Err(Error::new(pointsman_types::ErrorKind::Unsupported, message))
}
