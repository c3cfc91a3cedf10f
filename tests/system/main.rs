//! Whole-system tests: the built gateway on a real socket, against faulty upstreams on real
//! sockets.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

mod auth;
mod bad_requests;
mod demo;
mod dialects;
mod failover;
mod google;
mod google_door;
mod operations;
mod passing;
mod start;
mod streams;
mod world;

/// The built gateway.
const POINTSMAN: &str = env!("CARGO_BIN_EXE_pointsman");
