//! The table of exemptions from fee and registration.

use portvakt_auth::AccountId;

use crate::registry::Exemption;
use crate::sql::{Columns, Connection, SqlError, rows};

/// Puts an exemption in place of an earlier one of the account.
pub(crate) fn put(connection: &mut dyn Connection, exemption: &Exemption) -> Result<(), SqlError> {
    let sql = "INSERT INTO exemptions (account, until_ms, reason, made_by, made_ms)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account) DO UPDATE SET until_ms = excluded.until_ms,
             reason = excluded.reason, made_by = excluded.made_by, made_ms = excluded.made_ms";
    let values = [
        exemption.account.as_str().into(),
        exemption.until.into(),
        exemption.reason.as_str().into(),
        exemption.by.as_str().into(),
        exemption.at.into(),
    ];
    connection.execute_now(sql, &values).map(drop)
}

/// Removes the exemption of an account; whether there was one.
pub(crate) fn remove(
    connection: &mut dyn Connection,
    account: &AccountId,
) -> Result<bool, SqlError> {
    let sql = "DELETE FROM exemptions WHERE account = $1";
    let removed = connection.execute_now(sql, &[account.as_str().into()])?;
    Ok(removed > 0)
}

/// All exemptions.
pub(crate) fn all(connection: &mut dyn Connection) -> Result<Vec<Exemption>, SqlError> {
    let sql = "SELECT account, until_ms, reason, made_by, made_ms FROM exemptions ORDER BY account";
    rows(connection, sql, &[], read)
}

fn read(row: &dyn Columns) -> Result<Exemption, SqlError> {
    Ok(Exemption {
        account: AccountId::new(&row.needed_text(0)?).map_err(SqlError::unreadable)?,
        until: row.needed_time(1)?,
        reason: row.needed_text(2)?,
        by: row.needed_text(3)?,
        at: row.needed_time(4)?,
    })
}
