//! The outcome of a request to end a session.

/// The outcome for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The NAS has done it. Its Accounting-Stop follows.
    Acked,
    /// The NAS has not done it, with the number of Error-Cause.
    Nak(Option<u32>),
    /// The NAS did not answer within 30 s.
    NoAnswer,
    /// No request was sent, as none would help.
    NotPossible(NotPossible),
    /// No request was sent, as too many wait already.
    QueueFull,
    /// The server stopped, or failed, before there was an outcome.
    Interrupted,
}

/// Why no request can be written for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotPossible {
    /// The RADIUS client has no profile.
    NotConfigured,
    /// The RADIUS client is no longer configured.
    UnknownClient,
    /// The NAS never told an attribute that the profile needs.
    MissingAttribute(&'static str),
    /// An attribute is too long for a request, or the request for a packet.
    TooLong,
    /// The profile has no request of this kind.
    NotInProfile,
}

impl Outcome {
    /// Every word of [`Outcome::code`], for counters that start at zero.
    pub const CODES: [&'static str; 5] =
        ["acked", "nak", "no-answer", "not-possible", "queue-full"];

    /// A stable word for the audit log and counters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Acked => "acked",
            Self::Nak(_) => "nak",
            Self::NoAnswer => "no-answer",
            Self::NotPossible(_) => "not-possible",
            Self::QueueFull => "queue-full",
            Self::Interrupted => "interrupted",
        }
    }
}
