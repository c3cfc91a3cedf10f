//! The machine's files and programs.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    process::Stdio,
    time::Duration,
};

use pointsman::provider::{Machine, Running};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

/// How long a program may take.
const WITHIN: Duration = Duration::from_mins(1);
/// The most of what a program prints that is read, in bytes.
const MOST: u64 = 1 << 20;

/// The machine that the gateway runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host;

impl Machine for Host {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), String> {
        // Whoever reads meanwhile reads the old text or the new one.
        let next = format!("{path}.{}", std::process::id());
        let written = private(&next)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&next, path));
        written.map_err(|error| {
            let _ = fs::remove_file(&next);
            error.to_string()
        })
    }

    fn run(&self, command: &[String]) -> Running {
        let command = command.to_vec();
        Box::pin(async move {
            let within = timeout(WITHIN, ran(&command)).await;
            within.unwrap_or_else(|_| Err(format!("it took longer than {} s", WITHIN.as_secs())))
        })
    }
}

fn private(path: &str) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

async fn ran(command: &[String]) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let (program, arguments) = command.split_first().ok_or("it is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(told)?;
    let (mut said, mut complaint) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reads = async {
        if let Some(out) = out {
            out.take(MOST).read_to_end(&mut said).await?;
        }
        Ok(())
    };
    let warns = async {
        if let Some(err) = err {
            err.take(MOST).read_to_end(&mut complaint).await?;
        }
        Ok(())
    };
    tokio::try_join!(reads, warns).map_err(told)?;
    let ended = child.wait().await.map_err(told)?;
    if ended.success() {
        return String::from_utf8(said).map_err(|_| "it printed no text".to_owned());
    }
    let complaint = String::from_utf8_lossy(&complaint);
    let complaint: String = complaint.trim().chars().take(300).collect();
    Err(format!("it ended with {ended}: {complaint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[tokio::test]
    async fn a_program_is_run_without_a_shell() {
        let said = Host.run(&command(&["echo", "a  b", "$HOME"])).await;
        assert_eq!(said.unwrap(), "a  b $HOME\n");
        let failed = Host.run(&command(&["sh", "-c", "echo why >&2; exit 3"])).await.unwrap_err();
        assert!(failed.contains('3') && failed.contains("why"), "{failed}");
        assert!(Host.run(&command(&["/nowhere/at/all"])).await.is_err());
        assert!(Host.run(&[]).await.is_err());
    }

    #[test]
    fn what_is_written_is_its_owners_alone() {
        let folder = std::env::temp_dir().join(format!("pointsman-machine-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("token").to_string_lossy().into_owned();
        Host.write(&path, "one").unwrap();
        Host.write(&path, "two").unwrap();
        assert_eq!(Host.read(&path).unwrap(), "two");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
        assert!(Host.write(&path, "three").is_err());
    }
}
