//! Where an attempt is settled: once, with what it used and what that cost.

use std::{sync::Arc, time::Duration};

use pointsman_clock::Instant;
use pointsman_cost::{ServiceTier, Terms};
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
    /// Tokens of the prompt and the answer, as estimated; 0 where nobody asked.
    pub(crate) estimate: (u64, u64),
    /// The service tier that the call asks for.
    pub(crate) tier: ServiceTier,
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
        self.estimated(self.estimate.0, 0)
    }

    fn estimated(&self, input: u64, output: u64) -> Charge {
        let price = self.topology.node(self.ix).price.as_ref();
        Charge { input, output, money: price.map(|price| price.estimate(input, output)) }
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
            Verdict::Success if end.seen == 0 => self.estimated(self.estimate.0, self.estimate.1),
            _ => self.estimated(self.estimate.0, end.seen),
        }
    }

    /// What a usage is charged.
    pub(crate) fn of(&self, usage: &Usage, now: Instant) -> Charge {
        let price = self.topology.node(self.ix).price.as_ref();
        let terms = Terms { at: Some(now), ..Terms::from(self.tier) };
        let money = price.map(|price| price.of(usage, &terms));
        Charge { input: usage.input, output: usage.output, money }
    }

    /// Settles, learns and tells.
    pub(crate) fn settle(&self, lease: Lease, end: &End) {
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
    }
}
