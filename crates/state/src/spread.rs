//! Blame that spreads: by credential, and by host.

use std::{collections::HashMap, sync::Mutex};

use pointsman_clock::Instant;
use pointsman_health::{Cooldown, HostWatch};
use pointsman_types::{Blame, ErrorKind};

use crate::{Slot, cell::lock, table::Table};

/// The hosts that somebody failed to reach lately, by their hash.
#[derive(Debug, Default)]
pub(crate) struct Hosts(HashMap<u64, HostWatch>);

/// A failure whose blame may be more than one deployment's.
#[derive(Debug)]
pub(crate) struct Spread {
    pub(crate) slot: Slot,
    pub(crate) kind: ErrorKind,
    pub(crate) cooldown: Option<Cooldown>,
    pub(crate) credential: Option<u64>,
    pub(crate) host: u64,
}

impl Spread {
    /// Cools whoever else is to blame. No lock of a cell is held.
    pub(crate) fn over(&self, table: &Table, hosts: &Mutex<Hosts>, now: Instant) {
        match self.kind.blame() {
            Blame::Credential => self.over_credential(table, now),
            Blame::Host => self.over_host(table, hosts, now),
            Blame::Client | Blame::Deployment => {}
        }
    }

    /// A refused key is refused wherever it is sent.
    fn over_credential(&self, table: &Table, now: Instant) {
        let (Some(cooldown), Some(credential)) = (self.cooldown, self.credential) else { return };
        for (_, place) in table.others(self.slot) {
            let mut cell = lock(&place.cell);
            if cell.spec.credential == Some(credential) {
                cell.cool(cooldown.until, self.kind, now);
            }
        }
    }

    /// A host that three deployments cannot reach is down for all of them.
    fn over_host(&self, table: &Table, hosts: &Mutex<Hosts>, now: Instant) {
        {
            let mut hosts = lock(hosts);
            hosts.0.retain(|_, watch| !watch.is_stale(now));
            let watch = hosts.0.entry(self.host).or_default();
            if !watch.failed(u64::from(self.slot.0), now) {
                return;
            }
        }
        for place in &table.places {
            let mut cell = lock(&place.cell);
            if cell.spec.host == self.host && !cell.lone {
                let base = now + cell.policy().cooldown_time;
                let until = self.cooldown.map_or(base, |cooldown| cooldown.until.max(base));
                cell.cool(until, self.kind, now);
            }
        }
    }
}
