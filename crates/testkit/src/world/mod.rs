//! The simulated world: the real router on paused time, before scripted upstreams, with callers
//! that come in crowds, leave early and read slowly, and reloads in between. All of it from a seed.
//!
//! A world has laws: one end for each call, every claim given back, no minute over its limit, no
//! send to a member that is out, and so on. [`run`] checks them at every step and at the end, and
//! tells which were broken. The same seed is the same world, to the last event: a failure replays.
//!
//! ```
//! use pointsman_testkit::world::{Plan, run};
//! let report = run(Plan { seed: 7, calls: 50, mutant: None });
//! assert!(report.broken.is_empty(), "{report}");
//! assert_eq!(report.fingerprint, run(Plan { seed: 7, calls: 50, mutant: None }).fingerprint);
//! ```
//!
//! A law that nothing can break proves nothing, so there are bugs on purpose: with a [`Mutant`],
//! some law must be broken.
//!
//! Paused time never meets a real socket: nothing here opens one.

mod build;
mod laws;
mod log;
mod mutant;
mod report;
mod scene;
mod time;
mod traffic;
mod upstream;
mod witness;

use std::{sync::Arc, time::Duration};

use pointsman_clock::{Clock, Dice, EntropyExt};
use pointsman_provider::Provider;
use pointsman_router::Router;
use pointsman_state::{MemoryStore, StateStore};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use self::{
    laws::Over,
    log::Log,
    scene::{Scene, millis, one_in},
    time::PausedClock,
    traffic::CallPlan,
    upstream::Scripted,
    witness::Witness,
};
pub use self::{mutant::Mutant, report::Report};

/// Longer than any call of any world.
const END: Duration = Duration::from_hours(1);

/// Which world, and how much happens in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What everything follows from.
    pub seed: u64,
    /// How many calls are made.
    pub calls: usize,
    /// A bug on purpose.
    pub mutant: Option<Mutant>,
}

/// Lives through a world and tells what happened.
///
/// Blocks; hours of its time are milliseconds of ours.
///
/// # Panics
/// When the machine has no means for a tokio runtime, or the scene of a seed builds no router.
pub fn run(plan: Plan) -> Report {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(live(plan)),
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// A world while it lasts.
struct World {
    scene: Arc<Scene>,
    log: Arc<Log>,
    witness: Arc<Witness>,
    provider: Arc<dyn Provider>,
    router: Router,
    mutant: Option<Mutant>,
}

impl World {
    fn new(plan: Plan) -> Self {
        let scene = Arc::new(Scene::of(plan.seed));
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let log = Arc::new(Log::new(Arc::clone(&clock), plan.calls));
        let ids = scene.members.iter().map(|member| member.id.clone());
        let memory = MemoryStore::new(plan.seed);
        let witness = Arc::new(Witness::new(memory, Arc::clone(&log), ids, plan.mutant));
        let provider: Arc<dyn Provider> =
            Arc::new(Scripted::new(Arc::clone(&scene), Arc::clone(&log)));
        let store: Arc<dyn StateStore> = Arc::clone(&witness) as Arc<dyn StateStore>;
        let built = scene
            .builder(plan.mutant)
            .provider(Arc::clone(&provider))
            .store(store)
            .clock(clock)
            .build();
        let router = match built {
            Ok(router) => router,
            Err(error) => panic!("the scene of seed {} is no configuration: {error}", plan.seed),
        };
        Self { scene, log, witness, provider, router, mutant: plan.mutant }
    }

    /// Takes members out, puts them back and changes limits, while calls are under way. Returns
    /// whom it took out.
    async fn reload(&self) -> Vec<usize> {
        let dice = &mut Dice::of_call(self.scene.seed, 0x4e_10ad);
        let mut removed = Vec::new();
        let movable: Vec<usize> = (0..self.scene.members.len())
            .filter(|at| Some(self.scene.members[*at].group) != self.scene.steady)
            .collect();
        for _ in 0..dice.below(6) {
            sleep(millis(dice, 100, 60_000)).await;
            let mut now = Scene::clone(&self.scene);
            let at = movable[dice.index(movable.len())];
            let alone = self.scene.members_of(self.scene.members[at].group).count() == 1;
            if one_in(dice, 2) && !alone {
                now.members.remove(at);
                removed.push(at);
            } else if let Some(rpm) = &mut now.members[at].limits.rpm {
                *rpm = 1 + *rpm / 2;
            }
            let with = now.builder(self.mutant).provider(Arc::clone(&self.provider));
            match self.router.reload(with) {
                Ok(()) => self.log.book().reloads += 1,
                Err(error) => {
                    let now = self.log.now();
                    self.log.book().breaks("a reload is taken", now, || error.to_string());
                }
            }
        }
        removed
    }
}

async fn live(plan: Plan) -> Report {
    let world = World::new(plan);
    let plans = CallPlan::all(&world.scene, plan.calls);
    let mut callers = JoinSet::new();
    for (number, call) in plans.iter().cloned().enumerate() {
        let (router, scene) = (world.router.clone(), Arc::clone(&world.scene));
        callers.spawn(call.drive(router, scene, Arc::clone(&world.log), number));
    }
    let mut removed = Vec::new();
    let all = async {
        let reloads = async {
            if world.scene.reloads {
                removed = world.reload().await;
            }
        };
        let calls = async {
            while let Some(ended) = callers.join_next().await {
                if let Err(error) = ended {
                    let now = world.log.now();
                    world.log.book().breaks("nothing panics", now, || error.to_string());
                }
            }
        };
        tokio::join!(reloads, calls);
    };
    let ended = timeout(END, all).await.is_ok();
    let now = world.log.now();
    if !ended {
        world.log.book().breaks("every call ends", now, || "some still go on".to_owned());
    }
    // What goes on beside calls ends as they do.
    sleep(END).await;
    world.router.close().await;
    drop(callers);
    let mut book = world.log.book();
    let over = Over {
        scene: &world.scene,
        plans: &plans,
        witness: &world.witness,
        now: world.log.now(),
        removed: &removed,
    };
    laws::check(&over, &mut book);
    Report::of(plan, &world.scene, &book, now)
}
