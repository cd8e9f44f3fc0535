//! The table of accounts of the embedded directory: one JSON text each, its NT hashes and CHAP
//! secret sealed in a column of their own.

use std::borrow::Cow;
use std::sync::Arc;

use portvakt_auth::account::Account;
use portvakt_auth::name::AccountId;
use portvakt_sealing::SealingKey;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::sql::{Connection, SqlError, Value, rows};

/// An account as it is stored.
pub(crate) struct AccountRow {
    id: String,
    /// Holds a password hash.
    body: Zeroizing<String>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// Serialises accounts, on the caller's thread rather than on the writer's.
pub(crate) fn to_rows(
    accounts: &[Arc<Account>],
    key: &SealingKey,
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = accounts.iter();
    rows.map(|account| to_row((**account).clone(), key))
        .collect()
}

pub(crate) fn to_row(mut account: Account, key: &SealingKey) -> Result<AccountRow, StoreError> {
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
pub(crate) fn write(
    connection: &mut dyn Connection,
    rows: &[AccountRow],
) -> Result<(), StoreError> {
    connection.begin()?;
    let written = write_rows(connection, rows);
    match written {
        Ok(()) => Ok(connection.commit()?),
        Err(error) => {
            connection.roll_back();
            Err(error.into())
        }
    }
}

pub(crate) fn write_rows(
    connection: &mut dyn Connection,
    rows: &[AccountRow],
) -> Result<(), SqlError> {
    let sql = "INSERT INTO accounts (id, revision, body, sealed) VALUES ($1, 1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET
             revision = accounts.revision + 1, body = excluded.body, sealed = excluded.sealed";
    for row in rows {
        let sealed = row.sealed.as_deref().map(Cow::Borrowed);
        let values = [
            row.id.as_str().into(),
            row.body.as_str().into(),
            Value::Octets(sealed),
        ];
        connection.execute(sql, &values)?;
    }
    Ok(())
}

/// Removes an account, if it is there.
pub(crate) fn remove(connection: &mut dyn Connection, id: &str) -> Result<(), StoreError> {
    connection.execute_now("DELETE FROM accounts WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// Reads an account, if it is there.
pub(crate) fn find(
    connection: &mut dyn Connection,
    key: &SealingKey,
    id: &AccountId,
) -> Result<Option<Account>, StoreError> {
    let sql = "SELECT id, body, sealed FROM accounts WHERE id = $1";
    let mut found = Ok(None);
    connection.query(sql, &[id.as_str().into()], &mut |row| {
        let body = Zeroizing::new(row.needed_text(1)?);
        let (id, sealed) = (row.needed_text(0)?, row.octets(2)?);
        found = open(&id, &body, sealed.as_deref(), key).map(Some);
        Ok(())
    })?;
    found
}

/// Reads all accounts.
pub(crate) fn load(
    connection: &mut dyn Connection,
    key: &SealingKey,
    visit: &mut dyn FnMut(Account),
) -> Result<(), StoreError> {
    let sql = "SELECT id, body, sealed FROM accounts";
    let mut failed = Ok(());
    connection.query(sql, &[], &mut |row| {
        if failed.is_ok() {
            let body = Zeroizing::new(row.needed_text(1)?);
            let (id, sealed) = (row.needed_text(0)?, row.octets(2)?);
            failed = open(&id, &body, sealed.as_deref(), key).map(&mut *visit);
        }
        Ok(())
    })?;
    failed
}

fn open(
    id: &str,
    body: &str,
    sealed: Option<&[u8]>,
    key: &SealingKey,
) -> Result<Account, StoreError> {
    let mut account = read(id, body)?;
    if let Some(sealed) = sealed {
        key.unseal(&mut account, sealed)?;
    }
    Ok(account)
}

pub(crate) fn read(id: &str, body: &str) -> Result<Account, StoreError> {
    serde_json::from_str(body).map_err(|cause| unreadable(id, cause))
}

/// A sealed row to try a key on, if there is one: account and text.
pub(crate) fn any_sealed(
    connection: &mut dyn Connection,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT id, sealed FROM accounts WHERE sealed IS NOT NULL LIMIT 1";
    let found = rows(connection, sql, &[], |row| {
        Ok((row.needed_text(0)?, row.octets(1)?.unwrap_or_default()))
    })?;
    Ok(found.into_iter().next())
}

fn unreadable(key: &str, cause: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        table: "accounts",
        key: key.to_owned(),
        cause,
    }
}
