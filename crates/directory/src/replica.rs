//! A replica of all accounts of a directory in memory, as operators and metrics see it.

use std::time::Duration;

use portvakt_auth::AccountId;

/// Called with each account whose password, state or existence has changed, once look-ups know.
pub type OnChange = Box<dyn Fn(&AccountId) + Send + Sync>;

/// All accounts of a directory in memory, kept current by the directory.
pub trait AccountReplica: Send + Sync {
    /// Its state.
    fn status(&self) -> ReplicaStatus;

    /// Whether it has had all accounts, lately enough.
    fn is_in_use(&self) -> bool;

    /// Sets who is told of changed accounts. Only the first call counts.
    fn on_change(&self, notify: OnChange);
}

/// How the mirror stands to the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// It has not had all accounts yet.
    Loading,
    /// It is told of changes.
    Current,
    /// It is not told of changes, and in use.
    Away,
    /// It was not told of changes for so long that it is not in use.
    TooOld,
}

/// State of a mirror for metrics and health.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaStatus {
    /// Its state towards the directory.
    pub state: ReplicaState,
    /// Time since the directory was last heard of; none before the first load.
    pub age: Option<Duration>,
    /// Accounts in it.
    pub accounts: usize,
    /// Entries that could not be understood, and are not in it.
    pub not_understood: usize,
    /// Entries that were put or removed since the start, whole loads aside.
    pub changes: u64,
    /// Whole loads since the start.
    pub loads: u64,
    /// How often the connection that tells of changes was lost or could not be made.
    pub failures: u64,
    /// The last failure, as long as the mirror is not current.
    pub failure: Option<String>,
    /// Why the journal is not written.
    pub disk: Option<String>,
}

impl ReplicaStatus {
    /// Problems of the mirror, for the operator; empty when there is none.
    pub fn in_words(&self) -> String {
        let age = self.age.unwrap_or_default().as_secs();
        let failure = self.failure.as_deref().unwrap_or("no word from it yet");
        let state = match self.state {
            ReplicaState::Current => None,
            ReplicaState::Loading => Some(format!(
                "not all accounts have been read yet, and the directory is asked for each \
                 ({failure})"
            )),
            ReplicaState::Away => Some(format!(
                "the directory has not shown of changes for {age} s ({failure}); known accounts \
                 go on"
            )),
            ReplicaState::TooOld => Some(format!(
                "the directory has not shown of changes for {age} s ({failure}): longer than \
                 replica-max-age, so the replica is not used"
            )),
        };
        let disk = self.disk.as_ref().map(|error| {
            format!("the disk refuses ({error}): after a restart the mirror begins anew")
        });
        state.into_iter().chain(disk).collect::<Vec<_>>().join("; ")
    }
}
