//! Scripted upstreams: a provider whose deployments do as their mood is.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue};
use pointsman_clock::{Dice, EntropyExt};
use pointsman_provider::{
    Call, CallHead, Event, Frame, FrameStream, Provider, Reply, Speech, StreamReply, Target,
    Vendor, WholeReply,
};
use pointsman_types::{Deployment, Error, ErrorKind, Usage};
use tokio::time::sleep;

use super::{
    log::{Log, Said},
    scene::{Mood, Scene, one_in},
};

/// Longer than any deadline.
const FOREVER: Duration = Duration::from_hours(2);

/// Answers calls as the scene has it.
pub(crate) struct Scripted {
    scene: Arc<Scene>,
    log: Arc<Log>,
    members: HashMap<String, usize>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}

impl Scripted {
    pub(crate) fn new(scene: Arc<Scene>, log: Arc<Log>) -> Self {
        let members = scene.members.iter().map(|member| member.id.clone()).zip(0..).collect();
        Self { scene, log, members }
    }
}

/// An attempt that an upstream works on: it sees when it is left.
struct Open {
    log: Arc<Log>,
    at: Option<usize>,
}

impl Open {
    fn says(&self, said: Said) {
        self.log.note(self.at, |attempt, _| attempt.said = Some(said));
        self.over();
    }

    fn over(&self) {
        if let Some(at) = self.at {
            self.log.over(at);
        }
    }

    fn fails(&self, error: Error) -> Error {
        self.says(Said::Failure(error.kind));
        error
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.over();
    }
}

/// One thing that a stream does, after a while.
#[derive(Clone, Copy, Debug)]
enum Step {
    Startup,
    Content,
    Usage(Usage),
    Done,
    Breaks(ErrorKind),
    ErrorFrame(ErrorKind),
}

/// What a call is like: the number behind `sim`, and whether anybody can answer it.
struct Asked {
    call: Option<usize>,
    nature: Option<String>,
    prompt: u64,
}

impl Asked {
    fn of(call: &Call) -> Self {
        let number = call.envelope.raw("sim").and_then(|raw| raw.parse().ok());
        let prompt = call.envelope.raw("messages").map_or(0, str::len) as u64 / 4;
        Self { call: number, nature: call.text("nature"), prompt }
    }
}

#[async_trait]
impl Provider for Scripted {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "scripted",
            base: Some("http://scripted.invalid"),
            version_path: "",
            key_env: &[],
            base_env: &[],
            needs_key: false,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        Target::of(of, &self.vendor())
    }

    fn speaks(&self, _: &Target, _: &CallHead) -> Speech {
        Speech::Native
    }

    async fn call(&self, to: &Target, call: &Call) -> Result<Reply, Error> {
        let asked = Asked::of(call);
        let member = self.members[to.id.as_str()];
        let plan = &self.scene.members[member];
        let open = Open { at: self.log.sent(member, asked.call), log: Arc::clone(&self.log) };
        let place = open.at.unwrap_or(0) as u64;
        let dice = &mut Dice::of_call(self.scene.seed ^ 0xfa_11, place);
        let mut mood = plan.mood(self.log.now());
        if mood != Mood::Healthy && one_in(dice, 4) {
            mood = Mood::Healthy;
        }
        let slow = if mood == Mood::Slow { 5 } else { 1 };
        sleep(plan.latency * slow / 2 + Duration::from_millis(dice.below(20))).await;
        if let Some(error) = client_fault(&asked, plan.window, plan.strict) {
            return Err(open.fails(error));
        }
        match mood {
            Mood::Fails(kind) => return Err(open.fails(Error::new(kind, "scripted"))),
            Mood::Throttles(after) => {
                let error = Error::new(ErrorKind::RateLimited, "scripted").with_status(429);
                return Err(open.fails(error.with_retry_after(Some(after))));
            }
            Mood::Hangs => sleep(FOREVER).await,
            _ => {}
        }
        let headers = headers(mood);
        let used = Usage::text(asked.prompt / 2 + dice.below(asked.prompt + 2), dice.below(400));
        if !call.head.stream {
            if matches!(mood, Mood::CutsEarly | Mood::CutsLate) {
                return Err(open.fails(Error::new(ErrorKind::Connection, "scripted: cut")));
            }
            sleep(plan.latency * slow / 2).await;
            let usage = (!one_in(dice, 5)).then_some(used);
            open.log.note(open.at, |attempt, now| {
                (attempt.content, attempt.usage) = (Some(now), usage);
            });
            open.says(Said::Whole);
            let body = Bytes::from_static(b"{}");
            return Ok(Reply::Whole(WholeReply { headers, body, usage }));
        }
        let steps = script(mood, used, plan.latency * slow, dice);
        Ok(Reply::Stream(StreamReply { headers, frames: play(open, steps) }))
    }
}

/// What the call itself is to blame for.
fn client_fault(asked: &Asked, window: Option<u64>, strict: bool) -> Option<Error> {
    let (kind, status) = match asked.nature.as_deref()? {
        "bad" => (ErrorKind::BadRequest, 422),
        "long" if window.is_some_and(|window| window < 5_000) => (ErrorKind::ContextWindow, 400),
        "vile" if strict => (ErrorKind::ContentPolicy, 400),
        _ => return None,
    };
    Some(Error::new(kind, "scripted").with_status(status))
}

fn headers(mood: Mood) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if mood == Mood::Dry {
        headers.insert("x-ratelimit-remaining-requests", HeaderValue::from_static("0"));
        headers.insert("x-ratelimit-reset-requests", HeaderValue::from_static("3s"));
    }
    headers
}

/// What a stream of that mood does, and when.
fn script(mood: Mood, used: Usage, latency: Duration, dice: &mut Dice) -> Vec<(Duration, Step)> {
    let soon = Duration::from_millis(1 + dice.below(30));
    let first = if mood == Mood::LateFirst { latency * 20 } else { latency / 2 };
    let broken = if one_in(dice, 2) {
        Step::Breaks(ErrorKind::Connection)
    } else {
        Step::ErrorFrame(ErrorKind::Overloaded)
    };
    let mut steps = vec![(soon, Step::Startup)];
    if mood == Mood::CutsEarly {
        steps.push((soon, broken));
        return steps;
    }
    steps.push((first, Step::Content));
    for _ in 0..dice.below(8) {
        steps.push((soon, Step::Content));
    }
    match mood {
        Mood::CutsLate => steps.push((soon, broken)),
        Mood::Stalls => steps.push((FOREVER, Step::Done)),
        _ => {
            if !one_in(dice, 4) {
                steps.push((soon, Step::Usage(used)));
            }
            steps.push((Duration::ZERO, Step::Done));
        }
    }
    steps
}

fn play(open: Open, steps: Vec<(Duration, Step)>) -> FrameStream {
    let steps = steps.into_iter();
    Box::pin(stream::unfold((open, steps, false), |(open, mut steps, ended)| async move {
        let next = if ended { None } else { steps.next() };
        let Some((after, step)) = next else {
            open.over();
            return None;
        };
        if !after.is_zero() {
            sleep(after).await;
        }
        let item = does(&open, step);
        let ended = item.is_err();
        Some((item.map(|frame| vec![frame]), (open, steps, ended)))
    }))
}

/// Does one step, and writes down that it was seen.
fn does(open: &Open, step: Step) -> Result<Frame, Error> {
    let mut event = Event::default();
    let raw = match step {
        Step::Startup => "data: {}\n\n",
        Step::Content => {
            open.log.note(open.at, |attempt, now| {
                attempt.content.get_or_insert(now);
                attempt.tokens += 1;
            });
            event.content = true;
            "data: {\"x\":1}\n\n"
        }
        Step::Usage(usage) => {
            open.log.note(open.at, |attempt, _| attempt.usage = Some(usage));
            event.usage = Some(usage);
            "data: {\"usage\":1}\n\n"
        }
        Step::Done => {
            open.says(Said::StreamEnd);
            event.done = true;
            "data: [DONE]\n\n"
        }
        Step::Breaks(kind) => return Err(open.fails(Error::new(kind, "scripted: broken off"))),
        Step::ErrorFrame(kind) => {
            event.error = Some(open.fails(Error::new(kind, "scripted: an error frame")));
            "data: {\"error\":1}\n\n"
        }
    };
    Ok(Frame { raw: Bytes::from_static(raw.as_bytes()), event })
}
