//! A machine whose files and programs the test says.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pointsman_provider::{Machine, Running};

/// Files by their path, programs by their command line, and what was run.
///
/// ```
/// use pointsman_provider::Machine;
/// use pointsman_testkit::FakeMachine;
/// let machine = FakeMachine::with(&[("/a", "text")]);
/// assert_eq!(machine.read("/a").as_deref(), Ok("text"));
/// assert!(machine.read("/b").is_err());
/// ```
#[derive(Debug, Default)]
pub struct FakeMachine {
    files: Mutex<BTreeMap<String, String>>,
    programs: BTreeMap<String, String>,
    ran: Mutex<Vec<String>>,
}

impl FakeMachine {
    /// A machine with these files: paths and texts.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { files: Mutex::new(files.iter().map(file).collect()), ..Self::default() }
    }

    /// The same machine with a program that prints a text.
    #[must_use]
    pub fn program(mut self, command: &str, prints: &str) -> Self {
        self.programs.insert(command.to_owned(), prints.to_owned());
        self
    }

    /// The command lines that were run.
    pub fn ran(&self) -> Vec<String> {
        unpoisoned(&self.ran).clone()
    }
}

impl Machine for FakeMachine {
    fn read(&self, path: &str) -> Result<String, String> {
        unpoisoned(&self.files).get(path).cloned().ok_or_else(|| "not found".to_owned())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), String> {
        unpoisoned(&self.files).insert(path.to_owned(), text.to_owned());
        Ok(())
    }

    fn run(&self, command: &[String]) -> Running {
        let command = command.join(" ");
        let prints = self.programs.get(&command).cloned().ok_or_else(|| "no program".to_owned());
        unpoisoned(&self.ran).push(command);
        Box::pin(async move { prints })
    }
}

fn unpoisoned<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
