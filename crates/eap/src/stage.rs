//! Stages of a conversation, by what the peer owes.

use crate::tls::TlsAlert;
use std::borrow::Cow;

/// Stage of a conversation, by the message that it awaits. A peer that goes silent here "gave up"
/// (E10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A method was offered, and neither taken up nor refused.
    MethodNegotiation,
    /// The method was taken up; its ClientHello is not complete.
    ClientHello,
    /// Our certificate is on its way; fragments of it wait for their acknowledgement.
    ServerFragments,
    /// Our certificate was delivered as a whole, and the client has not answered.
    ServerCertificate,
    /// The client's answer to our certificate is arriving in fragments.
    ClientFinished,
    /// Our alert was sent; most devices hang up on it without a word.
    TlsAlert(TlsAlert),
    /// The tunnel is open, and the client has not said who it is.
    InnerAuthentication,
    /// The caller owes a verdict; the peer owes nothing.
    Verdict,
    /// The device was told of its success inside the tunnel, and has not acknowledged it.
    SuccessIndication,
    /// The device was told of its failure inside the tunnel, and has not acknowledged it.
    FailureIndication,
    /// Success or Failure went out.
    Finished,
}

impl Stage {
    /// A stable name for audit and counters.
    pub fn label(self) -> &'static str {
        match self {
            Stage::MethodNegotiation => "method-negotiation",
            Stage::ClientHello => "client-hello",
            Stage::ServerFragments => "server-fragments",
            Stage::ServerCertificate => "server-certificate",
            Stage::ClientFinished => "client-finished",
            Stage::TlsAlert(_) => "tls-alert",
            Stage::InnerAuthentication => "inner-authentication",
            Stage::Verdict => "verdict",
            Stage::SuccessIndication => "success-indication",
            Stage::FailureIndication => "failure-indication",
            Stage::Finished => "finished",
        }
    }

    /// The likely cause where a device falls silent here, as a sentence for the operator.
    pub fn likely_cause(self) -> Cow<'static, str> {
        let cause = match self {
            Stage::MethodNegotiation => "the device left, or has no profile for this network",
            Stage::ClientHello | Stage::ClientFinished => {
                "the device left, or its fragments were lost on the way"
            }
            Stage::ServerFragments => "large packets are lost on the way: check the MTU",
            Stage::ServerCertificate => {
                "the device does not trust the CA, or its user was asked and did not answer"
            }
            Stage::TlsAlert(alert) => return Cow::Owned(alert.to_string()),
            Stage::InnerAuthentication => "the device has no password, or waits for its user",
            Stage::Verdict => "the accounts did not answer in time",
            Stage::SuccessIndication => "the device left just before it would have been let in",
            Stage::FailureIndication => "the device was refused inside the tunnel, and hung up",
            Stage::Finished => "the conversation had ended",
        };
        Cow::Borrowed(cause)
    }
}
