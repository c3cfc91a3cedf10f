//! Blame that spreads: by credential, and by host.

use std::{collections::HashMap, sync::Mutex};

use pointsman_clock::{Dice, Instant};
use pointsman_health::{Cooldown, Failure, HostWatch};
use pointsman_types::Blame;
use smallvec::SmallVec;

use crate::{MemberSpec, Slot, cell::lock, table::Table};

/// Who was cooled, and how.
pub(crate) type Cooled = SmallVec<[(Slot, Cooldown); 1]>;

/// The hosts that somebody failed to reach lately, by their hash.
#[derive(Debug, Default)]
pub(crate) struct Hosts(HashMap<u64, HostWatch>);

impl Hosts {
    /// Whether the host is down, now that one more of its deployments could not be reached.
    fn failed(&mut self, host: u64, at: Slot, now: Instant) -> bool {
        self.0.entry(host).or_default().failed(u64::from(at.0), now)
    }
}

/// A failure whose blame may be more than one deployment's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) slot: Slot,
    pub(crate) what: Failure,
    /// Whether the deployment itself cools.
    pub(crate) cooled: bool,
    pub(crate) credential: Option<u64>,
    pub(crate) host: u64,
}

impl Spread {
    /// Cools whoever else is to blame, and tells who that was. No lock of a cell is held.
    pub(crate) fn over(
        &self,
        table: &Table,
        hosts: &Mutex<Hosts>,
        dice: &mut Dice,
        now: Instant,
    ) -> Cooled {
        match self.what.kind.blame() {
            Blame::Credential if self.cooled && self.credential.is_some() => {
                self.cool(table, dice, now, |spec| spec.credential == self.credential)
            }
            Blame::Host => {
                let down = lock(hosts).failed(self.host, self.slot, now);
                if !down {
                    return Cooled::new();
                }
                self.cool(table, dice, now, |spec| spec.host == self.host)
            }
            Blame::Client | Blame::Deployment | Blame::Credential => Cooled::new(),
        }
    }

    fn cool(
        &self,
        table: &Table,
        dice: &mut Dice,
        now: Instant,
        shares: impl Fn(&MemberSpec) -> bool,
    ) -> Cooled {
        let mut cooled = Cooled::new();
        for (at, place) in table.places.iter().enumerate() {
            if at == self.slot.0 as usize && self.cooled {
                continue;
            }
            let mut cell = lock(&place.cell);
            if shares(&cell.spec)
                && let Some(cooldown) = cell.spread(self.what, dice, now)
            {
                let slot = Slot(u32::try_from(at).unwrap_or(u32::MAX));
                cooled.push((slot, cooldown));
            }
        }
        cooled
    }
}
