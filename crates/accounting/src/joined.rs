//! The account of a session, joined with its log-on.

use jiff::Timestamp;
use portvakt_auth::AccountId;

/// The log-on that a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Joined {
    // The order of the fields is the order of belief: a Class beats a guess, then the newer log-on.
    /// The evidence.
    pub by: JoinedBy,
    /// When the account logged on.
    pub logged_on: Timestamp,
    /// The account.
    pub account: AccountId,
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
