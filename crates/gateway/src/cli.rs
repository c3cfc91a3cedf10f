//! The command line.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{check, demo, explain, serve};

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
    /// Say what would happen to a call: who gets it, why not the others, what follows a failure.
    ///
    /// Sends nothing. It is what POST /router/explain of a running gateway says, by the same rules,
    /// for a configuration in which nothing has happened yet: no limit is used, nobody cools.
    #[command(after_help = "Examples:\n  \
        pointsman explain config.yaml --model gpt-4o-mini\n  \
        pointsman explain config.yaml --model gpt-4o-mini --request call.json --json\n  \
        curl http://127.0.0.1:4000/router/explain -d @call.json      # of a running gateway")]
    Explain(Explain),
    /// Watch the gateway route round an upstream that breaks and recovers.
    ///
    /// Starts three upstreams and a gateway on loopback and calls it all the time. One upstream
    /// begins to answer 500: its third failure cools it, and the others take its calls, so that every
    /// call is still answered. When the cooldown is over one call goes to it as a probe. It fails, and
    /// the next cooldown is twice as long; by then the upstream has recovered, the probe is answered,
    /// and its share ramps up.
    ///
    /// Needs no key and no configuration, leaves nothing behind, and exits 0. In a terminal a table is
    /// drawn over itself; plain lines go to anything else.
    #[command(after_help = "Examples:\n  pointsman demo\n  pointsman demo --seconds 60\n  \
        pointsman demo | tee demo.txt      # plain lines\n\n\
        Ctrl-C ends it early, with the summary. NO_COLOR=1 leaves the colours out.")]
    Demo(Demo),
}

/// What to explain.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Explain {
    /// The configuration.
    pub(crate) file: PathBuf,
    /// The name that the call asks for: a group, an alias, a deployment's id.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) model: String,
    /// A file with the body of a chat request; its `model` is replaced. Without it: a greeting.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) request: Option<PathBuf>,
    /// Print JSON, as POST /router/explain answers it.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to show it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Demo {
    /// How long it lasts, from 5 to 600; cooldowns and ramp are a tenth and a fifth of it.
    #[arg(long, short, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(5..=600))]
    pub(crate) seconds: u64,
}

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Serve {
    /// The configuration: a LiteLLM config.yaml.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(
        long,
        short,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:4000",
        value_parser = address
    )]
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
        Command::Explain(how) => explain::run(&how),
        Command::Demo(how) => demo::run(how),
    }
}

/// An address, or the first one that its host has: of IPv4, if it has one.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "wanted HOST:PORT, like 127.0.0.1:4000 or localhost:4000";
    let found = text.to_socket_addrs().map_err(|error| format!("{wanted}: {error}"))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_name() {
        assert_eq!(address("localhost:4000"), Ok(([127, 0, 0, 1], 4000).into()));
        assert_eq!(address("[::1]:0").map(|one| one.is_ipv6()), Ok(true));
        for wrong in ["4000", "localhost", "127.0.0.1:99999", ""] {
            assert!(address(wrong).unwrap_err().starts_with("wanted HOST:PORT"), "{wrong}");
        }
    }
}
