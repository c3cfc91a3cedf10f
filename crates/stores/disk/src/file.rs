//! The file: its tables, its version, what can be wrong with it.

use std::{fmt, io::ErrorKind, path::PathBuf, sync::Arc};

use pointsman_clock::Instant;
use pointsman_state::Entry;
use pointsman_types::{Decimal, Error};
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError,
    TableDefinition,
};

use crate::failure;

/// By account: when the entry was made, since when its window runs, what was spent, what claimed.
const SPEND: TableDefinition<'_, &str, (u64, u64, &str, &str)> = TableDefinition::new("spend");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const FORMAT: &str = "format";
/// The version of these tables.
const VERSION: u64 = 1;
/// All entries together are far smaller.
const CACHE: usize = 1 << 20;

type Make = dyn Fn() -> Result<Database, DatabaseError> + Send + Sync;

/// Opens the file, as often as a failure asks for it.
pub(crate) struct Opener {
    name: String,
    make: Box<Make>,
}

impl Opener {
    pub(crate) fn at(path: PathBuf) -> Self {
        let name = path.display().to_string();
        Self::new(name, move || builder().create(&path))
    }

    pub(crate) fn new(
        name: String,
        make: impl Fn() -> Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> Self {
        Self { name, make: Box::new(make) }
    }

    /// The file and all its entries.
    pub(crate) fn open(&self) -> Result<(File, Vec<Entry>), Error> {
        let database = (self.make)().map_err(|error| self.refused(error))?;
        self.versioned(&database)?;
        let entries = read(&database).map_err(|error| self.damaged(&error))?;
        let entries = entries.into_iter().map(|row| row.entry());
        let entries = entries.collect::<Option<_>>();
        let entries = entries.ok_or_else(|| self.damaged(&"an entry cannot be read"))?;
        Ok((File { database, name: self.name.clone() }, entries))
    }

    fn refused(&self, error: DatabaseError) -> Error {
        let name = &self.name;
        match error {
            DatabaseError::DatabaseAlreadyOpen => failure(format!(
                "`{name}` is in use by another process: end that one, or give each gateway a \
                 state_dir of its own"
            )),
            DatabaseError::UpgradeRequired(_) | DatabaseError::LockProtocolMismatch => {
                failure(format!("`{name}` is of another version: {error}"))
            }
            DatabaseError::Storage(StorageError::Io(error))
                if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                failure(format!("`{name}` cannot be opened: {error}"))
            }
            error => self.damaged(&error),
        }
    }

    fn damaged(&self, error: &dyn fmt::Display) -> Error {
        let name = &self.name;
        failure(format!(
            "`{name}` is damaged, or no file of ours ({error}): restore it, or move it away to \
             begin with nothing spent"
        ))
    }

    /// A new file gets our version; any other must have it.
    fn versioned(&self, database: &Database) -> Result<(), Error> {
        let version = mark(database).map_err(|error| self.damaged(&error))?;
        if version == VERSION {
            return Ok(());
        }
        Err(failure(format!(
            "`{}` has the format {version}, and this version reads {VERSION}: start the version \
             that wrote it, or move the file away to begin with nothing spent",
            self.name
        )))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct File {
    database: Database,
    name: String,
}

impl File {
    /// Writes all entries or none; when this returns they survive a power cut.
    pub(crate) fn commit<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Result<(), Error> {
        write(&self.database, entries)
            .map_err(|error| failure(format!("`{}` cannot be written: {error}", self.name)))
    }
}

/// How a database of ours is opened.
pub(crate) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

/// One entry as it is written.
struct Row {
    account: String,
    at: u64,
    since: u64,
    spent: String,
    claimed: String,
}

impl Row {
    fn entry(&self) -> Option<Entry> {
        let money = |text: &str| text.parse::<Decimal>().ok();
        Some(Entry {
            account: Arc::from(self.account.as_str()),
            at: Instant::from_nanos(self.at),
            since: Instant::from_nanos(self.since),
            spent: money(&self.spent)?,
            claimed: money(&self.claimed)?,
        })
    }
}

/// The version of a database, marked with ours if it is new.
fn mark(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let version = {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get(FORMAT)?.map(|version| version.value());
        if let Some(version) = found {
            version
        } else {
            meta.insert(FORMAT, VERSION)?;
            transaction.open_table(SPEND)?;
            VERSION
        }
    };
    transaction.commit()?;
    Ok(version)
}

fn read(database: &Database) -> Result<Vec<Row>, redb::Error> {
    let table = database.begin_read()?.open_table(SPEND)?;
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (account, row) = row?;
        let (at, since, spent, claimed) = row.value();
        let (account, spent, claimed) = (account.value().into(), spent.into(), claimed.into());
        rows.push(Row { account, at, since, spent, claimed });
    }
    Ok(rows)
}

fn write<'a>(
    database: &Database,
    entries: impl Iterator<Item = &'a Entry>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(SPEND)?;
        for entry in entries {
            let (spent, claimed) = (entry.spent.to_string(), entry.claimed.to_string());
            let row = (entry.at.as_nanos(), entry.since.as_nanos(), &*spent, &*claimed);
            table.insert(&*entry.account, row)?;
        }
    }
    transaction.commit()?;
    Ok(())
}
