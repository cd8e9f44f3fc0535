//! Failures between this server and a directory; never the user's fault.

use std::io;

use ldap3::LdapError;
use ldap3::result::LdapResult;
use thiserror::Error;

use crate::connection::framing::Fault;

/// Result codes of RFC 4511 §4.1.9 that say more about the server than about the question.
mod code {
    pub(crate) const OPERATIONS_ERROR: u32 = 1;
    pub(crate) const TIME_LIMIT_EXCEEDED: u32 = 3;
    pub(crate) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(crate) const REFERRAL: u32 = 10;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const INSUFFICIENT_ACCESS: u32 = 50;
    pub(crate) const BUSY: u32 = 51;
    pub(crate) const UNAVAILABLE: u32 = 52;
    pub(crate) const OTHER: u32 = 80;
}

/// Why a directory did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// No connection can be made.
    #[error("no connection: {0}")]
    Connect(String),
    /// The server is not who it should be, or speaks no TLS that we do (P3).
    #[error("the connection can't be secured: {0}")]
    Tls(String),
    /// The directory does not take our own name and password.
    #[error("it refuses bind-dn and its password: {0}")]
    ServiceAccount(String),
    /// Nothing came back in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection ended in the middle.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer was cut short by a limit of the server: who else has the name is not known.
    #[error("the answer was cut short by the server's size limit")]
    SizeLimit,
    /// The server does not hold the people itself; it is not followed to where it points.
    #[error("it refers to another directory: {0}")]
    Referral(String),
    /// `base` is not there, or our account may not know of it.
    #[error("the base is not there, or hidden from bind-dn")]
    NoBase,
    /// Our account may not read.
    #[error("bind-dn may not read here")]
    Forbidden,
    /// Any other answer that is none.
    #[error("it answers: {0}")]
    LookupResult(String),
    /// It sent an answer that can't be understood.
    #[error("what it sends is not LDAP")]
    Garbled,
    /// It sent octets that were not read.
    #[error("the directory sent {0}")]
    PasswordRequest(Fault),
    /// No server can be asked at present.
    #[error("no server can be reached; the last said: {0}")]
    AllDown(String),
}

impl Failure {
    /// Labels of all failures, for metrics.
    pub const LABELS: [&'static str; 8] = [
        "connect", "tls", "bind-dn", "timeout", "broken", "answer", "garbled", "all-down",
    ];

    /// The label of this one.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::ServiceAccount(_) => "bind-dn",
            Self::Timeout => "timeout",
            Self::Broken(_) => "broken",
            Self::SizeLimit
            | Self::Referral(_)
            | Self::NoBase
            | Self::Forbidden
            | Self::LookupResult(_) => "answer",
            Self::Garbled | Self::PasswordRequest(_) => "garbled",
            Self::AllDown(_) => "all-down",
        }
    }

    /// Whether the connection is of no more use.
    pub(crate) const fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::Broken(_) | Self::Garbled | Self::PasswordRequest(_)
        )
    }

    /// Whether another server of the same directory may do better.
    pub(crate) const fn is_of_one_server(&self) -> bool {
        !matches!(self, Self::SizeLimit | Self::Forbidden | Self::AllDown(_))
    }

    /// The failure in an answer that concerns this server alone, so that another may be asked the same.
    pub(crate) fn of_server(result: &LdapResult) -> Option<Self> {
        match result.rc {
            code::OPERATIONS_ERROR | code::BUSY | code::UNAVAILABLE | code::OTHER => {
                Some(Self::LookupResult(result.to_string()))
            }
            code::TIME_LIMIT_EXCEEDED => Some(Self::Timeout),
            _ => None,
        }
    }

    /// The failure in an answer that is no success.
    pub(crate) fn of_result(result: &LdapResult) -> Self {
        match result.rc {
            code::SIZE_LIMIT_EXCEEDED => Self::SizeLimit,
            code::TIME_LIMIT_EXCEEDED => Self::Timeout,
            code::REFERRAL => Self::Referral(result.refs.join(", ")),
            code::NO_SUCH_OBJECT => Self::NoBase,
            code::INSUFFICIENT_ACCESS => Self::Forbidden,
            _ => Self::LookupResult(result.to_string()),
        }
    }
}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::LdapResult { result } => Self::of_result(&result),
            LdapError::Timeout { .. } => Self::Timeout,
            LdapError::Io { source } => Self::from(source),
            LdapError::DecodingUTF8 => Self::Garbled,
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match rustls_error(&error) {
            Some(tls) => Self::Tls(tls.to_string()),
            None => Self::Broken(error.to_string()),
        }
    }
}

/// The TLS error behind a failed read or write, if there is one.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref::<rustls::Error>()
}
