//! Starting programs, and getting those that are missing.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use crate::metadata::Metadata;

/// A program that cargo can install.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The crate and the binary in it.
    pub name: &'static str,
    pub version: &'static str,
}

/// `cargo deny`.
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

impl Tool {
    /// Where the program is; it is built first if this version is neither in the target folder
    /// nor in the search path. Nothing outside the target folder changes.
    pub(crate) fn path(&self, metadata: &Metadata) -> Result<PathBuf, String> {
        let home = metadata.target.join("tools");
        let own = home.join("bin").join(self.name);
        let candidates = [own.clone(), PathBuf::from(self.name)];
        if let Some(found) = candidates.into_iter().find(|program| self.is(program)) {
            return Ok(found);
        }
        println!("    installing {} {}: it is built once, in minutes", self.name, self.version);
        let mut install = Command::new("cargo");
        install
            .args(["install", "--locked", "--force", "--debug", self.name])
            .arg(format!("--version={}", self.version))
            .arg("--root")
            .arg(&home)
            .arg("--target-dir")
            .arg(home.join("build"));
        run(&mut install).map_err(|why| {
            format!(
                "{why}\n{0} {1} is missing and could not be built. Install it with \
                 `cargo install --locked {0} --version ={1}`, then run this again.",
                self.name, self.version
            )
        })?;
        if self.is(&own) {
            Ok(own)
        } else {
            Err(format!("{} is not what was asked for", own.display()))
        }
    }

    /// Whether `program` starts and is of this version.
    fn is(&self, program: &Path) -> bool {
        let out = Command::new(program).arg("--version").output();
        out.is_ok_and(|out| {
            let said = String::from_utf8_lossy(&out.stdout);
            said.split_whitespace().nth(1) == Some(self.version)
        })
    }
}

/// `cargo` with these arguments, in the folder `root`.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root);
    command
}

/// Runs it to its end; an error names the command.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{} did not start: {e}", shown(command)))?;
    judge(command, status)
}

/// Runs it for at most `bound`, then ends it; an error names the command.
pub(crate) fn run_within(command: &mut Command, bound: Duration) -> Result<(), String> {
    const STEP: Duration = Duration::from_millis(50);
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .map_err(|e| format!("{} did not start: {e}", shown(command)))?;
    let mut left = bound;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return judge(command, status),
            Ok(None) if left.is_zero() => break,
            Ok(None) => {
                let step = STEP.min(left);
                thread::sleep(step);
                left -= step;
            }
            Err(e) => return Err(format!("{} was lost: {e}", shown(command))),
        }
    }
    // It may have ended just now: then there is nothing to end.
    child.kill().ok();
    child.wait().map_err(|e| format!("{} was lost: {e}", shown(command)))?;
    Err(format!("{} did not end within {} s", shown(command), bound.as_secs_f32()))
}

fn judge(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command))) }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy()));
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let why = run(cargo(Path::new("."), &["no-such-command"]).stderr(Stdio::null()));
        assert!(why.unwrap_err().starts_with("`cargo no-such-command` failed: "));
        let why = run_within(&mut Command::new("no-such-program"), Duration::from_secs(5));
        assert!(why.unwrap_err().starts_with("`no-such-program` did not start: "));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("30");
        let why = run_within(&mut command, Duration::from_millis(100)).unwrap_err();
        assert_eq!(why, "`sleep 30` did not end within 0.1 s");
    }

    #[test]
    fn another_version_is_not_the_tool() {
        let cargo = Tool { name: "cargo", version: "0.0.1" };
        assert!(!cargo.is(Path::new("cargo")));
        assert!(!cargo.is(Path::new("no-such-program")));
    }
}
