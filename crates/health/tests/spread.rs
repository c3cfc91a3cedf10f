//! Blame that spreads: several deployments, two keys, one host, in any interleaving.

use std::time::Duration;

use pointsman_clock::{Dice, Instant};
use pointsman_health::{Failure, Health, HostWatch, Pass, Policy, Standing};
use pointsman_types::{Blame, ErrorKind};
use proptest::{collection::vec, option, prelude::*, sample::select};

const MEMBERS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(Duration),
    Claim(usize),
    Content(usize),
    /// Settles the pass at this place.
    Settle(usize, End),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Failure(ErrorKind, Option<Duration>),
    Success,
    CallerLeft,
}

fn op() -> impl Strategy<Value = Op> {
    let wait = prop_oneof![0_u64..3_000, 4_000_u64..40_000].prop_map(Duration::from_millis);
    let kind = prop_oneof![
        2 => Just(ErrorKind::Connection),
        2 => Just(ErrorKind::Authentication),
        3 => select(&ErrorKind::ALL[..]),
    ];
    let failure = (kind, option::weighted(0.2, (1_u64..90).prop_map(Duration::from_secs)));
    let end = prop_oneof![
        6 => failure.prop_map(|(kind, after)| End::Failure(kind, after)),
        2 => Just(End::Success),
        1 => Just(End::CallerLeft),
    ];
    prop_oneof![
        3 => wait.prop_map(Op::Wait),
        8 => (0..MEMBERS).prop_map(Op::Claim),
        1 => (0_usize..8).prop_map(Op::Content),
        6 => (0_usize..8, end).prop_map(|(which, end)| Op::Settle(which, end)),
    ]
}

/// Members 0 and 1 share a key, 2 and 3 another; all share the host.
struct World {
    members: [Health; MEMBERS],
    host: HostWatch,
    policy: Policy,
    dice: Dice,
    now: Instant,
    out: Vec<(usize, Pass)>,
    probing: [bool; MEMBERS],
}

impl World {
    fn claim(&mut self, at: usize) -> Result<(), TestCaseError> {
        let standing = self.members[at].standing(&self.policy, self.now);
        let claimed = self.members[at].claim(&self.policy, self.now);
        prop_assert_eq!(claimed.is_ok(), standing.is_willing());
        let Ok(pass) = claimed else { return Ok(()) };
        prop_assert!(!self.probing[at], "a claim beside the probe");
        self.probing[at] = pass.is_probe();
        self.out.push((at, pass));
        Ok(())
    }

    fn fail(&mut self, at: usize, pass: Pass, kind: ErrorKind, after: Option<Duration>) {
        let what = Failure { kind, retry_after: after, lone: false };
        let (policy, now) = (self.policy, self.now);
        let cooled = self.members[at].failure(pass, what, &policy, &mut self.dice, now);
        let to: &[usize] = match kind.blame() {
            Blame::Credential if cooled.is_some() => &[at ^ 1],
            Blame::Host if self.host.failed(at as u64, now) => &[0, 1, 2, 3],
            _ => &[],
        };
        for &other in to {
            self.members[other].spread(what, &policy, &mut self.dice, now);
        }
    }

    fn settle(&mut self, which: usize, end: End) -> Result<(), TestCaseError> {
        let (at, pass) = self.out.swap_remove(which);
        let before = self.members.clone();
        let mut left = before.clone();
        left[at].dropped(pass);
        match end {
            End::Failure(kind, after) => {
                self.fail(at, pass, kind, after);
                if kind.blame() == Blame::Client {
                    prop_assert_eq!(&self.members, &left, "a client's error changes nothing");
                }
                if kind.blame() == Blame::Deployment {
                    for other in (0..MEMBERS).filter(|&other| other != at) {
                        prop_assert_eq!(&self.members[other], &before[other]);
                    }
                }
                if kind.blame() == Blame::Credential {
                    for other in (0..MEMBERS).filter(|&other| other / 2 != at / 2) {
                        prop_assert_eq!(&self.members[other], &before[other]);
                    }
                }
            }
            End::Success => self.members[at].success(pass, self.now),
            End::CallerLeft => {
                self.members[at].dropped(pass);
                prop_assert_eq!(&self.members, &left);
            }
        }
        self.probing[at] &= !pass.is_probe();
        self.check(&before)
    }

    /// No deadline came nearer, and probes under way are still the only ones.
    fn check(&self, before: &[Health; MEMBERS]) -> Result<(), TestCaseError> {
        for (at, (was, is)) in before.iter().zip(&self.members).enumerate() {
            let [was, is] = [was, is].map(|member| member.standing(&self.policy, self.now));
            if let Standing::Cooling { until: was, .. } = was {
                let longer = matches!(is, Standing::Cooling { until, .. } if until >= was);
                prop_assert!(longer, "a cooldown became shorter: {:?}", is);
            }
            if self.probing[at] {
                prop_assert_eq!(is, Standing::Probing);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_reaches_whom_it_should_and_nobody_else(seed: u64, ops in vec(op(), 1..150)) {
        let mut world = World {
            members: [(); MEMBERS].map(|()| Health::new()),
            host: HostWatch::default(),
            policy: Policy::default(),
            dice: Dice::new(seed),
            now: Instant::from_secs(1_767_225_600),
            out: Vec::new(),
            probing: [false; MEMBERS],
        };
        for op in ops {
            match op {
                Op::Wait(by) => world.now += by,
                Op::Claim(at) => world.claim(at)?,
                Op::Content(which) if which < world.out.len() => {
                    let (at, pass) = world.out[which];
                    world.members[at].first_content(pass, world.now);
                    world.probing[at] &= !pass.is_probe();
                }
                Op::Settle(which, end) if which < world.out.len() => world.settle(which, end)?,
                Op::Content(_) | Op::Settle(..) => {}
            }
        }
    }
}

#[test]
fn a_refused_key_cools_its_sibling_and_three_broken_connections_the_host() {
    let mut world = World {
        members: [(); MEMBERS].map(|()| Health::new()),
        host: HostWatch::default(),
        policy: Policy::default(),
        dice: Dice::new(7),
        now: Instant::from_secs(1_000),
        out: Vec::new(),
        probing: [false; MEMBERS],
    };
    let cooling = |world: &World| {
        [0, 1, 2, 3]
            .map(|at: usize| !world.members[at].standing(&world.policy, world.now).is_willing())
    };
    let fail = |world: &mut World, at: usize, kind| {
        let pass = world.members[at].claim(&world.policy, world.now).unwrap();
        world.fail(at, pass, kind, None);
    };
    fail(&mut world, 1, ErrorKind::Permission);
    assert_eq!(cooling(&world), [true, true, false, false]);
    world.now += Duration::from_mins(1);
    for at in [2, 3] {
        fail(&mut world, at, ErrorKind::Connection);
        assert_eq!(cooling(&world), [false; 4]);
    }
    fail(&mut world, 0, ErrorKind::Connection);
    assert_eq!(cooling(&world), [true; 4]);
}
