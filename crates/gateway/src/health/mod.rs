//! `GET /health`: whether each deployment answers, asked now or by the last probe in the background.

mod checks;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use pointsman::{
    router::{Probeable, Probed},
    types::{DeploymentId, Error},
};
use serde::Serialize;

pub(crate) use checks::{Checks, watch};

use crate::{
    app::App,
    state::{moment, standing},
};
use checks::Checked;

/// What `GET /health` says.
#[derive(Debug, Serialize)]
struct Health {
    healthy_endpoints: Vec<Endpoint>,
    unhealthy_endpoints: Vec<Endpoint>,
    healthy_count: usize,
    unhealthy_count: usize,
}

#[derive(Debug, Serialize)]
struct Endpoint {
    id: String,
    group: String,
    model: String,
    /// How the router sees it, as `GET /router/state` has it.
    state: &'static str,
    /// When it was probed, if it was.
    checked_at: Option<String>,
    /// How long it took to answer.
    ms: Option<u64>,
    error: Option<Told>,
    /// Why it was not probed, or is not asked by anybody now.
    reason: Option<String>,
    #[serde(skip)]
    healthy: bool,
}

#[derive(Debug, Serialize)]
struct Told {
    kind: &'static str,
    message: String,
    status: Option<u16>,
}

/// Probes every deployment now; with probes in the background, or when it is asked more often than
/// every two seconds for a while, it tells what the last ones found.
pub(crate) async fn get(State(app): State<Arc<App>>) -> Response {
    let all = app.router.probeable();
    let found = if app.checks.in_background() || !app.checks.may_sweep(app.clock.now()) {
        app.checks.last()
    } else {
        let found = checks::sweep(&app, &all).await;
        app.checks.keep(&found);
        found
    };
    let groups = app.router.state();
    let stands: HashMap<&DeploymentId, _> = groups
        .iter()
        .flat_map(|group| &group.members)
        .map(|member| (&member.id, standing(&member.report)))
        .collect();
    let endpoints = all.iter().filter_map(|one| {
        let stands = stands.get(&one.id)?;
        Some((&one.id, endpoint(one, found.get(&one.id), stands)))
    });
    let endpoints: HashMap<&DeploymentId, Endpoint> = endpoints.collect();
    let healthy = |id| endpoints.get(id).is_some_and(|endpoint| endpoint.healthy);
    let served = groups.iter().all(|group| group.members.iter().any(|member| healthy(&member.id)));
    let status = if served { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health::of(all.iter().map(|one| &one.id), endpoints))).into_response()
}

impl Health {
    /// All endpoints, in the order of the configuration.
    fn of<'a>(
        order: impl Iterator<Item = &'a DeploymentId>,
        mut endpoints: HashMap<&'a DeploymentId, Endpoint>,
    ) -> Self {
        let ordered = order.filter_map(|id| endpoints.remove(id));
        let (healthy, unhealthy): (Vec<_>, Vec<_>) = ordered.partition(|one| one.healthy);
        Self {
            healthy_count: healthy.len(),
            unhealthy_count: unhealthy.len(),
            healthy_endpoints: healthy,
            unhealthy_endpoints: unhealthy,
        }
    }
}

fn endpoint(of: &Probeable, found: Option<&Checked>, stands: &crate::state::Stands) -> Endpoint {
    let mut endpoint = Endpoint {
        id: of.id.to_string(),
        group: of.group.to_string(),
        model: of.model.clone(),
        state: stands.state,
        checked_at: found.map(|found| moment(found.at)),
        ms: None,
        error: None,
        reason: stands.reason.clone(),
        // Whoever cools is not asked by anybody.
        healthy: !matches!(stands.state, "cooling" | "probing"),
    };
    match found.map(|found| &found.what) {
        Some(Probed::Well { took, fault }) => {
            endpoint.ms = u64::try_from(took.as_millis()).ok();
            endpoint.error = fault.as_ref().map(Told::from);
        }
        Some(Probed::Failed { error, took }) => {
            endpoint.ms = u64::try_from(took.as_millis()).ok();
            endpoint.error = Some(Told::from(error));
            endpoint.healthy = false;
        }
        Some(Probed::Cooling(refusal)) => {
            endpoint.reason.get_or_insert_with(|| refusal.why.to_string());
            endpoint.healthy = false;
        }
        Some(Probed::NotAsked(why)) => {
            endpoint.checked_at = None;
            endpoint.reason = Some(format!("not probed: {why}"));
        }
        None => {}
    }
    endpoint
}

impl From<&Error> for Told {
    fn from(of: &Error) -> Self {
        Self { kind: of.kind.name(), message: of.message().to_owned(), status: of.detail.status }
    }
}
