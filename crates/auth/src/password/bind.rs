//! A password that the directory checks: what may be sent to it, and what its answer proves.

use std::fmt;

use crate::account::{Account, Verification};
use crate::proof::Proof;
use crate::refusal::Refusal;

use super::MAX_PASSWORD_OCTETS;

/// The result code of an operation that succeeded (RFC 4511 §4.1.9).
const SUCCESS: u32 = 0;

/// One simple bind in the name of an account, from the password to what the directory said.
///
/// It cannot be made without a password: a bind without one succeeds for everybody, as it
/// authenticates nobody (P1; RFC 4513 §5.1.2). Whoever sends it must send exactly [`entry`] and
/// [`password`], over a connection whose server was verified (P3), and hand back the result code of
/// that very response.
///
/// [`entry`]: BindAttempt::entry
/// [`password`]: BindAttempt::password
#[must_use]
pub struct BindAttempt<'a> {
    account: &'a Account,
    entry: &'a str,
    password: &'a str,
}

impl<'a> BindAttempt<'a> {
    /// A bind as `account`'s entry. `None` if nothing may be sent, and the password is wrong: it is
    /// empty, longer than [`MAX_PASSWORD_OCTETS`] or no UTF-8 (RFC 4513 §5.1.3); or if it is not
    /// the directory that checks this account's passwords.
    pub fn new(account: &'a Account, password: &'a [u8]) -> Option<BindAttempt<'a>> {
        let Verification::Bind(name) = &account.verification else {
            return None;
        };
        let fits = (1..=MAX_PASSWORD_OCTETS).contains(&password.len()) && !name.entry.is_empty();
        let password = std::str::from_utf8(password).ok().filter(|_| fits)?;
        Some(BindAttempt {
            account,
            entry: &name.entry,
            password,
        })
    }

    /// The distinguished name to bind as; never empty.
    pub fn entry(&self) -> &'a str {
        self.entry
    }

    /// The password to bind with; never empty.
    pub fn password(&self) -> &'a str {
        self.password
    }

    /// The refusal of an account whose password was right: the directory says so, though it lets
    /// nobody in by it. Of an answer that it gives whatever the password, say [`Barred`] instead.
    pub fn closed(self, refusal: Refusal) -> ProvenRefusal {
        ProvenRefusal(refusal)
    }

    /// The proof in the answer: the password is right, if the directory answered with success.
    pub fn answered(self, result_code: u32) -> Option<Proof> {
        (result_code == SUCCESS).then(|| Proof::of(self.account))
    }
}

/// A directory's refusal of a user who has proven the password: it may be told to them (P6). Only
/// [`BindAttempt::closed`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenRefusal(Refusal);

impl ProvenRefusal {
    /// Why.
    pub fn refusal(self) -> Refusal {
        self.0
    }
}

/// A refusal of an account whatever the password: nobody has proven anything, and each is refused
/// with one of the reasons that no reply tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// The directory locked it after failed binds.
    LockedThere,
    /// The directory, or the system that fills it, closed it.
    ClosedThere,
    /// Its entry is gone.
    Gone,
    /// Its password can't be checked.
    Uncheckable,
}

impl Barred {
    /// All of them.
    pub const ALL: [Barred; 4] = [
        Barred::LockedThere,
        Barred::ClosedThere,
        Barred::Gone,
        Barred::Uncheckable,
    ];

    /// Why, for the log and the helpdesk.
    pub const fn refusal(self) -> Refusal {
        match self {
            Barred::LockedThere => Refusal::LockedOut,
            Barred::ClosedThere => Refusal::Barred,
            Barred::Gone => Refusal::UnknownUser,
            Barred::Uncheckable => Refusal::DirectoryUnavailable,
        }
    }
}

impl fmt::Debug for BindAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BindAttempt({}, [redacted])", self.account.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{BindName, Kind, PasswordKind};
    use crate::name::AccountId;

    fn account(entry: &str) -> Account {
        let mut account = Account::new(AccountId::new("anna").unwrap(), Kind::Employee);
        account.verification = Verification::Bind(BindName {
            entry: entry.to_owned(),
            changed_at: None,
            kind: PasswordKind::Permanent,
            sure_from: None,
            lasting_id: None,
            locked_since: None,
        });
        account
    }

    #[test]
    fn only_success_proves_the_password() {
        let anna = account("uid=anna,dc=campus,dc=example");
        for (code, proves) in [
            (0, true),
            (49, false),
            (53, false),
            (10, false),
            (14, false),
        ] {
            let bind = BindAttempt::new(&anna, b"right").unwrap();
            assert_eq!(bind.answered(code).is_some(), proves, "{code}");
        }
    }

    #[test]
    fn neither_an_empty_password_nor_an_empty_name_is_ever_sent() {
        let anna = account("uid=anna,dc=campus,dc=example");
        let long = vec![b'a'; MAX_PASSWORD_OCTETS + 1];
        for password in [&b""[..], &long, b"\xff\xfe"] {
            assert!(BindAttempt::new(&anna, password).is_none());
        }
        assert!(BindAttempt::new(&account(""), b"right").is_none());
        let mut by_hash = anna;
        by_hash.verification = Verification::StoredHash;
        assert!(BindAttempt::new(&by_hash, b"right").is_none());
    }

    #[test]
    fn a_bind_never_shows_its_password() {
        let anna = account("uid=anna,dc=campus,dc=example");
        let shown = format!("{:?}", BindAttempt::new(&anna, b"secret-word").unwrap());
        assert!(!shown.contains("secret-word"), "{shown}");
    }
}
