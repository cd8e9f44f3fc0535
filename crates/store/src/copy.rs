//! Copies everything from one database to the other, as it is: all or nothing.
//!
//! Both databases belong to this process meanwhile: the data folder is taken, and so is the
//! PostgreSQL database. Secrets stay sealed with the key that they are sealed with.

use std::sync::LazyLock;

use portvakt_sealing::SealingKey;

use crate::sql::{Columns, Connection, SqlError, Value, rows};
use crate::{DataFolder, PostgresSettings, StoreError, durable, postgres, sqlite};

/// Rows that are read, and sent, at once.
const STEP: u32 = 2_000;

/// The database that is copied to; the other one is copied from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyTo {
    /// The database elsewhere.
    Postgres,
    /// The file in the data folder.
    Sqlite,
}

/// Rows of one table that were copied so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyProgress {
    /// The table.
    pub table: &'static str,
    /// Rows copied.
    pub copied: u64,
    /// Rows there are.
    pub of: u64,
}

/// Copies all accounts, locks, attempts and sessions; TLS sessions stay behind. Nothing is changed unless all of it is copied,
/// so that a copy that was interrupted is simply made again. A destination that has accounts, locks or
/// sessions is replaced only with `replace`.
///
/// # Errors
/// [`StoreError::NotEmpty`], or that one of the databases refuses.
pub fn copy(
    folder: &DataFolder,
    key: Option<SealingKey>,
    settings: PostgresSettings,
    to: CopyTo,
    replace: bool,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<(), StoreError> {
    // The readers' connection has the longer deadline; the writer's holds the database.
    let opened = postgres::open_alone(settings)?;
    let (_holder, mut elsewhere) = (opened.connection, opened.reader);
    match to {
        CopyTo::Postgres => {
            let mut here = sqlite::open_sealed(folder, key)?.0;
            copy_all(&mut here, &mut elsewhere, replace, progress)?;
            elsewhere.number_after_all_locks()?;
            Ok(())
        }
        CopyTo::Sqlite => {
            // The key that opens what comes, before one is made.
            let key = durable::sealing_key(&mut elsewhere, folder, key)?;
            let mut here = sqlite::open_sealed(folder, Some(key))?.0;
            copy_all(&mut elsewhere, &mut here, replace, progress)
        }
    }
}

fn copy_all(
    from: &mut dyn Connection,
    to: &mut dyn Connection,
    replace: bool,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<(), StoreError> {
    for table in TABLES.iter().filter(|table| table.counts) {
        let rows = table.count(to)?;
        if rows > 0 && !replace {
            let table = table.name;
            return Err(StoreError::NotEmpty { table, rows });
        }
    }
    to.begin()?;
    // They are of the accounts that were there.
    let copied = to.execute("DELETE FROM tls_sessions", &[]);
    let copied = copied.and_then(|()| {
        let mut tables = TABLES.iter();
        tables.try_for_each(|table| table.copy(from, to, progress))
    });
    if copied.is_err() {
        to.roll_back();
    }
    copied?;
    Ok(to.commit()?)
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Octets,
}

/// A table, and the statements that copy it.
struct Table {
    name: &'static str,
    /// Whether a row of it must not be lost without being asked.
    counts: bool,
    /// The columns that rows are read in the order of; the first ones.
    keys: usize,
    /// Columns at the beginning that the destination fills by itself.
    made: usize,
    columns: Vec<Kind>,
    first: String,
    next: String,
    insert: String,
    empty: String,
}

/// All tables. Columns: `t` text, `i` whole number, `o` octets; the key comes first.
static TABLES: LazyLock<[Table; 16]> = LazyLock::new(|| {
    [
        Table::new("accounts", true, 1, "id:t revision:i body:t sealed:o"),
        Table::new(
            "locks",
            true,
            1,
            "account:t failures:i last_failure_ms:i locked_until_ms:i revision:i",
        ),
        Table::new(
            "attempts",
            false,
            1,
            "sequence:i time_ms:i account:t outcome:t client:t service:t method:t \
             calling_station:t operator_name:t outer_identity:t detail:t symptom:t \
             nas_identifier:t node:t",
        ),
        Table::new(
            "unattributed_attempts",
            false,
            1,
            "sequence:i time_ms:i name_key:t device_key:t name:t outcome:t symptom:t client:t \
             service:t method:t calling_station:t nas_identifier:t operator_name:t detail:t",
        ),
        Table::new(
            "sessions",
            true,
            1,
            "id:i client:t nas:t session:t account:t device:t start_ms:i end_ms:i joined_by:t \
             logged_on_ms:i begun_ms:i begun_stamp:i begun_user:t reckoned_ms:i first_ms:i \
             last_ms:i reports:i stopped_ms:i stop_cause:i closed_ms:i closed_by:t source:t \
             nas_address:t nas_identifier:t nas_port:i nas_port_id:t user_name:t \
             calling_station:t called_station:t multi_session:t audit_session:t \
             chargeable_user:t service:t addresses_ms:i session_time_s:i input_octets:i \
             output_octets:i input_packets:i output_packets:i",
        ),
        Table::new(
            "session_addresses",
            false,
            2,
            "session:i address:t first_ms:i last_ms:i",
        ),
        Table::new(
            "registry_imports",
            true,
            1,
            "id:i digest:t file:t is_full:i row_count:i produced_ms:i has_trailer:i taken_ms:i \
             taken_by:t locks:i unlocks:i vanished:i mobiles:i state:t turn:i applied_ms:i \
             by_approval:i undone_ms:i undone_by:t",
        ),
        Table::new("registry_approvals", false, 2, "import:i who:t at_ms:i"),
        Table::new("registry_statements", false, 2, "import:i person:t body:t"),
        Table::new("registry_persons", false, 1, "person:t body:t"),
        Table::new("registry_version", false, 1, "version:i"),
        Table::new(
            "exemptions",
            true,
            1,
            "account:t until_ms:i reason:t made_by:t made_ms:i",
        ),
        Table::new(
            "openings",
            true,
            2,
            "account:t kind:t revision:i ends_ms:i body:t",
        ),
        Table::new(
            "messages",
            false,
            1,
            "reference:t at_ms:i account:t kind:t number:t source:t gateway:t state:t rank:i \
             state_ms:i fault:t gateway_reference:t",
        ),
        Table::new("mobiles", false, 1, "account:t number:t since_ms:i"),
        Table::new("message_switch", false, 1, "id:i off_by:t"),
    ]
});

impl Table {
    fn new(name: &'static str, counts: bool, keys: usize, columns: &'static str) -> Self {
        let pairs = columns
            .split_whitespace()
            .filter_map(|pair| pair.split_once(':'));
        let (names, kinds): (Vec<_>, Vec<_>) = pairs
            .map(|(name, kind)| {
                let kind = match kind {
                    "t" => Kind::Text,
                    "o" => Kind::Octets,
                    _ => Kind::Integer,
                };
                (name, kind)
            })
            .unzip();
        let numbered = |count: usize| {
            let all = (1..=count).map(|number| format!("${number}"));
            all.collect::<Vec<_>>().join(", ")
        };
        let list = names.join(", ");
        let key = names
            .iter()
            .take(keys)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        // Attempts are numbered anew, in their order.
        let made = usize::from(columns.starts_with("sequence:"));
        let copied = names
            .iter()
            .skip(made)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        let values = numbered(names.len().saturating_sub(made));
        let (after, limit) = (numbered(keys), keys + 1);
        Self {
            name,
            counts,
            keys,
            first: format!("SELECT {list} FROM {name} ORDER BY {key} LIMIT $1"),
            next: format!(
                "SELECT {list} FROM {name} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT ${limit}"
            ),
            made,
            insert: format!("INSERT INTO {name} ({copied}) VALUES ({values})"),
            empty: format!("DELETE FROM {name}"),
            columns: kinds,
        }
    }

    fn count(&self, connection: &mut dyn Connection) -> Result<u64, SqlError> {
        let sql = format!("SELECT count(*) FROM {}", self.name);
        let found = rows(connection, &sql, &[], |row| row.needed_integer(0))?;
        Ok(found.into_iter().next().unwrap_or_default().cast_unsigned())
    }

    fn copy(
        &'static self,
        from: &mut dyn Connection,
        to: &mut dyn Connection,
        progress: &mut dyn FnMut(CopyProgress),
    ) -> Result<(), SqlError> {
        to.execute(&self.empty, &[])?;
        let of = self.count(from)?;
        let (table, mut copied) = (self.name, 0);
        progress(CopyProgress { table, copied, of });
        let mut last: Option<Vec<Value<'static>>> = None;
        loop {
            let page = self.page(from, last.as_deref())?;
            let Some(end) = page.last() else {
                return Ok(());
            };
            last = Some(end.iter().take(self.keys).cloned().collect());
            for row in &page {
                to.execute(&self.insert, row.get(self.made..).unwrap_or_default())?;
            }
            to.send()?;
            copied += page.len() as u64;
            progress(CopyProgress { table, copied, of });
        }
    }

    /// The rows after the one with this key.
    fn page(
        &self,
        from: &mut dyn Connection,
        after: Option<&[Value<'static>]>,
    ) -> Result<Vec<Vec<Value<'static>>>, SqlError> {
        let sql = match after {
            None => &self.first,
            Some(_) => &self.next,
        };
        let mut values = after.unwrap_or_default().to_vec();
        values.push(STEP.into());
        rows(from, sql, &values, |row| self.read(row))
    }

    fn read(&self, row: &dyn Columns) -> Result<Vec<Value<'static>>, SqlError> {
        let columns = self.columns.iter().enumerate();
        let read = columns.map(|(column, kind)| {
            Ok(match kind {
                Kind::Text => row.text(column)?.into(),
                Kind::Integer => Value::Integer(row.integer(column)?),
                Kind::Octets => Value::Octets(row.octets(column)?.map(Into::into)),
            })
        });
        read.collect()
    }
}
