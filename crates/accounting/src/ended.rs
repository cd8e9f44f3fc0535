//! Ends of sessions.

use jiff::Timestamp;

/// An Accounting-Stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stopped {
    /// When the session ended. Of several Stops the earliest counts.
    pub at: Timestamp,
    /// Acct-Terminate-Cause (RFC 2866 §5.10).
    pub cause: Option<u32>,
}

/// An end that was concluded, without a Stop. News of a later moment open the session again, except
/// where another took its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closed {
    /// When it ended at the latest.
    pub at: Timestamp,
    /// The evidence.
    pub by: Closing,
}

/// Evidence that a session is over though its NAS did not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closing {
    /// The NAS began another session under its name: it had restarted.
    Replaced,
    /// Accounting-On of the NAS: it has started.
    NasStarted,
    /// Accounting-Off of the NAS: it shuts down.
    NasShutDown,
    /// No news for too long.
    Stale,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The NAS said so, with Acct-Terminate-Cause.
    Stopped(Option<u32>),
    /// It was concluded.
    Closed(Closing),
}

impl Closing {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Replaced,
        Self::NasStarted,
        Self::NasShutDown,
        Self::Stale,
    ];

    /// The word that the store, the audit log and `--json` use.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::NasStarted => "nas-started",
            Self::NasShutDown => "nas-shut-down",
            Self::Stale => "stale",
        }
    }

    /// The evidence of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|closing| closing.code() == code)
    }
}

impl Ended {
    /// `stopped`, or the word of the evidence.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Stopped(_) => "stopped",
            Self::Closed(closing) => closing.code(),
        }
    }
}
