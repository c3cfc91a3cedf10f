//! What a reload keeps, and what it takes over.

use std::time::Duration;

use pointsman_state::{Limit, Limits, MemberSpec, Standing};
use pointsman_types::ErrorKind;

use super::{
    Make, World, account, dollars, failure, limited, member, one, rpm, tokens, unsent, used,
};

pub(super) async fn run(make: Make<'_>) {
    what_stays_keeps_its_state(make).await;
    what_was_claimed_before_settles_after(make).await;
    whoever_joins_a_serving_group_ramps(make);
}

async fn what_stays_keeps_its_state(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { budget: Some(dollars(10)), accounts: vec![0], ..limited("a", rpm(10)) };
    let members = [a.clone(), member("b")];
    let before = world.bind(&members, &[account("q", rpm(10), Some(10))]);
    let slot = before.slots[0];
    let grant = world.take(slot, &tokens(3, 0)).await;
    world.settle(grant, &used(3, 0));
    let grant = world.take(slot, &tokens(1, 0)).await;
    world.ends(before.slots[1], failure(ErrorKind::RateLimited, Some(100))).await;
    let cooling = world.report(before.slots[1]).standing;

    // In another order, with other limits, and one more.
    let a = MemberSpec { limits: rpm(3), budget: Some(dollars(4)), accounts: vec![1], ..a };
    let accounts = [account("new", rpm(1), None), account("q", rpm(7), Some(9))];
    let after = world.bind(&[member("c"), member("b"), a], &accounts);
    assert_eq!(after.slots[1..], [before.slots[1], slot], "a place is kept");
    assert_eq!(after.accounts[1], before.accounts[0]);
    assert_eq!(world.report(after.slots[1]).standing, cooling);
    assert_eq!((world.used(slot, Limit::Rpm), world.report(slot).in_flight), (2, 1));
    assert_eq!(world.used_of(after.accounts[1], Limit::Rpm), 2);
    for spend in [world.spend(slot), world.spend_of(after.accounts[1])] {
        assert_eq!(spend, (3.into(), 1.into()));
    }
    world.refused(slot, &tokens(1, 0)).await;
    world.settle(grant, &unsent());
    let grant = world.take(slot, &tokens(1, 0)).await;
    world.settle(grant, &unsent());
    assert_eq!(world.used_of(after.accounts[1], Limit::Rpm), 1);
}

async fn what_was_claimed_before_settles_after(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { accounts: vec![0], ..limited("a", rpm(5)) };
    let before = world.bind(std::slice::from_ref(&a), &[account("q", rpm(5), Some(50))]);
    let (slot, quota) = (before.slots[0], before.accounts[0]);
    let grants = [world.take(slot, &tokens(2, 0)).await, world.take(slot, &tokens(2, 0)).await];
    // Everything is gone from the configuration, and comes back.
    world.bind(&[member("b")], &[]);
    let [first, second] = grants;
    world.settle(first, &used(2, 0));
    let after = world.bind(&[a, member("b")], &[account("q", rpm(5), Some(50))]);
    assert_eq!((after.slots[0], after.accounts[0]), (slot, quota));
    world.settle(second, &used(1, 0));
    assert_eq!((world.report(slot).in_flight, world.used(slot, Limit::Rpm)), (0, 2));
    assert_eq!(world.spend_of(quota), (3.into(), 0.into()));
    assert_eq!(world.used_of(quota, Limit::Rpm), 2);
}

fn whoever_joins_a_serving_group_ramps(make: Make<'_>) {
    let world = World::new(make);
    let first = world.bind(&[member("a")], &[]).slots[0];
    assert_eq!(world.report(first).standing, Standing::Serving, "a new group does not ramp");
    world.seconds(1);
    let other = MemberSpec { group: "other".into(), ..member("x") };
    let slots = world.bind(&[member("a"), limited("b", Limits::default()), other], &[]).slots;
    assert_eq!(world.report(slots[0]).standing, Standing::Serving);
    assert!(matches!(world.report(slots[1]).standing, Standing::Ramping { .. }));
    assert_eq!(world.report(slots[2]).standing, Standing::Serving, "nor does another one");
    let rows = world.view(&slots[..2], &one()).rows;
    assert!(rows[0].ramp.is_none() && rows[1].ramp.is_some(), "{rows:?}");
    world.pass(Duration::from_mins(5));
    assert_eq!(world.report(slots[1]).standing, Standing::Serving);
}
