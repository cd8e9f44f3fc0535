//! The journal of a server that is without its database: `<data>/journal.db`, a SQLite file.
//!
//! An entry is a failure that memory counted, or failures that a success forgot. It is on disk before
//! the outcome is told, and stays until the database has it. Entries are numbered; a number is never
//! used again, so that the database knows by one number what it has.

use std::path::Path;
use std::time::Duration;

use portvakt_auth::lock::LockChange;
use portvakt_auth::{AccountId, Lockout, Now};
use rusqlite::{Connection, Row, params};

use super::merge::millis;
use crate::StoreError;

/// Entries that a journal holds at most, some 100 MB: beyond it no failure is told.
const CAPACITY: usize = 1_000_000;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS journal (
        id TEXT NOT NULL                    -- random; names this journal to the database
    );
    CREATE TABLE IF NOT EXISTS entries (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        counted INTEGER NOT NULL,           -- 1: a failure; 0: failures were forgotten
        at_ms INTEGER NOT NULL,             -- milliseconds since 1970, by this server's clock
        tick_ms INTEGER NOT NULL,           -- the same moment on the clock that never jumps
        locked_for_ms INTEGER,              -- the failure locked the account
        attempts INTEGER NOT NULL,          -- the rules then
        lock_ms INTEGER NOT NULL,
        forget_ms INTEGER NOT NULL
    );
";

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A failure was counted.
    Counted {
        /// It locked the account for so long.
        locked_for_ms: Option<i64>,
    },
    /// Failures were forgotten.
    Cleared,
}

/// An entry. Its time is by one of the server's clocks; which one, the reader says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) account: AccountId,
    pub(crate) event: Event,
    pub(crate) at_ms: i64,
    pub(crate) rules: Lockout,
}

/// A change of memory that is to be journalled.
pub(crate) struct Change<'c> {
    pub(crate) change: &'c LockChange,
    pub(crate) rules: &'c Lockout,
    /// The time of the change.
    pub(crate) now: Now,
}

/// The clock that entries are read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadBy {
    /// The one that never jumps: for entries of this process.
    Tick,
    /// UTC: for those of an earlier one.
    Utc,
}

/// The journal, open for writing.
pub(crate) struct Journal {
    connection: Connection,
    id: String,
    entries: usize,
}

impl Journal {
    /// Opens or makes the journal in a data folder that this process has taken.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        // This process alone has it: nobody's log-on waits for another.
        connection.busy_timeout(Duration::from_millis(100))?;
        // What was committed survives a power cut.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.execute_batch(SCHEMA)?;
        let made = "INSERT INTO journal SELECT lower(hex(randomblob(16)))
             WHERE NOT EXISTS (SELECT 1 FROM journal)";
        connection.execute(made, [])?;
        let id = connection.query_row("SELECT id FROM journal", [], |row| row.get(0))?;
        let count = "SELECT count(*) FROM entries";
        let entries: u32 = connection.query_row(count, [], |row| row.get(0))?;
        Ok(Self {
            connection,
            id,
            entries: entries as usize,
        })
    }

    /// Its name at the database.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Entries that the database does not have, as far as is known.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Writes entries, all or none; they are durable then.
    ///
    /// # Errors
    /// [`StoreError::JournalFull`], or [`StoreError::Database`] if the disk refuses.
    pub(crate) fn append(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        if self.entries.saturating_add(changes.len()) > CAPACITY {
            return Err(StoreError::JournalFull { entries: CAPACITY });
        }
        let transaction = self.connection.transaction()?;
        let sql = "INSERT INTO entries (account, counted, at_ms, tick_ms, locked_for_ms, attempts,
                       lock_ms, forget_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        for Change { change, rules, now } in changes {
            let (counted, locked_for) = match change {
                LockChange::Cleared { .. } => (false, None),
                LockChange::Put(record) => {
                    let until = record.locked_until;
                    (true, until.map(|until| millis(until.since(now.tick))))
                }
            };
            transaction.prepare_cached(sql)?.execute(params![
                change.account().as_str(),
                counted,
                now.utc.as_millisecond(),
                now.tick.as_millis(),
                locked_for,
                rules.attempts,
                millis(rules.duration),
                millis(rules.forget_after),
            ])?;
        }
        transaction.commit()?;
        self.entries = self.entries.saturating_add(changes.len());
        Ok(())
    }

    /// The entries after this number, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) fn after(&self, number: i64, by: ReadBy) -> Result<Vec<Entry>, StoreError> {
        let sql =
            "SELECT number, account, counted, at_ms, tick_ms, locked_for_ms, attempts, lock_ms,
                       forget_ms
             FROM entries WHERE number > ?1 ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([number], |row| read(row, by))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes the entries up to this number, which the database has; the next one is above it, also
    /// where the file came from a backup.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) fn merged_through(&mut self, number: i64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let removed = transaction.execute("DELETE FROM entries WHERE number <= ?1", [number])?;
        let raised = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'entries'";
        if transaction.execute(raised, [number])? == 0 {
            let begun = "INSERT INTO sqlite_sequence (name, seq) VALUES ('entries', ?1)";
            transaction.execute(begun, [number])?;
        }
        transaction.commit()?;
        self.entries = self.entries.saturating_sub(removed);
        Ok(())
    }
}

fn read(row: &Row<'_>, by: ReadBy) -> rusqlite::Result<Entry> {
    let account: String = row.get(1)?;
    let account = AccountId::new(&account).map_err(|cause| {
        let of = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(1, of, Box::new(cause))
    })?;
    let time = |column| -> rusqlite::Result<Duration> {
        let ms: i64 = row.get(column)?;
        Ok(Duration::from_millis(ms.max(0).unsigned_abs()))
    };
    let event = match row.get(2)? {
        false => Event::Cleared,
        true => Event::Counted {
            locked_for_ms: row.get(5)?,
        },
    };
    Ok(Entry {
        number: row.get(0)?,
        account,
        event,
        at_ms: row.get(match by {
            ReadBy::Utc => 3,
            ReadBy::Tick => 4,
        })?,
        rules: Lockout {
            attempts: row.get(6)?,
            duration: time(7)?,
            forget_after: time(8)?,
            ..Lockout::default()
        },
    })
}
