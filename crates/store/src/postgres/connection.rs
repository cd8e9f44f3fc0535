//! A connection to PostgreSQL, as the tables use it.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::error::PostgresError;
use super::link::{Io, Link};
use super::session::{Call, Role};
use super::settings::PostgresSettings;
use crate::sql::{Columns, Connection, SqlError, Value, Visit, rows};

/// Time that each statement of a commit may take beyond the deadline: all locks of an outage are one.
const PER_STATEMENT: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// Nothing was sent of it.
    Begun,
    /// The server knows of it.
    Sent,
}

/// A connection to PostgreSQL, reconnected in the background.
pub struct PostgresConnection {
    link: Arc<Link>,
    deadline: Duration,
    transaction: Transaction,
    /// Statements of the transaction that were not sent.
    calls: Vec<Call>,
}

impl PostgresConnection {
    pub(super) fn open(
        io: &Arc<Io>,
        settings: &Arc<PostgresSettings>,
        role: Role,
        deadline: Duration,
    ) -> Result<Self, PostgresError> {
        Ok(Self {
            link: Link::open(io, settings, role, None)?,
            deadline,
            transaction: Transaction::None,
            calls: Vec::new(),
        })
    }

    /// Runs a script of several statements.
    pub(super) fn script(&mut self, sql: String) -> Result<(), SqlError> {
        let work =
            |session: Arc<super::session::Session>| async move { session.script(&sql).await };
        self.link.run(self.deadline, work)
    }

    /// Has changes of locks numbered above all that are there.
    pub(crate) fn number_after_all_locks(&mut self) -> Result<(), SqlError> {
        let sql = "SELECT setval('lock_revisions', greatest(last_value,
                       (SELECT coalesce(max(revision), 0) FROM locks)))
             FROM lock_revisions";
        self.script(sql.to_owned())
    }

    /// Sends what waits; the number of rows that the last statement changed.
    fn flush(&mut self, commit: bool) -> Result<u64, SqlError> {
        let begin = self.transaction == Transaction::Begun;
        let calls = std::mem::take(&mut self.calls);
        if calls.is_empty() && !begin && !commit {
            return Ok(0);
        }
        let number = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let deadline = self
            .deadline
            .saturating_add(PER_STATEMENT.saturating_mul(number));
        let done = self.link.run(deadline, move |session| async move {
            session.pipeline(begin, &calls, commit).await
        });
        // An error has ended the session, and the transaction with it.
        self.transaction = match (&done, self.transaction) {
            (Err(_), _) => Transaction::None,
            (Ok(_), Transaction::None) => Transaction::None,
            (Ok(_), _) if commit => Transaction::None,
            (Ok(_), _) => Transaction::Sent,
        };
        done
    }
}

impl Connection for PostgresConnection {
    fn ready(&mut self) -> Result<(), SqlError> {
        self.link.session().map(drop)
    }

    fn utc(&mut self) -> Result<Option<Timestamp>, SqlError> {
        let sql = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let found = rows(self, sql, &[], |row| row.needed_time(0))?;
        Ok(found.into_iter().next())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn begin(&mut self) -> Result<(), SqlError> {
        self.roll_back();
        // At once, rather than after all the work of a commit.
        self.link.session()?;
        self.transaction = Transaction::Begun;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        if self.transaction == Transaction::None {
            return Err(SqlError::refused("the transaction was lost on the way"));
        }
        self.flush(true).map(drop)
    }

    fn roll_back(&mut self) {
        self.calls.clear();
        if self.transaction == Transaction::Sent {
            // An error ends the session, and the transaction with it.
            let _ = self.script("ROLLBACK".to_owned());
        }
        self.transaction = Transaction::None;
    }

    fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<(), SqlError> {
        if self.transaction == Transaction::None {
            return Err(SqlError::refused("the transaction was lost on the way"));
        }
        let values = values.iter().cloned().map(Value::into_owned).collect();
        self.calls.push((sql, values));
        Ok(())
    }

    fn send(&mut self) -> Result<(), SqlError> {
        self.flush(false).map(drop)
    }

    fn execute_now(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, SqlError> {
        let values = values.iter().cloned().map(Value::into_owned).collect();
        // Its own count, not that of a statement before.
        self.flush(false)?;
        self.calls.push((sql, values));
        self.flush(false)
    }

    fn query(&mut self, sql: &str, values: &[Value<'_>], visit: Visit<'_>) -> Result<(), SqlError> {
        self.flush(false)?;
        let values: Vec<_> = values.iter().cloned().map(Value::into_owned).collect();
        let sql = sql.to_owned();
        let rows = self.link.run(self.deadline, move |session| async move {
            session.query(&sql, &values).await
        });
        if rows.is_err() {
            self.transaction = Transaction::None;
        }
        for row in rows? {
            visit(&row)?;
        }
        Ok(())
    }
}

impl Columns for Row {
    fn text(&self, column: usize) -> Result<Option<String>, SqlError> {
        self.try_get(column).map_err(SqlError::unreadable)
    }

    fn integer(&self, column: usize) -> Result<Option<i64>, SqlError> {
        self.try_get(column).map_err(SqlError::unreadable)
    }

    fn octets(&self, column: usize) -> Result<Option<Vec<u8>>, SqlError> {
        self.try_get(column).map_err(SqlError::unreadable)
    }
}

impl ToSql for Value<'static> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Text(text) => text.as_deref().map(storable).to_sql(of, out),
            Value::Integer(number) => number.to_sql(of, out),
            Value::Octets(octets) => octets.as_deref().to_sql(of, out),
        }
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::TEXT | Type::INT8 | Type::BYTEA)
    }

    to_sql_checked!();
}

/// PostgreSQL stores no NUL in a text. A NAS may send one, and must not stop the commit it is in.
fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}
