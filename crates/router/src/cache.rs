//! Answers that are kept for calls that ask the very same.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use moka::sync::Cache;
use pointsman_clock::Instant;
use pointsman_provider::{Call, OWN_FIELDS};
use pointsman_types::{DeploymentId, GroupName, Usage};
use sha2::{Digest, Sha256};

use crate::{Answer, CacheSettings, Payload, journey::Journey, plan::Place, topology::Topology};

/// The most bytes of answers that are kept: 256 MiB.
const MOST: u64 = 256 << 20;

/// The answers that are kept: bounded by their size.
#[derive(Debug)]
pub(crate) struct Answers(Cache<[u8; 32], Kept>);

#[derive(Clone, Debug)]
struct Kept {
    deployment: DeploymentId,
    group: GroupName,
    headers: HeaderMap,
    body: Bytes,
    usage: Option<Usage>,
    at: Instant,
    ttl: Option<Duration>,
}

impl Default for Answers {
    fn default() -> Self {
        let weigh = |_: &[u8; 32], kept: &Kept| {
            u32::try_from(kept.body.len()).unwrap_or(u32::MAX).saturating_add(512)
        };
        Self(Cache::builder().max_capacity(MOST).weigher(weigh).build())
    }
}

/// Where an answer is kept; `None` for calls whose answers are not. The model is no part of the body
/// there: a group that shares answers with another has its own name for it. What else the name
/// chose is: the model of a wildcard, the one deployment that was meant.
fn key(
    settings: &CacheSettings,
    topology: &Topology,
    place: &Place,
    call: &Call,
) -> Option<[u8; 32]> {
    let group = &topology.groups[place.group].name;
    let wanted = !settings.on_request || call.options.cache.use_cache;
    if call.head.stream || call.form.is_some() || !wanted {
        return None;
    }
    let shared = settings.groups.iter().find(|all| all.iter().any(|one| one == group.as_str()));
    let name = shared.and_then(|all| all.first()).map_or(group.as_str(), String::as_str);
    let body = call.envelope.edited(&[("model", "\"\"".into())], OWN_FIELDS, &[]).to_bytes();
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(name.as_bytes());
    add(call.head.operation.path().as_bytes());
    add(place.only.map_or("", |ix| topology.id(ix).as_str()).as_bytes());
    add(&body);
    place.taken.iter().flat_map(|taken| taken.iter()).for_each(|taken| add(taken.as_bytes()));
    for (header, value) in &call.headers {
        add(header.as_str().as_bytes());
        add(value.as_bytes());
    }
    Some(hash.finalize().into())
}

impl Journey<'_> {
    /// Where the call's answer is kept, if it is.
    pub(crate) fn cache_key(&self, start: &Place) -> Option<[u8; 32]> {
        let settings = self.topology.settings.cache.as_ref()?;
        key(settings, &self.topology, start, &self.call)
    }

    /// A kept answer to this call, if one is good enough for it.
    pub(crate) fn kept(&self, key: &[u8; 32]) -> Option<Answer> {
        let options = self.call.options.cache;
        if options.no_cache {
            return None;
        }
        let kept = self.shared.answers.0.get(key)?;
        let age = self.shared.clock.now() - kept.at;
        let fresh = kept.ttl.is_none_or(|ttl| age < ttl);
        let wanted = options.s_maxage.is_none_or(|most| age.as_secs() <= most);
        (fresh && wanted).then(|| Answer {
            deployment: kept.deployment,
            group: kept.group,
            headers: kept.headers,
            payload: Payload::Whole { body: kept.body, usage: kept.usage, cost: None },
            trace: self.trace.clone(),
            cached: true,
        })
    }

    /// Keeps an answer.
    pub(crate) fn keep(
        shared: &crate::router::Shared,
        call: &Call,
        key: [u8; 32],
        answer: &Answer,
    ) {
        let Payload::Whole { body, usage, .. } = &answer.payload else { return };
        let options = call.options.cache;
        if options.no_store {
            return;
        }
        let settings = shared.topology.load();
        let ttl = options.ttl.map(Duration::from_secs);
        let kept = Kept {
            deployment: answer.deployment.clone(),
            group: answer.group.clone(),
            headers: answer.headers.clone(),
            body: body.clone(),
            usage: *usage,
            at: shared.clock.now(),
            ttl: ttl.or_else(|| settings.settings.cache.as_ref().and_then(|cache| cache.ttl)),
        };
        shared.answers.0.insert(key, kept);
    }
}
