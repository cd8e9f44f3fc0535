//! The table of accounts of the embedded directory: one JSON text each, its NT hashes and CHAP
//! secret sealed in a column of their own.

use std::sync::Arc;

use portvakt_auth::account::Account;
use portvakt_sealing::SealingKey;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use zeroize::Zeroizing;

use crate::StoreError;

/// An account as it is stored.
pub(super) struct AccountRow {
    id: String,
    /// Holds a password hash.
    body: Zeroizing<String>,
    sealed: Option<Vec<u8>>,
}

/// Serialises accounts, on the caller's thread rather than on the writer's.
pub(super) fn rows(
    accounts: &[Arc<Account>],
    key: &SealingKey,
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = accounts.iter();
    rows.map(|account| row((**account).clone(), key)).collect()
}

fn row(mut account: Account, key: &SealingKey) -> Result<AccountRow, StoreError> {
    let id = account.id.to_string();
    let sealed = key.seal(&mut account)?;
    let body = serde_json::to_string(&account).map_err(|cause| unreadable(&id, cause))?;
    Ok(AccountRow {
        id,
        body: Zeroizing::new(body),
        sealed,
    })
}

/// Writes all of them or none.
pub(super) fn write(connection: &mut Connection, rows: &[AccountRow]) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    write_rows(&transaction, rows)?;
    Ok(transaction.commit()?)
}

fn write_rows(transaction: &Transaction<'_>, rows: &[AccountRow]) -> Result<(), StoreError> {
    for row in rows {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO accounts (id, revision, body, sealed) VALUES (?1, 1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE
             SET revision = revision + 1, body = excluded.body, sealed = excluded.sealed",
        )?;
        statement.execute(params![row.id, *row.body, row.sealed])?;
    }
    Ok(())
}

/// Removes an account, if it is there.
pub(super) fn remove(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection.execute("DELETE FROM accounts WHERE id = ?1", [id])?;
    Ok(())
}

/// Reads all accounts.
pub(super) fn load(
    connection: &Connection,
    key: &SealingKey,
    visit: &mut dyn FnMut(Account),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT id, body, sealed FROM accounts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let mut account = read(&id, body)?;
        let sealed = row.get_ref(2)?.as_blob_or_null();
        if let Some(sealed) = sealed.map_err(rusqlite::Error::from)? {
            key.unseal(&mut account, sealed)?;
        }
        visit(account);
    }
    Ok(())
}

fn read(id: &str, body: &str) -> Result<Account, StoreError> {
    serde_json::from_str(body).map_err(|cause| unreadable(id, cause))
}

/// A sealed row to try a key on, if there is one: account and text.
pub(super) fn any_sealed(connection: &Connection) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let query = "SELECT id, sealed FROM accounts WHERE sealed IS NOT NULL LIMIT 1";
    let found = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?)
}

/// Seals rows that a version without sealing wrote, and leaves no copy of them in the file.
pub(super) fn seal_old(connection: &mut Connection, key: &SealingKey) -> Result<(), StoreError> {
    let query = "SELECT 1 FROM sqlite_schema WHERE name = 'accounts_to_seal'";
    let waits = connection.query_row(query, [], |_| Ok(())).optional()?;
    if waits.is_none() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    let sealed = sealed_rows(&transaction, key)?;
    write_rows(&transaction, &sealed)?;
    transaction.commit()?;
    // The rows as they were are still in free pages and in the log. The list of what is to be done
    // goes last: a crash before it only means to do this again.
    connection
        .execute_batch("VACUUM; PRAGMA wal_checkpoint(truncate); DROP TABLE accounts_to_seal;")?;
    Ok(())
}

fn sealed_rows(
    transaction: &Transaction<'_>,
    key: &SealingKey,
) -> Result<Vec<AccountRow>, StoreError> {
    let mut statement =
        transaction.prepare("SELECT id, body FROM accounts JOIN accounts_to_seal USING (id)")?;
    let mut rows = statement.query([])?;
    let mut sealed = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let account = read(&row.get::<_, String>(0)?, body)?;
        let row = self::row(account, key)?;
        sealed.extend(row.sealed.is_some().then_some(row));
    }
    Ok(sealed)
}

fn unreadable(key: &str, cause: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        table: "accounts",
        key: key.to_owned(),
        cause,
    }
}
