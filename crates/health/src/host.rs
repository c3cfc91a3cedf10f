//! When it is the host that cannot be reached.

use std::time::Duration;

use pointsman_clock::Instant;

/// How many deployments have to fail, and within what time.
const DEPLOYMENTS: usize = 3;
const WITHIN: Duration = Duration::from_secs(10);

/// The failures to connect to one host.
///
/// Three deployments of a host that fail to connect within ten seconds speak of the host, not of
/// themselves: then all its deployments are to cool ([`crate::Health::spread`]). One deployment
/// that fails over and over does not.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_health::HostWatch;
/// let (mut host, now) = (HostWatch::default(), Instant::from_secs(60));
/// assert_eq!([1, 1, 1, 2].map(|deployment| host.failed(deployment, now)), [false; 4]);
/// assert!(host.failed(3, now));
/// assert!(!host.failed(3, now), "it takes three again");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostWatch {
    /// The deployments that failed last, and when each last did.
    last: [Option<(u64, Instant)>; DEPLOYMENTS],
}

impl HostWatch {
    /// A deployment, told by a hash of its id, failed to connect. Returns whether the host is to
    /// cool; it takes three again then.
    pub fn failed(&mut self, deployment: u64, now: Instant) -> bool {
        self.note(deployment, now);
        let newest = self.last.iter().flatten().map(|(_, at)| *at).max();
        let together = self.last.iter().all(|seen| {
            seen.zip(newest).is_some_and(|((_, at), newest)| newest.since(at) <= WITHIN)
        });
        if together {
            *self = Self::default();
        }
        together
    }

    fn note(&mut self, deployment: u64, now: Instant) {
        let known = self.last.iter().position(|seen| seen.is_some_and(|(id, _)| id == deployment));
        let oldest = self.last.iter().enumerate().min_by_key(|(_, seen)| seen.map(|(_, at)| at));
        let Some(at) = known.or(oldest.map(|(at, _)| at)) else { return };
        let before = known.and(self.last[at]).map_or(now, |(_, before)| before.max(now));
        self.last[at] = Some((deployment, before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_within_ten_seconds() {
        let at = |ms| Instant::from_secs(1_000) + Duration::from_millis(ms);
        let mut host = HostWatch::default();
        assert!(!host.failed(1, at(0)));
        assert!(!host.failed(2, at(5_000)));
        assert!(!host.failed(3, at(10_001)), "the first is too old");
        assert!(host.failed(4, at(15_000)), "the second is not");
        assert!(!host.failed(1, at(15_000)) && !host.failed(2, at(15_000)));
        assert!(host.failed(0, at(25_000)));
    }

    #[test]
    fn a_late_word_does_not_make_a_deployment_older() {
        let at = |seconds: u64| Instant::from_secs(1_000 + seconds);
        let mut host = HostWatch::default();
        host.failed(1, at(20));
        host.failed(1, at(0));
        host.failed(2, at(25));
        assert!(host.failed(3, at(30)));
    }
}
