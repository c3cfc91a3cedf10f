//! What a world is made of: groups, members and their moods, accounts and rules, all from a seed.

use std::{collections::BTreeMap, time::Duration};

use pointsman_clock::{Dice, EntropyExt, Instant};
use pointsman_retry::HedgeAfter;
use pointsman_state::Limits;
use pointsman_types::{Decimal, ErrorKind};

use super::time::DAWN;

/// How an upstream behaves for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Healthy,
    Slow,
    Fails(ErrorKind),
    /// Says when to come back.
    Throttles(Duration),
    Hangs,
    /// Streams break before their first content.
    CutsEarly,
    /// Streams break after it.
    CutsLate,
    /// Streams fall silent after it.
    Stalls,
    /// The first content comes late.
    LateFirst,
    /// Answers, and says that nothing is left.
    Dry,
}

/// One deployment.
#[derive(Clone, Debug)]
pub(crate) struct MemberPlan {
    pub(crate) id: String,
    pub(crate) group: usize,
    pub(crate) limits: Limits,
    pub(crate) budget: Option<Decimal>,
    pub(crate) priced: bool,
    /// Indices of quotas.
    pub(crate) quotas: Vec<usize>,
    pub(crate) key: usize,
    pub(crate) host: usize,
    pub(crate) window: Option<u64>,
    /// Refuses some contents.
    pub(crate) strict: bool,
    pub(crate) weight: Option<u32>,
    pub(crate) order: Option<i64>,
    pub(crate) tags: Vec<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    pub(crate) latency: Duration,
    pub(crate) moods: Vec<(Instant, Mood)>,
    /// Always answers, soon, and has no limit: a call that may go there must be answered.
    pub(crate) rock: bool,
    pub(crate) cooldown_time: Duration,
}

impl MemberPlan {
    pub(crate) fn mood(&self, now: Instant) -> Mood {
        self.moods.iter().rfind(|(from, _)| *from <= now).map_or(Mood::Healthy, |(_, mood)| *mood)
    }

    /// Whether nothing but a cooldown may refuse it.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.limits == Limits::default() && self.budget.is_none() && self.quotas.is_empty()
    }
}

/// What becomes of calls that nobody takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Refuse,
    LastResort,
    Wait(Duration, usize),
}

/// A world.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    /// The time in which its calls come.
    pub(crate) span: Duration,
    pub(crate) groups: Vec<String>,
    pub(crate) members: Vec<MemberPlan>,
    pub(crate) quotas: Vec<Limits>,
    pub(crate) callers: Vec<(Limits, Option<Decimal>)>,
    /// The strategy of each group, by name.
    pub(crate) strategies: Vec<&'static str>,
    pub(crate) num_retries: u32,
    pub(crate) max_attempts: u32,
    pub(crate) timeout: Duration,
    pub(crate) ttft_timeout: Option<Duration>,
    pub(crate) stall_timeout: Duration,
    /// Ratio, per second, burst.
    pub(crate) retry_budget: (f64, f64, u32),
    pub(crate) fallbacks: BTreeMap<usize, Vec<usize>>,
    pub(crate) long_fallbacks: BTreeMap<usize, Vec<usize>>,
    pub(crate) vile_fallbacks: BTreeMap<usize, Vec<usize>>,
    pub(crate) default_fallbacks: Vec<usize>,
    pub(crate) max_fallbacks: u32,
    pub(crate) hedge: Option<HedgeAfter>,
    pub(crate) exhausted: Exhausted,
    pub(crate) allowed_fails: Option<u32>,
    pub(crate) disable_cooldowns: bool,
    pub(crate) tags: bool,
    pub(crate) checks: bool,
    pub(crate) sessions: bool,
    pub(crate) cache: bool,
    /// Copies of the first group's calls go to the last.
    pub(crate) mirror: Option<f64>,
    /// Every group has a rock, and retries enough to reach it.
    pub(crate) guarded: bool,
    /// The last but one group takes turns, and nothing ever happens there.
    pub(crate) steady: Option<usize>,
    pub(crate) reloads: bool,
    /// Claims are refused now and then of members that looked willing, as a store does that others
    /// draw on as well.
    pub(crate) shared_store: bool,
}

/// Strategies that worlds draw from.
const STRATEGIES: [&str; 9] = [
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "cost-based-routing",
    "usage-based-routing",
    "round-robin",
    "peak-ewma",
    "drain-time",
    "headroom",
];

/// Failures that upstreams draw from.
const FAILURES: [ErrorKind; 9] = [
    ErrorKind::Server,
    ErrorKind::Overloaded,
    ErrorKind::Connection,
    ErrorKind::Timeout,
    ErrorKind::RateLimited,
    ErrorKind::QuotaExhausted,
    ErrorKind::Authentication,
    ErrorKind::Permission,
    ErrorKind::NotFound,
];

/// One in so many.
pub(crate) fn one_in(dice: &mut Dice, many: u64) -> bool {
    dice.below(many) == 0
}

pub(crate) fn millis(dice: &mut Dice, from: u64, to: u64) -> Duration {
    Duration::from_millis(from + dice.below(to - from))
}

fn pick<T: Copy>(dice: &mut Dice, among: &[T]) -> T {
    among[dice.index(among.len())]
}

fn below32(dice: &mut Dice, from: u32, to: u32) -> u32 {
    from + u32::try_from(dice.below(u64::from(to - from))).unwrap_or(0)
}

impl Scene {
    /// The world of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::of_call(seed, 0x0005_cee0);
        let span = millis(dice, 10_000, 200_000);
        let mut scene = Self::rules(seed, span, dice);
        let ordinary = 1 + dice.index(3);
        for at in 0..ordinary {
            scene.add_group(format!("g{at}"), dice);
        }
        if one_in(dice, 4) {
            scene.steady = Some(scene.groups.len());
            scene.sessions = false;
            // A budget that covers one member and not another would change who takes turns.
            scene.callers.iter_mut().for_each(|caller| caller.1 = None);
            scene.add_steady(dice);
        }
        if one_in(dice, 4) {
            scene.mirror = Some(dice.unit());
            scene.add_group("copies".into(), dice);
        }
        scene.add_fallbacks(ordinary, dice);
        scene
    }

    fn rules(seed: u64, span: Duration, dice: &mut Dice) -> Self {
        let guarded = one_in(dice, 3);
        let wait = millis(dice, 500, 20_000);
        let retry_budget = match (guarded, dice.below(3)) {
            (true, _) => (10.0, 1e3, 100_000),
            (_, 0) => (0.2, 3.0, 30),
            (_, 1) => (dice.unit(), 0.5, below32(dice, 0, 10)),
            _ => (0.0, 0.2, 2),
        };
        let exhausted = match dice.below(3) {
            0 => Exhausted::Refuse,
            1 => Exhausted::LastResort,
            _ => Exhausted::Wait(wait, if one_in(dice, 3) { 3 } else { 10_000 }),
        };
        Self {
            seed,
            span,
            groups: Vec::new(),
            members: Vec::new(),
            quotas: (0..dice.below(3)).map(|_| limits(dice, 4)).collect(),
            callers: (0..dice.below(3)).map(|_| (limits(dice, 5), money(dice, 3))).collect(),
            strategies: Vec::new(),
            num_retries: if guarded { 6 } else { below32(dice, 0, 4) },
            max_attempts: if guarded { 16 } else { pick(dice, &[1, 2, 3, 5, 16]) },
            timeout: if guarded { millis(dice, 4_000, 20_000) } else { millis(dice, 300, 30_000) },
            ttft_timeout: one_in(dice, 3).then(|| millis(dice, 200, 3_000)),
            stall_timeout: millis(dice, 500, 10_000),
            retry_budget,
            fallbacks: BTreeMap::new(),
            long_fallbacks: BTreeMap::new(),
            vile_fallbacks: BTreeMap::new(),
            default_fallbacks: Vec::new(),
            max_fallbacks: below32(dice, 0, 6),
            hedge: one_in(dice, 3).then(|| hedge(dice)),
            exhausted,
            allowed_fails: one_in(dice, 3).then(|| below32(dice, 0, 4)),
            disable_cooldowns: one_in(dice, 8),
            tags: one_in(dice, 4),
            checks: one_in(dice, 3),
            sessions: one_in(dice, 2),
            cache: one_in(dice, 6),
            mirror: None,
            guarded,
            steady: None,
            reloads: one_in(dice, 2),
            shared_store: one_in(dice, 4),
        }
    }

    fn add_group(&mut self, name: String, dice: &mut Dice) {
        let group = self.groups.len();
        let copies = name == "copies";
        self.groups.push(name);
        self.strategies.push(pick(dice, &STRATEGIES));
        let rock = self.guarded && !copies;
        for at in 0..=dice.index(4) {
            let member = self.member(group, at, dice);
            self.members.push(member);
        }
        if rock {
            let mut rock = self.member(group, 9, dice);
            rock.latency = millis(dice, 20, 100);
            (rock.timeout, rock.stream_timeout) = (Some(Duration::from_millis(500)), None);
            (rock.limits, rock.budget, rock.window) = (Limits::default(), None, None);
            (rock.key, rock.host) = (1_000 + group, 1_000 + group);
            rock.quotas.clear();
            rock.moods.clear();
            rock.tags.clear();
            (rock.rock, rock.strict) = (true, false);
            self.members.push(rock);
        }
    }

    fn add_steady(&mut self, dice: &mut Dice) {
        let group = self.groups.len();
        self.groups.push("steady".into());
        self.strategies.push("round-robin");
        for at in 0..2 + dice.index(3) {
            let mut member = self.member(group, at, dice);
            (member.limits, member.budget, member.window) = (Limits::default(), None, None);
            (member.key, member.host) = (2_000 + at, 2_000 + at);
            (member.order, member.timeout, member.stream_timeout) = (None, None, None);
            member.weight = Some(below32(dice, 1, 5));
            member.latency = millis(dice, 20, 100);
            member.quotas.clear();
            member.moods.clear();
            member.tags.clear();
            member.strict = false;
            self.members.push(member);
        }
    }

    fn member(&self, group: usize, at: usize, dice: &mut Dice) -> MemberPlan {
        let bounded = self.guarded || one_in(dice, 2);
        let window = one_in(dice, 3).then(|| pick(dice, &[100, 1_000, 10_000]));
        let mut tags: Vec<String> = Vec::new();
        for tag in ["a", "b", "default"] {
            if self.tags && one_in(dice, 3) {
                tags.push(tag.into());
            }
        }
        let mut quotas: Vec<usize> = (0..self.quotas.len()).collect();
        quotas.retain(|_| one_in(dice, 3));
        MemberPlan {
            id: format!("{}-{at}", self.groups[group]),
            group,
            limits: limits(dice, 3),
            budget: money(dice, 6),
            priced: true,
            quotas,
            key: dice.index(6),
            host: dice.index(8),
            window,
            strict: one_in(dice, 2),
            weight: one_in(dice, 2).then(|| below32(dice, 0, 5)),
            order: one_in(dice, 4).then(|| i64::try_from(dice.below(3)).unwrap_or(0)),
            tags,
            timeout: bounded.then(|| millis(dice, 200, 500)),
            stream_timeout: one_in(dice, 4).then(|| millis(dice, 100, 400)),
            latency: millis(dice, 10, 1_000),
            moods: moods(self.span, dice),
            rock: false,
            cooldown_time: pick(dice, &[1, 5, 5, 20].map(Duration::from_secs)),
        }
    }

    fn add_fallbacks(&mut self, ordinary: usize, dice: &mut Dice) {
        let all = self.steady.map_or(ordinary, |steady| steady + 1);
        let targets = |dice: &mut Dice| -> Vec<usize> {
            (0..=dice.index(3)).map(|_| dice.index(all)).collect()
        };
        for group in 0..ordinary {
            if one_in(dice, 2) {
                self.fallbacks.insert(group, targets(dice));
            }
            if one_in(dice, 3) {
                self.long_fallbacks.insert(group, targets(dice));
            }
            if one_in(dice, 3) {
                self.vile_fallbacks.insert(group, targets(dice));
            }
        }
        if one_in(dice, 3) {
            self.default_fallbacks = targets(dice);
        }
    }

    /// Where a call may go after a failure of that kind in that group.
    pub(crate) fn after(&self, group: usize, kind: ErrorKind) -> Vec<usize> {
        let own = match kind {
            ErrorKind::ContextWindow => self.long_fallbacks.get(&group),
            ErrorKind::ContentPolicy => self.vile_fallbacks.get(&group),
            _ => None,
        };
        own.cloned().unwrap_or_else(|| {
            let general = self.fallbacks.get(&group).into_iter().flatten();
            general.chain(&self.default_fallbacks).copied().collect()
        })
    }

    pub(crate) fn members_of(&self, group: usize) -> impl Iterator<Item = (usize, &MemberPlan)> {
        self.members.iter().enumerate().filter(move |(_, member)| member.group == group)
    }
}

fn hedge(dice: &mut Dice) -> HedgeAfter {
    if one_in(dice, 2) { HedgeAfter::Auto } else { HedgeAfter::Fixed(millis(dice, 30, 1_000)) }
}

fn limits(dice: &mut Dice, rare: u64) -> Limits {
    let mut limits = Limits::default();
    if one_in(dice, rare) {
        limits.rpm = Some(below32(dice, 1, 30));
    }
    if one_in(dice, rare) {
        limits.tpm = Some(200 + dice.below(5_000));
    }
    if one_in(dice, rare) {
        limits.max_parallel_requests = Some(below32(dice, 1, 5));
    }
    if one_in(dice, rare * 3) {
        limits.itpm = Some(100 + dice.below(3_000));
    }
    if one_in(dice, rare * 3) {
        limits.otpm = Some(100 + dice.below(3_000));
    }
    if one_in(dice, rare * 4) {
        limits.rpd = Some(5 + dice.below(50));
    }
    limits
}

fn money(dice: &mut Dice, rare: u64) -> Option<Decimal> {
    one_in(dice, rare).then(|| Decimal::new(1 + i64::try_from(dice.below(200)).unwrap_or(0), 2))
}

fn moods(span: Duration, dice: &mut Dice) -> Vec<(Instant, Mood)> {
    let mut all = Vec::new();
    let mut at = Duration::ZERO;
    while at < span {
        let mood = match dice.below(16) {
            0..=4 => Mood::Healthy,
            5 => Mood::Slow,
            6..=8 => Mood::Fails(pick(dice, &FAILURES)),
            9 => Mood::Throttles(millis(dice, 100, 30_000)),
            10 => Mood::Hangs,
            11 => Mood::CutsEarly,
            12 => Mood::CutsLate,
            13 => Mood::Stalls,
            14 => Mood::LateFirst,
            _ => Mood::Dry,
        };
        all.push((DAWN + at, mood));
        at += millis(dice, 1_000, 30_000);
    }
    all
}
