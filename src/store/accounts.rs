//! The table of accounts of the embedded directory: one JSON text each.

use std::sync::Arc;

use portvakt_auth::account::Account;
use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use super::StoreError;

/// An account as it is stored.
pub(super) struct AccountRow {
    id: String,
    /// Holds a password hash.
    body: Zeroizing<String>,
}

/// Writes accounts down, on the caller's thread rather than on the writer's.
pub(super) fn rows(accounts: &[Arc<Account>]) -> Result<Vec<AccountRow>, StoreError> {
    accounts.iter().map(|account| row(account)).collect()
}

fn row(account: &Account) -> Result<AccountRow, StoreError> {
    let id = account.id.to_string();
    match serde_json::to_string(account) {
        Ok(body) => Ok(AccountRow {
            id,
            body: Zeroizing::new(body),
        }),
        Err(cause) => Err(unreadable(id, cause)),
    }
}

/// Writes all of them or none.
pub(super) fn write(connection: &mut Connection, rows: &[AccountRow]) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for row in rows {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO accounts (id, revision, body) VALUES (?1, 1, ?2)
             ON CONFLICT (id) DO UPDATE SET revision = revision + 1, body = excluded.body",
        )?;
        statement.execute(params![row.id, *row.body])?;
    }
    Ok(transaction.commit()?)
}

/// Reads all accounts.
pub(super) fn load(
    connection: &Connection,
    mut visit: impl FnMut(Account),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT id, body FROM accounts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        match serde_json::from_str(body) {
            Ok(account) => visit(account),
            Err(cause) => return Err(unreadable(row.get(0)?, cause)),
        }
    }
    Ok(())
}

fn unreadable(key: String, cause: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        table: "accounts",
        key,
        cause,
    }
}
