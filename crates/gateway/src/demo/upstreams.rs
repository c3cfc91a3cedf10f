//! The three upstreams of the demo, and the configuration that names them.

use std::{fmt::Write, io, time::Duration};

use pointsman_testkit::{Behaviour, Upstream};

/// Who they are; each is the id of its deployment as well.
pub(super) const NAMES: [&str; 3] = ["amber", "basil", "cedar"];
/// Which of them breaks.
pub(super) const BROKEN: &str = NAMES[1];
/// When it does, as a share of the whole.
pub(super) const BREAKS: f64 = 0.2;
/// When it would answer again. Its first cooldown is over before and its second after, so that one
/// probe fails and one succeeds.
pub(super) const RECOVERS: f64 = 0.5;
/// What the deployments' model group is called.
pub(super) const GROUP: &str = "chat";

/// How long an answer takes, in milliseconds.
const ANSWER_MS: u64 = 40;
/// The same for the first answer after the recovery, so that the probe can be seen.
const FIRST_MS: u64 = 400;

/// Three upstreams on loopback.
pub(super) struct Trio {
    all: [Upstream; 3],
    broke: Option<(Duration, u64)>,
    recovered: Option<(Duration, u64)>,
}

impl Trio {
    pub(super) async fn start() -> io::Result<Self> {
        let [a, b, c] = NAMES;
        let all = [Upstream::start(a).await?, Upstream::start(b).await?, Upstream::start(c).await?];
        for upstream in &all {
            upstream.record(false);
            upstream.always(answers(ANSWER_MS));
        }
        Ok(Self { all, broke: None, recovered: None })
    }

    /// What a user would write to have them routed.
    pub(super) fn config(&self, lasts: Duration) -> String {
        let mut text = "model_list:\n".to_owned();
        for upstream in &self.all {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "  - model_name: {GROUP}\n    \
                 litellm_params: {{model: openai/gpt-4o-mini, api_base: {}}}\n    \
                 model_info: {{id: {}}}\n",
                upstream.base(),
                upstream.name(),
            );
        }
        let cooldown = lasts.as_secs_f64() / 10.0;
        let _ = write!(
            text,
            "router_settings:\n  allowed_fails: 2\n  cooldown_time: {cooldown}\n  \
             pointsman: {{ramp_time: {}}}\n",
            cooldown * 2.0,
        );
        text
    }

    /// How many calls each has had.
    pub(super) fn asked(&self) -> [u64; 3] {
        self.all.each_ref().map(Upstream::count)
    }

    /// Whether it answers with failures at present.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        name == BROKEN && self.broke.is_some() && self.recovered.is_none()
    }

    /// Breaks one of them; false if that was so before.
    pub(super) fn break_down(&mut self, at: Duration) -> bool {
        let [_, middle, _] = &self.all;
        let first = self.broke.is_none();
        if first {
            middle.always(Behaviour::ok().status(500));
            self.broke = Some((at, middle.count()));
        }
        first
    }

    /// Mends it; false if that was so before.
    pub(super) fn recover(&mut self, at: Duration) -> bool {
        let [_, middle, _] = &self.all;
        let first = self.recovered.is_none();
        if first {
            middle.then([answers(FIRST_MS)]);
            middle.always(answers(ANSWER_MS));
            self.recovered = Some((at, middle.count()));
        }
        first
    }

    /// How many calls the broken one has failed.
    pub(super) fn failed(&self) -> u64 {
        let [_, middle, _] = &self.all;
        let end = self.recovered.map_or_else(|| middle.count(), |(_, count)| count);
        self.broke.map_or(0, |(_, count)| end - count)
    }

    /// How long it was broken, up to `now`.
    pub(super) fn broken_for(&self, now: Duration) -> Duration {
        let end = self.recovered.map_or(now, |(at, _)| at);
        self.broke.map_or(Duration::ZERO, |(at, _)| end.saturating_sub(at))
    }
}

fn answers(ms: u64) -> Behaviour {
    Behaviour::ok().delay(Duration::from_millis(ms))
}
