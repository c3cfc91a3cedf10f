//! Where an attempt is settled: once, with what it used and what that cost.

use std::{sync::Arc, time::Duration};

use pointsman_clock::Instant;
use pointsman_cost::{SearchContext, Terms};
use pointsman_state::Lease;
use pointsman_types::{Charge, Decimal, ErrorKind, Ix, Outcome, Usage, Verdict};

use crate::{Event, Observer, topology::Topology};

/// What has to be known of an attempt to settle it.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    pub(crate) topology: Arc<Topology>,
    pub(crate) group: usize,
    pub(crate) ix: Ix,
    pub(crate) stream: bool,
    /// Whether it is nobody's call, whose length and time say nothing of others.
    pub(crate) is_probe: bool,
    /// What it is billed for, as estimated, in the service tier that the call asks for; its tokens
    /// are 0 where nobody asked.
    pub(crate) estimate: Usage,
    /// How much context the call's web searches fetch.
    pub(crate) search: SearchContext,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) verdict: Verdict,
    pub(crate) sent: bool,
    pub(crate) usage: Option<Usage>,
    /// Tokens of the answer that were seen, where the usage is not known.
    pub(crate) seen: u64,
    pub(crate) first_content: Option<Duration>,
}

impl End {
    /// A failure before anything was answered.
    pub(crate) fn failed(kind: ErrorKind, retry_after: Option<Duration>) -> Self {
        Self {
            verdict: Verdict::Failure { kind, retry_after },
            sent: true,
            usage: None,
            seen: 0,
            first_content: None,
        }
    }
}

impl Ledger {
    /// What the prompt is charged as, if the caller leaves before more is known.
    pub(crate) fn prompt(&self) -> Charge {
        self.prompt_and(0)
    }

    /// The prompt, and so many tokens of the answer, which nobody has told of.
    fn prompt_and(&self, output: u64) -> Charge {
        let mut usage = self.estimate;
        (usage.output, usage.images_made) = (output, 0);
        self.charged(&usage, None)
    }

    /// What an attempt is charged.
    fn charge(&self, end: &End, now: Instant) -> Charge {
        let nothing = Charge { money: Some(Decimal::ZERO), ..Charge::default() };
        if !end.sent {
            return nothing;
        }
        if let Some(usage) = &end.usage {
            return self.of(usage, now);
        }
        match end.verdict {
            Verdict::Failure { .. } if end.first_content.is_none() => nothing,
            Verdict::Success if end.seen == 0 => self.charged(&self.estimate, None),
            _ => self.prompt_and(end.seen),
        }
    }

    /// What a usage is charged.
    pub(crate) fn of(&self, usage: &Usage, now: Instant) -> Charge {
        let mut usage = *usage;
        if usage.characters > 0 && usage.input == 0 {
            // Speech tells of no tokens, by which some bill it.
            usage.input = self.estimate.input;
        }
        self.charged(&usage, Some(now))
    }

    fn charged(&self, usage: &Usage, at: Option<Instant>) -> Charge {
        let price = self.topology.node(self.ix).price.as_ref();
        let tier = usage.tier.or(self.estimate.tier).unwrap_or_default();
        let money = price.map(|price| price.of(usage, &Terms { at, search: self.search, tier }));
        Charge { input: usage.input, output: usage.output, money }
    }

    /// Settles, learns and tells; returns what was charged.
    pub(crate) fn settle(&self, lease: Lease, end: &End) -> Charge {
        let (now, held) = (lease.now(), lease.held());
        let outcome = Outcome {
            verdict: end.verdict,
            sent: end.sent,
            stream: self.stream,
            usage: end.usage,
            charged: self.charge(end, now),
            first_content: end.first_content,
            total: held,
        };
        let group = &self.topology.groups[self.group];
        if end.verdict == Verdict::Success && !self.is_probe {
            group.live.answered(self.stream, end.first_content.unwrap_or(held));
            if let Some(usage) = end.usage {
                group.live.wrote(usage.output);
            }
        }
        let cooldown = lease.settle(&outcome);
        let deployment = self.topology.id(self.ix);
        if let Some(cooldown) = &cooldown {
            let seconds = (cooldown.until - now).as_secs_f64();
            tracing::warn!(%deployment, kind = %cooldown.kind, seconds, streak = cooldown.streak, "cooling");
        }
        if let Some(observer) = &self.observer {
            observer.observe(&Event::Attempt { group: &group.name, deployment, outcome: &outcome });
            if let Some(cooldown) = &cooldown {
                observer.observe(&Event::Cooled { deployment, cooldown, now });
            }
        }
        outcome.charged
    }

    /// Settles an attempt that nobody waits for any more, and tells.
    fn abandoned(&self, lease: &mut Lease) {
        if let Some(outcome) = lease.abandon().filter(|outcome| outcome.sent)
            && let Some(observer) = &self.observer
        {
            let group = &self.topology.groups[self.group].name;
            let deployment = self.topology.id(self.ix);
            observer.observe(&Event::Attempt { group, deployment, outcome: &outcome });
        }
    }
}

/// A lease while its answer is waited for: the caller may leave, or another copy win.
#[derive(Debug)]
pub(crate) struct Waited<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) lease: &'a mut Lease,
    /// Whether the wait is over.
    pub(crate) over: bool,
}

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.ledger.abandoned(self.lease);
        }
    }
}
