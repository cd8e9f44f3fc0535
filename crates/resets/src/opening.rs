//! The right to choose a password, or to read an account's state, that a one-time code opens.
//!
//! ```text
//!             begin                reserve            check: right              used
//!  (none) ──────────> Open ─────────────────> Open ─────────────────> Open ──────────> Used
//!    ^                 │       a try less       │  wrong                │ unfit password
//!    │ begin anew      │                        v                       v
//!    └── from any      │ close             no tries left            the try back
//!                      v
//!                   Closed                ended, credential changed: no state, but refused by `reserve`
//! ```

use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::password::HashMemory;
use portvakt_auth::{Account, AccountId, HashError, PasswordHash};
use serde::{Deserialize, Serialize};

use crate::code::{Offered, Pepper};

#[cfg(test)]
mod tests;

/// Tries of one opening, from everywhere together.
pub const TRIES: u8 = 5;

/// Beginnings that an opening remembers of its account, the newest: enough for every budget.
const MOST_BEGINNINGS: usize = 32;

/// How long beginnings are remembered: windows of IT support are counted by the month.
const REMEMBERED: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Purpose of an opening; an account has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpeningKind {
    /// A temporary password sent by text message: to choose a password.
    Message,
    /// A window that IT support opened: an activation code or a PIN, to choose a password.
    Support,
    /// A code sent by text message: to read the account's state, also while the account is locked.
    Proof,
}

impl OpeningKind {
    /// Every kind.
    pub const ALL: [OpeningKind; 3] = [
        OpeningKind::Message,
        OpeningKind::Support,
        OpeningKind::Proof,
    ];

    /// Its word in the store and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            OpeningKind::Message => "message",
            OpeningKind::Support => "support",
            OpeningKind::Proof => "proof",
        }
    }

    /// Whether it leads to a new password, rather than to reading alone.
    pub const fn chooses_password(self) -> bool {
        !matches!(self, OpeningKind::Proof)
    }
}

/// State of an opening, besides its end and its tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpeningState {
    /// Its code may be offered.
    Open,
    /// Its code was used.
    Used,
    /// It was closed before it was used.
    Closed,
}

/// An opening as it is stored. [`revision`](Self::revision) grows with each change, and a change is
/// written only in the place of the revision before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The account's canonical name.
    pub account: AccountId,
    /// Its purpose.
    pub kind: OpeningKind,
    /// Number of this change; the first is 1.
    pub revision: u64,
    /// Its state.
    pub state: OpeningState,
    /// Argon2id hash of the code, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<PasswordHash>,
    /// Argon2id hash of the peppered PIN, if that may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PasswordHash>,
    /// From when on it is no good any more.
    pub ends: Timestamp,
    /// Tries that are left.
    pub tries_left: u8,
    /// The version of the account's credential that it was made for.
    pub credential_version: u64,
    /// When openings of this kind began for the account, newest first.
    pub begun: Vec<Timestamp>,
    /// The person or program that began it.
    pub by: String,
}

/// An opening that is to begin.
#[derive(Clone, Debug)]
pub struct NewOpening<'a> {
    /// The account that it is for.
    pub account: &'a Account,
    /// Its purpose.
    pub kind: OpeningKind,
    /// Hash of its code.
    pub code: Option<PasswordHash>,
    /// Hash of its peppered PIN.
    pub pin: Option<PasswordHash>,
    /// How long it is good.
    pub valid: Duration,
    /// The person or program that begins it.
    pub by: &'a str,
}

/// Why a code cannot be compared. For the audit log; whoever offers it is told the same in all cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpen {
    /// It was used, or closed before its time.
    #[error("used or closed")]
    Over,
    /// Its time is over.
    #[error("ended")]
    Ended,
    /// Its tries are used up.
    #[error("no tries left")]
    NoTries,
    /// The account's credential has changed since.
    #[error("credential changed since")]
    CredentialChanged,
}

impl Opening {
    /// The opening that takes the place of `before`: the newest is the only one that is good.
    #[must_use]
    pub fn begin(before: Option<&Opening>, new: NewOpening<'_>, now: Timestamp) -> Opening {
        let earlier = before
            .map(|before| before.begun.as_slice())
            .unwrap_or_default();
        let oldest = portvakt_auth::time::earlier(now, REMEMBERED);
        let remembered = earlier.iter().copied().filter(|begun| *begun > oldest);
        Opening {
            account: new.account.id.clone(),
            kind: new.kind,
            revision: before.map_or(1, Opening::next_revision),
            state: OpeningState::Open,
            code: new.code,
            pin: new.pin,
            ends: portvakt_auth::time::later(now, new.valid),
            tries_left: TRIES,
            credential_version: new.account.credential_version,
            begun: std::iter::once(now)
                .chain(remembered)
                .take(MOST_BEGINNINGS)
                .collect(),
            by: new.by.to_owned(),
        }
    }

    fn next_revision(&self) -> u64 {
        self.revision.saturating_add(1)
    }

    /// Whether a code may be offered at this moment, for an account with this credential.
    ///
    /// # Errors
    /// [`NotOpen`].
    pub fn is_open(&self, account: &Account, now: Timestamp) -> Result<(), NotOpen> {
        match self.state {
            OpeningState::Open => {}
            OpeningState::Used | OpeningState::Closed => return Err(NotOpen::Over),
        }
        if now >= self.ends {
            return Err(NotOpen::Ended);
        }
        if self.credential_version != account.credential_version {
            return Err(NotOpen::CredentialChanged);
        }
        match self.tries_left {
            0 => Err(NotOpen::NoTries),
            _ => Ok(()),
        }
    }

    /// Takes one of the tries, before anything is compared.
    ///
    /// # Errors
    /// [`NotOpen`]: nothing may be compared.
    pub fn reserve(&self, account: &Account, now: Timestamp) -> Result<Reservation, NotOpen> {
        self.is_open(account, now)?;
        Ok(Reservation(Opening {
            revision: self.next_revision(),
            tries_left: self.tries_left.saturating_sub(1),
            ..self.clone()
        }))
    }

    /// The opening closed before its time.
    #[must_use]
    pub fn closed(&self) -> Opening {
        Opening {
            revision: self.next_revision(),
            state: OpeningState::Closed,
            code: None,
            pin: None,
            ..self.clone()
        }
    }
}

/// A try that is taken once [`store`](Self::store) has written it.
#[derive(Debug)]
#[must_use]
pub struct Reservation(Opening);

impl Reservation {
    /// Writes the try taken, and returns the right to compare if it was written: `write` gets the
    /// opening and the revision that it takes the place of, and says whether that was still there.
    ///
    /// # Errors
    /// Those of `write`; then nothing may be compared.
    pub fn store<E>(
        self,
        write: impl FnOnce(&Opening, u64) -> Result<bool, E>,
    ) -> Result<Option<Attempt>, E> {
        let replaced = self.0.revision.saturating_sub(1);
        Ok(write(&self.0, replaced)?.then_some(Attempt(self.0)))
    }
}

/// The right to compare one code; its try is taken durably.
#[derive(Debug)]
#[must_use]
pub struct Attempt(Opening);

/// Outcome of a comparison.
#[derive(Debug)]
pub enum Checked {
    /// The code is right.
    Right(Proven),
    /// It is not, or there was none to compare with.
    Wrong,
}

impl Attempt {
    /// Compares what was offered, by one Argon2id whatever it is.
    ///
    /// # Errors
    /// [`HashError::OutOfMemory`].
    pub fn check(
        self,
        offered: &Offered,
        pepper: Option<&Pepper>,
        memory: &mut HashMemory,
    ) -> Result<Checked, HashError> {
        let pin = |pin: &crate::code::Pin| {
            let material = pin.peppered(pepper?, &self.0.account);
            Some((self.0.pin.as_ref()?, material))
        };
        let is_right = match offered {
            Offered::Code(code) => match &self.0.code {
                Some(hash) => hash.is_of_code(code.as_bytes(), memory)?,
                None => in_vain(memory),
            },
            Offered::Pin(offered) => match pin(offered) {
                Some((hash, material)) => hash.is_of_code(&material, memory)?,
                None => in_vain(memory),
            },
            Offered::Neither => in_vain(memory),
        };
        Ok(match is_right {
            true => Checked::Right(Proven(self.0)),
            false => Checked::Wrong,
        })
    }
}

/// The work of a comparison where there is nothing to compare with: for no account, no opening, no
/// code. Returns `false`.
pub fn in_vain(memory: &mut HashMemory) -> bool {
    PasswordHash::dummy().work_for_nobody(b"no code", memory);
    false
}

/// A code that was right. It is good once: [`used`](Self::used) is to be written before anything is
/// done with it.
#[derive(Debug)]
#[must_use]
pub struct Proven(Opening);

impl Proven {
    /// The opening as it was read and reserved.
    pub fn opening(&self) -> &Opening {
        &self.0
    }

    /// The opening used up.
    #[must_use]
    pub fn used(&self) -> Opening {
        Opening {
            revision: self.0.next_revision(),
            state: OpeningState::Used,
            code: None,
            pin: None,
            ..self.0.clone()
        }
    }

    /// The opening with the try back: the code was right, and the new password was not taken.
    #[must_use]
    pub fn given_back(&self) -> Opening {
        Opening {
            revision: self.0.next_revision(),
            tries_left: self.0.tries_left.saturating_add(1).min(TRIES),
            ..self.0.clone()
        }
    }

    /// The opening open again after [`used`](Self::used) was written and the password was not, by no
    /// fault of its owner.
    #[must_use]
    pub fn reopened(&self) -> Opening {
        Opening {
            revision: self.0.revision.saturating_add(2),
            ..self.given_back()
        }
    }
}
