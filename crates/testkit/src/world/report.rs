//! What a world came to, for people.

use std::{collections::BTreeMap, fmt, time::Duration};

use pointsman_clock::Instant;
use pointsman_types::{Verdict, stable_hash};

use super::{
    Plan,
    log::{Attempt, Book, Broken, CallEnd, Said, StreamEnd, seconds},
    scene::Scene,
    time::DAWN,
};

/// The last events that are told of a world that broke a law.
const TAIL: usize = 40;

/// What a world came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which world it was.
    pub plan: Plan,
    /// How the calls ended: answered, left, or the kind of their failure.
    pub ends: BTreeMap<&'static str, usize>,
    /// Sends to upstreams.
    pub sends: usize,
    /// Reloads of the configuration.
    pub reloads: u32,
    /// Claims and settles that were checked.
    pub steps: u64,
    /// How long it lasted, in its own time.
    pub lasted: Duration,
    /// A hash of all that happened.
    pub fingerprint: u64,
    /// The laws that were broken, each with when, and what.
    pub broken: Vec<String>,
    /// The names of the laws that were broken.
    pub laws: Vec<&'static str>,
    /// The last events before the first law was broken.
    pub tail: Vec<String>,
}

impl Report {
    pub(crate) fn of(plan: Plan, scene: &Scene, book: &Book, end: Instant) -> Self {
        let mut ends: BTreeMap<&'static str, usize> = BTreeMap::new();
        for call in &book.calls {
            let name = match &call.end {
                Some(CallEnd::Answered { stream: StreamEnd::Broken(_), .. }) => "broken stream",
                Some(CallEnd::Answered { stream: StreamEnd::Left, .. }) => "left in the stream",
                Some(CallEnd::Answered { .. }) => "answered",
                Some(CallEnd::Failed { kind, .. }) => kind.name(),
                Some(CallEnd::Left) => "left",
                None => "no end",
            };
            *ends.entry(name).or_default() += 1;
        }
        let history = || book.attempts.iter().map(|one| line(scene, one));
        let text: String = history().map(|(_, line)| line).collect();
        let mut laws: Vec<&'static str> = book.broken.iter().map(|broken| broken.law).collect();
        laws.sort_unstable();
        laws.dedup();
        let mut first: Vec<&Broken> = book.broken.iter().collect();
        first.sort_by_key(|broken| broken.at);
        let tail = first.first().map(|broken| tail(scene, book, broken.at));
        Self {
            plan,
            ends,
            sends: book.attempts.iter().filter(|one| one.sent.is_some()).count(),
            reloads: book.reloads,
            steps: book.steps,
            lasted: end - DAWN,
            fingerprint: stable_hash(text.as_bytes()),
            broken: first
                .iter()
                .map(|one| format!("{}: {}: {}", seconds(one.at), one.law, one.what))
                .collect(),
            laws,
            tail: tail.unwrap_or_default(),
        }
    }
}

/// One attempt in one line.
fn line(scene: &Scene, attempt: &Attempt) -> (Instant, String) {
    let Attempt { grant, reserved, sent, content, over, said, call, take, .. } = attempt;
    let id = &scene.members[attempt.member].id;
    let moment = |at: &Option<Instant>| at.map_or_else(|| "-".to_owned(), seconds);
    let call = call.map_or_else(|| "no call".to_owned(), |call| format!("call {call}"));
    let said = match said {
        Some(Said::Whole) => "answered".to_owned(),
        Some(Said::StreamEnd) => "streamed to its end".to_owned(),
        Some(Said::Failure(kind)) => format!("failed: {kind}"),
        None => "was left".to_owned(),
    };
    let settled = attempt.settled.as_ref().map_or_else(
        || "never settled".to_owned(),
        |(at, outcome)| {
            let verdict = match outcome.verdict {
                Verdict::Success => "success",
                Verdict::Dropped => "dropped",
                Verdict::Failure { .. } => "failure",
            };
            format!("{verdict} settled {}", seconds(*at))
        },
    );
    let text = format!(
        "{} {id} for {call}, grant {grant}, {}+{} tokens: sent {}, content {}, over {}, {said}; \
         {settled}",
        seconds(*reserved),
        take.input,
        take.output,
        moment(sent),
        moment(content),
        moment(over),
    );
    (*reserved, text)
}

/// The last events up to a moment.
fn tail(scene: &Scene, book: &Book, until: Instant) -> Vec<String> {
    let mut all: Vec<(Instant, String)> =
        book.attempts.iter().map(|one| line(scene, one)).collect();
    for (number, call) in book.calls.iter().enumerate() {
        if let (Some(ended), Some(end)) = (call.ended, &call.end) {
            all.push((
                ended,
                format!("{} call {number} of {}: {end:?}", seconds(ended), seconds(call.began)),
            ));
        }
    }
    all.retain(|(at, _)| *at <= until);
    all.sort_by_key(|(at, _)| *at);
    let skip = all.len().saturating_sub(TAIL);
    all.into_iter().skip(skip).map(|(_, text)| text).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { seed, calls, mutant } = self.plan;
        write!(f, "seed {seed}, {calls} calls")?;
        if let Some(mutant) = mutant {
            write!(f, ", with the bug `{mutant}`")?;
        }
        let lasted = self.lasted.as_secs_f64();
        writeln!(f, ": {} sends, {} reloads in {lasted:.0} s", self.sends, self.reloads)?;
        let ends: Vec<String> =
            self.ends.iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(f, "  {}", ends.join(", "))?;
        if self.broken.is_empty() {
            return writeln!(f, "  every law holds, at {} steps", self.steps);
        }
        writeln!(f, "  the last events:")?;
        for event in &self.tail {
            writeln!(f, "    {event}")?;
        }
        writeln!(f, "  BROKEN:")?;
        for broken in &self.broken {
            writeln!(f, "    {broken}")?;
        }
        let mutant = mutant.map_or_else(String::new, |mutant| format!(" --mutant {mutant}"));
        writeln!(f, "  replay: cargo xtask sim --seed {seed} --calls {calls}{mutant}")
    }
}
