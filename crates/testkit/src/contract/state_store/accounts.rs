//! Accounts that several draw on, and money.

use std::time::Duration;

use pointsman_state::{BudgetLimit, Demand, Limit, Limits, MemberSpec, Until, Whose, Why};
use pointsman_types::{Charge, Decimal, Outcome};

use super::{
    Make, World, account, dollars, limited, member, one, rpm, slots, tokens, unsent, used,
};

pub(super) async fn run(make: Make<'_>) {
    all_or_nothing(make).await;
    an_account_is_drawn_on_once(make).await;
    members_share_an_account(make).await;
    a_budget_is_never_overshot(make).await;
    a_debt_is_kept_until_the_reset(make).await;
    an_unknown_price_spends_no_budget(make).await;
    what_is_not_known_costs_what_was_reserved(make).await;
}

async fn all_or_nothing(make: Make<'_>) {
    let world = World::new(make);
    let accounts = [
        account("wide", rpm(10), Some(1_000)),
        account("narrow", rpm(1), None),
        account("callers", rpm(10), Some(1_000)),
    ];
    let a = MemberSpec { accounts: vec![0, 1], ..limited("a", rpm(10)) };
    let bound = world.bind(&[a], &accounts);
    let (a, [wide, narrow, callers]) = (bound.slots[0], [0, 1, 2].map(|nth| bound.accounts[nth]));
    let need = Demand { accounts: [callers].into_iter().collect(), ..tokens(3, 4) };
    let grant = world.take(a, &need).await;
    for _ in 0..3 {
        let refusal = world.refused(a, &need).await;
        assert_eq!(refusal.why.whose(), Some(Whose::Account(narrow)), "{refusal:?}");
        assert!(world.view(&[a], &need).rows.is_empty(), "the view says the same");
    }
    assert_eq!(world.report(a).in_flight, 1);
    assert_eq!(world.used(a, Limit::Rpm), 1, "the deployment's own");
    for account in [wide, narrow, callers] {
        assert_eq!(world.used_of(account, Limit::Rpm), 1, "{account:?}");
    }
    assert_eq!(world.spend_of(wide), (Decimal::ZERO, 7.into()));
    world.settle(grant, &used(3, 1));
    for account in [wide, callers] {
        assert_eq!(world.spend_of(account), (4.into(), Decimal::ZERO), "{account:?}");
    }
}

async fn an_account_is_drawn_on_once(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { accounts: vec![0, 0], ..member("a") };
    let bound = world.bind(&[a], &[account("both", Limits { rpm: Some(9), ..slots(1) }, Some(9))]);
    let both = bound.accounts[0];
    let need = Demand { accounts: [both, both].into_iter().collect(), ..tokens(5, 0) };
    let grant = world.take(bound.slots[0], &need).await;
    assert_eq!((world.used_of(both, Limit::Rpm), world.spend_of(both).1), (1, 5.into()));
    world.settle(grant, &used(5, 0));
    assert_eq!(world.used_of(both, Limit::Slots), 0);
    assert_eq!(world.spend_of(both), (5.into(), Decimal::ZERO));
}

async fn members_share_an_account(make: Make<'_>) {
    let world = World::new(make);
    let with = |id| MemberSpec { accounts: vec![0], ..member(id) };
    let bound = world.bind(&[with("a"), with("b")], &[account("q", rpm(3), None)]);
    let mut sent = 0;
    for nth in 0..8 {
        if let Ok(grant) = world.reserve(bound.slots[nth % 2], &one()).await {
            sent += 1;
            world.settle(grant, &used(0, 0));
        }
    }
    assert_eq!((sent, world.used_of(bound.accounts[0], Limit::Rpm)), (3, 3));
}

async fn a_budget_is_never_overshot(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { budget: Some(dollars(21)), ..member("a") };
    let a = world.bind(&[a], &[]).slots[0];
    let mut grants = Vec::new();
    for _ in 0..30 {
        grants.extend(world.reserve(a, &tokens(1, 1)).await.ok());
    }
    assert_eq!(grants.len(), 10, "ten calls of two dollars");
    let refusal = world.refused(a, &tokens(1, 1)).await;
    let why = Why::Budget { whose: Whose::Own, used: 20.into(), max: 21.into(), asked: 2.into() };
    assert_eq!((refusal.why, refusal.until), (why, Until::Event), "a call may cost less");
    world.settle(grants.pop().expect("ten"), &unsent());
    grants.push(world.take(a, &tokens(1, 1)).await);
    for grant in grants {
        world.settle(grant, &used(1, 1));
    }
    assert_eq!(world.spend(a), (20.into(), Decimal::ZERO));
    world.seconds(1_000_000);
    assert_eq!(world.refused(a, &tokens(1, 1)).await.until, Until::Never, "it never resets");
    world.take(a, &tokens(1, 0)).await;
}

async fn a_debt_is_kept_until_the_reset(make: Make<'_>) {
    let world = World::new(make);
    let window = Some("1h".parse().expect("an hour"));
    let budget = Some(BudgetLimit { max: 10.into(), window });
    let a = world.bind(&[MemberSpec { budget, ..member("a") }], &[]).slots[0];
    let grant = world.take(a, &tokens(5, 0)).await;
    world.seconds(10);
    world.settle(grant, &used(15, 0));
    let first = world.now();
    assert_eq!(world.spend(a).0, 15.into(), "it cost what it cost");
    let refusal = world.refused(a, &tokens(1, 0)).await;
    let reset = first + Duration::from_hours(1);
    assert_eq!(refusal.until, Until::At(reset), "an hour from the first spend");
    world.pass(Duration::from_hours(1) - Duration::from_nanos(1));
    world.refused(a, &tokens(1, 0)).await;
    world.pass(Duration::from_nanos(1));
    assert_eq!(world.spend(a).0, Decimal::ZERO);
    world.take(a, &tokens(10, 0)).await;
}

async fn an_unknown_price_spends_no_budget(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { price: None, budget: Some(dollars(10)), ..member("a") };
    let b = MemberSpec { price: None, ..member("b") };
    let bound = world.bind(&[a, b], &[]);
    let refusal = world.refused(bound.slots[0], &tokens(1, 0)).await;
    assert_eq!(refusal.why, Why::Unpriced { whose: Whose::Own });
    let row = world.view(&bound.slots, &tokens(1, 0)).rows[0];
    assert_eq!((row.at, row.price), (1, None), "unknown is not zero");
}

async fn what_is_not_known_costs_what_was_reserved(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { budget: Some(dollars(10)), ..member("a") };
    let a = world.bind(&[a], &[]).slots[0];
    let grant = world.take(a, &tokens(4, 0)).await;
    let charged = Charge { input: 1, output: 0, money: None };
    world.settle(grant, &Outcome { charged, ..used(1, 0) });
    assert_eq!(world.spend(a), (4.into(), Decimal::ZERO));
}
