//! One account: all its limits, and the talk with the server about them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use pointsman_clock::Instant;
use pointsman_state::{
    AccountReport, Allowance, BudgetLimit, Denied, Drawn, Limit, Limits, Refusal, SpendReport,
    Take, Until, Whose, Why, WindowReport,
};
use pointsman_types::{Charge, Decimal};

use crate::{
    hub::Hub,
    known::Bucket,
    meter::{Asking, Kind, Mark, Meter},
    money,
    rules::{ends, is_same, kinds, need, refusal},
    wire::{Answer, Arguments, Ask, Entry},
};

/// How long a lease lasts at the server, in milliseconds; here a little less.
pub(crate) const LIFE: u64 = 1_000;
const ALIVE: Duration = Duration::from_millis(950);
/// How long a promise does, here a little less than at the server, so that an instance whose server
/// is slow has something to go by.
const PROMISED: Duration = Duration::from_millis(1_750);
/// How long everybody has to tell what they used in an outage before anything is leased again.
const GRACE: Duration = Duration::from_secs(1);
/// How long nothing is promised to an instance after another one needed that: as long as a call
/// waits for it.
const YIELDED: Duration = Duration::from_millis(60);
/// For how long calls wait for what others hold and do not use; and how often they do, since most
/// of the time others need it.
const CALL_BACK: Duration = Duration::from_millis(20);
const CALL_BACK_EVERY: Duration = Duration::from_millis(500);
/// How long a stamp is remembered: what has left the window is no matter.
const STAMPS: usize = 400;

/// The allowance of one account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    hub: Arc<Hub>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    meters: Vec<Meter>,
    /// Draws before this report knew fewer limits, by limit in `meters`.
    born: Vec<u64>,
    generation: String,
    acknowledged: u64,
    /// The report that what is used now will be in.
    report: u64,
    sending: Option<Sending>,
    stamps: VecDeque<(u64, Option<u64>)>,
    lost: bool,
    /// Counts exchanges.
    turn: u64,
    /// The exchange since which the server knows, or is being told, that the promise is spent.
    spends: Option<u64>,
    /// Whether it is to be told so.
    tells: bool,
    asks: Option<Vec<Ask>>,
    asked: Instant,
    alive_until: Instant,
    promised_until: Instant,
    answered: Option<Instant>,
    out: Option<Out>,
    yields_until: Instant,
    /// Somebody waits for what was promised to this instance, or is held by it.
    yields: bool,
    /// When calls last began to wait for what others hold.
    called_back: Option<Instant>,
}

/// A report that is not acknowledged.
#[derive(Debug)]
struct Sending {
    number: u64,
    entries: Vec<Vec<Entry>>,
    exact: bool,
    /// The second, at the latest, in which it was made.
    second: u64,
}

/// The server is, or was a moment ago, out of reach.
#[derive(Clone, Copy, Debug)]
struct Out {
    /// When leases are taken again, once it has answered.
    until: Option<Instant>,
}

impl Account {
    pub(crate) fn new(name: String, hub: Arc<Hub>) -> Self {
        let state = State {
            meters: Vec::new(),
            born: Vec::new(),
            generation: String::new(),
            acknowledged: 0,
            report: 1,
            sending: None,
            stamps: VecDeque::new(),
            lost: false,
            turn: 0,
            spends: None,
            tells: false,
            asks: None,
            asked: Instant::EPOCH,
            alive_until: Instant::EPOCH,
            promised_until: Instant::EPOCH,
            answered: None,
            out: None,
            yields_until: Instant::EPOCH,
            yields: false,
            called_back: None,
        };
        Self { name, hub, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over changed limits; what was used of those that stay is kept.
    pub(crate) fn configure(&self, limits: &Limits, budget: Option<&BudgetLimit>) {
        let mut state = self.state();
        let kinds = kinds(limits, budget);
        let state = &mut *state;
        let old =
            std::mem::take(&mut state.meters).into_iter().zip(std::mem::take(&mut state.born));
        let old: Vec<(Meter, u64)> = old.collect();
        let place = |kind: &Kind| old.iter().position(|(meter, _)| is_same(&meter.kind, kind));
        let places: Vec<Option<usize>> = kinds.iter().map(|(kind, _)| place(kind)).collect();
        if old.len() != kinds.len() || places.iter().any(Option::is_none) {
            state.report += 1;
            state.asks = None;
        }
        if let Some(sending) = &mut state.sending {
            // What is under way goes with its limits.
            let entries = places.iter().map(|at| sending.entries.get((*at)?).cloned());
            sending.entries = entries.map(Option::unwrap_or_default).collect();
        }
        let mut old: Vec<Option<(Meter, u64)>> = old.into_iter().map(Some).collect();
        for ((kind, limit), at) in kinds.into_iter().zip(places) {
            let (mut meter, born) = at
                .and_then(|at| old[at].take())
                .unwrap_or_else(|| (Meter::new(kind, limit), state.report));
            (meter.kind, meter.limit) = (kind, limit);
            state.meters.push(meter);
            state.born.push(born);
        }
    }

    /// Whether there is something to tell or to fetch; the first time there is.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state();
        state.answered.is_none()
            || state.sending.is_some()
            || state.lost
            || state.out.is_some()
            || state.yields
            || state.meters.iter().any(Meter::is_busy)
    }

    /// Another instance needs what was promised to this one, or is held here and not used.
    pub(crate) fn give_way(&self, now: Instant) {
        let mut state = self.state();
        (state.yields_until, state.yields) = (now + YIELDED, true);
    }

    /// The arguments of the next exchange. `end`: everything goes back.
    pub(crate) fn prepare(&self, to: &mut Arguments, now: Instant, end: bool) {
        let (time, instances) = (self.hub.time(), self.hub.instances());
        let mut state = self.state();
        let state = &mut *state;
        let second = time.second(now);
        if state.sending.is_none() {
            state.drain(second);
        }
        let since = now - state.asked;
        (state.asked, state.yields) = (now, false);
        let asking = Asking {
            instances,
            strict: self.hub.strict || end,
            quiet: now < state.yields_until || end,
            server: time.at_least(now),
        };
        let asks: Vec<Ask> =
            state.meters.iter_mut().map(|meter| meter.ask(&asking, since)).collect();
        state.turn += 1;
        let spends = state.out.is_some();
        (state.spends, state.tells) = (spends.then_some(state.turn), false);
        to.put(state.turn);
        to.put(u8::from(spends));
        to.put(&state.generation);
        to.put(state.acknowledged);
        to.put(state.sending.as_ref().map_or(0, |sending| sending.number));
        to.put(u8::from(state.lost));
        to.put(state.meters.len());
        for (at, (meter, ask)) in state.meters.iter().zip(&asks).enumerate() {
            to.limit(&meter.kind, meter.limit, ends(&meter.kind, time.at_least(now)));
            let entries = state.sending.as_ref().and_then(|sending| sending.entries.get(at));
            to.ask(ask, entries.map_or(&[], Vec::as_slice));
            if state.lost {
                to.seed(meter.known());
            }
        }
        state.asks = Some(asks);
    }

    /// The exchange after which the promise began to be spent, if the server is to be told so: if
    /// this instance dies, nobody else does.
    pub(crate) fn tells(&self) -> Option<u64> {
        let mut state = self.state();
        std::mem::take(&mut state.tells).then_some(state.turn)
    }

    /// The server has answered what was sent at `sent`.
    pub(crate) fn answered(&self, answer: Answer, sent: Instant, now: Instant) {
        let mut state = self.state();
        let Some(asks) = state.asks.take() else { return };
        let (generation, report, second, instances, granted) = match answer {
            Answer::Fine { generation, report, second, instances, granted } => {
                (generation, report, second, instances, granted)
            }
            Answer::Late => return,
            Answer::Lost => {
                state.lost = true;
                state.cut_off(&self.hub, now);
                state.out = Some(Out { until: Some(now + GRACE) });
                return;
            }
        };
        if granted.len() != state.meters.len() {
            return;
        }
        self.hub.instances.fetch_max(instances, Ordering::Relaxed);
        if let Some(sending) = state.sending.take() {
            let stamp = (!sending.exact).then_some(second);
            state.stamps.push_back((sending.number, stamp));
            if state.stamps.len() > STAMPS {
                state.stamps.pop_front();
            }
        }
        (state.generation, state.acknowledged) = (generation, report);
        for (meter, (granted, ask)) in state.meters.iter_mut().zip(granted.iter().zip(&asks)) {
            meter.granted(granted, ask);
        }
        if let Some(mut out) = state.out {
            // What was promised and leased lasts so long: if nobody else got it, all is as before.
            let short = state.answered.is_some_and(|last| now - last < PROMISED) && !state.lost;
            let until = *out.until.get_or_insert(if short { now } else { now + GRACE });
            state.out = (now < until).then_some(out);
            if state.out.is_none() {
                state.meters.iter_mut().for_each(Meter::rejoin);
            }
        }
        state.lost = false;
        state.answered = Some(now);
        (state.alive_until, state.promised_until) = (sent + ALIVE, sent + PROMISED);
    }

    /// The server has not answered yet: nobody waits for it. Its answer may come still.
    pub(crate) fn slow(&self, now: Instant) {
        let mut state = self.state();
        state.cut_off(&self.hub, now);
        state.out.get_or_insert(Out { until: None });
    }

    /// The exchange came to nothing: the server is out of reach.
    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state();
        state.asks = None;
        state.cut_off(&self.hub, now);
        state.out = Some(Out { until: None });
        if let Some(sending) = &mut state.sending
            && !sending.exact
        {
            // It counts from when it was made, whenever it comes in.
            sending.exact = true;
            let second = sending.second;
            let all = sending.entries.iter_mut().flatten();
            all.filter(|one| one.second == 0).for_each(|one| one.second = second);
        }
    }

    fn mark(&self, state: &State, now: Instant) -> Mark {
        let time = self.hub.time();
        Mark { report: state.report, second: time.second(now), at: time.at_least(now) }
    }
}

impl State {
    /// Moves what was used into the next report.
    fn drain(&mut self, second: u64) {
        let exact = self.out.is_some();
        let stamps = &self.stamps;
        let stamp = |mark: Mark| {
            let found = stamps.iter().rfind(|(number, _)| *number == mark.report)?;
            Some(found.1.unwrap_or(mark.second))
        };
        let entries = self.meters.iter_mut().map(|meter| meter.report(exact, stamp, second));
        let entries: Vec<Vec<Entry>> = entries.collect();
        if entries.iter().any(|one| !one.is_empty()) {
            self.sending = Some(Sending { number: self.report, entries, exact, second });
            self.report += 1;
        }
    }

    /// Whether calls may wait for what others hold.
    fn calls_back(&self, now: Instant) -> bool {
        let within = |at| now - at < CALL_BACK || now - at >= CALL_BACK_EVERY;
        self.called_back.is_none_or(within)
    }

    fn cut_off(&mut self, hub: &Hub, now: Instant) {
        let instances = hub.instances();
        // What was leased and promised longer ago has expired: others may have it.
        let had = self.answered.is_some() && self.out.is_none();
        let silent = hub.time().at_least(self.promised_until);
        for meter in &mut self.meters {
            if had && now >= self.alive_until {
                meter.expire_lease();
            }
            if had && now >= self.promised_until {
                meter.expire_promise();
            }
            let length = ends(&meter.kind, now.as_nanos() / 1_000_000).0;
            meter.cut_off(instances, length, silent);
        }
    }

    fn begin_anew(&mut self, server: u64) {
        if self.out.is_some() {
            for meter in &mut self.meters {
                let end = ends(&meter.kind, server).1;
                meter.begin_anew(server, end);
            }
        }
    }
}

impl Allowance for Account {
    fn view(
        &self,
        whose: Whose,
        take: &Take,
        money: Option<Decimal>,
        now: Instant,
    ) -> Option<Refusal> {
        let time = self.hub.time();
        let server = time.at_least(now);
        let mut state = self.state();
        state.begin_anew(server);
        let (alive, back) = (now < state.alive_until, state.calls_back(now));
        let mut last: Option<Refusal> = None;
        for meter in &state.meters {
            let Some(need) = need(&meter.kind, take, money) else {
                return Some(Refusal { why: Why::Unpriced { whose }, until: Until::Never });
            };
            let fits = meter.share.is_none() && meter.fits(need, server, back);
            if need > 0 && !fits && meter.usable(alive, server) < need {
                let refusal = refusal(meter, whose, need, time, now);
                last = Some(refusal.and(last));
            }
        }
        last
    }

    fn draw(
        &self,
        whose: Whose,
        take: &Take,
        money: Option<Decimal>,
        now: Instant,
    ) -> Result<Drawn, Denied> {
        let time = self.hub.time();
        let server = time.at_least(now);
        let mut state = self.state();
        state.begin_anew(server);
        let (alive, back) = (now < state.alive_until, state.calls_back(now));
        let mut held = false;
        let (mut short, mut refused): (Option<Refusal>, Option<Refusal>) = (None, None);
        for meter in &state.meters {
            let Some(need) = need(&meter.kind, take, money) else {
                let refusal = Refusal { why: Why::Unpriced { whose }, until: Until::Never };
                return Err(Denied::Refused(refusal));
            };
            if need > 0 && meter.usable(alive, server) < need {
                let refusal = refusal(meter, whose, need, time, now);
                if meter.share.is_some() || !meter.fits(need, server, back) {
                    refused = Some(refusal.and(refused));
                }
                held |= !meter.fits(need, server, false);
                short = Some(refusal);
            }
        }
        if let Some(refusal) = refused {
            return Err(Denied::Refused(refusal));
        }
        if let Some(refusal) = short {
            if held && state.called_back.is_none_or(|at| now - at >= CALL_BACK_EVERY) {
                state.called_back = Some(now);
            }
            return Err(Denied::Short(refusal));
        }
        let mark = self.mark(&state, now);
        let (mut low, mut promised) = (false, false);
        for meter in &mut state.meters {
            let need = need(&meter.kind, take, money).unwrap_or(0);
            promised |= meter.draw(need, mark, server);
            low |= !self.hub.strict && meter.is_low();
        }
        if low {
            self.hub.kick.notify_one();
        }
        if promised && state.spends != Some(state.turn) {
            (state.spends, state.tells) = (Some(state.turn), true);
            self.hub.spends.notify_one();
        }
        Ok(Drawn { take: *take, money, mark: (mark.report, mark.second) })
    }

    fn want(&self, take: &Take, money: Option<Decimal>) {
        for meter in &mut self.state().meters {
            meter.want(need(&meter.kind, take, money).unwrap_or(0));
        }
        self.hub.kick.notify_one();
    }

    fn unwant(&self, take: &Take, money: Option<Decimal>) {
        for meter in &mut self.state().meters {
            meter.unwant(need(&meter.kind, take, money).unwrap_or(0));
        }
    }

    fn settle(&self, drawn: Drawn, sent: bool, charged: &Charge, now: Instant) {
        let Drawn { take, money, mark: (report, second) } = drawn;
        let (mark, mut state) = (Mark { report, second, at: 0 }, self.state());
        let state = &mut *state;
        let at = self.mark(state, now);
        let used = Take { requests: take.requests, input: charged.input, output: charged.output };
        for (meter, born) in state.meters.iter_mut().zip(&state.born) {
            if report < *born {
                continue;
            }
            let drawn = need(&meter.kind, &take, money).unwrap_or(0);
            let used = match &meter.kind {
                _ if !sent => 0,
                // What it cost is not known: then it cost what was reserved.
                Kind::Money(_) => charged.money.map_or(drawn, money::pico_up),
                kind => need(kind, &used, None).unwrap_or(0),
            };
            meter.settle(drawn, used, mark, at);
        }
    }

    fn report(&self, now: Instant) -> AccountReport {
        let time = self.hub.time();
        let server = time.at_least(now);
        let state = self.state();
        let mut report = AccountReport::default();
        for meter in &state.meters {
            let known = meter.known();
            let end = meter.resets(server).map(|end| time.local(end));
            let used = meter.used(server);
            let window =
                |limit, used, frees_at| WindowReport { limit, used, value: meter.limit, frees_at };
            match meter.kind {
                Kind::Minute(limit) => {
                    let next = known.and_then(|known| {
                        known.buckets.iter().map(Bucket::falls).find(|at| *at > server)
                    });
                    report.windows.push(window(limit, used, next.map(|at| time.local(at))));
                }
                Kind::Day(limit, _) => report.windows.push(window(limit, used, end)),
                Kind::Slots => {
                    let others = known.map_or(0, |known| known.others);
                    report.windows.push(window(Limit::Slots, others + meter.reserved(), None));
                }
                Kind::Money(limit) => {
                    report.spend = Some(SpendReport {
                        spent: money::dollars(used),
                        reserved: money::dollars(meter.reserved()),
                        max: limit.max,
                        resets_at: end,
                    });
                }
            }
        }
        report
    }
}
