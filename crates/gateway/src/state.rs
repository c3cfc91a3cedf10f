//! `GET /router/state` and whether the process lives and serves.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use pointsman::{
    clock::Instant,
    router::{GroupState, MemberState},
    state::{AccountReport, Refusal, Report, Standing, Why},
    types::Decimal,
};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::app::App;

/// What `GET /router/state` says.
#[derive(Debug, Serialize)]
pub(crate) struct Whole {
    groups: BTreeMap<String, Vec<Member>>,
    accounts: BTreeMap<String, Account>,
}

#[derive(Debug, Serialize)]
struct Member {
    id: String,
    state: &'static str,
    until: Option<String>,
    reason: Option<String>,
    in_flight: u32,
    ttft_ms: Option<f64>,
    per_token_ms: Option<f64>,
    #[serde(flatten)]
    account: Account,
}

#[derive(Debug, Serialize)]
struct Account {
    windows: BTreeMap<&'static str, Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<Spend>,
}

#[derive(Debug, Serialize)]
struct Window {
    used: u64,
    limit: u64,
    frees_at: Option<String>,
}

/// US dollars, to the last decimal.
#[derive(Debug, Serialize)]
struct Spend {
    used: Money,
    reserved: Money,
    limit: Money,
    resets_at: Option<String>,
}

/// How every deployment and every shared account stands.
pub(crate) async fn router(State(app): State<Arc<App>>) -> Json<Whole> {
    let group =
        |group: GroupState| (group.name.to_string(), group.members.iter().map(member).collect());
    let accounts = app.router.accounts().into_iter();
    Json(Whole {
        groups: app.router.state().into_iter().map(group).collect(),
        accounts: accounts.map(|one| (one.name, account(&one.report))).collect(),
    })
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

/// The names of all states that a deployment can be in.
pub(crate) const STATES: [&str; 5] = ["ok", "cooling", "probing", "ramping", "refused"];

/// How a deployment stands, in words.
pub(crate) struct Stands {
    /// One of [`STATES`].
    pub(crate) state: &'static str,
    pub(crate) until: Option<Instant>,
    pub(crate) reason: Option<String>,
}

/// How a deployment stands.
pub(crate) fn standing(of: &Report) -> Stands {
    let (state, until, reason) = match of.standing {
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
    match of.refusal.filter(is_limit) {
        Some(refusal) => Stands {
            state: "refused",
            until: refusal.until.moment(),
            reason: Some(refusal.why.to_string()),
        },
        None => Stands { state, until, reason },
    }
}

fn member(of: &MemberState) -> Member {
    let report = &of.report;
    let Stands { state, until, reason } = standing(report);
    Member {
        id: of.id.to_string(),
        state,
        until: until.map(moment),
        reason,
        in_flight: report.in_flight,
        ttft_ms: report.ttft.map(milliseconds),
        per_token_ms: report.per_token.map(milliseconds),
        account: account(&report.account),
    }
}

fn is_limit(refusal: &Refusal) -> bool {
    !matches!(refusal.why, Why::Cooling { .. } | Why::Probing | Why::Raced)
}

fn account(of: &AccountReport) -> Account {
    let windows = of.windows.iter().map(|one| {
        let frees_at = one.frees_at.map(moment);
        (one.limit.name(), Window { used: one.used, limit: one.value, frees_at })
    });
    Account {
        windows: windows.collect(),
        spend: of.spend.map(|spend| Spend {
            used: money(spend.spent),
            reserved: money(spend.reserved),
            limit: money(spend.max),
            resets_at: spend.resets_at.map(moment),
        }),
    }
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

/// A sum in US dollars as a JSON number, to the last decimal.
pub(crate) type Money = Box<RawValue>;

/// A sum as a JSON number.
pub(crate) fn money(of: Decimal) -> Money {
    RawValue::from_string(of.normalize().to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A moment in RFC 3339, to the millisecond.
pub(crate) fn moment(at: Instant) -> String {
    let ms = i64::try_from(at.as_nanos() / 1_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX).to_string()
}
