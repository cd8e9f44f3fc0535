//! Reading of the table of changes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use jiff::Timestamp;
use portvakt_auth::{AccountId, LockRecord, Now};
use tokio_postgres::Row;

use super::error::PostgresError;
use super::link::{Io, Link};
use super::node::Node;
use super::session::Role;
use super::settings::PostgresSettings;
use crate::changes::{ChangeSource, Heard};
use crate::sql::{Columns, SqlError};
use crate::taking::LockState;

/// Longest wait for an answer; after it the connection is made anew.
const DEADLINE: Duration = Duration::from_secs(10);
/// Changes read at once. Beyond it everything is read anew, which is as fast then.
const AT_ONCE: usize = 10_000;
/// Rows are removed after a day ([`PURGE`]); who was away for half of it reads everything anew.
const LONGEST_AWAY_MS: i64 = 12 * 60 * 60 * 1000;

/// Changes of transactions that were under way at the moment before, `$1`, or began after it; the
/// first column is that moment for the next time. The row of a lock is as it is now.
const READ: &str = "
    SELECT n.xmin, n.ms, c.id, c.kind, c.account, c.revision,
           l.failures, l.last_failure_ms, l.locked_until_ms, l.revision,
           (c.origin = current_setting('portvakt.origin', true))::int::bigint
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin,
                 floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) n
    LEFT JOIN (SELECT * FROM changes WHERE xid >= $1::bigint::text::xid8
               ORDER BY id LIMIT $2::bigint) c ON true
    LEFT JOIN locks l ON c.kind = 'lock' AND l.account = c.account
    ORDER BY c.id";

const PURGE: &str = "DELETE FROM changes WHERE at < clock_timestamp() - interval '1 day'";

/// Reads what other servers have changed.
pub(super) struct PostgresChanges {
    link: Arc<Link>,
    words: Receiver<()>,
    /// Transactions below it were finished when it was read the last time.
    next: i64,
    /// Rows at or above it that were told.
    told: HashSet<i64>,
    read_ms: i64,
    node: Option<Node>,
}

impl PostgresChanges {
    /// Connects and notes what there is at this moment.
    pub(super) fn open(
        io: &Arc<Io>,
        settings: &Arc<PostgresSettings>,
    ) -> Result<Self, PostgresError> {
        let (heard, words) = bounded(1);
        let link = Link::open(io, settings, Role::Changes, Some(heard))?;
        let mut changes = Self {
            link,
            words,
            next: i64::MAX,
            told: HashSet::new(),
            read_ms: 0,
            node: None,
        };
        changes.node = Node::register(&changes.link, settings)?;
        let at = settings.at();
        let rows = changes.rows();
        let moment = rows.and_then(|rows| changes.moment(&rows));
        let (next, ms) = moment.map_err(|error| PostgresError::Unreachable {
            at,
            cause: error.to_string(),
        })?;
        (changes.next, changes.read_ms) = (next, ms);
        Ok(changes)
    }

    fn rows(&self) -> Result<Vec<Row>, SqlError> {
        let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX).saturating_add(1);
        let values = vec![self.next.into(), most.into()];
        let work = |session: Arc<super::session::Session>| async move {
            session.query(READ, &values).await
        };
        self.link.run(DEADLINE, work)
    }

    /// The moment that the rows were read at: the first transaction that was not finished, and the time.
    fn moment(&self, rows: &[Row]) -> Result<(i64, i64), SqlError> {
        let row = rows.first().map(|row| row as &dyn Columns);
        let row = row.ok_or_else(|| SqlError::unreadable("the database told no moment"))?;
        Ok((row.needed_integer(0)?, row.needed_integer(1)?))
    }

    fn heard(&mut self, rows: &[Row], now: Now) -> Result<Vec<Heard>, SqlError> {
        let mut heard = Vec::new();
        let mut present = HashSet::new();
        for row in rows.iter().map(|row| row as &dyn Columns) {
            let Some(id) = row.integer(2)? else { continue };
            present.insert(id);
            if !self.told.contains(&id) {
                heard.extend(read(row, now)?);
            }
        }
        // The others belong to transactions that are finished.
        self.told = present;
        Ok(heard)
    }
}

impl ChangeSource for PostgresChanges {
    fn words(&self) -> Receiver<()> {
        self.words.clone()
    }

    fn read(&mut self, clock: &dyn Fn() -> Now) -> Result<Vec<Heard>, SqlError> {
        let rows = self.rows()?;
        let now = clock();
        let (next, ms) = self.moment(&rows)?;
        // A number that went back is that of another database: a standby, or a backup.
        let is_lost = next < self.next
            || ms.saturating_sub(self.read_ms) > LONGEST_AWAY_MS
            || rows.len() > AT_ONCE;
        let heard = match is_lost {
            true => {
                self.told.clear();
                vec![Heard::Everything]
            }
            false => self.heard(&rows, now)?,
        };
        (self.next, self.read_ms) = (next, ms);
        Ok(heard)
    }

    fn beat(&mut self, utc: Timestamp) -> Result<Option<i64>, SqlError> {
        self.node.as_mut().map(|node| node.beat(utc)).transpose()
    }

    fn purge(&mut self) -> Result<(), SqlError> {
        let work =
            |session: Arc<super::session::Session>| async move { session.script(PURGE).await };
        self.link.run(DEADLINE, work)
    }
}

/// A row of the table; `None` for one of a newer version, and for what this server wrote by itself.
fn read(row: &dyn Columns, now: Now) -> Result<Option<Heard>, SqlError> {
    let account = AccountId::new(&row.needed_text(4)?).map_err(SqlError::unreadable)?;
    let is_own = row.integer(10)? == Some(1);
    Ok(match row.needed_text(3)?.as_str() {
        "lock" => Some(Heard::Lock(lock(row, account, now)?)),
        // Of this server too: a write that was given up may have happened.
        "account" => Some(Heard::Account(account)),
        "proofs" if !is_own => Some(Heard::Proofs(account)),
        _ => None,
    })
}

fn lock(row: &dyn Columns, account: AccountId, now: Now) -> Result<LockRecord, SqlError> {
    let now_ms = row.needed_integer(1)?;
    let state = match row.integer(9)? {
        Some(revision) => LockState {
            failures: row.number(6)?.unwrap_or(u8::MAX),
            last_failure_ms: row.needed_integer(7)?,
            locked_until_ms: row.integer(8)?,
            revision: revision.cast_unsigned(),
            now_ms,
        },
        // Cleared, by this change or a later one.
        None => LockState {
            failures: 0,
            last_failure_ms: now_ms,
            locked_until_ms: None,
            revision: row.integer(5)?.unwrap_or_default().cast_unsigned(),
            now_ms,
        },
    };
    Ok(state.record(&account, now))
}
