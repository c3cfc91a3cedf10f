//! The steps of `cargo xtask ci`. Each returns a remark for the closing summary, often empty.

use std::{path::Path, process::Command, time::Duration};

use crate::{
    metadata::{Metadata, Package},
    system,
    tools::{self, cargo, run, run_within},
};

/// A remark, or why the step failed.
pub(crate) type Outcome = Result<String, String>;

/// Where proptest reads its seed.
const SEED: &str = "PROPTEST_RNG_SEED";
/// The seed of a folder that is no checkout, such as an unpacked archive.
const NO_TREE: u64 = 1;
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
    let seed = seed_of(root);
    let mut test = cargo(root, &["test", "--locked", "--workspace"]);
    run(test.env(SEED, &seed)).map_err(|why| format!("{why}; {SEED}={seed}"))?;
    Ok(format!("{SEED}={seed}"))
}

/// The seed of the properties: the environment's, or one of the tree that is checked out. Each
/// state of the project tries other cases, and each has one verdict, here and on any machine; a
/// plain `cargo test` goes on trying new ones.
#[expect(clippy::disallowed_methods, reason = "where proptest itself looks")]
fn seed_of(root: &Path) -> String {
    if let Ok(seed) = std::env::var(SEED) {
        return seed;
    }
    let mut git = Command::new("git");
    let tree = git.args(["rev-parse", "HEAD^{tree}"]).current_dir(root).output().ok();
    let tree = tree.filter(|out| out.status.success());
    tree.and_then(|out| seed_from(&String::from_utf8_lossy(&out.stdout)))
        .unwrap_or(NO_TREE)
        .to_string()
}

/// From the first 64 bits of the tree's name.
fn seed_from(tree: &str) -> Option<u64> {
    u64::from_str_radix(tree.get(..16)?, 16).ok()
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
    fn a_tree_has_one_seed() {
        let tree = "00000000000000ff1b2c3d4e5f60718293a4b5c6\n";
        assert_eq!(seed_from(tree), Some(255));
        assert_eq!(seed_from("fatal: not a git repository"), None);
    }

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
