//! What outlives the process: opened at the start, written every second, and once more at the end.

use std::{sync::Arc, time::Duration};

use pointsman::{Router, config::StoreSpec, state::StateStore, store, types::Error};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::seed;

const SECOND: Duration = Duration::from_secs(1);

/// The store that the configuration asks for.
pub(crate) fn store_of(spec: &StoreSpec) -> Result<Arc<dyn StateStore>, Error> {
    store(spec, seed())
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
}
