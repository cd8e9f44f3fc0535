//! Sealing of accounts that a version without sealing wrote.

use portvakt_sealing::SealingKey;

use super::SqliteConnection;
use crate::StoreError;
use crate::sql::rows;
use crate::tables::accounts::{self, AccountRow};

/// Seals rows that a version without sealing wrote, and leaves no copy of them in the file.
pub(super) fn seal_old(
    connection: &mut SqliteConnection,
    key: &SealingKey,
) -> Result<(), StoreError> {
    let listed = "SELECT name FROM sqlite_schema WHERE name = 'accounts_to_seal'";
    if rows(connection, listed, &[], |row| row.text(0))?.is_empty() {
        return Ok(());
    }
    let sealed = sealed_rows(connection, key)?;
    accounts::write(connection, &sealed)?;
    // The rows as they were are still in free pages and in the log. The list of what is to be done
    // goes last: a crash before it only means to do this again.
    connection
        .0
        .execute_batch("VACUUM; PRAGMA wal_checkpoint(truncate); DROP TABLE accounts_to_seal;")?;
    Ok(())
}

fn sealed_rows(
    connection: &mut SqliteConnection,
    key: &SealingKey,
) -> Result<Vec<AccountRow>, StoreError> {
    let sql = "SELECT id, body FROM accounts JOIN accounts_to_seal USING (id)";
    let found = rows(connection, sql, &[], |row| {
        Ok((row.needed_text(0)?, row.needed_text(1)?))
    })?;
    let mut sealed = Vec::new();
    for (id, body) in found {
        let row = accounts::to_row(accounts::read(&id, &body)?, key)?;
        sealed.extend(row.sealed.is_some().then_some(row));
    }
    Ok(sealed)
}
