//! Attributes by which directories close an account, whatever their kind.
//!
//! Each is read as the server itself reads it that owns the schema. Where the directory checks
//! passwords, what it closes for a while it opens by itself as it is asked, so only what is closed for
//! good counts; where hashes are compared here, nobody else would hold to it.

use std::time::Duration;

use jiff::Timestamp;

use crate::schema::ldap_time::{Form, LdapTime};
use crate::settings::Verify;

/// The attributes.
pub(crate) const LOCK_ATTRIBUTES: [&str; 9] = [
    // 389 Directory Server, FreeIPA.
    "nsAccountLock",
    "accountUnlockTime",
    // Active Directory.
    "userAccountControl",
    // The password policy of OpenLDAP (draft-behera-ldap-password-policy-10 §5.3).
    "pwdAccountLockedTime",
    "pwdStartTime",
    // eDirectory.
    "loginDisabled",
    // Sun's and Oracle's directories, and what came from them.
    "inetUserStatus",
    // Samba.
    "sambaAcctFlags",
    // OpenDJ, PingDirectory.
    "ds-pwp-account-disabled",
];

/// The moment of `pwdAccountLockedTime` that means for good.
const LOCKED_FOR_GOOD: &str = "000001010000Z";
/// `ACCOUNTDISABLE` of Active Directory's `userAccountControl`.
const DISABLED: i64 = 0x2;
/// `DONT_EXPIRE_PASSWORD` there.
const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;

/// State of an account by one lock attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockState {
    /// Nothing against the account.
    Open,
    /// Closed until somebody opens it.
    ForGood,
    /// Closed until then.
    Until(Timestamp),
}

/// By which rules closers are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockRules {
    /// The checker of passwords: this server by hash, or the directory by bind.
    pub(crate) verify: Verify,
    /// How long `pwdAccountLockedTime` holds; `None` is until somebody lifts it.
    pub(crate) lock_holds: Option<Duration>,
}

impl LockRules {
    /// Reads a value of the lock attribute `closer`.
    ///
    /// # Errors
    /// The fault of the value: an account with such a value is not let in.
    pub(crate) fn read(self, closer: &str, value: &str) -> Result<LockState, &'static str> {
        match closer {
            "userAccountControl" => Ok(for_good_if(flags(value)? & DISABLED != 0)),
            "inetUserStatus" => Ok(for_good_if(!value.eq_ignore_ascii_case("active"))),
            "sambaAcctFlags" => Ok(for_good_if(samba_flags(value).contains(['D', 'L']))),
            "pwdAccountLockedTime" if value == LOCKED_FOR_GOOD => Ok(LockState::ForGood),
            "pwdAccountLockedTime" | "pwdStartTime" | "accountUnlockTime"
                if self.verify == Verify::Bind =>
            {
                Ok(LockState::Open)
            }
            "pwdAccountLockedTime" => self.locked_since(value),
            // Zero is for good: the policy's passwordUnlock is off.
            "accountUnlockTime" => Ok(match Form::of(closer).read(value)? {
                LdapTime::At(at) if at != Timestamp::UNIX_EPOCH => LockState::Until(at),
                _ => LockState::ForGood,
            }),
            "pwdStartTime" => Ok(match Form::of(closer).read(value)? {
                LdapTime::At(at) => LockState::Until(at),
                LdapTime::Never | LdapTime::NotYet => LockState::ForGood,
            }),
            _ => Ok(for_good_if(!value.eq_ignore_ascii_case("false"))),
        }
    }

    fn locked_since(self, value: &str) -> Result<LockState, &'static str> {
        let LdapTime::At(since) = Form::of("pwdAccountLockedTime").read(value)? else {
            return Ok(LockState::ForGood);
        };
        let ends = self.lock_holds.map(|holds| since.checked_add(holds));
        Ok(match ends {
            Some(Ok(at)) => LockState::Until(at),
            Some(Err(_)) | None => LockState::ForGood,
        })
    }
}

impl LockState {
    /// Whether it closes the account at this moment.
    pub(crate) fn is_in_force(self, now: Timestamp) -> bool {
        match self {
            Self::Open => false,
            Self::ForGood => true,
            Self::Until(end) => now < end,
        }
    }

    /// When it ends by itself.
    pub(crate) fn end(self) -> Option<Timestamp> {
        match self {
            Self::Until(end) => Some(end),
            Self::Open | Self::ForGood => None,
        }
    }
}

/// Whether Active Directory or Samba lets the password grow as old as it may.
pub(crate) fn never_expires(attribute: &str, value: &str) -> bool {
    match attribute {
        "userAccountControl" => flags(value).is_ok_and(|flags| flags & PASSWORD_NEVER_EXPIRES != 0),
        "sambaAcctFlags" => samba_flags(value).contains('X'),
        _ => false,
    }
}

fn for_good_if(closes: bool) -> LockState {
    match closes {
        true => LockState::ForGood,
        false => LockState::Open,
    }
}

fn flags(value: &str) -> Result<i64, &'static str> {
    value.parse().map_err(|_| "this is no number")
}

/// The letters of `[UX         ]`. Samba takes what has no bracket for no flags at all.
fn samba_flags(value: &str) -> &str {
    let inside = value.strip_prefix('[').unwrap_or_default();
    inside.split(']').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(verify: Verify, lock_holds: Option<u64>, closer: &str, value: &str) -> LockState {
        let closers = LockRules {
            verify,
            lock_holds: lock_holds.map(Duration::from_secs),
        };
        closers.read(closer, value).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn each_schema_closes_in_its_own_words() {
        let cases = [
            ("nsAccountLock", "TRUE", LockState::ForGood),
            ("nsAccountLock", "false", LockState::Open),
            ("loginDisabled", "TRUE", LockState::ForGood),
            ("ds-pwp-account-disabled", "true", LockState::ForGood),
            ("ds-pwp-account-disabled", "false", LockState::Open),
            ("userAccountControl", "514", LockState::ForGood),
            ("userAccountControl", "512", LockState::Open),
            ("inetUserStatus", "Inactive", LockState::ForGood),
            ("inetUserStatus", "deleted", LockState::ForGood),
            ("inetUserStatus", "Active", LockState::Open),
            ("sambaAcctFlags", "[UD         ]", LockState::ForGood),
            ("sambaAcctFlags", "[UL         ]", LockState::ForGood),
            ("sambaAcctFlags", "[DU]", LockState::ForGood),
            ("sambaAcctFlags", "[UX         ]", LockState::Open),
            ("sambaAcctFlags", "[]D", LockState::Open),
            ("sambaAcctFlags", "", LockState::Open),
            ("pwdAccountLockedTime", "000001010000Z", LockState::ForGood),
        ];
        for (closer, value, expected) in cases {
            for verify in [Verify::Hash, Verify::Bind] {
                assert_eq!(
                    read(verify, None, closer, value),
                    expected,
                    "{closer}: {value}"
                );
            }
        }
    }

    #[test]
    fn lock_of_the_password_policy_holds_for_good_or_as_long_as_the_policy_says() {
        let (closer, value) = ("pwdAccountLockedTime", "20261127203347Z");
        assert_eq!(read(Verify::Hash, None, closer, value), LockState::ForGood);
        let until = LockState::Until(at("2026-11-27T20:48:47Z"));
        assert_eq!(read(Verify::Hash, Some(900), closer, value), until);
        assert!(until.is_in_force(at("2026-11-27T20:48:46Z")));
        assert!(!until.is_in_force(at("2026-11-27T20:48:47Z")));
        let beyond = read(Verify::Hash, Some(900), closer, "99991231235959Z");
        assert_eq!(beyond, LockState::ForGood);
    }

    #[test]
    fn what_ends_by_itself_is_left_to_a_directory_that_checks_passwords() {
        for (closer, value) in [
            ("pwdAccountLockedTime", "20261127203347Z"),
            ("accountUnlockTime", "19700101000000Z"),
            ("pwdStartTime", "20991127203347Z"),
        ] {
            assert_eq!(
                read(Verify::Bind, None, closer, value),
                LockState::Open,
                "{closer}"
            );
        }
    }

    #[test]
    fn account_of_389ds_is_closed_until_its_unlock_time_or_for_good() {
        let closer = "accountUnlockTime";
        let until = LockState::Until(at("2026-11-27T20:33:47Z"));
        assert_eq!(read(Verify::Hash, None, closer, "20261127203347Z"), until);
        for value in ["19700101000000Z", "99991231235959Z"] {
            assert_eq!(
                read(Verify::Hash, None, closer, value),
                LockState::ForGood,
                "{value}"
            );
        }
    }

    #[test]
    fn value_that_can_not_be_read_is_a_fault() {
        let closers = LockRules {
            verify: Verify::Hash,
            lock_holds: None,
        };
        for closer in ["userAccountControl", "pwdAccountLockedTime", "pwdStartTime"] {
            assert!(closers.read(closer, "soon").is_err(), "{closer}");
        }
    }

    #[test]
    fn password_that_never_expires_is_marked_by_its_directory() {
        assert!(never_expires("userAccountControl", "66048"));
        assert!(!never_expires("userAccountControl", "512"));
        assert!(never_expires("sambaAcctFlags", "[UX         ]"));
        assert!(!never_expires("sambaAcctFlags", "[U          ]"));
    }
}
