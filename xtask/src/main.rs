//! The project's tasks: `cargo xtask ci`, `tidy`, `clients`, `prices` and `sim`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to a terminal")]

mod ci;
mod clients;
mod metadata;
mod prices;
mod sim;
mod steps;
mod system;
mod tidy;
mod tools;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

const HELP: &str = "\
The project's tasks.

Usage: cargo xtask <task>

Tasks:
  ci     Everything a change must pass, in order: fmt, tidy, clippy, test, doc, examples,
         clients, features, deny. Stops at the first failure.
           --keep-going   run every step and list the failures at the end
           --only <step>  run this step alone; may be repeated
  tidy   The house rules that neither rustc nor clippy knows: floors, dependencies, banned names,
         lengths, links. Builds nothing. Prints each finding as `path:line: rule: what to do`.
  clients  The step `clients` by itself: the vendors' own clients against the gateway.
           --all          LangChain, LiteLLM and `llm` as well
  prices Refreshes the shipped price book from a file in LiteLLM's format.
           --from <file>    the file, such as model_prices_and_context_window.json
           --as-of <date>   the day for which it holds, such as 2026-11-22
  sim    Lives through simulated worlds and checks their laws; `cargo xtask sim --help` has more.
           --seed <n> --seeds <n> --calls <n>   which worlds, and how much happens in each
           --mutant <name>                      with a bug on purpose, that some law must notice

Options:
  -h, --help  Show this

While working on one crate:
  cargo clippy -p pointsman-strategy --all-targets -- -D warnings
  cargo test -p pointsman-strategy
  cargo xtask tidy
";

/// What was asked for.
enum Task {
    Help,
    Tidy,
    Clients { all: bool },
    Prices(prices::Options),
    Sim(Vec<std::ffi::OsString>),
    Ci { keep_going: bool, only: Vec<String> },
}

fn main() -> ExitCode {
    match parse(lexopt::Parser::from_env()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), String> {
    let root = &root()?;
    match task {
        Task::Help => {
            print!("{HELP}");
            Ok(())
        }
        Task::Tidy => tidy::run(root),
        Task::Clients { all } => clients::run_all(root, all),
        Task::Prices(options) => prices::run(root, &options),
        Task::Sim(args) => sim::sim(root, &args),
        Task::Ci { keep_going, only } => ci::run(root, keep_going, &only),
    }
}

/// The repository around the current folder. Asked at run time: a target folder that several
/// checkouts share holds one binary for all of them.
fn root() -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|e| format!("there is no current folder: {e}"))?;
    let root = here.ancestors().find(|dir| dir.join("xtask/Cargo.toml").is_file());
    root.map(Path::to_owned).ok_or_else(|| format!("{} lies in no checkout", here.display()))
}

fn parse(mut args: lexopt::Parser) -> Result<Task, String> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let (mut name, mut keep_going, mut only, mut all) = (None, false, Vec::new(), false);
    let mut prices = prices::Options::default();
    while let Some(arg) = args.next().map_err(|e| e.to_string())? {
        match arg {
            Short('h') | Long("help") => return Ok(Task::Help),
            Value(task) if name.is_none() => {
                let task = task.string().map_err(|e| e.to_string())?;
                if task == "sim" {
                    // Its options are its own.
                    return Ok(Task::Sim(args.raw_args().map_err(|e| e.to_string())?.collect()));
                }
                name = Some(task);
            }
            Long("keep-going") if name.as_deref() == Some("ci") => keep_going = true,
            Long("all") if name.as_deref() == Some("clients") => all = true,
            Long("only") if name.as_deref() == Some("ci") => {
                let step = args.value().and_then(ValueExt::string).map_err(|e| e.to_string())?;
                only.push(ci::known(step)?);
            }
            Long("from") if name.as_deref() == Some("prices") => {
                prices.from =
                    Some(args.value().and_then(ValueExt::string).map_err(|e| e.to_string())?);
            }
            Long("as-of") if name.as_deref() == Some("prices") => {
                prices.as_of =
                    Some(args.value().and_then(ValueExt::string).map_err(|e| e.to_string())?);
            }
            other => return Err(format!("{}; see `cargo xtask --help`", other.unexpected())),
        }
    }
    match name.as_deref() {
        Some("ci") => Ok(Task::Ci { keep_going, only }),
        Some("tidy") => Ok(Task::Tidy),
        Some("clients") => Ok(Task::Clients { all }),
        Some("prices") => Ok(Task::Prices(prices)),
        Some(other) => Err(format!("there is no task `{other}`; see `cargo xtask --help`")),
        None => Err(HELP.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<Task, String> {
        parse(lexopt::Parser::from_args(args))
    }

    #[test]
    fn tasks_and_their_options_are_read() {
        assert!(matches!(of(&["tidy"]), Ok(Task::Tidy)));
        assert!(matches!(of(&["clients"]), Ok(Task::Clients { all: false })));
        assert!(matches!(of(&["clients", "--all"]), Ok(Task::Clients { all: true })));
        assert!(matches!(of(&["ci", "--help"]), Ok(Task::Help)));
        let Ok(Task::Ci { keep_going: true, only }) = of(&["ci", "--keep-going", "--only", "deny"])
        else {
            panic!("ci with both options")
        };
        assert_eq!(only, ["deny"]);
        let Ok(Task::Sim(args)) = of(&["sim", "--seed", "7", "--help"]) else { panic!("sim") };
        assert_eq!(args, ["--seed", "7", "--help"]);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for args in
            [&["sweep"][..], &["tidy", "--keep-going"], &["ci", "now"], &["ci", "--only", "x"], &[]]
        {
            assert!(of(args).is_err(), "{args:?}");
        }
    }
}
