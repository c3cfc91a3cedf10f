//! What would happen to a request, without sending it: `POST /router/explain` and
//! `pointsman explain`.

mod command;
mod words;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use pointsman::{
    provider::surfaces,
    router::{ExplainedMember, Explanation},
    types::{Error, Operation},
};
use serde::Serialize;

pub(crate) use command::run;

use crate::{
    app::App,
    failure, operate,
    state::{Money, moment, money},
};

/// What `POST /router/explain` says.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    group: String,
    fallbacks: Vec<String>,
    members: Vec<Member>,
    pick: Option<String>,
    seed: u64,
    ticket: u64,
    estimate: Estimate,
}

#[derive(Debug, Serialize)]
struct Member {
    id: String,
    verdict: &'static str,
    reason: Option<String>,
    until: Option<String>,
    score: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Estimate {
    input: u64,
    output: u64,
    usd: Option<Money>,
}

/// What would happen to a chat request now.
pub(crate) async fn explain(State(app): State<Arc<App>>, request: Request) -> Response {
    match explained(&app, request).await {
        Ok(explained) => Json(explained).into_response(),
        Err(error) => failure::plain(surfaces::of(Operation::Chat), &error),
    }
}

async fn explained(app: &App, request: Request) -> Result<Explained, Error> {
    let (head, body) = request.into_parts();
    let call = operate::read(app, Operation::Chat, None, head, body).await?;
    app.router.explain(call).map(Explained::from)
}

impl From<Explanation> for Explained {
    fn from(of: Explanation) -> Self {
        Self {
            group: of.group.to_string(),
            fallbacks: of.fallbacks.iter().map(ToString::to_string).collect(),
            members: of.members.iter().map(Member::from).collect(),
            pick: of.pick.map(|id| id.to_string()),
            seed: of.seed,
            ticket: of.ticket,
            estimate: Estimate {
                input: of.estimate.0,
                output: of.estimate.1,
                usd: of.cost.map(money),
            },
        }
    }
}

impl From<&ExplainedMember> for Member {
    fn from(of: &ExplainedMember) -> Self {
        Self {
            id: of.id.to_string(),
            verdict: of.verdict.name(),
            reason: of.reason(),
            until: of.until().map(moment),
            score: of.score,
        }
    }
}
