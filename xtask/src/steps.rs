//! The steps of `cargo xtask ci`. Each returns a remark for the closing summary, often empty.

use std::{path::Path, process::Command, time::Duration};

use crate::{
    metadata::{Metadata, Package},
    system,
    tools::{self, cargo, run, run_within},
};

/// A remark, or why the step failed.
pub(crate) type Outcome = Result<String, String>;

/// How long one example may run.
const EXAMPLE_BOUND: Duration = Duration::from_mins(1);
/// How long the advisory database may take to arrive.
const DATABASE_BOUND: Duration = Duration::from_mins(2);

pub(crate) fn fmt(root: &Path, _: &Metadata) -> Outcome {
    quiet(run(&mut cargo(root, &["fmt", "--all", "--check"])))
}

pub(crate) fn tidy(root: &Path, _: &Metadata) -> Outcome {
    quiet(crate::tidy::run(root))
}

pub(crate) fn clippy(root: &Path, _: &Metadata) -> Outcome {
    let args = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    quiet(run(&mut cargo(root, &args)))
}

pub(crate) fn test(root: &Path, metadata: &Metadata) -> Outcome {
    // The tests of the store start one of their own.
    if metadata.packages.iter().any(|package| package.name == "pointsman-redis") {
        system::REDIS.path()?;
    }
    quiet(run(&mut cargo(root, &["test", "--locked", "--workspace"])))
}

pub(crate) fn doc(root: &Path, _: &Metadata) -> Outcome {
    let mut doc = cargo(root, &["doc", "--locked", "--workspace", "--no-deps"]);
    quiet(run(doc.env("RUSTDOCFLAGS", "-D warnings")))
}

/// Builds each example of the facade, then runs it.
pub(crate) fn examples(root: &Path, metadata: &Metadata) -> Outcome {
    let facade = metadata.packages.iter().find(|package| package.name == "pointsman");
    let examples = facade.map_or(&[][..], |package| &package.examples);
    for example in examples {
        println!("    {}", example.name);
        let features = example.features.join(",");
        let mut args = vec!["--locked", "--package", "pointsman", "--example", &example.name];
        if !features.is_empty() {
            args.extend(["--features", &features]);
        }
        run(cargo(root, &["build"]).args(&args))?;
        // Not through `cargo run`: past its bound cargo would be ended, and the example live on.
        let file = format!("{}{}", example.name, std::env::consts::EXE_SUFFIX);
        let program = metadata.target.join("debug/examples").join(file);
        run_within(Command::new(program).current_dir(root), EXAMPLE_BOUND)?;
    }
    Ok(format!("{} run", examples.len()))
}

/// Checks each package that has features without them, with each alone, and with all.
pub(crate) fn features(root: &Path, metadata: &Metadata) -> Outcome {
    let mut checks = 0;
    for package in metadata.packages.iter().filter(|package| !package.features.is_empty()) {
        for selection in selections(package) {
            println!("    {} {}", package.name, selection.join(" "));
            let mut check = cargo(root, &["check", "--quiet", "--locked", "-p", &package.name]);
            run(check.args(&selection))?;
            checks += 1;
        }
    }
    Ok(format!("{checks} selections checked"))
}

fn selections(package: &Package) -> Vec<Vec<&str>> {
    let mut all = vec![vec!["--no-default-features"]];
    for feature in &package.features {
        all.push(vec!["--no-default-features", "--features", feature]);
    }
    all.push(vec!["--all-features"]);
    all
}

/// Bans, licences and sources; advisories where their database can be had.
pub(crate) fn deny(root: &Path, metadata: &Metadata) -> Outcome {
    let program = tools::DENY.path(metadata)?;
    let deny = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("--locked").args(args).current_dir(root);
        command
    };
    let check = ["check", "--hide-inclusion-graph"];
    run(deny(&check).args(["bans", "licenses", "sources"]))?;
    if run_within(&mut deny(&["fetch", "db"]), DATABASE_BOUND).is_err() {
        println!(
            "    NOTICE: advisories were NOT checked: no RustSec database, for the reason above"
        );
        return Ok("advisories NOT checked: the RustSec database is out of reach".to_owned());
    }
    // The database is here: a failure from now on is a finding.
    run(deny(&["--offline"]).args(check).arg("advisories"))?;
    println!("    advisories were checked against the RustSec database");
    Ok("advisories checked".to_owned())
}

fn quiet(result: Result<(), String>) -> Outcome {
    result.map(|()| String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_checked_alone_and_together() {
        let features = vec!["default".to_owned(), "redis".to_owned()];
        let package = Package { name: "a".to_owned(), features, examples: Vec::new() };
        let lines: Vec<String> = selections(&package).iter().map(|s| s.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "--no-default-features",
                "--no-default-features --features default",
                "--no-default-features --features redis",
                "--all-features"
            ]
        );
    }
}
