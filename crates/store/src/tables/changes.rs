//! The table of changes, where several servers share a database; triggers write most of it.

use portvakt_auth::name::AccountId;

use crate::StoreError;
use crate::sql::Connection;

/// Tells other servers to forget what was proven of an account.
pub(crate) fn announce(
    connection: &mut dyn Connection,
    account: &AccountId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO changes (kind, account) VALUES ('proofs', $1)";
    connection.execute_now(sql, &[account.as_str().into()])?;
    Ok(())
}
