//! The account of a session, joined with its log-on.

use jiff::Timestamp;
use portvakt_auth::AccountId;

/// The log-on that a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The evidence.
    pub by: JoinedBy,
    /// When the account logged on.
    pub logged_on: Timestamp,
    /// The account.
    pub account: AccountId,
}

impl Joined {
    /// Whether this is believed rather than `other` of the same session. A Class beats a guess. Of two
    /// Classes the newer log-on counts: the session was authenticated again. Of two guesses the older
    /// one counts: the session began after that one, and a later log-on of the same device address may
    /// be another's, whose address was copied.
    #[must_use]
    pub fn beats(&self, other: &Self) -> bool {
        let log_on = |joined: &Self| (joined.logged_on, joined.account.clone());
        match (self.by, other.by) {
            (JoinedBy::Class, JoinedBy::LogOn) => true,
            (JoinedBy::LogOn, JoinedBy::Class) => false,
            (JoinedBy::Class, JoinedBy::Class) => log_on(self) > log_on(other),
            (JoinedBy::LogOn, JoinedBy::LogOn) => log_on(self) < log_on(other),
        }
    }
}

/// Evidence that a session is a log-on's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JoinedBy {
    /// The newest accepted log-on of the device at the same client, under the same User-Name.
    LogOn,
    /// The sealed Class of the Access-Accept (RFC 2865 §5.25).
    Class,
}

impl JoinedBy {
    /// The word that the store and `--json` use.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::LogOn => "log-on",
            Self::Class => "class",
        }
    }

    /// The evidence of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::LogOn, Self::Class]
            .into_iter()
            .find(|by| by.code() == code)
    }
}
