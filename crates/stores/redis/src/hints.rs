//! What instances tell each other of deployments, for the strategies. Nothing relies on it.

use std::collections::HashMap;

use pointsman_state::Row;

/// What one instance, or several together, see of a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Hint {
    in_flight: u32,
    tokens_in_flight: u64,
    /// Of the last minute.
    requests: u64,
    tokens: u64,
    ttft: Option<f64>,
    per_token: Option<f64>,
    ewma: Option<f64>,
    tokens_per_s: Option<f64>,
}

impl Hint {
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            in_flight: row.in_flight,
            tokens_in_flight: row.tokens_in_flight,
            requests: row.requests,
            tokens: row.tokens,
            ttft: row.ttft,
            per_token: row.per_token,
            ewma: row.ewma,
            tokens_per_s: row.tokens_per_s,
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what others see to what is seen here. A latency of our own is worth more than theirs.
    pub(crate) fn add_to(&self, row: &mut Row) {
        row.in_flight = row.in_flight.saturating_add(self.in_flight);
        row.tokens_in_flight = row.tokens_in_flight.saturating_add(self.tokens_in_flight);
        row.requests = row.requests.saturating_add(self.requests);
        row.tokens = row.tokens.saturating_add(self.tokens);
        row.ttft = row.ttft.or(self.ttft);
        row.per_token = row.per_token.or(self.per_token);
        row.ewma = row.ewma.or(self.ewma);
        row.tokens_per_s = row.tokens_per_s.or(self.tokens_per_s);
    }

    fn merge(&mut self, other: &Self) {
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.tokens_in_flight = self.tokens_in_flight.saturating_add(other.tokens_in_flight);
        self.requests = self.requests.saturating_add(other.requests);
        self.tokens = self.tokens.saturating_add(other.tokens);
        let slower = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        self.ttft = slower(self.ttft, other.ttft);
        self.per_token = slower(self.per_token, other.per_token);
        self.ewma = slower(self.ewma, other.ewma);
        self.tokens_per_s = self.tokens_per_s.or(other.tokens_per_s);
    }
}

/// Hints as text: `hash:in flight:tokens in flight:requests:tokens:ttft:per token:ewma:tokens/s`,
/// a space between two of them.
pub(crate) fn write(hints: impl Iterator<Item = (u64, Hint)>) -> String {
    let all = hints.filter(|(_, hint)| !hint.is_empty()).map(|(id, hint)| {
        let Hint { in_flight, tokens_in_flight, requests, tokens, .. } = hint;
        let time = |time: Option<f64>| time.map_or(String::new(), |time| format!("{time:.6}"));
        let times = [hint.ttft, hint.per_token, hint.ewma, hint.tokens_per_s].map(time).join(":");
        format!("{id:x}:{in_flight}:{tokens_in_flight}:{requests}:{tokens}:{times}")
    });
    all.collect::<Vec<_>>().join(" ")
}

/// Adds hints that [`write`] wrote; what is no hint is left out.
pub(crate) fn read(text: &str, to: &mut HashMap<u64, Hint>) {
    for one in text.split(' ') {
        if let Some((id, hint)) = parse(one) {
            to.entry(id).or_default().merge(&hint);
        }
    }
}

fn parse(text: &str) -> Option<(u64, Hint)> {
    let mut parts = text.split(':');
    let id = u64::from_str_radix(parts.next()?, 16).ok()?;
    let mut next = || parts.next();
    let (in_flight, tokens_in_flight) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let (requests, tokens) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let mut time =
        || next().and_then(|text| text.parse::<f64>().ok()).filter(|one| one.is_finite());
    let (ttft, per_token, ewma, tokens_per_s) = (time(), time(), time(), time());
    let hint =
        Hint { in_flight, tokens_in_flight, requests, tokens, ttft, per_token, ewma, tokens_per_s };
    Some((id, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_survive_the_way_and_add_up() {
        let hint = Hint { in_flight: 2, tokens: 70, ttft: Some(0.25), ..Hint::default() };
        let text = write([(0xab, hint), (7, Hint::default())].into_iter());
        assert_eq!(text, "ab:2:0:0:70:0.250000:::");
        let mut all = HashMap::new();
        read(&text, &mut all);
        read(&text, &mut all);
        read("zz:1 ab:x::: ", &mut all);
        let sum = Hint { in_flight: 4, tokens: 140, ..hint };
        assert_eq!(all, HashMap::from([(0xab, sum)]));
    }
}
