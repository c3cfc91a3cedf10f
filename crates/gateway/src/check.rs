//! `pointsman check`: every finding of a configuration, at its place.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use pointsman::{
    clock::{Clock, SystemClock},
    config::{Finding, Grade, folded},
};

use crate::config::Upstreams;

/// Prints all findings; fails if one is an error.
pub(crate) fn run(file: &Path) -> ExitCode {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let findings = match Upstreams::new(&clock) {
        Ok(upstreams) => upstreams.configure(file).findings,
        Err(why) => vec![Finding::new(pointsman::config::Place::default(), Grade::Error, why)],
    };
    // A reader that has seen enough is no failure.
    let _ = print(&mut io::stdout().lock(), file, &findings);
    let faulty = findings.iter().any(|finding| finding.grade == Grade::Error);
    ExitCode::from(u8::from(faulty))
}

/// Writes a line for each finding; what is said of many places is said once.
pub(crate) fn print(to: &mut impl Write, file: &Path, findings: &[Finding]) -> io::Result<()> {
    let file = file.display().to_string();
    for finding in folded(findings) {
        writeln!(to, "{}", finding.render(&file))?;
    }
    Ok(())
}
