//! Callers: what they ask, how long they stay, and what they see.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use pointsman_clock::{Dice, EntropyExt};
use pointsman_provider::Call;
use pointsman_router::{Answer, AnswerStream, Failure, Payload, Router, Trace, Verdict};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    log::{CallEnd, Log, StreamEnd, seconds},
    scene::{Scene, millis, one_in},
};

/// What timers may be late by.
pub(crate) const LATE: Duration = Duration::from_millis(10);

/// One call that somebody is going to make.
#[derive(Clone, Debug)]
pub(crate) struct CallPlan {
    pub(crate) at: Duration,
    /// The groups it names: one, or several that race.
    pub(crate) groups: Vec<usize>,
    /// It names a deployment, not its group.
    pub(crate) by_id: Option<usize>,
    pub(crate) stream: bool,
    pub(crate) nature: Option<&'static str>,
    pub(crate) text: usize,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) num_retries: Option<u32>,
    pub(crate) tags: Vec<String>,
    pub(crate) priority: Option<i64>,
    pub(crate) session: Option<u64>,
    pub(crate) caller: Option<usize>,
    pub(crate) disable_fallbacks: bool,
    /// The caller leaves before the answer.
    pub(crate) leaves_after: Option<Duration>,
    /// The caller leaves within the stream.
    pub(crate) leaves_after_frames: Option<u64>,
    /// The caller reads slowly.
    pub(crate) pause: Option<Duration>,
}

impl CallPlan {
    /// All calls of a scene, in the order in which they come.
    pub(crate) fn all(scene: &Scene, calls: usize) -> Vec<Self> {
        let dice = &mut Dice::of_call(scene.seed, 0xca_115);
        let mut all: Vec<Self> = Vec::with_capacity(calls);
        let mut at = Duration::ZERO;
        let mean = scene.span.as_millis() / calls.max(1) as u128;
        let mean = u64::try_from(mean).unwrap_or(1).max(1);
        while all.len() < calls {
            // Now and then many at once.
            let crowd = if one_in(dice, 12) { 1 + dice.index(20) } else { 1 };
            for _ in 0..crowd.min(calls - all.len()) {
                all.push(Self::new(scene, at, dice));
            }
            at += Duration::from_millis(dice.below(2 * mean * crowd as u64 + 1));
        }
        all
    }

    fn new(scene: &Scene, at: Duration, dice: &mut Dice) -> Self {
        let ordinary = scene.groups.len() - usize::from(scene.mirror.is_some());
        let group = dice.index(ordinary);
        let mut groups = vec![group];
        if scene.steady.is_none() && ordinary > 1 && one_in(dice, 20) {
            groups.push((group + 1) % ordinary);
        }
        let plain = scene.steady == Some(group);
        let member = scene.members_of(group).nth(dice.index(2)).map(|(at, _)| at);
        let nature = match dice.below(30) {
            0 => Some("bad"),
            1 => Some("long"),
            2 => Some("vile"),
            _ => None,
        };
        let mut tags = Vec::new();
        if scene.tags && scene.steady.is_none() && one_in(dice, 3) {
            tags.push(["a", "b", "!a", "&b"][dice.index(4)].to_owned());
        }
        let callers = scene.callers.len();
        Self {
            at,
            by_id: member.filter(|_| !plain && groups.len() == 1 && one_in(dice, 15)),
            groups,
            stream: one_in(dice, 2),
            nature,
            text: if nature == Some("long") { 25_000 } else { 10 + dice.index(800) },
            max_tokens: one_in(dice, 2).then(|| 1 + dice.below(300)),
            timeout: one_in(dice, 8).then(|| millis(dice, 50, 6_000)),
            num_retries: one_in(dice, 10).then(|| u32::try_from(dice.below(8)).unwrap_or(0)),
            tags,
            priority: one_in(dice, 3).then(|| dice.below(3).cast_signed() - 1),
            session: (scene.sessions && one_in(dice, 3)).then(|| dice.below(5)),
            caller: (callers > 0 && !plain && one_in(dice, 3)).then(|| dice.index(callers)),
            disable_fallbacks: one_in(dice, 10),
            leaves_after: one_in(dice, 10).then(|| millis(dice, 0, 1_500)),
            leaves_after_frames: one_in(dice, 10).then(|| dice.below(5)),
            pause: one_in(dice, 10).then(|| millis(dice, 1, 4_000)),
        }
    }

    /// How long it may take to its first content.
    pub(crate) fn deadline(&self, scene: &Scene) -> Duration {
        self.timeout.unwrap_or(scene.timeout)
    }

    fn call(&self, scene: &Scene, number: usize) -> Option<Call> {
        let text = "x".repeat(self.text);
        let mut body = json!({"sim": number, "messages": [{"role": "user", "content": text}]});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("nature", self.nature.map(Into::into));
        set("max_tokens", self.max_tokens.map(Into::into));
        set("timeout", self.timeout.map(|time| time.as_secs_f64().into()));
        set("num_retries", self.num_retries.map(Into::into));
        set("priority", self.priority.map(Into::into));
        set("disable_fallbacks", self.disable_fallbacks.then(|| true.into()));
        set("fastest_response", (self.groups.len() > 1).then(|| true.into()));
        let names: Vec<&str> = self.groups.iter().map(|at| scene.groups[*at].as_str()).collect();
        let name = self.by_id.map_or_else(|| names.join(","), |at| scene.members[at].id.clone());
        let mut call = Call::chat(&name, body).ok()?;
        call.head.stream = self.stream;
        call.options.tags.clone_from(&self.tags);
        call.options.session = self.session.map(|session| session.to_string());
        call.options.caller = self.caller.map(|caller| format!("c{caller}"));
        Some(call)
    }

    /// Makes the call when its time has come, and stays as long as its caller does.
    pub(crate) async fn drive(
        self,
        router: Router,
        scene: Arc<Scene>,
        log: Arc<Log>,
        number: usize,
    ) {
        sleep(self.at).await;
        let Some(call) = self.call(&scene, number) else { return };
        log.book().calls[number].began = log.now();
        let answering = router.call(call);
        let result = match self.leaves_after {
            Some(after) => timeout(after, answering).await.ok(),
            None => Some(answering.await),
        };
        let end = match result {
            None => CallEnd::Left,
            Some(Err(failure)) => Self::failed(&log, number, &failure),
            Some(Ok(answer)) => {
                log.book().calls[number].ended = Some(log.now());
                self.answered(&scene, &log, number, answer).await
            }
        };
        let mut book = log.book();
        let call = &mut book.calls[number];
        call.ended.get_or_insert(log.now());
        if call.end.replace(end).is_some() {
            book.breaks("a call ends once", log.now(), || number.to_string());
        }
    }

    fn failed(log: &Log, number: usize, failure: &Failure) -> CallEnd {
        let trace = failure.trace.as_deref();
        if let Some(trace) = trace {
            replays(log, number, trace);
        }
        let mut visited: Vec<String> = Vec::new();
        for decision in trace.into_iter().flat_map(|trace| &trace.decisions) {
            let name = trace.map_or_else(String::new, |trace| trace.group(decision).to_string());
            if visited.last() != Some(&name) {
                visited.push(name);
            }
        }
        CallEnd::Failed {
            kind: failure.error.kind,
            code: failure.error.detail.code.clone(),
            message: failure.error.message().to_owned(),
            sends: trace.map_or(0, |trace| trace.attempts.len()),
            visited,
        }
    }

    async fn answered(&self, scene: &Scene, log: &Log, number: usize, answer: Answer) -> CallEnd {
        replays(log, number, &answer.trace);
        let told = self.groups.len() == 1 && !answer.cached;
        let sends = told.then_some(answer.trace.attempts.len());
        match answer.payload {
            Payload::Whole { .. } => CallEnd::Answered { stream: StreamEnd::None, sends },
            Payload::Stream(stream) => {
                let stream = self.read(scene, log, number, stream).await;
                CallEnd::Answered { stream, sends }
            }
        }
    }

    /// Reads a stream to its end, or until its caller leaves.
    async fn read(
        &self,
        scene: &Scene,
        log: &Log,
        number: usize,
        mut stream: Box<AnswerStream>,
    ) -> StreamEnd {
        let mut frames = 0;
        loop {
            if self.leaves_after_frames == Some(frames) {
                return StreamEnd::Left;
            }
            if let Some(pause) = self.pause.filter(|_| frames == 2) {
                sleep(pause).await;
            }
            let began = log.now();
            let item = stream.next().await;
            let silent = log.now() - began;
            if silent > scene.stall_timeout + LATE {
                log.book().breaks("no stream is silent for longer than it may be", began, || {
                    format!("call {number} was for {silent:?}")
                });
            }
            match item {
                Some(Ok(_)) => frames += 1,
                Some(Err(error)) => {
                    if stream.next().await.is_some() {
                        log.book().breaks("an error is the last of a stream", began, || {
                            format!("call {number}")
                        });
                    }
                    return StreamEnd::Broken(error.kind);
                }
                None => return StreamEnd::Complete,
            }
        }
    }
}

/// Every decision, made once more, comes out the same.
fn replays(log: &Log, number: usize, trace: &Trace) {
    for decision in &trace.decisions {
        let taken = decision.members.iter().find(|(_, verdict)| *verdict == Verdict::Taken);
        let again = trace.replay(decision);
        if let Some((taken, _)) = taken
            && again != Some(*taken)
        {
            let now = log.now();
            log.book().breaks("a trace replays", now, || {
                format!("call {number} took {taken:?} and now takes {again:?} at {}", seconds(now))
            });
        }
    }
}
