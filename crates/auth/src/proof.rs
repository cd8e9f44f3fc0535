//! Proof that a credential was right, and the memory of it.
//!
//! Remembered is never a password, but a keyed hash of it: HMAC-SHA256 under a key that lives as
//! long as the process. It is bound to account and credential version, so that a changed password
//! is forgotten at once.

use crate::account::Account;
use crate::lock::{Admission, Shown};
use crate::name::AccountId;
use crate::time::{Now, Tick};
use ahash::RandomState;
use dashmap::{DashMap, Entry};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

mod earlier;
mod handed_over;
#[cfg(test)]
mod tests;

pub use earlier::{EarlierPasswords, ToNote};
pub use handed_over::HandedProof;

/// This account's credential was right, in this version of it.
///
/// Only [`crate::password::check`], its siblings for MS-CHAP,
/// [`BindAttempt::answered`](crate::password::BindAttempt::answered), [`RememberedProofs::recall`],
/// [`Proof::of_session`] and [`Proof::of_certificate`] make one.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Proof {
    account: AccountId,
    credential_version: u64,
}

impl Proof {
    pub(crate) fn of(account: &Account) -> Proof {
        Proof {
            account: account.id.clone(),
            credential_version: account.credential_version,
        }
    }

    /// The proof that a resumed TLS session carries: `context` is what
    /// [`Grant::session_context`](crate::Grant::session_context) gave when the session was begun,
    /// and TLS has shown that the device has the session's key. `None` where it was another
    /// account's, or where the credential has changed since (E7).
    pub fn of_session(account: &Account, context: &[u8]) -> Option<Proof> {
        let (version, id) = context.split_first_chunk::<8>()?;
        let is_same = u64::from_be_bytes(*version) == account.credential_version
            && id == account.id.as_str().as_bytes();
        is_same.then(|| Proof::of(account))
    }

    /// The proof of a client certificate: its chain was verified, the device has its key, and by
    /// what it says it is this account's. All three are the caller's word.
    pub fn of_certificate(account: &Account) -> Proof {
        Proof::of(account)
    }

    /// The account of the credential.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Which version of it.
    pub fn credential_version(&self) -> u64 {
        self.credential_version
    }
}

/// A secret key, random per process; no two uses share one key stream.
#[derive(Clone)]
struct Keyed(Hmac<Sha256>);

impl Keyed {
    /// `purpose` keeps the hashes of one use apart from those of another under the same key.
    fn new(key: &[u8; 32], purpose: &[u8]) -> Keyed {
        // A key shorter than the block is filled up with zeros (RFC 2104 §2).
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(purpose);
        Keyed(mac)
    }

    /// Purpose, length of the name, name, version, password: no two inputs run into one another.
    fn hash(&self, account: &Account, password: &[u8]) -> [u8; 32] {
        self.hash_in_version(&account.id, account.credential_version, password)
    }

    fn hash_in_version(&self, account: &AccountId, version: u64, password: &[u8]) -> [u8; 32] {
        let name = account.as_str().as_bytes();
        let mut mac = self.0.clone();
        mac.update(&(name.len() as u64).to_be_bytes());
        mac.update(name);
        mac.update(&version.to_be_bytes());
        mac.update(password);
        mac.finalize().into_bytes().into()
    }
}

/// A keyed hash of a password sent for one account, in one version of its credential. Made once for
/// an attempt: remembered proofs are compared by it, and its [tag](PasswordDigest::tag) tells one
/// wrong password from another without keeping either.
#[derive(Clone)]
pub struct PasswordDigest {
    account: AccountId,
    credential_version: u64,
    hash: [u8; 32],
}

impl PasswordDigest {
    /// Whether it was made for this account, in this version of its credential.
    pub fn is_of(&self, account: &Account) -> bool {
        self.credential_version == account.credential_version && self.account == account.id
    }

    /// The first eight octets.
    pub fn tag(&self) -> u64 {
        short(&self.hash)
    }
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest([redacted])")
    }
}

/// Tells responses to challenges and RADIUS clients apart, by a hash that is random per process. It
/// is quick, and no protection: what it is made from is no password.
#[derive(Clone)]
pub struct GuessTags(RandomState);

impl GuessTags {
    /// Tags of this process.
    pub fn new(seed: [u64; 4]) -> GuessTags {
        let [a, b, c, d] = seed;
        GuessTags(RandomState::with_seeds(a, b, c, d))
    }

    /// The tag of a response, or of a client's name.
    pub fn tag(&self, octets: &[u8]) -> u64 {
        self.0.hash_one(octets)
    }
}

impl fmt::Debug for GuessTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuessTags([redacted])")
    }
}

/// The first eight octets.
fn short(hash: &[u8; 32]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |tag, octet| tag << 8 | u64::from(*octet))
}

/// Result of comparing a password with a remembered proof.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Recalled {
    /// It is the one that was proven.
    Right(Proof),
    /// It is another one than was proven, of this version of the credential: it is wrong, if one
    /// version has one right password.
    Different,
    /// Nothing is remembered of this version. Nothing was compared.
    Nothing,
}

/// Proven passwords, remembered for a while: a roaming device costs a microsecond, not an Argon2.
///
/// One entry per account, since one version of a credential has one right password. At most
/// `capacity` accounts: a further one is simply not remembered, until [`RememberedProofs::sweep`]
/// has made room.
pub struct RememberedProofs {
    keyed: Keyed,
    time_to_live: Duration,
    capacity: usize,
    count: AtomicUsize,
    entries: DashMap<AccountId, Remembered, RandomState>,
}

struct Remembered {
    hash: [u8; 32],
    credential_version: u64,
    expires: Tick,
}

/// A proven password that is not remembered yet, as a keyed hash.
pub struct ToRemember {
    account: AccountId,
    remembered: Remembered,
}

impl fmt::Debug for ToRemember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToRemember").field(&self.account).finish()
    }
}

impl Remembered {
    fn is_fresh(&self, account: &Account, now: Now) -> bool {
        now.tick < self.expires && self.credential_version == account.credential_version
    }
}

impl RememberedProofs {
    /// `key` is random and lives as long as the process.
    pub fn new(key: &[u8; 32], capacity: usize, time_to_live: Duration) -> RememberedProofs {
        RememberedProofs {
            keyed: Keyed::new(key, b"portvakt proven password\0"),
            time_to_live,
            capacity,
            count: AtomicUsize::new(0),
            entries: DashMap::with_hasher(RandomState::new()),
        }
    }

    /// The digest by which a password is compared here.
    pub fn digest(&self, account: &Account, password: &[u8]) -> PasswordDigest {
        PasswordDigest {
            account: account.id.clone(),
            credential_version: account.credential_version,
            hash: self.keyed.hash(account, password),
        }
    }

    /// Compares a password with the one that was proven for this version of the account's
    /// credential, and notes in the attempt what that showed. Constant-time compare.
    pub fn recall(
        &self,
        account: &Account,
        digest: &PasswordDigest,
        now: Now,
        attempt: &mut Admission,
    ) -> Recalled {
        let Some(remembered) = self.entries.get(&account.id) else {
            return Recalled::Nothing;
        };
        if !remembered.is_fresh(account, now) || !digest.is_of(account) {
            return Recalled::Nothing;
        }
        let is_same = attempt.compare(
            || bool::from(digest.hash.ct_eq(&remembered.hash)),
            |is_same| {
                Some(match *is_same {
                    true => Shown::Remembered,
                    false => Shown::Wrong,
                })
            },
        );
        match is_same {
            true => Recalled::Right(Proof::of(account)),
            false => Recalled::Different,
        }
    }

    /// Whether a proof of this version of the account's credential is remembered.
    pub fn is_fresh(&self, account: &Account, now: Now) -> bool {
        let remembered = self.entries.get(&account.id);
        remembered.is_some_and(|remembered| remembered.is_fresh(account, now))
    }

    /// What [`Self::remember`] takes of a proven password, once its log-on may be told. `None` where it is
    /// not to be remembered: a proof of another account or version, or a password that may be an
    /// earlier one by now.
    pub fn prepare(
        &self,
        account: &Account,
        digest: &PasswordDigest,
        proof: &Proof,
        now: Now,
    ) -> Option<ToRemember> {
        let is_of = *proof == Proof::of(account) && digest.is_of(account);
        let remembered = Remembered {
            hash: digest.hash,
            credential_version: account.credential_version,
            expires: now.tick.plus(self.time_to_live),
        };
        // An earlier password would go on for as long as this is kept.
        let is_worth_it = is_of && !self.time_to_live.is_zero();
        (is_worth_it && account.is_sure_of_password(now.utc)).then(|| ToRemember {
            account: account.id.clone(),
            remembered,
        })
    }

    /// Remembers a proven password.
    pub fn remember(&self, proven: ToRemember) {
        let ToRemember {
            account,
            remembered,
        } = proven;
        match self.entries.entry(account) {
            Entry::Occupied(mut entry) => drop(entry.insert(remembered)),
            Entry::Vacant(entry) if self.take_place() => drop(entry.insert(remembered)),
            Entry::Vacant(_) => {}
        }
    }

    /// Counts one entry more, if there is room.
    fn take_place(&self) -> bool {
        let room = |count: usize| (count < self.capacity).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_ok()
    }

    /// Forgets an account: its password, status or lock was changed by hand.
    pub fn forget(&self, id: &AccountId) {
        if self.entries.remove(id).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Removes what has expired; locks one shard at a time.
    pub fn sweep(&self, now: Now) {
        self.entries.retain(|_, remembered| {
            let keep = now.tick < remembered.expires;
            if !keep {
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
            keep
        });
    }

    /// How many accounts are remembered.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for RememberedProofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedProofs")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
