//! Passwords: checking against stored hashes of many schemes, and making new Argon2id ones.
//!
//! A stored hash is text that a stranger may have written, so its cost is bounded before any
//! memory is taken or work is done, and a malformed one is an error, never a panic.

mod argon;
mod bind;
mod chap;
mod cleartext;
mod crypt;
mod digest;
mod foreign;
mod hash_memory;
mod ms_chap;
pub mod policy;
mod received;
mod stored;
#[cfg(test)]
mod tests;

pub use argon::Argon2Cost;
pub use bind::{Barred, BindAttempt, ProvenRefusal};
pub use chap::{check_chap, check_chap_of_nobody};
pub use cleartext::{UnfitCleartext, check_cleartext};
pub use hash_memory::HashMemory;
pub use ms_chap::{
    CheckedMsChap, MissingSecret, check_ms_chap, check_ms_chap_of_nobody, check_ms_chap_v2,
    check_ms_chap_v2_change, check_ms_chap_v2_change_of_nobody, check_ms_chap_v2_of_nobody,
};
pub use policy::{ComparedWith, PasswordPolicy, UnfitPassword};
pub use received::{
    PasswordOddity, Readings, canonical, composed_text, is_plausible, is_stand_in, oddity,
};
pub use stored::StoredPassword;

use crate::account::{Account, MOST_BESIDES, PREVIOUS_PASSWORDS};
use crate::lock::{Admission, Shown};
use crate::proof::Proof;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroize;

/// The longest password that is looked at, in octets; the C library's `crypt` has the same bound.
/// SHA-crypt takes time with the square of the length, so this is also a bound on work.
pub const MAX_PASSWORD_OCTETS: usize = 512;

/// The longest stored hash that is looked at, in octets.
pub const MAX_HASH_OCTETS: usize = 512;

/// Labels in braces, of OpenLDAP's modules and Dovecot, whose hashes say themselves what they are.
const SELF_TOLD: [&str; 10] = [
    "CRYPT",
    "ARGON2",
    "ARGON2I",
    "ARGON2D",
    "ARGON2ID",
    "BCRYPT",
    "BLF-CRYPT",
    "SHA256-CRYPT",
    "SHA512-CRYPT",
    "YESCRYPT",
];

/// As much of a password as bcrypt looks at.
const BCRYPT_OCTETS: usize = 72;

/// How a password was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `{SHA}`, `{SSHA}`: once through SHA-1.
    Sha1,
    /// `{SHA256}`, `{SSHA256}`: once through SHA-256.
    Sha256,
    /// `{SHA384}`, `{SSHA384}`: once through SHA-384.
    Sha384,
    /// `{SHA512}`, `{SSHA512}`: once through SHA-512.
    Sha512,
    /// `{PBKDF2-SHA1}`, `{PBKDF2}`
    Pbkdf2Sha1,
    /// `{PBKDF2-SHA256}`, and `{PBKDF2_SHA256}` of older 389 Directory Servers
    Pbkdf2Sha256,
    /// `{PBKDF2-SHA512}`
    Pbkdf2Sha512,
    /// `$5$`
    Sha256Crypt,
    /// `$6$`
    Sha512Crypt,
    /// `$2a$`, `$2b$`, `$2y$`; looks at the first 72 octets of a password, as everywhere.
    Bcrypt,
    /// `$y$`
    Yescrypt,
    /// `$argon2i$`, `$argon2d$`, `$argon2id$`
    Argon2,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Sha1 => "SHA-1",
            Scheme::Sha256 => "SHA-256",
            Scheme::Sha384 => "SHA-384",
            Scheme::Sha512 => "SHA-512",
            Scheme::Pbkdf2Sha1 => "PBKDF2-SHA1",
            Scheme::Pbkdf2Sha256 => "PBKDF2-SHA256",
            Scheme::Pbkdf2Sha512 => "PBKDF2-SHA512",
            Scheme::Sha256Crypt => "SHA-256-crypt",
            Scheme::Sha512Crypt => "SHA-512-crypt",
            Scheme::Bcrypt => "bcrypt",
            Scheme::Yescrypt => "yescrypt",
            Scheme::Argon2 => "Argon2",
        })
    }
}

/// Why a stored hash cannot be used, or a new one not be made. Never holds any of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// No scheme that is known; a password in clear text is none.
    #[error("the password hash has no known scheme")]
    UnknownScheme,
    /// A scheme that is known by name and not checked here.
    #[error("the password hash is of {name}, which is not checked here: {advice}")]
    Foreign {
        /// Its name.
        name: &'static str,
        /// The remedy, as a sentence.
        advice: &'static str,
    },
    /// No hash: the directory has another server check the password.
    #[error(
        "there is no hash: {name} says that the password is checked elsewhere; set verify = \"bind\""
    )]
    CheckedElsewhere {
        /// How the source says so.
        name: &'static str,
    },
    /// A value that begins as that of a locked password does, and goes on as none.
    #[error(
        "it begins with `!` as a locked password does, but no hash follows: write {{CLEARTEXT}} before \
         it if it is the password itself, or `!` alone for a lock"
    )]
    LockOrPassword,
    /// More than [`MAX_HASH_OCTETS`].
    #[error("the password hash is longer than 512 octets")]
    TooLong,
    /// Not the form of its scheme.
    #[error("the {scheme} hash is malformed: {what}")]
    Malformed {
        /// Of which scheme.
        scheme: Scheme,
        /// The part that is wrong.
        what: &'static str,
    },
    /// Checking it would cost more than we spend on one log-on.
    #[error("the {scheme} hash costs too much to check: {parameter} is {value}, at most {limit}")]
    TooCostly {
        /// Of which scheme.
        scheme: Scheme,
        /// The parameter's name in the scheme.
        parameter: &'static str,
        /// The cost that it asks for.
        value: u64,
        /// The bound.
        limit: u64,
    },
    /// An empty password is never set (P1).
    #[error("the password is empty")]
    EmptyPassword,
    /// More than [`MAX_PASSWORD_OCTETS`].
    #[error("the password is longer than 512 octets")]
    PasswordTooLong,
    /// Argon2's memory could not be had.
    #[error("out of memory for a password hash")]
    OutOfMemory,
}

/// A stored password hash, known to be of a scheme and cost that can be checked.
///
/// The text is what the directory keeps, e.g. `{SSHA}…` or `$argon2id$…`; it is redacted in `Debug`
/// and wiped on drop. Compared as text, which is for change detection, not for passwords.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasswordHash {
    text: Box<str>,
    scheme: Scheme,
}

impl PasswordHash {
    /// Takes a stored hash, if it is whole and affordable.
    ///
    /// # Errors
    /// All of [`HashError`] but those about passwords and memory.
    pub fn parse(text: &str) -> Result<PasswordHash, HashError> {
        if text.len() > MAX_HASH_OCTETS {
            return Err(HashError::TooLong);
        }
        let text = text
            .get(..Self::without_remains(text.as_bytes()).len())
            .unwrap_or(text);
        let scheme = Parsed::parse(text)?.scheme();
        Ok(PasswordHash {
            text: text.into(),
            scheme,
        })
    }

    /// A stored hash without what OpenLDAP's module argon2 leaves behind those that it makes itself
    /// (for Password Modify, RFC 3062): a zero octet, and whatever was in the next few of its
    /// memory.
    pub fn without_remains(stored: &[u8]) -> &[u8] {
        const SCHEME: &[u8] = b"{ARGON2}";
        const AT_MOST: usize = 4;
        let scheme = stored.get(..SCHEME.len());
        let end = stored.iter().position(|octet| *octet == 0);
        match (scheme, end.and_then(|end| stored.split_at_checked(end))) {
            (Some(scheme), Some((hash, remains)))
                if scheme.eq_ignore_ascii_case(SCHEME) && remains.len() <= AT_MOST =>
            {
                hash
            }
            _ => stored,
        }
    }

    /// The scheme of the hash.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether a password is checked against it by one digest, in a microsecond or two.
    pub fn is_quick(&self) -> bool {
        use Scheme::{Sha1, Sha256, Sha384, Sha512};
        matches!(self.scheme, Sha1 | Sha256 | Sha384 | Sha512)
    }

    /// Whether it is of the scheme of new ones, at whatever cost.
    pub fn is_argon2id(&self) -> bool {
        let bare = self.text.rsplit('}').next().unwrap_or_default();
        bare.starts_with("$argon2id$")
    }

    /// Whether this scheme looks at all of such a password: another one that begins like it would
    /// be right, too.
    pub fn looks_at_all_of(&self, password: &[u8]) -> bool {
        self.scheme != Scheme::Bcrypt || password.len() <= BCRYPT_OCTETS
    }

    /// A digest of this very text; `None` of a hash without salt, whose digest would be as
    /// easy to guess as the hash itself.
    pub fn digest(&self) -> Option<HashDigest> {
        let is_salted = match Parsed::parse(&self.text).ok()? {
            Parsed::Digest(hash) => hash.is_salted(),
            Parsed::Pbkdf2(_) | Parsed::Crypt(_) | Parsed::Argon2(_) => true,
        };
        let digest = || Sha256::digest(self.text.as_bytes()).into();
        is_salted.then(|| HashDigest(digest()))
    }

    /// The stored text. Not for logs.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether an operator's new password is the one that this hash is of: to see whether an import
    /// changes anything. Never for a log-on, whose comparisons are counted: see [`check`].
    ///
    /// # Errors
    /// [`HashError::OutOfMemory`].
    pub fn is_of_imported(
        &self,
        password: &[u8],
        memory: &mut HashMemory,
    ) -> Result<bool, HashError> {
        self.verify(password, memory)
    }

    /// Whether a one-time code is the one that this hash is of. Never for a log-on, see [`check`]: the
    /// tries of a code are counted by its opening.
    ///
    /// # Errors
    /// [`HashError::OutOfMemory`].
    pub fn is_of_code(&self, code: &[u8], memory: &mut HashMemory) -> Result<bool, HashError> {
        self.verify(code, memory)
    }

    /// Does the work of a check for an unknown name (P5); this hash belongs to no account.
    pub fn work_for_nobody<'p>(&self, password: impl Into<Readings<'p>>, memory: &mut HashMemory) {
        for reading in password.into().all() {
            let _ = self.verify(reading, memory);
        }
    }

    /// Whether this is the password. Constant-time compare; takes as long as the scheme does.
    ///
    /// An empty password and one of more than [`MAX_PASSWORD_OCTETS`] are wrong at once (P1).
    ///
    /// # Errors
    /// [`HashError::OutOfMemory`]; what else could be wrong was found by [`PasswordHash::parse`].
    pub(crate) fn verify(
        &self,
        password: &[u8],
        memory: &mut HashMemory,
    ) -> Result<bool, HashError> {
        if password.is_empty() || password.len() > MAX_PASSWORD_OCTETS {
            return Ok(false);
        }
        match Parsed::parse(&self.text)? {
            Parsed::Digest(hash) => Ok(hash.verify(password)),
            Parsed::Pbkdf2(hash) => Ok(hash.verify(password)),
            Parsed::Crypt(hash) => hash.verify(password),
            Parsed::Argon2(hash) => hash.verify(password, memory),
        }
    }

    /// Hashes a new password with Argon2id.
    ///
    /// # Errors
    /// [`HashError::EmptyPassword`], [`HashError::PasswordTooLong`], [`HashError::OutOfMemory`].
    pub fn hash_new(
        password: &[u8],
        salt: [u8; 16],
        cost: Argon2Cost,
        memory: &mut HashMemory,
    ) -> Result<PasswordHash, HashError> {
        if password.is_empty() {
            return Err(HashError::EmptyPassword);
        }
        if password.len() > MAX_PASSWORD_OCTETS {
            return Err(HashError::PasswordTooLong);
        }
        let text = argon::hash_new(password, salt, cost, memory)?;
        Ok(PasswordHash {
            text: text.into(),
            scheme: Scheme::Argon2,
        })
    }

    /// A hash of no password, at the cost of a new one: for users that do not exist (P5).
    pub fn dummy() -> PasswordHash {
        PasswordHash {
            text: argon::DUMMY.into(),
            scheme: Scheme::Argon2,
        }
    }
}

/// SHA-256 of the text of a salted hash: enough to know that text again, and nothing to guess at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashDigest([u8; 32]);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({}, [redacted])", self.scheme)
    }
}

impl Drop for PasswordHash {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = HashError;

    fn try_from(mut text: String) -> Result<PasswordHash, HashError> {
        let hash = PasswordHash::parse(&text);
        text.zeroize();
        hash
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> String {
        hash.reveal().to_owned()
    }
}

/// A stored hash, taken apart.
enum Parsed<'a> {
    Digest(digest::Digested),
    Pbkdf2(digest::Pbkdf2),
    Crypt(crypt::Crypt<'a>),
    Argon2(argon::Argon2Hash),
}

impl<'a> Parsed<'a> {
    fn parse(text: &'a str) -> Result<Parsed<'a>, HashError> {
        let Some((label, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}'))
        else {
            return Parsed::parse_bare(text);
        };
        let label = label.to_ascii_uppercase();
        let pbkdf2 = |scheme| digest::Pbkdf2::parse(scheme, rest).map(Parsed::Pbkdf2);
        match label.as_str() {
            label if SELF_TOLD.contains(&label) => Parsed::parse_bare(rest),
            "PBKDF2" | "PBKDF2-SHA1" => pbkdf2(Scheme::Pbkdf2Sha1),
            "PBKDF2-SHA256" => pbkdf2(Scheme::Pbkdf2Sha256),
            "PBKDF2-SHA512" => pbkdf2(Scheme::Pbkdf2Sha512),
            "PBKDF2_SHA256" => digest::Pbkdf2::parse_packed(rest).map(Parsed::Pbkdf2),
            label => digest::Digested::parse(label, rest).map(Parsed::Digest),
        }
    }

    /// The schemes that begin with `$`.
    fn parse_bare(text: &'a str) -> Result<Parsed<'a>, HashError> {
        if text.starts_with("$argon2") {
            return argon::Argon2Hash::parse(text).map(Parsed::Argon2);
        }
        crypt::Crypt::parse(text).map(Parsed::Crypt)
    }

    fn scheme(&self) -> Scheme {
        match self {
            Parsed::Digest(hash) => hash.scheme(),
            Parsed::Pbkdf2(hash) => hash.scheme(),
            Parsed::Crypt(hash) => hash.scheme(),
            Parsed::Argon2(_) => Scheme::Argon2,
        }
    }
}

/// Refuses a parameter beyond what we spend on one log-on.
fn at_most(
    scheme: Scheme,
    parameter: &'static str,
    value: u64,
    limit: u64,
) -> Result<(), HashError> {
    if value > limit {
        return Err(HashError::TooCostly {
            scheme,
            parameter,
            value,
            limit,
        });
    }
    Ok(())
}

/// A decimal number without sign; one too large for 64 bits is as large as can be.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Result of checking a password.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Checked {
    /// The current one.
    Proven(Proof),
    /// The one before, or the one before that: refused, not counted.
    Previous,
    /// Neither.
    Wrong,
}

/// Result of a check, for the attempt; a check that failed compared nothing.
fn shown<E>(checked: &Result<Checked, E>) -> Option<Shown> {
    match checked {
        Ok(Checked::Proven(_)) => Some(Shown::Right),
        Ok(Checked::Previous) => Some(Shown::Previous),
        Ok(Checked::Wrong) => Some(Shown::Wrong),
        Err(_) => None,
    }
}

/// Checks a password against the account: the current one and those beside it, then the previous
/// ones; and notes in the attempt what that showed. All its readings are one comparison: it is
/// right if one of them is.
///
/// An account without a password costs as much as one with ([`PasswordHash::dummy`]) and is
/// `Wrong`. A wrong password costs one hash more for each previous password; the delay of refusals
/// must cover that. A previous hash that cannot be checked is passed over.
///
/// # Errors
/// [`HashError`] of the current hash: our fault, not to be counted.
pub fn check<'p>(
    account: &Account,
    password: impl Into<Readings<'p>>,
    memory: &mut HashMemory,
    attempt: &mut Admission,
) -> Result<Checked, HashError> {
    let password = password.into();
    attempt.compare(|| compare(account, password, memory), shown)
}

fn compare(
    account: &Account,
    password: Readings<'_>,
    memory: &mut HashMemory,
) -> Result<Checked, HashError> {
    let Some(current) = &account.password else {
        PasswordHash::dummy().work_for_nobody(password, memory);
        return Ok(Checked::Wrong);
    };
    let besides = account.besides.iter().take(MOST_BESIDES);
    for hash in std::iter::once(&current.hash).chain(besides) {
        for reading in password.all() {
            if hash.verify(reading, memory)? {
                return Ok(Checked::Proven(Proof::of(account)));
            }
        }
    }
    Ok(compare_previous(account, password, memory))
}

/// Checks a password that is known not to be the current one against the previous ones: it is
/// `Previous` or `Wrong`, and noted as that.
pub fn check_previous<'p>(
    account: &Account,
    password: impl Into<Readings<'p>>,
    memory: &mut HashMemory,
    attempt: &mut Admission,
) -> Checked {
    let password = password.into();
    let checked = attempt.compare(
        || Ok::<_, HashError>(compare_previous(account, password, memory)),
        shown,
    );
    checked.unwrap_or(Checked::Wrong)
}

fn compare_previous(account: &Account, password: Readings<'_>, memory: &mut HashMemory) -> Checked {
    let mut previous = account.previous.iter().take(PREVIOUS_PASSWORDS);
    let mut is_of = |hash: &PasswordHash, reading| hash.verify(reading, memory).unwrap_or(false);
    let is_known = previous.any(|hash| password.all().any(|reading| is_of(hash, reading)));
    match is_known {
        true => Checked::Previous,
        false => Checked::Wrong,
    }
}

/// The same as [`check`] at once, for an account whose hashes are all
/// [quick](PasswordHash::is_quick); `None` where one is not, or there is none.
pub fn check_quickly<'p>(
    account: &Account,
    password: impl Into<Readings<'p>>,
    attempt: &mut Admission,
) -> Option<Result<Checked, HashError>> {
    let current = account.password.as_ref()?;
    let besides = account.besides.iter().all(PasswordHash::is_quick);
    let is_quick = current.hash.is_quick() && besides && previous_are_quick(account);
    is_quick.then(|| check(account, password, &mut HashMemory::new(), attempt))
}

/// The same as [`check_previous`] at once, where all previous hashes are quick, or there is none.
pub fn check_previous_quickly<'p>(
    account: &Account,
    password: impl Into<Readings<'p>>,
    attempt: &mut Admission,
) -> Option<Checked> {
    let check = || check_previous(account, password, &mut HashMemory::new(), attempt);
    previous_are_quick(account).then(check)
}

fn previous_are_quick(account: &Account) -> bool {
    let mut previous = account.previous.iter().take(PREVIOUS_PASSWORDS);
    previous.all(PasswordHash::is_quick)
}
