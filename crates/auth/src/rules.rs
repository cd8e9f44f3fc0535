//! The numbers of the house. The defaults are the guidelines a university gives its students.

use crate::account::{Account, Kind};
use crate::leaving::Leaving;
use crate::password::PasswordPolicy;
use crate::password_expiry::Blackout;
use crate::term::Terms;
use std::time::Duration;

/// Everything about a decision that is configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Failed log-ons.
    pub lockout: Lockout,
    /// When the fee must be paid, in which time zone.
    pub terms: Terms,
    /// When what belongs to an account is closed after the end of the studies.
    pub leaving: Leaving,
    /// How long a password is valid.
    pub password_validity: PasswordValidity,
    /// Which new passwords may be chosen.
    pub password_policy: PasswordPolicy,
    /// How long a temporary password is valid.
    pub temporary_valid: Duration,
    /// Whether a temporary password opens the network. It should not: it was sent by SMS.
    pub temporary_on_network: bool,
    /// Whether an expired password may be changed through MS-CHAPv2.
    pub change_by_mschapv2: bool,
    /// How long a proven password is remembered. Status, lock and password changes apply at once
    /// all the same; what this limits is how long a proof outlives a silent change of the hash.
    pub remember_proof: Duration,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            lockout: Lockout::default(),
            terms: Terms::default(),
            leaving: Leaving::default(),
            password_validity: PasswordValidity::default(),
            password_policy: PasswordPolicy::default(),
            temporary_valid: Duration::from_secs(8 * 60 * 60),
            temporary_on_network: false,
            change_by_mschapv2: false,
            remember_proof: Duration::from_secs(8 * 60 * 60),
        }
    }
}

/// How long a password is valid from when it was set, in days of 24 hours each; `None` is for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordValidity {
    /// Of accounts of any kind.
    pub usual: Option<u16>,
    /// Of accounts of these kinds instead.
    pub of_kinds: Vec<(Kind, Option<u16>)>,
    /// Up to so many days more, by account: ten thousand passwords that were set on one day of August
    /// do not all expire on one.
    pub spread_days: u8,
    /// Days of the year on which none expires.
    pub blackouts: Vec<Blackout>,
}

impl Default for PasswordValidity {
    fn default() -> PasswordValidity {
        PasswordValidity {
            usual: Some(365),
            of_kinds: Vec::new(),
            spread_days: 0,
            blackouts: Vec::new(),
        }
    }
}

impl PasswordValidity {
    /// Days that this account's password is valid, if it ages here at all.
    pub fn days_of(&self, account: &Account) -> Option<u16> {
        if account.password_ages_elsewhere {
            return None;
        }
        let mut of_kinds = self.of_kinds.iter();
        let own = of_kinds.find(|(kind, _)| *kind == account.kind);
        own.map_or(self.usual, |(_, days)| *days)
    }
}

/// Failed log-ons: how many, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Failures that lock the account; 0 is taken as 1.
    pub attempts: u8,
    /// How long the lock lasts.
    pub duration: Duration,
    /// How long after the last failure all of them are forgotten.
    pub forget_after: Duration,
    /// Whether the same wrong password counts again.
    pub same_wrong_password: SameWrongPassword,
}

impl Default for Lockout {
    fn default() -> Lockout {
        Lockout {
            attempts: 6,
            duration: Duration::from_secs(30 * 60),
            forget_after: Duration::from_secs(30 * 60),
            same_wrong_password: SameWrongPassword::Each,
        }
    }
}

/// Whether a device that repeats one wrong password locks its owner out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameWrongPassword {
    /// Every failure counts.
    Each,
    /// The same wrong password counts once, until the count is reset.
    Once,
}
