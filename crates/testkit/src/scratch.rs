//! A directory of one's own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// An empty directory below the system's one for temporary files, removed with all it holds on drop.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let scratch = pointsman_testkit::Scratch::new()?;
/// let file = scratch.write("config.yaml", "model_list: []")?;
/// assert_eq!(std::fs::read_to_string(&file)?, "model_list: []");
/// drop(scratch);
/// assert!(!file.exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a directory that nobody else has.
    ///
    /// # Errors
    /// As the file system has them.
    pub fn new() -> io::Result<Self> {
        loop {
            let nth = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("pointsman-{}-{nth}", process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left over by an earlier process of the same number.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in it, replacing one of that name, and says where.
    ///
    /// # Errors
    /// As the file system has them.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the next start picks another name.
        drop(fs::remove_dir_all(&self.path));
    }
}
