//! What every EAP method is to a conversation: type-data in, a step out. One file per method.

pub(crate) mod handshake_proof;
pub(crate) mod tls;
pub mod ttls;

use crate::conversation::{FailureCause, InnerCredential, Stage, Verdict};
use crate::packet::EapType;
use crate::tls::TlsVersion;
use crate::tunnel::Tunnel;
use crate::{Keys, Limits};
use std::fmt;

/// A method that can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodType {
    /// EAP-TTLSv0, RFC 5281.
    Ttls,
    /// EAP-TLS, RFC 5216.
    Tls,
}

impl MethodType {
    /// Its type octet.
    pub fn eap_type(self) -> EapType {
        match self {
            MethodType::Ttls => EapType::TTLS,
            MethodType::Tls => EapType::TLS,
        }
    }
}

/// The method of a conversation, outer and inner, for audit and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodName {
    /// EAP-TTLS whose inner method is not known yet.
    Ttls,
    /// EAP-TTLS with the password as such inside.
    TtlsPap,
    /// EAP-TLS.
    Tls,
}

impl MethodName {
    /// `"ttls"`, `"ttls/pap"`, `"tls"`.
    pub fn label(self) -> &'static str {
        match self {
            MethodName::Ttls => "ttls",
            MethodName::TtlsPap => "ttls/pap",
            MethodName::Tls => "tls",
        }
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What a method wants done next; the conversation adds the EAP header.
pub(crate) enum MethodStep {
    Request(Vec<u8>),
    Prove(InnerCredential),
    Success(Keys),
    Failure(FailureCause),
}

/// One run of a method.
pub(crate) trait Method: Send + Sync {
    fn eap_type(&self) -> EapType;
    /// The type-data of the first request.
    fn start(&self) -> Vec<u8>;
    /// Takes the type-data of a response.
    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep;
    /// Takes the answer to [`MethodStep::Prove`]; called once for each.
    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep;
    fn stage(&self) -> Stage;
    fn name(&self) -> MethodName;
    fn tls_version(&self) -> Option<TlsVersion>;
    /// The tunnel, whose session is kept when the log-on succeeds.
    fn tunnel(&self) -> Option<&Tunnel> {
        None
    }
}
