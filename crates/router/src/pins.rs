//! Which member a session stays with.

use std::time::Duration;

use moka::sync::Cache;
use pointsman_clock::Instant;
use pointsman_types::{Ix, stable_hash};

use crate::{journey::Journey, plan::Place};

/// The most sessions that are remembered.
const MOST: u64 = 100_000;
/// How long a session is remembered after its last call.
const TTL: Duration = Duration::from_hours(1);

/// Which member each session stays with: bounded, and forgotten an hour after its last call.
#[derive(Debug)]
pub(crate) struct Pins(Cache<u64, Pin>);

#[derive(Clone, Copy, Debug)]
struct Pin {
    /// The hash of the member's id: it survives a reload.
    member: u64,
    until: Instant,
}

impl Default for Pins {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Journey<'_> {
    /// The member of a group that the call's session is pinned to.
    pub(crate) fn pinned(&self, place: &Place) -> Option<Ix> {
        let pin = self.shared.pins.0.get(&self.session(place)?)?;
        if pin.until <= self.shared.clock.now() {
            return None;
        }
        let members = &self.topology.groups[place.group].members;
        members.iter().find(|ix| self.topology.node(**ix).hash == pin.member).copied()
    }

    /// The session stays with whom answered it.
    pub(crate) fn pin(&self, place: &Place, ix: Ix) {
        if let Some(session) = self.session(place) {
            let until = self.shared.clock.now() + TTL;
            let member = self.topology.node(ix).hash;
            self.shared.pins.0.insert(session, Pin { member, until });
        }
    }

    /// The session does not stay with whom failed it.
    pub(crate) fn unpin(&self, place: &Place, ix: Ix) {
        let Some(session) = self.session(place) else { return };
        let member = self.topology.node(ix).hash;
        if self.shared.pins.0.get(&session).is_some_and(|pin| pin.member == member) {
            self.shared.pins.0.invalidate(&session);
        }
    }

    fn session(&self, place: &Place) -> Option<u64> {
        let session = self.call.options.session.as_deref().filter(|_| !self.is_copy)?;
        let group = self.topology.groups[place.group].name.as_str();
        Some(stable_hash(format!("{group}\n{session}").as_bytes()))
    }
}
