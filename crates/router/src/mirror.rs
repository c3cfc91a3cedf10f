//! Copies of calls that go elsewhere, beside the call: their answers are dropped.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use futures_core::Stream;
use pointsman_clock::EntropyExt;
use pointsman_provider::Call;
use pointsman_types::Ix;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Payload, Settings, journey::Journey, plan::Place, router::Shared};

/// The most copies that are under way at one time; further ones are left out.
const MOST: usize = 256;

/// What goes on beside calls: owned here, and ended with the router.
#[derive(Debug)]
pub(crate) struct Beside {
    tasks: TaskTracker,
    stop: CancellationToken,
    room: Arc<Semaphore>,
}

impl Default for Beside {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            room: Arc::new(Semaphore::new(MOST)),
        }
    }
}

impl Beside {
    /// Ends what is under way and waits for it.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Journey<'_> {
    /// Sends copies of a call on its first way out: of its group's calls, and of its deployment's.
    pub(crate) fn mirror(&mut self, place: &Place, ix: Ix) {
        if self.is_copy {
            return;
        }
        let topology = Arc::clone(&self.topology);
        let name = topology.groups[place.group].name.as_str();
        let group = Settings::of_group(&topology.settings.mirror, name);
        let drawn = group.filter(|mirror| self.dice.unit() < mirror.share);
        let own = topology.node(ix).mirrors.iter();
        for to in drawn.map(|mirror| &mirror.to).into_iter().chain(own) {
            if let Some(to) = topology.find(to) {
                copy(self.shared, &self.call, to);
            }
        }
    }
}

/// Sends one copy, unless too many are under way.
fn copy(shared: &Arc<Shared>, call: &Arc<Call>, to: Place) {
    let beside = &shared.beside;
    let Ok(room) = Arc::clone(&beside.room).try_acquire_owned() else {
        tracing::debug!("a copy is left out: {MOST} are under way");
        return;
    };
    let (shared, stop) = (Arc::clone(shared), beside.stop.clone());
    let call = Arc::clone(call);
    beside.tasks.spawn(async move {
        let _room = room;
        tokio::select! {
            () = stop.cancelled() => {}
            () = send(&shared, call, to) => {}
        }
    });
}

async fn send(shared: &Arc<Shared>, call: Arc<Call>, to: Place) {
    let topology = shared.topology.load_full();
    let ticket = shared.tickets.fetch_add(1, Ordering::Relaxed);
    let mut journey = Journey::new(shared, topology, call, ticket);
    journey.is_copy = true;
    // Its cost counts when it is read to its end.
    if let Ok(answer) = journey.run(to).await
        && let Payload::Stream(mut stream) = answer.payload
    {
        while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await {}
    }
}
