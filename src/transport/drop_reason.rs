//! Why a request gets no answer, and what to do about it.

use std::borrow::Cow;

use portvakt_radius::{Code, ParseError, VerifyError};

/// Why a datagram was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It came from no configured client.
    UnknownClient,
    /// It is no RADIUS packet.
    Malformed(ParseError),
    /// Message-Authenticator is missing or wrong.
    Unverified(VerifyError),
    /// A code that is not served.
    UnexpectedCode(Code),
    /// A code that another port serves.
    WrongPort(Code),
    /// An Accounting-Request without Acct-Status-Type or Acct-Session-Id: it tells of nothing.
    AccountingIncomplete,
    /// The store has not taken an accounting record: the disk refuses or does not keep up.
    AccountingNotStored,
    /// Its answer does not fit into a packet.
    AnswerUnwritable,
    /// It is answered, by a refusal: its password makes no sense under this secret.
    SecretDoubtful,
    /// The socket failed to receive.
    SocketError,
}

impl DropReason {
    const UNKNOWN_CLIENT: &str = "unknown-client";
    const WRONG_PORT: &str = "wrong-port";
    const ACCOUNTING_INCOMPLETE: &str = "accounting-incomplete";
    const ACCOUNTING_NOT_STORED: &str = "accounting-not-stored";
    const ANSWER_UNWRITABLE: &str = "answer-unwritable";
    const SECRET_DOUBTFUL: &str = "secret-doubtful";
    const SOCKET_ERROR: &str = "socket-error";

    /// The label that the drop counter uses.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownClient => Self::UNKNOWN_CLIENT,
            Self::Malformed(error) => error.label(),
            Self::Unverified(error) => error.label(),
            Self::UnexpectedCode(_) => VerifyError::UnexpectedCode.label(),
            Self::WrongPort(_) => Self::WRONG_PORT,
            Self::AccountingIncomplete => Self::ACCOUNTING_INCOMPLETE,
            Self::AccountingNotStored => Self::ACCOUNTING_NOT_STORED,
            Self::AnswerUnwritable => Self::ANSWER_UNWRITABLE,
            Self::SecretDoubtful => Self::SECRET_DOUBTFUL,
            Self::SocketError => Self::SOCKET_ERROR,
        }
    }

    /// All labels that [`Self::label`] gives.
    #[must_use]
    pub fn labels() -> Vec<&'static str> {
        let malformed = ParseError::ALL.iter().map(ParseError::label);
        let unverified = VerifyError::ALL.iter().map(VerifyError::label);
        let own = [
            Self::UNKNOWN_CLIENT,
            Self::WRONG_PORT,
            Self::ACCOUNTING_INCOMPLETE,
            Self::ACCOUNTING_NOT_STORED,
            Self::ANSWER_UNWRITABLE,
            Self::SOCKET_ERROR,
        ];
        own.into_iter().chain(malformed).chain(unverified).collect()
    }

    /// The fault and its remedy, as the rest of a sentence about the sender.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::UnknownClient => {
                "no [[client]] has this address: if it is equipment of yours, add one with this \
                 `net` and its secret, then reload"
            }
            Self::Malformed(ParseError::UnknownCode) => {
                "no code of RADIUS that is known here: look who sends it"
            }
            Self::Malformed(error) => {
                return Cow::Owned(format!("not a RADIUS packet, {error}: look who sends it"));
            }
            Self::Unverified(error) => return unverified(*error),
            Self::UnexpectedCode(code) => return unexpected(*code),
            Self::WrongPort(Code::AccountingRequest) => {
                "Accounting-Request came to a port for authentication: accounting has a port of \
                 its own, `accounting.listen`, usually 1813"
            }
            Self::WrongPort(code) => {
                return Cow::Owned(format!(
                    "{code} came to the port for accounting: send it to an address of [[listen]], \
                     usually port 1812"
                ));
            }
            Self::AccountingIncomplete => {
                "an Accounting-Request without Acct-Status-Type or Acct-Session-Id tells of \
                 nothing: look who sends it"
            }
            Self::AccountingNotStored => {
                "its accounting is not stored, since the disk refuses or does not keep up; the \
                 equipment sends it again"
            }
            Self::AnswerUnwritable => {
                "the answer does not fit into 4096 octets: the request brings too much Proxy-State"
            }
            Self::SecretDoubtful => {
                "a password makes no sense, and was refused uncounted: the shared secret may differ, \
                 or somebody else sends from this address"
            }
            Self::SocketError => {
                "the kernel refuses to receive on this address; PORTVAKT_LOG=portvakt=debug says why"
            }
        })
    }
}

fn unverified(error: VerifyError) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        VerifyError::MessageAuthenticatorWrong => {
            "Message-Authenticator is wrong: the shared secret differs"
        }
        VerifyError::AuthenticatorWrong => "the authenticator is wrong: the shared secret differs",
        VerifyError::MessageAuthenticatorMissing => {
            "Message-Authenticator is missing: update the equipment; where no update sends it \
             (ocserv, pppd; OpenVPN's plugin, pam and check_radius of Debian 12), set \
             legacy-message-authenticator-optional for this client"
        }
        VerifyError::ProxyStateUnsigned => {
            "Proxy-State without Message-Authenticator, in whose answer an Accept can be forged \
             (CVE-2024-3596): make the proxy send Message-Authenticator"
        }
        other => return Cow::Owned(format!("{other}: look who sends it")),
    })
}

fn unexpected(code: Code) -> Cow<'static, str> {
    let name = code.name();
    Cow::Owned(match code {
        Code::DisconnectRequest | Code::CoaRequest => format!(
            "{name} came to this server: it is for access points and concentrators, not for their \
             server"
        ),
        _ => format!("{name} is an answer, and nothing was asked: look who sends it"),
    })
}
