//! What a machine has beside the network.

use std::{fmt::Debug, pin::Pin};

/// What a program wrote to its standard output, once it has ended well; else why it has not.
pub type Running = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// The machine's files and programs, for whoever fetches keys with what lies there.
///
/// ```
/// use pointsman_provider::{Machine, Running};
///
/// /// Files only, which nobody may write.
/// #[derive(Debug)]
/// struct Files;
///
/// impl Machine for Files {
///     fn read(&self, path: &str) -> Result<String, String> {
///         std::fs::read_to_string(path).map_err(|error| error.to_string())
///     }
///     fn write(&self, path: &str, _: &str) -> Result<(), String> {
///         Err(format!("{path} is not to be written"))
///     }
///     fn run(&self, command: &[String]) -> Running {
///         let why = format!("{:?} is not to be run", command.first());
///         Box::pin(async { Err(why) })
///     }
/// }
/// assert!(Files.read("/nowhere/at/all").is_err());
/// ```
pub trait Machine: Debug + Send + Sync + 'static {
    /// The text of the file at this path.
    ///
    /// # Errors
    ///
    /// Says why it cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;

    /// Replaces the text of the file at this path, which nobody but its owner may read.
    ///
    /// # Errors
    ///
    /// Says why it cannot be written.
    fn write(&self, path: &str, text: &str) -> Result<(), String>;

    /// Runs a program with arguments, without a shell and for a bounded time. Dropping what it
    /// returns ends the program.
    fn run(&self, command: &[String]) -> Running;
}

const _: fn(&dyn Machine) = |_| ();

/// A machine without files and programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMachine;

impl Machine for NoMachine {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there are no files".to_owned())
    }

    fn write(&self, _: &str, _: &str) -> Result<(), String> {
        Err("there are no files".to_owned())
    }

    fn run(&self, _: &[String]) -> Running {
        Box::pin(async { Err("there are no programs".to_owned()) })
    }
}
