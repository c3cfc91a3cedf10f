//! Programs of the system that a step needs: found, or installed where that is ours to do.

use std::{path::Path, process::Command};

use crate::tools::run;

/// A program that cargo cannot install.
#[derive(Debug)]
pub(crate) struct Program {
    /// What it is, for people.
    what: &'static str,
    /// Where it may be.
    names: &'static [&'static str],
    /// Arguments with which it succeeds, if it is what is needed.
    check: &'static [&'static str],
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
}

/// Python with all that a virtual environment needs.
pub(crate) const PYTHON: Program = Program {
    what: "Python 3.10 or later with its modules `venv` and `ensurepip`",
    names: &["python3", "/usr/bin/python3"],
    check: &["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"],
    packages: &["python3", "python3-venv"],
};

/// The server that instances share their state through.
pub(crate) const REDIS: Program = Program {
    what: "`redis-server`",
    names: &["redis-server", "/usr/bin/redis-server"],
    check: &["--version"],
    packages: &["redis-server"],
};

impl Program {
    /// Where it is. If it is missing it is installed, on Debian and as root; else an error says what
    /// to install.
    pub(crate) fn path(&self) -> Result<&'static str, String> {
        if let Some(found) = self.find() {
            return Ok(found);
        }
        let missing = format!("{} is missing", self.what);
        if !(is_root() && succeeds(Path::new("apt-get"), &["--version"])) {
            let packages = self.packages.join(" ");
            return Err(format!(
                "{missing}. Install it (on Debian: `apt-get install {packages}`, as root), then \
                 run this again."
            ));
        }
        println!("    installing {} with apt-get", self.packages.join(" "));
        run(&mut apt(&["update", "--quiet=2"]))?;
        let mut install = apt(&["install", "--yes", "--quiet=2", "--no-install-recommends"]);
        run(install.args(self.packages)).map_err(|why| format!("{why}\n{missing}."))?;
        let still = || format!("{missing}, and the packages that should bring it did not.");
        self.find().ok_or_else(still)
    }

    fn find(&self) -> Option<&'static str> {
        self.names.iter().copied().find(|name| succeeds(Path::new(name), self.check))
    }
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|out| out.stdout.trim_ascii() == b"0")
}

/// Whether a program starts with these arguments and ends well.
pub(crate) fn succeeds(program: &Path, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|out| out.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_nothing_else() {
        let cargo = Program {
            what: "cargo",
            names: &["no-such-program", "cargo"],
            check: &["--version"],
            packages: &[],
        };
        assert_eq!(cargo.path(), Ok("cargo"));
        let wrong = Program { check: &["--no-such-option"], ..cargo };
        assert_eq!(wrong.find(), None);
    }
}
