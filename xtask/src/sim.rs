//! `cargo xtask sim`: simulated worlds. They live in the testkit; this builds it for speed.

use std::{ffi::OsString, path::Path};

use crate::tools::{cargo, run};

/// Passes the arguments on; what it says and whether it failed is the simulation's.
pub(crate) fn sim(root: &Path, args: &[OsString]) -> Result<(), String> {
    let mut command = cargo(root, &["run", "--quiet", "--locked", "--profile", "sim"]);
    command.args(["--package", "pointsman-testkit", "--example", "sim", "--"]);
    run(command.args(args))
}
