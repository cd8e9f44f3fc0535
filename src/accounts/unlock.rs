//! The end of a lock after failed log-ons, before its time.

use serde::{Deserialize, Serialize};

use super::{Accounts, ActError, Actor, Target};

/// An account without a lock and without counted failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlocked {
    /// The account's name.
    pub account: String,
    /// Whether there was a lock, or a failure that counted.
    pub was_locked: bool,
    /// Whether that is on disk. If not, the lock is back after a crash.
    pub durable: bool,
}

impl Accounts {
    /// Ends the lock of an account and forgets its failures, also while its directory is silent.
    ///
    /// # Errors
    /// Those of a name: [`ActError::is_of_name`]; [`ActError::Store`] while the database that decides
    /// about locks is away.
    pub fn unlock(&self, actor: &Actor, target: &Target) -> Result<Unlocked, ActError> {
        let account = self.find_or_recall(&target.user)?;
        let now = self.state.clock.now();
        let unlocked = self
            .state
            .store
            .unlock(&self.state.locks, &account.id, now)?;
        self.audit(actor, "unlock", &account, &target.why);
        Ok(Unlocked {
            account: account.id.to_string(),
            was_locked: unlocked.was_locked,
            durable: unlocked.is_durable,
        })
    }
}
