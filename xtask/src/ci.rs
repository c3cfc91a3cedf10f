//! `cargo xtask ci`: the steps in order, their times, and what failed.

use std::{path::Path, time::Duration};

use crate::{
    clients,
    metadata::Metadata,
    steps::{self, Outcome},
};

/// One step: its name, and what it does.
type Step = (&'static str, fn(&Path, &Metadata) -> Outcome);

const STEPS: [Step; 9] = [
    ("fmt", steps::fmt),
    ("tidy", steps::tidy),
    ("clippy", steps::clippy),
    ("test", steps::test),
    ("doc", steps::doc),
    ("examples", steps::examples),
    ("clients", clients::step),
    ("features", steps::features),
    ("deny", steps::deny),
];

/// `name`, if a step is called that.
pub(crate) fn known(name: String) -> Result<String, String> {
    let names = STEPS.map(|(name, _)| name);
    if names.contains(&name.as_str()) {
        Ok(name)
    } else {
        Err(format!("there is no step `{name}`; the steps are {}", names.join(", ")))
    }
}

/// Runs the steps named in `only`, or all of them; an error is the closing summary.
pub(crate) fn run(root: &Path, keep_going: bool, only: &[String]) -> Result<(), String> {
    let metadata = Metadata::load(root)?;
    let chosen = STEPS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|o| o == name));
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (name, step) in chosen {
        println!("==> {name}");
        let (result, took) = timed(|| step(root, &metadata));
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        let (remark, why) = result.map_or_else(|why| (String::new(), Some(why)), |r| (r, None));
        let line = format!("{name:<10}{verdict:<6}{:>7.1} s  {remark}", took.as_secs_f32());
        println!("<== {}\n", line.trim_end());
        done.push(line.trim_end().to_owned());
        if let Some(why) = why {
            eprintln!("{why}\n");
            failed.push((*name, why));
            if !keep_going {
                break;
            }
        }
    }
    println!("{}", done.join("\n"));
    summary(&failed)
}

fn summary(failed: &[(&str, String)]) -> Result<(), String> {
    if failed.is_empty() {
        println!("ci: passed");
        return Ok(());
    }
    let lines: Vec<String> = failed.iter().map(|(name, why)| format!("  {name}: {why}")).collect();
    Err(format!("ci: FAILED\n{}", lines.join("\n")))
}

#[expect(clippy::disallowed_methods, reason = "a task measures itself; nothing is decided by it")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_named_in_the_summary() {
        assert_eq!(summary(&[]), Ok(()));
        let why = summary(&[("doc", "a link is broken".to_owned())]).unwrap_err();
        assert_eq!(why, "ci: FAILED\n  doc: a link is broken");
    }

    #[test]
    fn steps_are_known_by_name() {
        assert_eq!(known("deny".to_owned()), Ok("deny".to_owned()));
        assert!(known("lint".to_owned()).unwrap_err().contains("clippy, test, doc"));
    }
}
