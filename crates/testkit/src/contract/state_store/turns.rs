//! Turns: who was served how often, and picks that are too old.

use pointsman_state::{Demand, Slot, Turn, Why};

use super::{Make, World, member, one, unsent, used};

pub(super) async fn run(make: Make<'_>) {
    a_turn_is_taken_once(make).await;
    another_set_begins_anew(make).await;
    retries_take_no_turn(make).await;
}

const SET: u64 = 11;

/// The turn that a pick among the members would take, and how often each was served.
fn turn(world: &World, slots: &[Slot], set: u64) -> (Turn, Vec<u64>) {
    let sight = world.view(slots, &one());
    let same = sight.set == set;
    let served = sight.rows.iter().map(|row| if same { row.served } else { 0 }).collect();
    (Turn { set, total: if same { sight.total } else { 0 } }, served)
}

fn with(turn: Turn) -> Demand {
    Demand { turn: Some(turn), ..one() }
}

async fn a_turn_is_taken_once(make: Make<'_>) {
    let world = World::new(make);
    let slots = world.bind(&[member("a"), member("b")], &[]).slots;
    let (first, _) = turn(&world, &slots, SET);
    let mut grants = vec![world.take(slots[0], &with(first)).await];
    let (second, served) = turn(&world, &slots, SET);
    assert_eq!((second.total, served), (1, vec![1, 0]));
    grants.push(world.take(slots[1], &with(second)).await);
    let refusal = world.refused(slots[1], &with(second)).await;
    assert_eq!(refusal.why, Why::Raced, "somebody else was quicker");
    assert_eq!(world.report(slots[1]).in_flight, 1, "and took nothing");
    for nth in 2..12 {
        let (turn, served) = turn(&world, &slots, SET);
        assert_eq!((turn.total, served.iter().sum::<u64>()), (nth, nth));
        let slot = slots[usize::from(served[1] < served[0])];
        grants.push(world.take(slot, &with(turn)).await);
    }
    assert_eq!(turn(&world, &slots, SET).1, [6, 6]);
    for grant in grants {
        world.settle(grant, &unsent());
    }
    assert_eq!(turn(&world, &slots, SET).1, [6, 6], "a turn stays taken");
}

async fn another_set_begins_anew(make: Make<'_>) {
    let world = World::new(make);
    let slots = world.bind(&[member("a"), member("b"), member("c")], &[]).slots;
    for _ in 0..3 {
        let (turn, _) = turn(&world, &slots[..2], SET);
        world.take(slots[0], &with(turn)).await;
    }
    let (other, served) = turn(&world, &slots, SET + 1);
    assert_eq!((other.total, served), (0, vec![0, 0, 0]));
    world.take(slots[2], &with(other)).await;
    assert_eq!(turn(&world, &slots, SET + 1), (Turn { set: SET + 1, total: 1 }, vec![0, 0, 1]));
    // The first one is a stranger now.
    assert_eq!(turn(&world, &slots[..2], SET), (Turn { set: SET, total: 0 }, vec![0, 0]));
}

async fn retries_take_no_turn(make: Make<'_>) {
    let world = World::new(make);
    let slots = world.bind(&[member("a"), member("b")], &[]).slots;
    let (first, _) = turn(&world, &slots, SET);
    world.take(slots[0], &with(first)).await;
    let retry = world.take(slots[1], &one()).await;
    world.settle(retry, &used(0, 0));
    assert_eq!(turn(&world, &slots, SET).1, [1, 0]);
}
