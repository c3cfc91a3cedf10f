//! Cooldowns, probes, blame that spreads, and upstreams that have nothing left.

use std::time::Duration;

use pointsman_state::{MemberSpec, Progress, Slot, Standing, Until, Why};
use pointsman_types::{ErrorKind, Outcome, Rate, RateHeaders, Verdict};

use super::{Make, World, failure, member, one, unsent, used};

pub(super) async fn run(make: Make<'_>) {
    a_cooling_member_gets_one_probe(make).await;
    a_probe_that_left_is_handed_out_again(make).await;
    the_longer_cooldown_wins(make).await;
    a_lone_member_and_a_client_s_fault_cool_nobody(make).await;
    blame_spreads_by_credential(make).await;
    blame_spreads_by_host(make).await;
    an_upstream_without_headroom_is_left_alone(make).await;
}

fn cools(world: &World, at: Slot) -> bool {
    matches!(world.report(at).standing, Standing::Cooling { .. })
}

async fn a_cooling_member_gets_one_probe(make: Make<'_>) {
    let world = World::new(make);
    let slots = world.bind(&[member("a"), member("b")], &[]).slots;
    let (a, b) = (slots[0], slots[1]);
    assert!(world.ends(a, failure(ErrorKind::RateLimited, Some(30))).await, "it cools at once");
    let until = world.now() + Duration::from_secs(30);
    let refusal = world.refused(a, &one()).await;
    let why = Why::Cooling { kind: ErrorKind::RateLimited, hard: true };
    assert_eq!((refusal.why, refusal.until), (why, Until::At(until)));
    assert_eq!(world.sees_refused(&slots, 0), Some(refusal), "the view says the same");
    assert!(world.sees_refused(&slots, 1).is_none(), "the other is not to blame");
    world.seconds(29);
    world.refused(a, &one()).await;
    world.seconds(1);
    let sight = world.view(&slots, &one());
    assert!(sight.rows.iter().any(|row| row.at == 0 && row.probe), "its next call is a probe");
    let probe = world.take(a, &one()).await;
    assert!(probe.is_probe());
    for _ in 0..3 {
        let refusal = world.refused(a, &one()).await;
        assert_eq!((refusal.why, refusal.until), (Why::Probing, Until::Event));
    }
    assert_eq!(world.sees_refused(&slots, 0).map(|refusal| refusal.why), Some(Why::Probing));
    world.store.progress(&probe, Progress::FirstContent, world.now());
    let next = world.take(a, &one()).await;
    assert!(!next.is_probe(), "the first content frees the probe");
    assert!(matches!(world.report(a).standing, Standing::Ramping { .. }));
    assert!(world.view(&slots, &one()).rows.iter().any(|row| row.at == 0 && row.ramp.is_some()));
    world.settle(probe, &used(0, 0));
    world.settle(next, &used(0, 0));
    assert!(!cools(&world, b));
}

async fn a_probe_that_left_is_handed_out_again(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[member("a"), member("b")], &[]).slots[0];
    world.ends(a, failure(ErrorKind::RateLimited, Some(5))).await;
    world.seconds(10);
    let probe = world.take(a, &one()).await;
    world.settle(probe, &unsent());
    let probe = world.take(a, &one()).await;
    assert!(probe.is_probe(), "the one that left was none");
    let failed = failure(ErrorKind::RateLimited, None);
    world.settle(probe, &Outcome::bare(failed, Duration::ZERO));
    assert!(cools(&world, a), "a probe that fails cools again");
}

async fn the_longer_cooldown_wins(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[member("a"), member("b")], &[]).slots[0];
    let (first, second) = (world.take(a, &one()).await, world.take(a, &one()).await);
    let fails = |after| Outcome::bare(failure(ErrorKind::RateLimited, after), Duration::ZERO);
    world.settle(first, &fails(Some(60)));
    let until = world.now() + Duration::from_mins(1);
    world.seconds(1);
    world.settle(second, &fails(Some(3)));
    assert_eq!(world.refused(a, &one()).await.until, Until::At(until));
}

async fn a_lone_member_and_a_client_s_fault_cool_nobody(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[member("a")], &[]).slots[0];
    for _ in 0..10 {
        world.ends(a, failure(ErrorKind::Server, None)).await;
        world.ends(a, failure(ErrorKind::RateLimited, Some(60))).await;
    }
    world.take(a, &one()).await;

    let world = World::new(make);
    let slots = world.bind(&[member("a"), member("b")], &[]).slots;
    for kind in [ErrorKind::BadRequest, ErrorKind::ContextWindow, ErrorKind::ContentPolicy] {
        for _ in 0..5 {
            assert!(!world.ends(slots[0], failure(kind, None)).await, "{kind}");
        }
    }
    for _ in 0..5 {
        world.ends(slots[0], Verdict::Dropped).await;
    }
    assert_eq!(world.report(slots[0]).standing, Standing::Serving);
    for nth in 1..=3 {
        let cooled = world.ends(slots[0], failure(ErrorKind::Server, None)).await;
        assert_eq!(cooled, nth == 3, "three failures of three cool, {nth} do not");
    }
}

async fn blame_spreads_by_credential(make: Make<'_>) {
    let world = World::new(make);
    let with = |id, credential| MemberSpec { credential, ..member(id) };
    let members = [
        with("a", Some(1)),
        with("b", Some(1)),
        with("c", Some(2)),
        with("d", None),
        with("e", None),
    ];
    let slots = world.bind(&members, &[]).slots;
    world.ends(slots[0], failure(ErrorKind::Authentication, None)).await;
    let cooling: Vec<bool> = slots.iter().map(|slot| cools(&world, *slot)).collect();
    assert_eq!(cooling, [true, true, false, false, false], "whoever shares the key");
    world.ends(slots[3], failure(ErrorKind::Authentication, None)).await;
    let cooling: Vec<bool> = slots.iter().map(|slot| cools(&world, *slot)).collect();
    assert_eq!(cooling, [true, true, false, true, false], "no key is not shared");
}

async fn blame_spreads_by_host(make: Make<'_>) {
    let world = World::new(make);
    let with = |id, host| MemberSpec { host, ..member(id) };
    let members = [with("a", 1), with("b", 1), with("c", 1), with("d", 1), with("e", 2)];
    let slots = world.bind(&members, &[]).slots;
    for slot in &slots[..3] {
        assert!(!cools(&world, slots[3]), "fewer than three are no outage");
        world.ends(*slot, failure(ErrorKind::Connection, None)).await;
        world.seconds(1);
    }
    let cooling: Vec<bool> = slots.iter().map(|slot| cools(&world, *slot)).collect();
    assert_eq!(cooling, [true, true, true, true, false], "the host is down");
}

async fn an_upstream_without_headroom_is_left_alone(make: Make<'_>) {
    let world = World::new(make);
    let slots = world.bind(&[member("a"), member("b")], &[]).slots;
    let spent = |seconds| RateHeaders {
        requests: Rate {
            limit: Some(100),
            remaining: Some(0),
            resets_in: Some(Duration::from_secs(seconds)),
        },
        ..RateHeaders::default()
    };
    let say = async |slot, seconds| {
        let grant = world.take(slot, &one()).await;
        world.store.progress(&grant, Progress::Headers(&spent(seconds)), world.now());
        world.settle(grant, &used(0, 0));
    };
    say(slots[0], 20).await;
    let refusal = world.sees_refused(&slots, 0).expect("the other one is willing");
    let until = Until::At(world.now() + Duration::from_secs(20));
    assert_eq!((refusal.why, refusal.until), (Why::Headroom, until));
    assert!(world.sees_refused(&slots[..1], 0).is_none(), "never the lone member");
    world.ends(slots[1], failure(ErrorKind::RateLimited, Some(10))).await;
    assert!(world.sees_refused(&slots, 0).is_none(), "never the lone willing member");
    world.seconds(10);
    assert!(world.sees_refused(&slots, 0).is_some());
    world.seconds(10);
    assert!(world.sees_refused(&slots, 0).is_none(), "the reset has come");
    say(slots[0], 100_000).await;
    world.seconds(60);
    assert!(world.sees_refused(&slots, 0).is_none(), "a minute at most");
}
