//! The command line.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{check, serve};

/// Routes every LLM call to the right deployment.
///
/// Reads a LiteLLM config.yaml as it stands, and answers OpenAI's API: point any OpenAI client at
/// http://127.0.0.1:4000/v1 and use a `model_name` of the file as the model.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the deployments of a configuration.
    ///
    /// SIGHUP reads the file again: what stays keeps its health, limits and calls in flight. SIGTERM
    /// takes no new connections and ends when the last answer is out.
    #[command(after_help = "Example:\n  pointsman serve --config examples/quickstart.yaml\n  \
        curl http://127.0.0.1:4000/v1/chat/completions -H 'content-type: application/json' \\\n    \
        -d '{\"model\": \"gpt-4o-mini\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}'")]
    Serve(Serve),
    /// Say how each key of a configuration is treated, and all that is wrong with it.
    ///
    /// Prints FILE:LINE:COL: grade: message. A key is `exact` (served as LiteLLM has it),
    /// `approximate` (served with the difference named) or `ignored` (the message says what happens
    /// instead); an `error` keeps the gateway from starting. Exits 1 if there is an error.
    Check {
        /// The configuration.
        file: PathBuf,
    },
}

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Serve {
    /// The configuration: a LiteLLM config.yaml.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, short, value_name = "HOST:PORT", default_value = "127.0.0.1:4000")]
    pub(crate) listen: SocketAddr,
    /// How log lines look, on stderr. RUST_LOG chooses which: `info`, `pointsman_router=debug`, …
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object each.
    Json,
}

/// Runs the command line. Exit codes: 0, 1 for a bad configuration, 2 for bad usage.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(how) => serve::run(&how),
        Command::Check { file } => check::run(&file),
    }
}
