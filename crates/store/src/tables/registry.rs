//! The tables of the student registry: imports, their statements, persons they were folded into.

use std::mem;

use jiff::Timestamp;
use portvakt_registry::{Counts, Person, Statement, Told};

use crate::registry::{Applying, Import, ImportId, ImportState, NewImport, RegistryVersion};
use crate::sql::{Columns, Connection, SqlError, Value, rows};

/// Rows of one commit: a few milliseconds, which a log-on may wait.
pub(crate) const STEP: usize = 500;

/// The version in force.
pub(crate) fn version(connection: &mut dyn Connection) -> Result<RegistryVersion, SqlError> {
    let sql = "SELECT version FROM registry_version";
    let found = rows(connection, sql, &[], |row| row.needed_integer(0))?;
    Ok(RegistryVersion(
        found.into_iter().next().unwrap_or_default(),
    ))
}

/// The settled facts of persons, and after them the statements in force.
const IN_FORCE: &str = "SELECT person, CAST(0 AS BIGINT) AS turn, body, CAST(0 AS BIGINT) AS produced_ms, \
        CAST(0 AS BIGINT) AS applied_ms FROM registry_persons \
     UNION ALL \
     SELECT s.person, i.turn, s.body, i.produced_ms, i.applied_ms \
     FROM registry_imports i JOIN registry_statements s ON s.import = i.id \
     WHERE i.state = 'applied' ORDER BY 1, 2";
const IN_FORCE_OF_ONE: &str = "SELECT person, CAST(0 AS BIGINT) AS turn, body, CAST(0 AS BIGINT) AS produced_ms, \
        CAST(0 AS BIGINT) AS applied_ms FROM registry_persons WHERE person = $1 \
     UNION ALL \
     SELECT s.person, i.turn, s.body, i.produced_ms, i.applied_ms \
     FROM registry_imports i JOIN registry_statements s ON s.import = i.id AND s.person = $1 \
     WHERE i.state = 'applied' ORDER BY 1, 2";

/// Calls `visit` with every person, or with the one of this key.
pub(crate) fn persons(
    connection: &mut dyn Connection,
    key: Option<&str>,
    visit: &mut dyn FnMut(String, Person),
) -> Result<(), SqlError> {
    let mut folding = Folding::default();
    let (sql, values) = match key {
        None => (IN_FORCE, Vec::new()),
        Some(key) => (IN_FORCE_OF_ONE, vec![Value::from(key)]),
    };
    connection.query(sql, &values, &mut |row| {
        if let Some((key, person)) = folding.take(row)? {
            visit(key, person);
        }
        Ok(())
    })?;
    if let (key, Some(person)) = (folding.key, folding.person) {
        visit(key, person);
    }
    Ok(())
}

/// The person whose rows are being read.
#[derive(Default)]
struct Folding {
    key: String,
    person: Option<Person>,
}

impl Folding {
    /// Takes a row; the person before it, if that was the last row of theirs.
    fn take(&mut self, row: &dyn Columns) -> Result<Option<(String, Person)>, SqlError> {
        let key = row.needed_text(0)?;
        let done = match key == self.key {
            true => None,
            false => {
                let before = mem::replace(&mut self.key, key);
                self.person.take().map(|person| (before, person))
            }
        };
        let body = row.needed_text(2)?;
        match row.needed_integer(1)? {
            0 => self.person = Some(parsed(&body)?),
            _ => {
                let told = Told {
                    produced_at: row.needed_time(3)?,
                    taken_at: row.needed_time(4)?,
                };
                let after = Person::fold(self.person.as_ref(), &parsed(&body)?, told);
                self.person = after.or(self.person.take());
            }
        }
        Ok(done)
    }
}

fn parsed<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, SqlError> {
    serde_json::from_str(body).map_err(SqlError::unreadable)
}

fn text_of(value: &impl serde::Serialize) -> Result<String, SqlError> {
    serde_json::to_string(value).map_err(SqlError::unreadable)
}

/// Adds an import that is being staged.
pub(crate) fn insert(
    connection: &mut dyn Connection,
    import: &NewImport,
) -> Result<ImportId, SqlError> {
    let sql = "INSERT INTO registry_imports (id, digest, file, is_full, row_count, produced_ms,
             has_trailer, taken_ms, taken_by, locks, unlocks, vanished, mobiles, state, by_approval)
         SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
             'staging', 0 FROM registry_imports
         RETURNING id";
    let Counts {
        locks,
        unlocks,
        vanished,
        mobiles,
    } = import.counts;
    let values = [
        import.digest.as_str().into(),
        import.file.as_str().into(),
        import.is_full.into(),
        number(import.rows),
        import.produced_at.into(),
        import.has_trailer.into(),
        import.taken_at.into(),
        import.taken_by.as_str().into(),
        number(locks),
        number(unlocks),
        number(vanished),
        number(mobiles),
    ];
    let found = rows(connection, sql, &values, |row| row.needed_integer(0))?;
    let id = found.into_iter().next();
    id.map(ImportId)
        .ok_or_else(|| SqlError::unreadable("an import got no number"))
}

fn number(count: u64) -> Value<'static> {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// Statements as they are stored, made on the caller's thread rather than on the writer's.
pub(crate) type StatementRow = (String, String);

pub(crate) fn to_rows(statements: &[(String, Statement)]) -> Result<Vec<StatementRow>, SqlError> {
    let rows = statements.iter();
    rows.map(|(key, statement)| Ok((key.clone(), text_of(statement)?)))
        .collect()
}

/// Adds statements of an import: one commit.
pub(crate) fn add_statements(
    connection: &mut dyn Connection,
    id: ImportId,
    rows: &[StatementRow],
) -> Result<(), SqlError> {
    let sql = "INSERT INTO registry_statements (import, person, body) VALUES ($1, $2, $3)";
    in_transaction(connection, |connection| {
        for (person, body) in rows {
            let values = [id.0.into(), person.as_str().into(), body.as_str().into()];
            connection.execute(sql, &values)?;
        }
        Ok(true)
    })?;
    Ok(())
}

/// Runs `work` as one transaction; one that returns false is rolled back.
pub(crate) fn in_transaction(
    connection: &mut dyn Connection,
    work: impl FnOnce(&mut dyn Connection) -> Result<bool, SqlError>,
) -> Result<bool, SqlError> {
    connection.begin()?;
    let done = work(connection);
    match done {
        Ok(true) => connection.commit().map(|()| true),
        Ok(false) | Err(_) => {
            connection.roll_back();
            done
        }
    }
}

/// Moves the version on, if it is still this one: of two nodes, one goes ahead.
fn advance(connection: &mut dyn Connection, from: RegistryVersion) -> Result<bool, SqlError> {
    let sql = "UPDATE registry_version SET version = version + 1 WHERE version = $1";
    Ok(connection.execute_now(sql, &[from.0.into()])? == 1)
}

/// Puts an import in force, if nothing else came into force since it was judged.
pub(crate) fn apply(
    connection: &mut dyn Connection,
    id: ImportId,
    applying: Applying,
) -> Result<bool, SqlError> {
    let sql = "UPDATE registry_imports SET state = 'applied', turn = $1, applied_ms = $2,
             by_approval = $3, locks = $4, unlocks = $5, vanished = $6, mobiles = $7
         WHERE id = $8 AND state IN ('staging', 'held')";
    let Counts {
        locks,
        unlocks,
        vanished,
        mobiles,
    } = applying.counts;
    let turn = applying.upon.next().0;
    let values = [
        turn.into(),
        applying.at.into(),
        applying.by_approval.into(),
        number(locks),
        number(unlocks),
        number(vanished),
        number(mobiles),
        id.0.into(),
    ];
    in_transaction(connection, |connection| {
        Ok(advance(connection, applying.upon)? && connection.execute_now(sql, &values)? == 1)
    })
}

/// Has an import wait for approvals.
pub(crate) fn hold(connection: &mut dyn Connection, id: ImportId) -> Result<(), SqlError> {
    let sql = "UPDATE registry_imports SET state = 'held' WHERE id = $1 AND state = 'staging'";
    connection.execute_now(sql, &[id.0.into()]).map(drop)
}

/// Adds an approval; an operator's second one changes nothing.
pub(crate) fn approve(
    connection: &mut dyn Connection,
    id: ImportId,
    who: &str,
    at: Timestamp,
) -> Result<usize, SqlError> {
    let sql = "INSERT INTO registry_approvals (import, who, at_ms) VALUES ($1, $2, $3)
         ON CONFLICT (import, who) DO NOTHING";
    connection.execute_now(sql, &[id.0.into(), who.into(), at.into()])?;
    Ok(approvals(connection, id)?.len())
}

fn approvals(connection: &mut dyn Connection, id: ImportId) -> Result<Vec<String>, SqlError> {
    let sql = "SELECT who FROM registry_approvals WHERE import = $1 ORDER BY at_ms, who";
    rows(connection, sql, &[id.0.into()], |row| row.needed_text(0))
}

/// Takes an import out of force.
pub(crate) fn undo(
    connection: &mut dyn Connection,
    id: ImportId,
    who: &str,
    at: Timestamp,
    since: Timestamp,
) -> Result<bool, SqlError> {
    let sql = "UPDATE registry_imports SET state = 'undone', undone_ms = $1, undone_by = $2
         WHERE id = $3 AND state = 'applied' AND applied_ms >= $4";
    let values = [at.into(), who.into(), id.0.into(), since.into()];
    let next = "UPDATE registry_version SET version = version + 1";
    in_transaction(connection, |connection| {
        let is_undone = connection.execute_now(sql, &values)? == 1;
        Ok(is_undone && connection.execute_now(next, &[])? == 1)
    })
}

/// Moves the version on, so that other nodes read anew.
pub(crate) fn tell(connection: &mut dyn Connection) -> Result<(), SqlError> {
    let sql = "UPDATE registry_version SET version = version + 1";
    connection.execute_now(sql, &[]).map(drop)
}

/// Time of the newest facts in force; never later than the file came.
pub(crate) fn news(connection: &mut dyn Connection) -> Result<Option<Timestamp>, SqlError> {
    let sql = "SELECT max(CASE WHEN produced_ms < taken_ms THEN produced_ms ELSE taken_ms END)
         FROM registry_imports WHERE state IN ('applied', 'settled')";
    let found = rows(connection, sql, &[], |row| row.time(0))?;
    Ok(found.into_iter().flatten().next())
}

/// Time of the newest file of a kind that told its time, in force or held.
pub(crate) fn last_produced(
    connection: &mut dyn Connection,
    is_full: bool,
) -> Result<Option<Timestamp>, SqlError> {
    let sql = "SELECT max(produced_ms) FROM registry_imports
         WHERE state IN ('applied', 'settled', 'held') AND has_trailer = 1 AND is_full = $1";
    let found = rows(connection, sql, &[is_full.into()], |row| row.time(0))?;
    Ok(found.into_iter().flatten().next())
}

/// Effects since then of imports that nobody approved.
pub(crate) fn day(connection: &mut dyn Connection, since: Timestamp) -> Result<Counts, SqlError> {
    let sql = "SELECT locks, unlocks, vanished, mobiles FROM registry_imports
         WHERE state IN ('applied', 'undone', 'settled') AND by_approval = 0 AND applied_ms >= $1";
    let mut all = Counts::default();
    connection.query(sql, &[since.into()], &mut |row| {
        let count = |column| Ok::<_, SqlError>(row.needed_integer(column)?.unsigned_abs());
        all = all.plus(Counts {
            locks: count(0)?,
            unlocks: count(1)?,
            vanished: count(2)?,
            mobiles: count(3)?,
        });
        Ok(())
    })?;
    Ok(all)
}

const IMPORT: &str = "SELECT id, digest, file, is_full, row_count, produced_ms, has_trailer, taken_ms, \
        taken_by, locks, unlocks, vanished, mobiles, state, applied_ms, by_approval, undone_ms, \
        undone_by FROM registry_imports";

/// The newest imports.
pub(crate) fn imports(
    connection: &mut dyn Connection,
    limit: u32,
) -> Result<Vec<Import>, SqlError> {
    let sql = format!("{IMPORT} ORDER BY id DESC LIMIT $1");
    let mut found = rows(connection, &sql, &[limit.into()], read)?;
    for import in &mut found {
        import.approved_by = approvals(connection, import.id)?;
    }
    Ok(found)
}

fn read(row: &dyn Columns) -> Result<Import, SqlError> {
    let count = |column| Ok::<_, SqlError>(row.needed_integer(column)?.unsigned_abs());
    let state = row.needed_text(13)?;
    let mut states = ImportState::ALL.into_iter();
    let state = states.find(|known| known.word() == state);
    let undone = row.time(16)?.zip(row.text(17)?);
    Ok(Import {
        id: ImportId(row.needed_integer(0)?),
        new: NewImport {
            digest: row.needed_text(1)?,
            file: row.needed_text(2)?,
            is_full: row.needed_integer(3)? != 0,
            rows: count(4)?,
            produced_at: row.needed_time(5)?,
            has_trailer: row.needed_integer(6)? != 0,
            taken_at: row.needed_time(7)?,
            taken_by: row.needed_text(8)?,
            counts: Counts {
                locks: count(9)?,
                unlocks: count(10)?,
                vanished: count(11)?,
                mobiles: count(12)?,
            },
        },
        state: state.ok_or_else(|| SqlError::unreadable("the state of an import is unknown"))?,
        applied_at: row.time(14)?,
        by_approval: row.needed_integer(15)? != 0,
        approved_by: Vec::new(),
        undone,
    })
}

/// Calls `visit` with each statement of an import.
pub(crate) fn statements(
    connection: &mut dyn Connection,
    id: ImportId,
    visit: &mut dyn FnMut(String, Statement),
) -> Result<(), SqlError> {
    let sql = "SELECT person, body FROM registry_statements WHERE import = $1";
    connection.query(sql, &[id.0.into()], &mut |row| {
        visit(row.needed_text(0)?, parsed(&row.needed_text(1)?)?);
        Ok(())
    })
}

/// The work of one step of [`settle_step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tidying {
    /// Fold the statements of this import into the persons.
    Fold(ImportId, Told),
    /// Remove the statements of this import, which is undone or dropped.
    Remove(ImportId),
}

/// The oldest import to tidy up: applied before, or staged, held or undone before.
pub(crate) fn next_to_settle(
    connection: &mut dyn Connection,
    before: Timestamp,
) -> Result<Option<Tidying>, SqlError> {
    let sql = "SELECT id, produced_ms, applied_ms FROM registry_imports
         WHERE state = 'applied' AND applied_ms < $1 ORDER BY turn LIMIT 1";
    let applied = rows(connection, sql, &[before.into()], |row| {
        let told = Told {
            produced_at: row.needed_time(1)?,
            taken_at: row.needed_time(2)?,
        };
        Ok(Tidying::Fold(ImportId(row.needed_integer(0)?), told))
    })?;
    if let Some(fold) = applied.into_iter().next() {
        return Ok(Some(fold));
    }
    let sql = "UPDATE registry_imports SET state = 'dropped'
         WHERE state IN ('staging', 'held') AND taken_ms < $1";
    connection.execute_now(sql, &[before.into()])?;
    let sql = "SELECT id FROM registry_imports i
         WHERE (state = 'dropped' OR (state = 'undone' AND undone_ms < $1))
            AND EXISTS (SELECT 1 FROM registry_statements s WHERE s.import = i.id)
         ORDER BY id LIMIT 1";
    let given_up = rows(connection, sql, &[before.into()], |row| {
        Ok(Tidying::Remove(ImportId(row.needed_integer(0)?)))
    })?;
    Ok(given_up.into_iter().next())
}

/// Has an import never come into force; whether it had not.
pub(crate) fn give_up(connection: &mut dyn Connection, id: ImportId) -> Result<bool, SqlError> {
    let sql = "UPDATE registry_imports SET state = 'dropped'
         WHERE id = $1 AND state IN ('staging', 'held')";
    Ok(connection.execute_now(sql, &[id.0.into()])? == 1)
}

/// One commit of tidying; whether that import is done.
pub(crate) fn settle_step(
    connection: &mut dyn Connection,
    tidying: Tidying,
) -> Result<bool, SqlError> {
    let (Tidying::Fold(id, _) | Tidying::Remove(id)) = tidying;
    let sql = "SELECT person, body FROM registry_statements WHERE import = $1 LIMIT $2";
    let step = u32::try_from(STEP).unwrap_or(u32::MAX);
    let mut is_last = false;
    in_transaction(connection, |connection| {
        // Of two nodes that tidy up one waits here: a person is folded in the order of imports.
        connection.execute_now("UPDATE registry_version SET version = version", &[])?;
        let found = rows(connection, sql, &[id.0.into(), step.into()], |row| {
            Ok((row.needed_text(0)?, row.needed_text(1)?))
        })?;
        is_last = found.len() < STEP;
        for (person, body) in &found {
            if let Tidying::Fold(_, told) = tidying {
                fold_into(connection, person, &parsed(body)?, told)?;
            }
            let sql = "DELETE FROM registry_statements WHERE import = $1 AND person = $2";
            connection.execute(sql, &[id.0.into(), person.as_str().into()])?;
        }
        if let (true, Tidying::Fold(..)) = (is_last, tidying) {
            let sql = "UPDATE registry_imports SET state = 'settled' WHERE id = $1";
            connection.execute(sql, &[id.0.into()])?;
        }
        Ok(true)
    })?;
    Ok(is_last)
}

fn fold_into(
    connection: &mut dyn Connection,
    person: &str,
    statement: &Statement,
    told: Told,
) -> Result<(), SqlError> {
    let sql = "SELECT body FROM registry_persons WHERE person = $1";
    let known = rows(connection, sql, &[person.into()], |row| row.needed_text(0))?;
    let known: Option<Person> = known.first().map(|body| parsed(body)).transpose()?;
    let Some(after) = Person::fold(known.as_ref(), statement, told) else {
        return Ok(());
    };
    let sql = "INSERT INTO registry_persons (person, body) VALUES ($1, $2)
         ON CONFLICT (person) DO UPDATE SET body = excluded.body";
    connection.execute(sql, &[person.into(), text_of(&after)?.into()])
}
