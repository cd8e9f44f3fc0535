//! Replaces hashes of older schemes by Argon2id, once their password has come by and was right.
//!
//! No log-on waits for it: it happens after the answer, on a thread of its own, one at a time, and
//! only while the hash pool has no queue. A failure is logged and harms nothing:
//! the older hash goes on being good.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, iter};

use portvakt_auth::{Account, AccountId, HashMemory, PasswordHash};
use zeroize::Zeroizing;

use super::hash_pool::be_nicer;
use crate::access::Access;
use crate::access::received_password::ReceivedPassword;
use crate::policy::Policy;
use portvakt_directory::{FindError, WriteError};

/// HashUpgrades that may wait; further ones come with the next log-on.
const MOST_WAITING: usize = 256;
/// Accounts whose upgrade failed, or is under way, that are kept in mind; beyond, none is tried.
const MOST_TRIED: usize = 100_000;
/// Added to the niceness of the thread: nobody waits for it, and the hash pool has those who do.
const NICER_BY: i32 = 19;
/// How long to look away while others wait for the hash pool, and how often.
const LOOK_AWAY: Duration = Duration::from_millis(20);
const LOOKS: u32 = 1_500;

/// The way to upgrades, and their thread.
pub struct HashUpgrades {
    jobs: SyncSender<HashUpgrade>,
    shared: Arc<Shared>,
}

/// Shared by the sender and the thread.
#[derive(Default)]
struct Shared {
    closed: AtomicBool,
    /// Not to be tried again: under way, or failed.
    tried: Mutex<HashSet<AccountId>>,
    /// The error logged last, so that it is not logged for each account.
    told: Mutex<String>,
}

/// A hash to be replaced, and the password that it is of.
pub(in crate::access) struct HashUpgrade {
    access: Arc<Access>,
    account: AccountId,
    old: PasswordHash,
    password: Zeroizing<Vec<u8>>,
}

impl HashUpgrade {
    /// The upgrade that follows from a right password, if the account's hash is to be replaced. Not where
    /// the scheme looks at a part of the password only: then it may not be the whole truth.
    pub(in crate::access) fn wanted(
        access: &Arc<Access>,
        policy: &Policy,
        account: &Account,
        password: &ReceivedPassword,
    ) -> Option<Self> {
        let current = account.password.as_ref().map(|password| &password.hash);
        // Of several passwords nobody knows which it was.
        let current = current.filter(|_| account.besides.is_empty());
        let old = current.filter(|hash| !hash.is_argon2id())?;
        let source = policy.sources.of_account(&account.id);
        let writer = source.and_then(|source| source.directory.writer());
        let is_wanted = policy.upgrade_hashes
            && password.is_looked_at_by(old)
            && writer.is_some_and(|writer| writer.upgrades_hashes())
            && !access.hash_upgrades.shared.has_tried(&account.id);
        is_wanted.then(|| Self {
            access: Arc::clone(access),
            account: account.id.clone(),
            old: old.clone(),
            password: Zeroizing::new(password.canonical().to_vec()),
        })
    }

    /// Replaces the hash; `false` if the password has been changed meanwhile.
    fn run(&self, scratch: &mut HashMemory) -> Result<bool, WriteError> {
        let not_here = || WriteError::NotWritable("a password");
        let policy = self.access.state.policy.load_full();
        let source = policy.sources.of_account(&self.account);
        let writer = source.and_then(|source| source.directory.writer());
        let writer = writer.ok_or_else(not_here)?;
        let cost = policy.hash_cost.clone();
        let salt = crate::random::bytes();
        let new = PasswordHash::hash_new(&self.password, salt, cost, scratch);
        writer.upgrade_hash(&self.account, &self.old, new.map_err(|_| not_here())?)
    }
}

impl HashUpgrades {
    /// Starts the thread, which ends with what is dropped.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = sync_channel(MOST_WAITING);
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("hash-upgrade".to_owned())
            .spawn(move || own.work(&queue))?;
        Ok(Self { jobs, shared })
    }

    /// Takes an upgrade and returns at once.
    pub(in crate::access) fn submit(&self, upgrade: HashUpgrade) {
        if !self.shared.begin(&upgrade.account) {
            return;
        }
        if let Err(TrySendError::Full(upgrade) | TrySendError::Disconnected(upgrade)) =
            self.jobs.try_send(upgrade)
        {
            self.shared.end(&upgrade.account);
        }
    }

    /// Does no more of them.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn work(&self, queue: &Receiver<HashUpgrade>) {
        be_nicer(NICER_BY);
        while let Ok(first) = queue.recv() {
            // Used for all that wait, and given back then: the thread is idle most of the time.
            let mut scratch = HashMemory::new();
            for job in iter::once(first).chain(queue.try_iter()) {
                self.work_on(&job, &mut scratch);
            }
        }
    }

    fn work_on(&self, job: &HashUpgrade, scratch: &mut HashMemory) {
        if self.is_calm(&job.access) {
            self.run(job, scratch);
        } else {
            self.end(&job.account);
        }
    }

    /// Waits until the hash pool has no queue, half a minute at most.
    fn is_calm(&self, access: &Access) -> bool {
        for _ in 0..LOOKS {
            if self.closed.load(Ordering::Relaxed) {
                return false;
            }
            if access.hash_pool.load().waiting == 0 {
                return true;
            }
            std::thread::sleep(LOOK_AWAY);
        }
        false
    }

    fn run(&self, job: &HashUpgrade, scratch: &mut HashMemory) {
        match job.run(scratch) {
            Ok(is_replaced) => {
                self.end(&job.account);
                tracing::debug!(account = %job.account, is_replaced, "an older hash was looked at");
            }
            Err(error) => {
                if matches!(error, WriteError::Directory(FindError::Unavailable(_))) {
                    self.end(&job.account);
                }
                self.tell(&error);
            }
        }
    }

    /// Once for each reason: it is the same for thousands of accounts.
    fn tell(&self, error: &WriteError) {
        let text = error.to_string();
        let mut told = lock(&self.told);
        if *told != text {
            tracing::warn!(
                %error,
                "the hash of a password that was right can't be replaced by one of Argon2id; the \
                 old one goes on being good"
            );
            *told = text;
        }
    }

    /// Whether a hash is being replaced, or could not be.
    fn has_tried(&self, account: &AccountId) -> bool {
        lock(&self.tried).contains(account)
    }

    fn begin(&self, account: &AccountId) -> bool {
        let mut tried = lock(&self.tried);
        tried.len() < MOST_TRIED && tried.insert(account.clone())
    }

    fn end(&self, account: &AccountId) {
        lock(&self.tried).remove(account);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
