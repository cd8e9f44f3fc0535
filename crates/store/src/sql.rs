//! The border between the tables and an engine: a statement, its values, and its rows.
//!
//! Statements are one text for both engines: parameters `$1`, `$2` in the order of their first use,
//! which is the order SQLite binds them in; `INSERT … ON CONFLICT … DO UPDATE … WHERE`; columns of
//! text, whole numbers and octets alone.

use std::borrow::Cow;
use std::error::Error;

use jiff::Timestamp;

use crate::StoreError;

/// A value of a statement or of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'v> {
    /// A text, or none. PostgreSQL asks for the type of an absent value too.
    Text(Option<Cow<'v, str>>),
    /// A whole number, or none. Unsigned ones of 64 bits are stored with the same bits.
    Integer(Option<i64>),
    /// Octets, or none.
    Octets(Option<Cow<'v, [u8]>>),
}

impl Value<'_> {
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(text.map(|text| Cow::Owned(text.into_owned()))),
            Self::Integer(number) => Value::Integer(number),
            Self::Octets(octets) => Value::Octets(octets.map(|octets| octets.into_owned().into())),
        }
    }

    pub(crate) fn time(time: Option<Timestamp>) -> Self {
        Self::Integer(time.map(Timestamp::as_millisecond))
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(text: Option<&'v str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

macro_rules! from_number {
    ($($number:ty)*) => {$(
        impl From<$number> for Value<'_> {
            fn from(number: $number) -> Self {
                Self::Integer(Some(number.into()))
            }
        }
    )*};
}
from_number!(bool u8 u32 i64);

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::time(Some(time))
    }
}

/// The columns of one row.
pub trait Columns {
    /// The text of a column; `None` for NULL.
    ///
    /// # Errors
    /// [`SqlError::Unreadable`] for a column of another type.
    fn text(&self, column: usize) -> Result<Option<String>, SqlError>;

    /// The whole number of a column; `None` for NULL.
    ///
    /// # Errors
    /// [`SqlError::Unreadable`] for a column of another type.
    fn integer(&self, column: usize) -> Result<Option<i64>, SqlError>;

    /// The octets of a column; `None` for NULL.
    ///
    /// # Errors
    /// [`SqlError::Unreadable`] for a column of another type.
    fn octets(&self, column: usize) -> Result<Option<Vec<u8>>, SqlError>;
}

impl dyn Columns + '_ {
    pub(crate) fn needed_text(&self, column: usize) -> Result<String, SqlError> {
        self.text(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn needed_integer(&self, column: usize) -> Result<i64, SqlError> {
        self.integer(column)?.ok_or_else(|| missing(column))
    }

    /// A whole number of a smaller type.
    pub(crate) fn number<N: TryFrom<i64>>(&self, column: usize) -> Result<Option<N>, SqlError> {
        let number = self.integer(column)?.map(N::try_from).transpose();
        number.map_err(|_| SqlError::unreadable(format!("column {column} is out of range")))
    }

    /// The time in a column of milliseconds since 1970.
    pub(crate) fn time(&self, column: usize) -> Result<Option<Timestamp>, SqlError> {
        let time = self.integer(column)?.map(Timestamp::from_millisecond);
        time.transpose().map_err(SqlError::unreadable)
    }

    pub(crate) fn needed_time(&self, column: usize) -> Result<Timestamp, SqlError> {
        self.time(column)?.ok_or_else(|| missing(column))
    }
}

fn missing(column: usize) -> SqlError {
    SqlError::unreadable(format!("column {column} has no value"))
}

/// A statement failed, or a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The database refuses or cannot be reached: true of every other statement as well.
    #[error("{0}")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// This row cannot be read by this version.
    #[error("a row cannot be read: {0}")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

impl SqlError {
    pub(crate) fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Refused(cause.into())
    }

    pub(crate) fn unreadable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreadable(cause.into())
    }
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Refused(cause) => Self::Database(cause),
            unreadable @ SqlError::Unreadable(_) => Self::Database(Box::new(unreadable)),
        }
    }
}

/// Called with each row of a query.
pub(crate) type Visit<'f> = &'f mut dyn FnMut(&dyn Columns) -> Result<(), SqlError>;

/// A connection of an engine.
///
/// Between `begin` and `commit` the engine may send statements late, but in order; `commit` says
/// whether all of them succeeded. Every call blocks, and has a deadline where the database is
/// elsewhere.
pub trait Connection: Send + 'static {
    /// Whether there is a connection, without asking the database.
    ///
    /// # Errors
    /// [`SqlError::Refused`] while there is none.
    fn ready(&mut self) -> Result<(), SqlError> {
        Ok(())
    }

    /// The time of the database, if it has a clock of its own.
    ///
    /// # Errors
    /// [`SqlError`].
    fn utc(&mut self) -> Result<Option<Timestamp>, SqlError> {
        Ok(None)
    }

    /// Whether other servers write to the same database.
    fn is_shared(&self) -> bool {
        false
    }

    /// Begins a transaction. One that is open is rolled back.
    ///
    /// # Errors
    /// [`SqlError::Refused`].
    fn begin(&mut self) -> Result<(), SqlError>;

    /// Makes the transaction durable.
    ///
    /// # Errors
    /// [`SqlError::Refused`]: nothing of it is there, unless the database was lost on the way; then
    /// all or nothing is.
    fn commit(&mut self) -> Result<(), SqlError>;

    /// Gives up the transaction.
    fn roll_back(&mut self);

    /// Runs a statement of a transaction.
    ///
    /// # Errors
    /// [`SqlError::Refused`].
    fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<(), SqlError>;

    /// Sends what was executed so far of the transaction, so that it need not be kept.
    ///
    /// # Errors
    /// [`SqlError::Refused`].
    fn send(&mut self) -> Result<(), SqlError> {
        Ok(())
    }

    /// Runs a statement by itself and at once, or within the transaction that is open; returns the
    /// number of rows it changed.
    ///
    /// # Errors
    /// [`SqlError::Refused`].
    fn execute_now(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, SqlError>;

    /// Calls `visit` with each row that a query returns.
    ///
    /// # Errors
    /// [`SqlError`].
    fn query(&mut self, sql: &str, values: &[Value<'_>], visit: Visit<'_>) -> Result<(), SqlError>;

    /// Tidies up before the end.
    fn close(&mut self) {}

    /// Lets the database grow to so many pages and no further, as a full disk would. For tests;
    /// where the engine has no pages, it does nothing.
    #[doc(hidden)]
    fn limit_pages(&mut self, _pages: u32) {}
}

/// The rows of a query, each read by `read`.
///
/// # Errors
/// [`SqlError`].
pub(crate) fn rows<T>(
    connection: &mut dyn Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl Fn(&dyn Columns) -> Result<T, SqlError>,
) -> Result<Vec<T>, SqlError> {
    let mut found = Vec::new();
    connection.query(sql, values, &mut |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}
