//! Who waits is told.

use std::sync::{Arc, Mutex, Weak};

use pointsman_state::{Freed, Slot};

use super::{Make, World, limited, one, slots, unsent, used};

#[derive(Debug, Default)]
struct Ear(Mutex<Vec<Slot>>);

impl Freed for Ear {
    fn freed(&self, at: Slot) {
        self.0.lock().expect("no test panics in here").push(at);
    }
}

impl Ear {
    fn heard(&self) -> Vec<Slot> {
        std::mem::take(&mut *self.0.lock().expect("no test panics in here"))
    }
}

pub(super) async fn run(make: Make<'_>) {
    let world = World::new(make);
    let bound = world.bind(&[limited("a", slots(1)), limited("b", slots(1))], &[]).slots;
    let (ear, gone) = (Arc::new(Ear::default()), Arc::new(Ear::default()));
    for one in [&ear, &gone] {
        let listener: Arc<dyn Freed> = Arc::clone(one) as _;
        let listener: Weak<dyn Freed> = Arc::downgrade(&listener);
        world.store.on_free(listener);
    }
    drop(gone);
    let grants = [world.take(bound[0], &one()).await, world.take(bound[1], &one()).await];
    assert_eq!(ear.heard(), [], "nothing is free");
    let [first, second] = grants;
    world.settle(second, &used(0, 0));
    assert!(ear.heard().contains(&bound[1]), "a slot is free");
    world.settle(first, &unsent());
    assert!(ear.heard().contains(&bound[0]));
}
