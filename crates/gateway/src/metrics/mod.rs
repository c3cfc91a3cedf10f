//! `GET /metrics`: what happened and how everything stands, for Prometheus.
//!
//! Events are counted on the way of calls, through handles that are looked up once for each
//! deployment. What is a state of this moment is read when it is asked for.

mod gauges;
mod series;

use std::{collections::HashMap, fmt, hash::Hash, sync::Arc};

use arc_swap::ArcSwap;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use pointsman::{
    router::{Event, Observer},
    types::GroupName,
};
use prometheus_client::{encoding::text, registry::Registry};

use crate::app::App;
use series::{Families, OfGroup};

/// What Prometheus calls the text that is answered.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts what happens to calls.
pub(crate) struct Metrics {
    registry: Registry,
    families: Families,
    groups: Known<GroupName, OfGroup>,
}

/// Handles by name, read far more often than they grow.
#[derive(Debug)]
struct Known<K, V>(ArcSwap<HashMap<K, Arc<V>>>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<K: Clone + Eq + Hash, V> Known<K, V> {
    /// Tells the handles of that name, which are made the first time.
    fn with(&self, name: &K, make: impl FnOnce() -> V, tell: impl FnOnce(&V)) {
        if let Some(known) = self.0.load().get(name) {
            return tell(known);
        }
        let new = Arc::new(make());
        self.0.rcu(|before| {
            let mut after = HashMap::clone(before);
            after.insert(name.clone(), Arc::clone(&new));
            after
        });
        tell(&new);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let families = Families::new();
        families.register(registry.sub_registry_with_prefix("pointsman"));
        Self { registry, families, groups: Known::default() }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// What the gateway itself took for a call.
    pub(crate) fn overhead(&self, seconds: f64) {
        self.families.overhead.observe(seconds);
    }

    /// A call was answered by an earlier call's answer.
    pub(crate) fn cached(&self, group: &GroupName) {
        self.with_group(group, OfGroup::cached);
    }

    fn with_group(&self, name: &GroupName, tell: impl FnOnce(&OfGroup)) {
        self.groups.with(name, || self.families.group(name), tell);
    }
}

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Attempt { group, deployment, outcome } => {
                self.with_group(group, |of| of.attempt(deployment, outcome, &self.families));
            }
            Event::Cooled { deployment, cooldown, .. } => {
                self.families.cooled(deployment, cooldown.kind);
            }
            Event::Call { group, error, trace, total, .. } => {
                self.with_group(group, |series| {
                    series.call(error.map(|error| error.kind), trace, *total, &self.families);
                });
            }
            _ => {}
        }
    }
}

/// All of it as text.
pub(crate) async fn get(State(app): State<Arc<App>>) -> Response {
    let mut now = Registry::default();
    gauges::register(&app.router, now.sub_registry_with_prefix("pointsman"));
    let mut text = String::new();
    let written = text::encode_registry(&mut text, &app.metrics.registry)
        .and_then(|()| text::encode_registry(&mut text, &now))
        .and_then(|()| text::encode_eof(&mut text));
    match written {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        // Writing to a string does not fail.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
