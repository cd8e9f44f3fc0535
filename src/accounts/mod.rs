//! Use cases on accounts: look up, explain, sessions and changes of them, unlock, close, open, set a password, delete, import,
//! files of the student registry, exemptions, terms.
//!
//! Results and errors are data, without sentences; the caller phrases them. Every act that changes
//! an account is written to the audit log with its [`Actor`]. A use case blocks until the directory
//! has answered and the change is durable: not for a thread that must not wait.

mod change_sessions;
mod close;
mod directory_entry;
mod error;
mod exempt;
mod explain;
mod import;
mod list;
mod look_up;
mod password;
mod registry;
mod reset;
mod sessions;
mod terms;
mod unlock;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portvakt_auth::Account;
use portvakt_auth::password::HashMemory;
use serde::{Deserialize, Serialize};

use crate::audit::{Act, AuditEvent};
use crate::state::State;
pub use change_sessions::{ChangedSessions, SessionSelection, TryDetails};
pub use close::{Changed, ClosureAct, Deleted};
pub use directory_entry::{AttributeValue, DirectoryEntry};
pub use error::{ActError, DirectoryFault};
pub use exempt::Exempted;
pub use explain::{
    Attempt, Explanation, LockState, NtHashRemedy, NtHashState, ServiceVerdict, StatusFinding,
};
pub use import::{ImportProgress, ImportRequest, ImportStep, Imported};
pub use list::{Filter, Listing, Summary};
pub use look_up::{AccountDetails, PasswordFacts};
pub use password::{ClearPassword, NewPassword, PasswordSet};
use portvakt_directory::{DirectoryWriter, WriteError};
pub use registry::{
    ExemptionDetails, ImportOutcome, ImportSummary, KnownPerson, RegistryFile, RegistryImport,
};
pub use reset::{
    CodeAsked, CodeKind, CodeRequest, CodeSent, MessageDetails, MessageSwitch, Messages,
    OpenWindow, OpeningDetails, Proof, Redemption, ResetDetails, WindowOpened, WindowsClosed,
};
pub use sessions::{AddressDetails, FoundSessions, SessionDetails, SessionSearch};
pub use terms::{TermLock, TermPreview};
pub use unlock::Unlocked;

/// Longest wait for the audit log to be written.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// The use cases, over the state of a running server or of an offline command.
#[derive(Clone)]
pub struct Accounts {
    state: Arc<State>,
    /// Memory to hash passwords in, one at a time: some 19 MiB.
    hashing: Arc<Mutex<HashMemory>>,
}

/// The person or program that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user of the operating system, for the audit log.
    pub who: String,
    /// The rights of the actor.
    pub role: Role,
    /// The way the act came in.
    pub channel: Channel,
}

/// The rights of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Every act on every account: the server's own user, and root.
    Administrator,
}

/// The way an act came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Over the admin socket of a running server.
    Socket,
    /// In the process of a command, while no server runs.
    Offline,
}

/// The account and the reason of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// User name or alias, with or without realm.
    pub user: String,
    /// The actor's reason, for the audit log and the helpdesk.
    pub why: String,
}

impl Accounts {
    /// Use cases over `state`.
    #[must_use]
    pub fn new(state: Arc<State>) -> Self {
        Self {
            state,
            hashing: Arc::default(),
        }
    }

    /// Waits until every attempt so far is in the audit log.
    ///
    /// # Errors
    /// [`ActError::AuditNotWritten`].
    pub fn flush_audit(&self) -> Result<(), ActError> {
        let flushed = self.state.audit.flush(FLUSH_PATIENCE);
        flushed.map_err(|_| ActError::AuditNotWritten)
    }

    /// Has the directory of an account change it.
    fn write<T>(
        &self,
        account: &Account,
        write: impl FnOnce(&dyn DirectoryWriter) -> Result<T, WriteError>,
    ) -> Result<T, ActError> {
        let policy = self.state.policy.load();
        let source = policy.sources.of_account(&account.id);
        let writer = source.and_then(|source| source.directory.writer());
        Ok(write(writer.ok_or(ActError::ReadOnlyDirectory)?)?)
    }

    /// Forgets what was proven of an account before it changed.
    fn forget(&self, account: &Account) {
        self.state.invalidate_everywhere(&account.id);
    }

    fn audit(&self, actor: &Actor, act: &'static str, account: &Account, why: &str) {
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &actor.who,
            what: act,
            account: Some(account.id.as_str()),
            why: Some(why),
            result: "done",
        }));
    }
}
