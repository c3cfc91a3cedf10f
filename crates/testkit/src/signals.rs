//! Signals to child processes.

use std::io;

use tokio::process::{Child, Command};

/// Sends one, such as `-TERM`, to a child that has not been waited for. By the shell, whose `kill` is
/// everywhere, where the program of that name is not.
pub(crate) async fn send(child: &Child, signal: &str) -> io::Result<()> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "the process has ended");
    let id = child.id().ok_or_else(gone)?.to_string();
    let words = ["-c", "kill \"$0\" \"$1\"", signal, &id];
    let status = Command::new("sh").args(words).status().await?;
    if status.success() { Ok(()) } else { Err(gone()) }
}
