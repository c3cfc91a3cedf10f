//! Probes of all deployments: all at once when somebody asks, spread out in the background.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use pointsman::{
    clock::{Dice, EntropyExt, Instant},
    config::HealthChecks,
    limits::Pace,
    router::{Probeable, Probed},
    types::DeploymentId,
};
use tokio::{
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::app::{App, seed};

/// How long all probes together may take when somebody waits for them.
const WITHIN: Duration = Duration::from_secs(10);
/// The longest probe in the background.
const LONGEST: Duration = Duration::from_mins(2);
/// The most probes under way at one time.
const AT_ONCE: usize = 64;
/// The shortest time from one round in the background to the next.
const SHORTEST: Duration = Duration::from_secs(1);

/// Sweeps a minute that somebody may ask for, and how many of them at once.
const SWEEPS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const SWEEPS_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// What a probe found, and when.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(super) at: Instant,
    pub(super) what: Probed,
}

type Found = HashMap<DeploymentId, Checked>;

/// What probes found, and whether there are any in the background.
#[derive(Debug)]
pub(crate) struct Checks {
    settings: watch::Sender<Option<HealthChecks>>,
    last: Mutex<Found>,
    room: Semaphore,
    /// Every sweep is a paid call of each deployment: whoever polls must not be expensive.
    sweeps: Mutex<Pace>,
}

impl Checks {
    pub(crate) fn new(settings: Option<HealthChecks>) -> Self {
        Self {
            settings: watch::Sender::new(settings),
            last: Mutex::default(),
            room: Semaphore::new(AT_ONCE),
            sweeps: Mutex::new(Pace::new(SWEEPS, SWEEPS_AT_ONCE)),
        }
    }

    /// Whether everything may be probed once more now.
    pub(super) fn may_sweep(&self, now: Instant) -> bool {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).check(now).is_ok()
    }

    /// Keeps what a sweep found.
    pub(super) fn keep(&self, found: &Found) {
        self.lock().extend(found.iter().map(|(id, checked)| (id.clone(), checked.clone())));
    }

    /// Takes over changed settings; the same ones disturb nothing.
    pub(crate) fn set(&self, to: Option<HealthChecks>) {
        self.settings.send_if_modified(|now| std::mem::replace(now, to) != to);
    }

    pub(super) fn in_background(&self) -> bool {
        self.settings.borrow().is_some()
    }

    /// What the last probes found.
    pub(super) fn last(&self) -> Found {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Found> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Probes all of them now.
pub(super) async fn sweep(app: &App, all: &[Probeable]) -> Found {
    let until = app.clock.now() + WITHIN;
    let probes: Vec<_> = all.iter().map(|one| now(app, &one.id, until)).collect();
    stream::iter(probes).buffer_unordered(AT_ONCE).collect().await
}

/// Probes one as soon as there is room.
async fn now(app: &App, id: &DeploymentId, until: Instant) -> (DeploymentId, Checked) {
    let room = timeout(until - app.clock.now(), app.checks.room.acquire()).await;
    let found = match room {
        Ok(Ok(_room)) => app.router.probe(id, until - app.clock.now(), true).await,
        _ => None,
    };
    let late = || Probed::NotAsked(format!("no turn within {} s", WITHIN.as_secs()));
    (id.clone(), Checked { at: app.clock.now(), what: found.unwrap_or_else(late) })
}

/// Probes in the background for as long as the settings say so, until told to stop.
pub(crate) async fn watch(app: Arc<App>, stop: CancellationToken) {
    let mut settings = app.checks.settings.subscribe();
    let mut dice = Dice::new(seed());
    loop {
        let every = settings.borrow_and_update().map(|checks| checks.interval.max(SHORTEST));
        let rounds = async {
            let Some(every) = every else { return std::future::pending().await };
            loop {
                round(&app, every / 10, &mut dice).await;
                // Instances that were started together drift apart.
                sleep(every.mul_f64(0.8 + dice.unit() / 5.0)).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            changed = settings.changed() => if changed.is_err() { break },
            () = stop.cancelled() => break,
        }
    }
}

/// Probes each once, at moments of their own within `spread`.
async fn round(app: &App, spread: Duration, dice: &mut Dice) {
    let all = app.router.probeable();
    app.checks.lock().retain(|id, _| all.iter().any(|one| one.id == *id));
    let probes = all.iter().filter(|one| one.probe.background).map(|one| {
        let after = spread.mul_f64(dice.unit());
        async move {
            sleep(after).await;
            let Ok(_room) = app.checks.room.acquire().await else { return };
            if let Some(what) = app.router.probe(&one.id, LONGEST, false).await {
                tell(one, &what);
                let checked = Checked { at: app.clock.now(), what };
                app.checks.lock().insert(one.id.clone(), checked);
            }
        }
    });
    let probes: Vec<_> = probes.collect();
    stream::iter(probes).buffer_unordered(AT_ONCE).collect::<()>().await;
}

fn tell(of: &Probeable, found: &Probed) {
    if let Probed::Failed { error, .. } = found {
        tracing::warn!(deployment = %of.id, kind = %error.kind, "its probe failed: {error}");
    }
}
