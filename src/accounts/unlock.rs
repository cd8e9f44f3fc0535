//! The end of a lock after failed log-ons, before its time.

use portvakt_auth::LockChange;
use portvakt_store::Durability;
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
    /// Those of a name: [`ActError::is_of_name`].
    pub fn unlock(&self, actor: &Actor, target: &Target) -> Result<Unlocked, ActError> {
        let account = self.find_or_recall(&target.user)?;
        let change = self.state.locks.unlock(&account.id);
        let was_locked = change.is_some();
        let durable = change.is_none_or(|change| self.write_lock(&change));
        self.audit(actor, "unlock", &account, &target.why);
        Ok(Unlocked {
            account: account.id.to_string(),
            was_locked,
            durable,
        })
    }

    /// Waits until a lock change is on disk; `false` if the disk refuses.
    fn write_lock(&self, change: &LockChange) -> bool {
        let (sender, receiver) = std::sync::mpsc::channel();
        let done = Box::new(move |durability| {
            let _ = sender.send(durability);
        });
        let lock = change.stored(self.state.clock.now());
        self.state.store.record_lock(lock, Some(done));
        receiver.recv() == Ok(Durability::OnDisk)
    }
}
