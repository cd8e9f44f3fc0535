//! The accounts of a directory in memory, kept current by the directory, and in use for a while when
//! the directory is away.
//!
//! ```text
//!  the directory ──> sync | dirsync | poll ──> upkeep ──> table <── find, at every log-on
//!                    (a thread of its own)        │
//!                                                 v
//!                                              journal: a restart resumes
//! ```
//!
//! A whole load is built beside what is in use and put in its place when it is complete, so that a
//! look-up never takes half a directory for the whole.

mod applier;
mod config;
mod connection;
mod entry_id;
mod history;
mod journal;
pub(crate) mod setup;
mod sync;
mod table;
mod wire;
mod worker;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use portvakt_auth::account::{Account, Verification};
use tokio::sync::Notify;

use portvakt_directory::{AccountReplica, OnChange, ReplicaState, ReplicaStatus};

pub use config::{Connect, EntrySource, OpenConnection, ReplicaConfig, SyncMethod};
pub use entry_id::EntryId;
pub use history::carry_over;
pub use table::{Table, TableLookup, normalized};
pub use worker::ReplicaWorker;

#[cfg(test)]
mod tests;

/// How often all is read anew at most because something was seen to be out of date.
const RECONCILE_REQUEST_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The replica's entry of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaLookup {
    /// The account.
    Account(Arc<Account>),
    /// No account has this name.
    Nobody,
    /// Two entries have this name; nobody is let in (P2).
    Ambiguous,
    /// Nothing that counts: ask the directory itself.
    Unsure,
}

/// The accounts in memory. Look-ups come from any thread; one thread keeps it.
pub struct Replica {
    max_age: Duration,
    born: Instant,
    table: ArcSwapOption<Table>,
    /// When the directory was last heard of: milliseconds after `born`, negative before.
    last_contact: AtomicI64,
    /// Whether the directory tells of changes at present.
    connected: AtomicBool,
    not_understood: AtomicUsize,
    changes: AtomicU64,
    loads: AtomicU64,
    failures: AtomicU64,
    failure: Mutex<Option<String>>,
    disk: Mutex<Option<String>>,
    on_change: OnceLock<OnChange>,
    /// Something is known to be out of date of which the directory tells nothing.
    reconcile_request: Notify,
    /// When that was last taken up: milliseconds after `born`.
    last_requested_reconcile: AtomicI64,
}

impl Replica {
    /// An empty mirror, which is in use up to `max_age` after the directory's last word.
    pub fn new(max_age: Duration) -> Self {
        Self {
            max_age,
            born: Instant::now(),
            table: ArcSwapOption::empty(),
            last_contact: AtomicI64::new(i64::MIN),
            connected: AtomicBool::new(false),
            not_understood: AtomicUsize::new(0),
            changes: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            failure: Mutex::new(None),
            disk: Mutex::new(None),
            on_change: OnceLock::new(),
            reconcile_request: Notify::new(),
            last_requested_reconcile: AtomicI64::new(i64::MIN),
        }
    }

    /// Looks up a normalised name.
    pub fn find(&self, name: &str) -> ReplicaLookup {
        let table = self.table.load();
        let Some(table) = table.as_ref().filter(|_| self.is_in_use()) else {
            return ReplicaLookup::Unsure;
        };
        match table.find(name) {
            TableLookup::Found(account) => ReplicaLookup::Account(account),
            TableLookup::Ambiguous => ReplicaLookup::Ambiguous,
            TableLookup::Nobody if self.knows_all() => ReplicaLookup::Nobody,
            TableLookup::Nobody => ReplicaLookup::Unsure,
        }
    }

    /// Has all be read anew soon, unless it was a short while ago.
    pub fn request_reconcile(&self) {
        let now = millis(self.born.elapsed());
        let last = self.last_requested_reconcile.load(Ordering::Relaxed);
        if now.saturating_sub(last) >= millis(RECONCILE_REQUEST_INTERVAL) {
            self.last_requested_reconcile.store(now, Ordering::Relaxed);
            self.reconcile_request.notify_one();
        }
    }

    /// Comes back once such a wish is there.
    async fn reconcile_requested(&self) {
        self.reconcile_request.notified().await;
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        let mut accounts = Vec::new();
        if let Some(table) = &*self.table.load() {
            accounts.reserve(table.len());
            table.for_each(|_, account| accounts.push(Arc::clone(account)));
        }
        accounts
    }

    /// Whether a name that is not here is nobody's: whoever came lately is here, and so is whoever
    /// has an entry.
    fn knows_all(&self) -> bool {
        self.connected.load(Ordering::Relaxed) && self.not_understood.load(Ordering::Relaxed) == 0
    }

    /// Time since the directory was last heard of; `None` before the first whole load.
    fn age(&self) -> Option<Duration> {
        let last_contact = self.last_contact.load(Ordering::Relaxed);
        (last_contact != i64::MIN).then(|| {
            let age = millis(self.born.elapsed()).saturating_sub(last_contact);
            Duration::from_millis(u64::try_from(age).unwrap_or(0))
        })
    }

    /// The directory was heard of just now.
    fn touch(&self) {
        let now = millis(self.born.elapsed());
        self.last_contact.store(now, Ordering::Relaxed);
    }

    /// The wall clock's time of the directory's last word.
    fn last_contact_at(&self) -> Timestamp {
        let now = Timestamp::now();
        let age = self.age().unwrap_or_default();
        now.checked_sub(age).unwrap_or(now)
    }

    /// Puts what was found on disk to use. A moment in the future is one of a clock that was wrong:
    /// nothing older is known of, so it counts as this moment.
    fn restore(&self, table: Table, last_contact: Timestamp) {
        let age = Timestamp::now().duration_since(last_contact);
        let age = Duration::try_from(age).unwrap_or_default();
        let last_contact = millis(self.born.elapsed()).saturating_sub(millis(age));
        self.table.store(Some(Arc::new(table)));
        self.last_contact.store(last_contact, Ordering::Relaxed);
    }

    /// Tells of an account that is no longer what it was, if that can matter to a log-on.
    fn notify(&self, old: &Account, new: Option<&Account>) {
        let is_same = new.is_some_and(|new| is_same_to_a_log_on(old, new));
        if let Some(notify) = self.on_change.get().filter(|_| !is_same) {
            notify(&old.id);
        }
    }

    fn connection(&self) {
        *lock(&self.failure) = None;
        self.connected.store(true, Ordering::Relaxed);
    }

    fn disconnected(&self, why: Option<String>) {
        self.connected.store(false, Ordering::Relaxed);
        if why.is_some() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            *lock(&self.failure) = why;
        }
    }
}

impl AccountReplica for Replica {
    fn status(&self) -> ReplicaStatus {
        let state = match (self.age(), self.connected.load(Ordering::Relaxed)) {
            (None, _) => ReplicaState::Loading,
            (Some(age), _) if age > self.max_age => ReplicaState::TooOld,
            (Some(_), true) => ReplicaState::Current,
            (Some(_), false) => ReplicaState::Away,
        };
        let table = self.table.load();
        let text = |text: &Mutex<Option<String>>| lock(text).clone();
        ReplicaStatus {
            state,
            age: self.age(),
            accounts: table.as_ref().map_or(0, |table| table.len()),
            not_understood: self.not_understood.load(Ordering::Relaxed),
            changes: self.changes.load(Ordering::Relaxed),
            loads: self.loads.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            failure: text(&self.failure),
            disk: text(&self.disk),
        }
    }

    fn is_in_use(&self) -> bool {
        self.age().is_some_and(|age| age <= self.max_age)
    }

    fn on_change(&self, notify: OnChange) {
        let _ = self.on_change.set(notify);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whether nothing differs but what is shown on pages, what a password is hashed by and when (another
/// one is of another version), and the directory's own lock, of which it tells whoever binds.
fn is_same_to_a_log_on(old: &Account, new: &Account) -> bool {
    let mut password = new.password.clone();
    if let (Some(new), Some(old)) = (&mut password, &old.password) {
        new.hash = old.hash.clone();
        new.changed_at = old.changed_at;
    }
    let mut verification = new.verification.clone();
    if let (Verification::Bind(new), Verification::Bind(old)) =
        (&mut verification, &old.verification)
    {
        new.locked_since = old.locked_since;
    }
    let shown = Account {
        password,
        verification,
        display_name: old.display_name.clone(),
        mail: old.mail.clone(),
        mobile: old.mobile.clone(),
        ..new.clone()
    };
    *old == shown
}
