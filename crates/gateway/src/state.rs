//! `GET /router/state` and the health endpoints.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use pointsman::{
    clock::Instant,
    router::MemberState,
    state::{Standing, Why},
};
use serde_json::{Map, Value, json};

use crate::app::App;

/// How every deployment stands.
pub(crate) async fn router(State(app): State<Arc<App>>) -> Json<Value> {
    let groups: Map<String, Value> = app
        .router
        .state()
        .into_iter()
        .map(|group| (group.name.to_string(), group.members.iter().map(member).collect()))
        .collect();
    Json(json!({ "groups": groups }))
}

/// Whether the process lives.
pub(crate) async fn liveliness() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// Whether it takes calls.
pub(crate) async fn readiness(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    if app.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"})));
    }
    (StatusCode::OK, Json(json!({"status": "ready"})))
}

fn member(of: &MemberState) -> Value {
    let report = &of.report;
    let (state, until, reason) = match report.standing {
        Standing::Cooling { until, kind, .. } => {
            ("cooling", Some(until), Some(format!("cooling after {kind}")))
        }
        Standing::Due => ("probing", None, Some("due: the next call is its probe".to_owned())),
        Standing::Probing => ("probing", None, Some("its probe is under way".to_owned())),
        Standing::Ramping { share } => {
            ("ramping", None, Some(format!("at {:.0} % of its share", share * 100.0)))
        }
        Standing::Serving => ("ok", None, None),
    };
    let limited = report
        .refusal
        .filter(|refusal| !matches!(refusal.why, Why::Cooling { .. } | Why::Probing | Why::Raced));
    let (state, until, reason) = match limited {
        Some(refusal) => ("refused", refusal.until, Some(refusal.why.to_string())),
        None => (state, until, reason),
    };
    let frees_at = limited.and_then(|refusal| refusal.until).map(moment);
    let windows = report.rpm.map(|(used, limit)| {
        ("rpm".to_owned(), json!({"used": used, "limit": limit, "frees_at": frees_at}))
    });
    json!({
        "id": of.id,
        "state": state,
        "until": until.map(moment),
        "reason": reason,
        "in_flight": report.in_flight,
        "windows": windows.into_iter().collect::<Map<String, Value>>(),
    })
}

/// A moment in RFC 3339, to the millisecond.
fn moment(at: Instant) -> String {
    let ms = i64::try_from(at.as_nanos() / 1_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX).to_string()
}
