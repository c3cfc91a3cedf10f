//! Whole-system tests: the built gateway on a real socket, against faulty upstreams on real
//! sockets.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

mod addresses;
mod auth;
mod bad_requests;
mod bedrock;
mod billed;
mod configs;
mod credentials;
mod demo;
mod dialects;
mod explain;
mod failover;
mod fallbacks;
mod google;
mod google_door;
mod health;
mod instances;
mod lacks;
mod limits;
mod metrics;
mod money;
mod names;
mod operations;
mod passing;
mod restarts;
mod routing;
mod start;
mod streams;
mod thousand;
#[cfg(feature = "otel")]
mod traces;
mod world;

/// The built gateway.
const POINTSMAN: &str = env!("CARGO_BIN_EXE_pointsman");
