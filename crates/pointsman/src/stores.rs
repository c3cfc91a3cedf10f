//! Where a configuration wants the state to be.

use std::sync::Arc;

use pointsman_config::StoreSpec;
use pointsman_state::{MemoryStore, StateStore};
use pointsman_types::Error;

/// The store that a configuration asks for: in memory, with spend that survives in its `state_dir`
/// if it has one. The seed decides the jitter of cooldowns.
///
/// Whoever uses it calls [`Router::flush`](crate::Router::flush) every second, and once with `true`
/// when all calls have ended.
///
/// ```
/// use pointsman::{config::StoreSpec, store};
/// use std::sync::Arc;
///
/// let store = store(&StoreSpec::default(), 7)?;
/// let builder = pointsman::Router::builder().store(store);
/// # Ok::<(), pointsman::types::Error>(())
/// ```
///
/// # Errors
///
/// The directory cannot be used, or another process uses it; the message says what to do.
pub fn store(spec: &StoreSpec, seed: u64) -> Result<Arc<dyn StateStore>, Error> {
    match &spec.state_dir {
        Some(directory) => on_disk(directory, seed),
        None => Ok(Arc::new(MemoryStore::new(seed))),
    }
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
