//! Outcomes of log-ons, taken by PostgreSQL.
//!
//! A statement locks the row of its account, then reads its time and its number from the server:
//! who comes second sees what the first one did. Each statement returns the same columns, see [`read`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use portvakt_auth::AccountId;
use portvakt_auth::lock::{Question, Ruling};
use tokio_postgres::Row;

use super::error::PostgresError;
use super::link::{Io, Link};
use super::session::{Call, Role};
use super::settings::PostgresSettings;
use crate::sql::{Columns, SqlError, Value};
use crate::taking::{Answer, Asked, JournalledLock, LockDatabase, LockState};

/// Longest wait for an outcome to be taken: a log-on waits as long.
const DEADLINE: Duration = Duration::from_secs(3);
/// Time that each statement of a transaction may take beyond it.
const PER_STATEMENT: Duration = Duration::from_millis(1);

/// Counts a failure. `$1` account, `$2` number of attempts, `$3` length of the lock, `$4` when failures
/// are forgotten, `$5` a number of this statement alone, which tells whether it has counted.
const COUNT: &str = "
    INSERT INTO locks AS l (account, failures, last_failure_ms, locked_until_ms, revision, changed_by)
    SELECT $1, 1, n.ms, CASE WHEN $2::bigint <= 1 THEN n.ms + $3::bigint END,
           nextval('lock_revisions'), $5::bigint
    FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) n
    ON CONFLICT (account) DO UPDATE SET
        failures = CASE
            WHEN l.locked_until_ms > excluded.last_failure_ms THEN l.failures
            WHEN l.locked_until_ms IS NOT NULL
                OR l.last_failure_ms + $4::bigint <= excluded.last_failure_ms THEN 1
            ELSE least(l.failures + 1, 255) END,
        last_failure_ms = CASE
            WHEN l.locked_until_ms > excluded.last_failure_ms THEN l.last_failure_ms
            ELSE excluded.last_failure_ms END,
        locked_until_ms = CASE
            WHEN l.locked_until_ms > excluded.last_failure_ms THEN l.locked_until_ms
            WHEN $2::bigint <= CASE
                WHEN l.locked_until_ms IS NOT NULL
                    OR l.last_failure_ms + $4::bigint <= excluded.last_failure_ms THEN 1
                ELSE l.failures + 1 END
            THEN excluded.last_failure_ms + $3::bigint END,
        revision = CASE
            WHEN l.locked_until_ms > excluded.last_failure_ms THEN l.revision
            ELSE greatest(l.revision + 1, nextval('lock_revisions')) END,
        changed_by = CASE
            WHEN l.locked_until_ms > excluded.last_failure_ms THEN l.changed_by
            ELSE excluded.changed_by END
    RETURNING failures, last_failure_ms, locked_until_ms, revision,
        floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        (changed_by IS NOT DISTINCT FROM $5::bigint)::int::bigint";

/// Forgets the failures of an account that is not locked. `$2` is the moment, by the server's clock, from
/// which this server has given the question up: then the failures stay, which may be newer.
const CLEAR: &str = "
    WITH was AS (
        SELECT failures, last_failure_ms, locked_until_ms, revision,
               floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
        FROM locks WHERE account = $1 FOR UPDATE),
    gone AS (
        DELETE FROM locks l USING was
        WHERE l.account = $1 AND NOT coalesce(was.locked_until_ms > was.now_ms, false)
            AND was.now_ms < $2::bigint
        RETURNING greatest(l.revision + 1, nextval('lock_revisions')) AS revision)
    SELECT CASE WHEN gone.revision IS NULL THEN was.failures ELSE 0 END,
           was.last_failure_ms,
           CASE WHEN gone.revision IS NULL THEN was.locked_until_ms END,
           coalesce(gone.revision, was.revision),
           was.now_ms,
           (NOT coalesce(was.locked_until_ms > was.now_ms, false))::int::bigint
    FROM was LEFT JOIN gone ON true";

/// Looks whether an account is locked.
const LOOK: &str = "
    SELECT l.failures, l.last_failure_ms, l.locked_until_ms, l.revision, n.ms,
           (NOT coalesce(l.locked_until_ms > n.ms, false))::int::bigint
    FROM locks l,
         (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) n
    WHERE l.account = $1";

/// Ends a lock and forgets failures, locked or not, before the moment `$2`. The state returned is the one
/// before.
const UNLOCK: &str = "
    DELETE FROM locks WHERE account = $1
        AND floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint < $2::bigint
    RETURNING failures, last_failure_ms, locked_until_ms,
        greatest(revision + 1, nextval('lock_revisions')),
        floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1::bigint";

/// Adds what a journal has. `$1` to `$5` as in [`COUNT`]; `$6` failures, `$7` how long ago the last one
/// was, `$8` how long its lock lasts yet.
const ADD: &str = "
    INSERT INTO locks AS l (account, failures, last_failure_ms, locked_until_ms, revision, changed_by)
    SELECT $1, $6::bigint, n.ms - $7::bigint,
           greatest(n.ms + $8::bigint,
               CASE WHEN $6::bigint >= $2::bigint THEN n.ms - $7::bigint + $3::bigint END),
           nextval('lock_revisions'), $5::bigint
    FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) n
    ON CONFLICT (account) DO UPDATE SET
        failures = CASE
            WHEN l.locked_until_ms > excluded.last_failure_ms + $7::bigint
                THEN greatest(l.failures, excluded.failures)
            WHEN l.locked_until_ms IS NOT NULL
                OR l.last_failure_ms + $4::bigint <= excluded.last_failure_ms + $7::bigint
                THEN excluded.failures
            ELSE least(l.failures + excluded.failures, 255) END,
        last_failure_ms = greatest(l.last_failure_ms, excluded.last_failure_ms),
        locked_until_ms = greatest(
            CASE WHEN l.locked_until_ms > excluded.last_failure_ms + $7::bigint
                THEN l.locked_until_ms END,
            excluded.locked_until_ms,
            CASE WHEN l.locked_until_ms IS NULL
                AND l.last_failure_ms + $4::bigint > excluded.last_failure_ms + $7::bigint
                AND l.failures + excluded.failures >= $2::bigint
                THEN greatest(l.last_failure_ms, excluded.last_failure_ms) + $3::bigint END),
        revision = greatest(l.revision + 1, nextval('lock_revisions')),
        changed_by = excluded.changed_by
    RETURNING failures, last_failure_ms, locked_until_ms, revision,
        floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1::bigint";

/// Notes the last entry of a journal that is merged; divides by zero where another number than `$2`
/// was noted before, which ends the transaction: a merge that was given up has happened after all.
const NOTE_MERGED: &str = "
    WITH noted AS (
        INSERT INTO journal_merged AS m (journal, number) VALUES ($1, $3::bigint)
        ON CONFLICT (journal) DO UPDATE SET number = excluded.number, at = now()
        WHERE m.number = $2::bigint
        RETURNING 1)
    SELECT 1 / count(*) FROM noted";

/// The connection that outcomes are taken over.
pub(crate) struct PostgresLocks {
    link: Arc<Link>,
    /// The number of the last statement: other servers begin elsewhere.
    statement: u64,
    /// The time of the server in its last answer, and when that came.
    clock: Option<(i64, Instant)>,
}

impl PostgresLocks {
    /// Connects, as the server with this journal.
    pub(super) fn open(
        io: &Arc<Io>,
        settings: &Arc<PostgresSettings>,
        journal: &str,
    ) -> Result<Self, PostgresError> {
        let octets = journal.get(..16).unwrap_or_default();
        let key = u64::from_str_radix(octets, 16).unwrap_or_default();
        Ok(Self {
            link: Link::open(io, settings, Role::Locks(key.cast_signed()), None)?,
            statement: random(),
            clock: None,
        })
    }

    /// The statements of one transaction, with one wait; the rows of each.
    fn run(&mut self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, SqlError> {
        let number = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let deadline = DEADLINE.saturating_add(PER_STATEMENT.saturating_mul(number));
        let work = |session: Arc<super::session::Session>| async move {
            session.transaction(&calls).await
        };
        self.link.run(deadline, work)
    }

    fn question(&mut self, asked: &Asked) -> Call {
        let account = text(&asked.account);
        match asked.question {
            Question::Clear => (CLEAR, vec![account, self.give_up_at()]),
            Question::Look => (LOOK, vec![account]),
            Question::Count => {
                self.statement = self.statement.wrapping_add(1);
                let rules = &asked.rules;
                let values = vec![
                    account,
                    rules.attempts.max(1).into(),
                    millis(rules.duration),
                    millis(rules.forget_after),
                    self.statement.cast_signed().into(),
                ];
                (COUNT, values)
            }
        }
    }

    /// The moment, by the server's clock, from which this server has given up what it asks now; not a
    /// millisecond later, because the answer that the clock is read from was on its way.
    fn give_up_at(&self) -> Value<'static> {
        let moment = self.clock.map_or(0, |(ms, at)| {
            let left = (at.elapsed() + DEADLINE).as_millis();
            ms.saturating_add(i64::try_from(left).unwrap_or(i64::MAX))
        });
        moment.into()
    }

    /// The answers to these questions.
    fn answers(&mut self, calls: Vec<Call>) -> Result<Vec<Answer>, SqlError> {
        let rows = self.run(calls)?;
        let answers = rows.iter().map(|rows| answer(rows));
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        let last = answers.iter().rev().find_map(|answer| answer.state);
        if let Some(state) = last {
            self.clock = Some((state.now_ms, Instant::now()));
        }
        Ok(answers)
    }

    fn addition(&mut self, lock: &JournalledLock) -> Call {
        if lock.failures == 0 {
            return (LOOK, vec![text(&lock.account)]);
        }
        let asked = Asked {
            account: lock.account.clone(),
            question: Question::Count,
            rules: lock.rules.clone(),
        };
        let (_, mut values) = self.question(&asked);
        values.push(lock.failures.into());
        values.push(lock.last_failure_ago_ms.into());
        values.push(Value::Integer(lock.locked_for_ms));
        (ADD, values)
    }
}

impl LockDatabase for PostgresLocks {
    fn take(&mut self, asked: &[Asked]) -> Result<Vec<Answer>, SqlError> {
        let calls = asked.iter().map(|asked| self.question(asked)).collect();
        self.answers(calls)
    }

    fn merged(&mut self, journal: &str) -> Result<i64, SqlError> {
        let sql = "SELECT coalesce(max(number), 0),
                   floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
             FROM journal_merged WHERE journal = $1";
        let found = self.run(vec![(sql, vec![journal.to_owned().into()])])?;
        let row = found.first().and_then(|rows| rows.first());
        let row: &dyn Columns = row.ok_or_else(|| SqlError::refused("no answer"))?;
        self.clock = Some((row.needed_integer(1)?, Instant::now()));
        row.needed_integer(0)
    }

    fn merge(
        &mut self,
        journal: &str,
        from: i64,
        through: i64,
        locks: &[JournalledLock],
    ) -> Result<Vec<Answer>, SqlError> {
        let note = vec![journal.to_owned().into(), from.into(), through.into()];
        let mut calls = vec![(NOTE_MERGED, note)];
        calls.extend(locks.iter().map(|lock| self.addition(lock)));
        let mut rows = self.run(calls)?;
        rows.drain(..1);
        rows.iter().map(|rows| answer(rows)).collect()
    }

    fn unlock(&mut self, id: &AccountId) -> Result<Option<LockState>, SqlError> {
        let call = (UNLOCK, vec![text(id), self.give_up_at()]);
        let answers = self.answers(vec![call])?;
        Ok(answers.first().and_then(|answer| answer.state))
    }

    fn is_connected(&mut self) -> bool {
        self.link.session().is_ok()
    }
}

fn answer(rows: &[Row]) -> Result<Answer, SqlError> {
    match rows.first() {
        Some(row) => read(row),
        // An account without a record is not locked.
        None => Ok(Answer {
            ruling: Ruling::Done,
            state: None,
        }),
    }
}

/// Columns: failures, last failure, end of the lock, revision, time of the server, and whether the
/// statement did what it was asked to.
fn read(row: &dyn Columns) -> Result<Answer, SqlError> {
    let ruling = match row.needed_integer(5)? {
        0 => Ruling::Stopped,
        _ => Ruling::Done,
    };
    let state = LockState {
        failures: row.number(0)?.unwrap_or(u8::MAX),
        last_failure_ms: row.needed_integer(1)?,
        locked_until_ms: row.integer(2)?,
        revision: row.needed_integer(3)?.cast_unsigned(),
        now_ms: row.needed_integer(4)?,
    };
    Ok(Answer {
        ruling,
        state: Some(state),
    })
}

fn text(id: &AccountId) -> Value<'static> {
    id.as_str().to_owned().into()
}

fn millis(duration: Duration) -> Value<'static> {
    i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4)
        .into()
}

/// A number that another server does not begin with.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(())
}
