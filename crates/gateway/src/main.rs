//! The gateway: OpenAI's API in front of every deployment, from a LiteLLM `config.yaml`.

mod app;
mod auth;
mod body;
mod check;
mod cli;
mod config;
mod cross_origin;
mod demo;
mod deployment_paths;
mod explain;
mod failure;
mod form;
mod google;
mod health;
mod keep;
mod listen;
mod logs;
mod machine;
mod metrics;
mod model_info;
mod models;
mod operate;
mod options;
mod paths;
mod respond;
mod routes;
mod serve;
mod socket;
mod state;
#[cfg(feature = "otel")]
mod traces;
#[cfg(not(feature = "otel"))]
#[path = "untraced.rs"]
mod traces;
mod ui;

use std::process::ExitCode;

/// Bodies come and go by the megabyte: this allocator keeps their pages for the next one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
