//! The step `clients`: the vendors' own clients, installed into the target folder, against the gateway.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    metadata::Metadata,
    steps::Outcome,
    tools::{cargo, run},
};

/// Where the clients' versions and their tests are.
const SOURCES: &str = "tests/clients";

/// Installs the vendors' clients, then runs `tests/clients`; lints it too, since nothing else builds
/// it.
pub(crate) fn step(root: &Path, metadata: &Metadata) -> Outcome {
    tested(root, metadata, false)
}

/// The same, with LangChain, LiteLLM and `llm` if `all` are wanted.
pub(crate) fn run_all(root: &Path, all: bool) -> Result<(), String> {
    println!("{}: ok", tested(root, &Metadata::load(root)?, all)?);
    Ok(())
}

fn tested(root: &Path, metadata: &Metadata, all: bool) -> Outcome {
    let (sources, home) = (root.join(SOURCES), metadata.target.join("tools/clients"));
    let (list, place) =
        if all { ("all.txt", "python-all") } else { ("requirements.txt", "python") };
    let python = python(&sources.join(list), &home.join(place))?;
    let node = node(&sources, &home.join("node"))?;
    let target = ["--locked", "--package", "pointsman-gateway", "--test", "clients"];
    run(cargo(root, &["clippy"]).args(target).args(["--", "-D", "warnings"]))?;
    let mut test = cargo(root, &["test"]);
    test.args(target);
    if all {
        test.args(["--", "--include-ignored"]);
    }
    test.env("POINTSMAN_PYTHON", python).env("POINTSMAN_NODE_CLIENT", node);
    run(&mut test)?;
    Ok(if all { "all clients" } else { "Python and Node" }.to_owned())
}

/// An interpreter that has the Python clients of a list: that of a virtual environment in `home`.
fn python(list: &Path, home: &Path) -> Result<PathBuf, String> {
    let python = home.join("bin/python");
    if !python.exists() {
        println!("    making a Python environment");
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(home));
        made.map_err(|why| missing(&why, "Python 3.10 or later with its module `venv`"))?;
    }
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    let installed = run(install.arg(list));
    installed.map_err(|why| missing(&why, "PyPI, or a mirror that pip is set up for"))?;
    Ok(python)
}

/// A folder whose `node_modules` has the Node client.
fn node(sources: &Path, home: &Path) -> Result<PathBuf, String> {
    const LISTS: [&str; 2] = ["package.json", "package-lock.json"];
    let lists = LISTS.map(|list| (sources.join(list), home.join(list)));
    let read = |file: &Path| fs::read(file).ok();
    let installed = lists.iter().all(|(from, to)| read(from) == read(to));
    if installed && home.join("node_modules/openai").exists() {
        return Ok(home.to_owned());
    }
    println!("    installing the Node client");
    fs::create_dir_all(home).map_err(|e| format!("{} cannot be made: {e}", home.display()))?;
    for (from, to) in &lists {
        fs::copy(from, to).map_err(|e| format!("{} cannot be copied: {e}", from.display()))?;
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(home);
    let installed = run(&mut install);
    installed.map_err(|why| missing(&why, "Node 20 or later with npm, and its registry"))?;
    Ok(home.to_owned())
}

fn missing(why: &str, what: &str) -> String {
    format!("{why}\nThe clients' tests need {what}.")
}
