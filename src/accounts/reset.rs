//! Ways to a new password for an owner who does not have the old one, and to the account's state for one
//! who is locked: the use cases over [`portvakt_resets`].
//!
//! ```text
//!  request   a code is asked for: answered at once, the same for every name
//!  send      looks, decides, stores the opening, then hands the message over
//!  support   IT support opens a window, or closes what is open
//!  redeem    code and new password; or the code alone, to read the account's state
//!  details   what IT support sees of all that
//!  messages  the switch of messages, a test, reports of delivery, numbers that were seen
//! ```

mod details;
mod messages;
mod redeem;
mod request;
mod send;
mod support;
#[cfg(test)]
mod tests;

pub use details::{MessageDetails, OpeningDetails, ResetDetails};
pub use messages::{MessageSwitch, Messages};
pub use redeem::{Proof, Redemption};
pub use request::{CodeAsked, CodeKind, CodeRequest};
pub use send::CodeSent;
pub use support::{OpenWindow, WindowOpened, WindowsClosed};

use portvakt_auth::{AccountId, PasswordHash};
use portvakt_resets::{Opening, OpeningKind};
use portvakt_store::StoreError;

use super::{Accounts, ActError};

impl Accounts {
    fn opening(
        &self,
        account: &AccountId,
        kind: OpeningKind,
    ) -> Result<Option<Opening>, StoreError> {
        self.state.store.opening(account, kind)
    }

    /// Hashes a code or a PIN, by the cost of passwords.
    fn hash_code(&self, material: &[u8]) -> Result<PasswordHash, ActError> {
        let cost = self.state.policy.load().hash_cost.clone();
        let mut memory = self
            .hashing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(PasswordHash::hash_new(
            material,
            crate::random::bytes(),
            cost,
            &mut memory,
        )?)
    }
}
