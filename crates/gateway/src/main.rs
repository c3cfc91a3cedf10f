//! The gateway: OpenAI's API in front of every deployment, from a LiteLLM `config.yaml`.

mod app;
mod auth;
mod body;
mod check;
mod cli;
mod config;
mod failure;
mod listen;
mod logs;
mod models;
mod operate;
mod options;
mod respond;
mod routes;
mod serve;
mod socket;
mod state;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
