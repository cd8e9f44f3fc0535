//! A connection to SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql, params_from_iter};

use crate::StoreError;
use crate::sql::{Columns, Connection, SqlError, Value, Visit};

/// A connection to SQLite, and the statements that were prepared on it.
pub struct SqliteConnection(pub(super) rusqlite::Connection);

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            refused @ rusqlite::Error::SqliteFailure(..) => Self::refused(refused),
            unreadable => Self::unreadable(unreadable),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Value::Integer(Some(number)) => ValueRef::Integer(*number),
            Value::Octets(Some(octets)) => ValueRef::Blob(octets),
            Value::Text(None) | Value::Integer(None) | Value::Octets(None) => ValueRef::Null,
        }))
    }
}

impl Columns for Row<'_> {
    fn text(&self, column: usize) -> Result<Option<String>, SqlError> {
        Ok(self.get(column)?)
    }

    fn integer(&self, column: usize) -> Result<Option<i64>, SqlError> {
        Ok(self.get(column)?)
    }

    fn octets(&self, column: usize) -> Result<Option<Vec<u8>>, SqlError> {
        Ok(self.get(column)?)
    }
}

impl Connection for SqliteConnection {
    fn begin(&mut self) -> Result<(), SqlError> {
        self.roll_back();
        Ok(self.0.execute_batch("BEGIN")?)
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        let committed = self.0.execute_batch("COMMIT");
        if committed.is_err() {
            self.roll_back();
        }
        Ok(committed?)
    }

    fn roll_back(&mut self) {
        // Some errors end the transaction by themselves.
        if !self.0.is_autocommit() {
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }

    fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<(), SqlError> {
        self.execute_now(sql, values).map(drop)
    }

    fn execute_now(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, SqlError> {
        let mut statement = self.0.prepare_cached(sql)?;
        Ok(statement.execute(params_from_iter(values))? as u64)
    }

    fn query(&mut self, sql: &str, values: &[Value<'_>], visit: Visit<'_>) -> Result<(), SqlError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            visit(row)?;
        }
        Ok(())
    }

    /// The readers cannot; without this the log stays beside the database. Only tidiness.
    fn close(&mut self) {
        let _ = self.0.pragma_update(None, "wal_checkpoint", "truncate");
    }

    fn limit_pages(&mut self, pages: u32) {
        let _ = self.0.pragma_update(None, "max_page_count", pages);
    }
}
