//! What the gateway says of its deployments, look after look.

use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};

use pointsman::clock::Instant;
use pointsman_testkit::Wire;
use serde_json::Value;

use super::{
    Fault,
    callers::Sums,
    upstreams::{GROUP, NAMES, Trio},
};

/// How long the gateway may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// How many looks back recent calls are counted from: three seconds.
const RECENT: usize = 30;

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Standing {
    Ok,
    /// Left alone for so long from now.
    Cooling(Duration),
    Probing,
    /// Back at so many per cent of its share.
    Ramping(u8),
    Other,
}

/// One deployment at one moment.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) broken: bool,
    pub(super) standing: Standing,
    /// Calls it has had, and those of the last seconds.
    pub(super) asked: u64,
    pub(super) recent: u64,
}

/// All of them at one moment, from the beginning of the demo.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Duration,
    pub(super) rows: [Row; 3],
    pub(super) sums: Sums,
}

/// Something worth a line.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) told: String,
}

/// Asks `GET /router/state`, and remembers what it saw.
pub(super) struct Looker {
    wire: Wire,
    counts: VecDeque<[u64; 3]>,
    /// The standings of the last look, and when cooldowns seen in it end.
    before: Option<[(Standing, Duration); 3]>,
}

impl Looker {
    pub(super) async fn connect(to: SocketAddr) -> io::Result<Self> {
        let wire = Wire::connect(to, WITHIN).await?;
        Ok(Self { wire, counts: VecDeque::new(), before: None })
    }

    pub(super) async fn look(
        &mut self,
        at: Duration,
        now: Instant,
        trio: &Trio,
        sums: Sums,
    ) -> Result<Look, Fault> {
        self.wire.get("/router/state", &[], WITHIN).await?;
        let state = self.wire.response(WITHIN).await?.json();
        let asked = trio.asked();
        self.counts.push_back(asked);
        if self.counts.len() > RECENT + 1 {
            self.counts.pop_front();
        }
        let since = self.counts.front().copied().unwrap_or(asked);
        let rows = [0, 1, 2].map(|nth| Row {
            name: NAMES[nth],
            broken: trio.is_broken(NAMES[nth]),
            standing: standing(&state, NAMES[nth], now),
            asked: asked[nth],
            recent: asked[nth] - since[nth],
        });
        Ok(Look { at, rows, sums })
    }

    /// What has changed since the look before this one.
    pub(super) fn events(&mut self, look: &Look) -> Vec<Event> {
        let after = look.rows.each_ref().map(|row| match row.standing {
            Standing::Cooling(left) => (row.standing, look.at + left),
            other => (other, Duration::ZERO),
        });
        let before = self.before.replace(after);
        let Some(before) = before else { return Vec::new() };
        let changes = look.rows.iter().zip(before.into_iter().zip(after));
        changes
            .filter_map(|(row, (before, after))| {
                let told = change(before, after)?;
                Some(Event { at: look.at, told: format!("{}: {told}", row.name) })
            })
            .collect()
    }
}

/// How a deployment stands, from the body of `GET /router/state`.
fn standing(state: &Value, id: &str, now: Instant) -> Standing {
    let members = state["groups"][GROUP].as_array();
    let Some(member) = members.and_then(|all| all.iter().find(|one| one["id"] == id)) else {
        return Standing::Other;
    };
    match member["state"].as_str() {
        Some("ok") => Standing::Ok,
        Some("cooling") => Standing::Cooling(left(member["until"].as_str(), now)),
        Some("probing") => Standing::Probing,
        Some("ramping") => Standing::Ramping(percent(member["reason"].as_str())),
        _ => Standing::Other,
    }
}

fn left(until: Option<&str>, now: Instant) -> Duration {
    let until = until.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let nanos = until.map_or(0, |at| at.as_nanosecond() - i128::from(now.as_nanos()));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// The first number in a text.
fn percent(reason: Option<&str>) -> u8 {
    let words = reason.unwrap_or_default().split_whitespace();
    words.into_iter().find_map(|word| word.parse().ok()).unwrap_or(0)
}

/// What to say of a change, if anything. Beside each standing is when its cooldown ends.
fn change(before: (Standing, Duration), after: (Standing, Duration)) -> Option<String> {
    /// Two looks at one deadline differ by what lies between reading the clock and the answer.
    const SAME: Duration = Duration::from_millis(500);
    let told = match (before.0, after.0) {
        (Standing::Cooling(_), Standing::Cooling(_)) if after.1 <= before.1 + SAME => return None,
        (Standing::Cooling(_) | Standing::Probing, Standing::Cooling(left)) => {
            format!("its probe failed; left alone for {:.1} s more", left.as_secs_f32())
        }
        (_, Standing::Cooling(left)) => {
            format!("failed; left alone for {:.1} s", left.as_secs_f32())
        }
        (Standing::Cooling(_), Standing::Probing) => {
            "its cooldown is over; one call goes to it as a probe".to_owned()
        }
        (Standing::Cooling(_) | Standing::Probing, Standing::Ramping(_)) => {
            "its probe was answered; its share ramps up".to_owned()
        }
        (Standing::Ramping(_), Standing::Ok) => "has its full share again".to_owned(),
        _ => return None,
    };
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn standings_are_read_from_the_state() {
        let now = Instant::from_nanos(1_700_000_000_000_000_000);
        let state = json!({"groups": {"chat": [
            {"id": "amber", "state": "cooling", "until": "2023-11-14T22:13:22.500Z"},
            {"id": "basil", "state": "ramping", "reason": "at 37 % of its share"},
            {"id": "cedar", "state": "ok"},
        ]}});
        let seen = NAMES.map(|name| standing(&state, name, now));
        let cooling = Standing::Cooling(Duration::from_millis(2_500));
        assert_eq!(seen, [cooling, Standing::Ramping(37), Standing::Ok]);
        assert_eq!(standing(&json!(null), "amber", now), Standing::Other);
    }

    #[test]
    fn a_cooldown_is_told_once_and_a_longer_one_is_a_failed_probe() {
        let secs = Duration::from_secs;
        let cooling = |left, until| (Standing::Cooling(secs(left)), secs(until));
        let (ok, probing) = ((Standing::Ok, secs(0)), (Standing::Probing, secs(0)));
        let ramping = (Standing::Ramping(10), secs(0));
        assert!(change(ok, cooling(3, 9)).unwrap().starts_with("failed"));
        assert_eq!(change(cooling(3, 9), cooling(2, 9)), None);
        assert!(change(cooling(1, 9), cooling(6, 15)).unwrap().starts_with("its probe failed"));
        assert!(change(probing, cooling(6, 15)).unwrap().starts_with("its probe failed"));
        assert!(change(probing, ramping).unwrap().starts_with("its probe was answered"));
        assert!(change(ramping, ok).is_some());
        assert_eq!(change(ok, ok), None);
    }
}
