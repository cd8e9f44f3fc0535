//! What every EAP method is to a conversation: type-data in, a step out. One file per method.

pub(crate) mod inner;
pub(crate) mod peap;
pub(crate) mod teap;
pub(crate) mod tls;
pub mod ttls;

pub use self::teap::{IdentityType, TeapIdentities};

use self::inner::InnerMethod;
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
    /// PEAPv0, draft-josefsson-pppext-eap-tls-eap and [MS-PEAP].
    Peap,
    /// EAP-TLS, RFC 5216.
    Tls,
    /// TEAP version 1, RFC 9930.
    Teap,
}

impl MethodType {
    /// Its type octet.
    pub fn eap_type(self) -> EapType {
        match self {
            MethodType::Ttls => EapType::TTLS,
            MethodType::Peap => EapType::PEAP,
            MethodType::Tls => EapType::TLS,
            MethodType::Teap => EapType::TEAP,
        }
    }

    /// What is offered inside it where nobody says otherwise: in EAP-TTLS what works with any
    /// stored hash, in PEAP and TEAP what devices speak.
    pub fn usual_inner(self) -> &'static [InnerMethod] {
        match self {
            MethodType::Ttls => &[InnerMethod::Pap],
            MethodType::Peap => &[InnerMethod::EapMsChapV2, InnerMethod::EapGtc],
            MethodType::Teap => &[InnerMethod::EapMsChapV2],
            MethodType::Tls => &[],
        }
    }

    /// Whether `inner` may be offered inside it.
    pub fn carries(self, inner: InnerMethod) -> bool {
        match self {
            MethodType::Ttls => !matches!(inner, InnerMethod::Eap | InnerMethod::Password),
            // The digest of EAP-MD5 holds an identifier, and PEAPv0 has none inside.
            MethodType::Peap => inner.eap_type().is_some() && inner != InnerMethod::EapMd5,
            // What leaves no key is not bound to the tunnel (RFC 9930 §3.6.4); of that kind there is
            // the password alone.
            MethodType::Teap => {
                matches!(
                    inner,
                    InnerMethod::Password | InnerMethod::EapMsChapV2 | InnerMethod::EapTls
                )
            }
            MethodType::Tls => false,
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
    /// EAP-TTLS with CHAP inside.
    TtlsChap,
    /// EAP-TTLS with MS-CHAP inside.
    TtlsMsChap,
    /// EAP-TTLS with MS-CHAPv2 inside.
    TtlsMsChapV2,
    /// EAP-TTLS with EAP inside, whose method is not known yet.
    TtlsEap,
    /// EAP-TTLS with EAP-MSCHAPv2 inside.
    TtlsEapMsChapV2,
    /// EAP-TTLS with EAP-GTC inside.
    TtlsEapGtc,
    /// EAP-TTLS with EAP-MD5 inside.
    TtlsEapMd5,
    /// EAP-TTLS with EAP-TLS inside.
    TtlsEapTls,
    /// PEAP whose inner method is not known yet.
    Peap,
    /// PEAP with EAP-MSCHAPv2 inside.
    PeapEapMsChapV2,
    /// PEAP with EAP-GTC inside.
    PeapEapGtc,
    /// PEAP with EAP-TLS inside.
    PeapEapTls,
    /// EAP-TLS.
    Tls,
    /// TEAP whose inner method is not known yet.
    Teap,
    /// TEAP with name and password as such inside.
    TeapPassword,
    /// TEAP with EAP-MSCHAPv2 inside.
    TeapEapMsChapV2,
    /// TEAP with EAP-TLS inside.
    TeapEapTls,
}

impl MethodName {
    /// Every name, for counters that want to know their labels beforehand.
    pub const ALL: [MethodName; 19] = [
        MethodName::Ttls,
        MethodName::TtlsPap,
        MethodName::TtlsChap,
        MethodName::TtlsMsChap,
        MethodName::TtlsMsChapV2,
        MethodName::TtlsEap,
        MethodName::TtlsEapMsChapV2,
        MethodName::TtlsEapGtc,
        MethodName::TtlsEapMd5,
        MethodName::TtlsEapTls,
        MethodName::Peap,
        MethodName::PeapEapMsChapV2,
        MethodName::PeapEapGtc,
        MethodName::PeapEapTls,
        MethodName::Tls,
        MethodName::Teap,
        MethodName::TeapPassword,
        MethodName::TeapEapMsChapV2,
        MethodName::TeapEapTls,
    ];

    /// `"ttls"`, `"ttls/pap"`, `"ttls/eap-mschapv2"`, `"tls"` …
    pub fn label(self) -> &'static str {
        match self {
            MethodName::Ttls => "ttls",
            MethodName::TtlsPap => "ttls/pap",
            MethodName::Tls => "tls",
            MethodName::Teap => "teap",
            MethodName::TeapPassword => "teap/password",
            MethodName::TeapEapMsChapV2 => "teap/eap-mschapv2",
            MethodName::TeapEapTls => "teap/eap-tls",
            MethodName::TtlsChap => "ttls/chap",
            MethodName::TtlsMsChap => "ttls/mschap",
            MethodName::TtlsMsChapV2 => "ttls/mschapv2",
            MethodName::TtlsEap => "ttls/eap",
            MethodName::TtlsEapMsChapV2 => "ttls/eap-mschapv2",
            MethodName::TtlsEapGtc => "ttls/eap-gtc",
            MethodName::TtlsEapMd5 => "ttls/eap-md5",
            MethodName::TtlsEapTls => "ttls/eap-tls",
            MethodName::Peap => "peap",
            MethodName::PeapEapMsChapV2 => "peap/eap-mschapv2",
            MethodName::PeapEapGtc => "peap/eap-gtc",
            MethodName::PeapEapTls => "peap/eap-tls",
        }
    }

    /// The name of EAP-TTLS with what is known of its inner method.
    pub(crate) fn ttls(inner: Option<InnerMethod>) -> Self {
        match inner {
            None | Some(InnerMethod::Password) => MethodName::Ttls,
            Some(InnerMethod::Pap) => MethodName::TtlsPap,
            Some(InnerMethod::Chap) => MethodName::TtlsChap,
            Some(InnerMethod::MsChap) => MethodName::TtlsMsChap,
            Some(InnerMethod::MsChapV2) => MethodName::TtlsMsChapV2,
            Some(InnerMethod::Eap) => MethodName::TtlsEap,
            Some(InnerMethod::EapMsChapV2) => MethodName::TtlsEapMsChapV2,
            Some(InnerMethod::EapGtc) => MethodName::TtlsEapGtc,
            Some(InnerMethod::EapMd5) => MethodName::TtlsEapMd5,
            Some(InnerMethod::EapTls) => MethodName::TtlsEapTls,
        }
    }

    /// The name of TEAP with what is known of its latest inner method.
    pub(crate) fn teap(inner: Option<InnerMethod>) -> Self {
        match inner {
            Some(InnerMethod::Password) => MethodName::TeapPassword,
            Some(InnerMethod::EapMsChapV2) => MethodName::TeapEapMsChapV2,
            Some(InnerMethod::EapTls) => MethodName::TeapEapTls,
            _ => MethodName::Teap,
        }
    }

    /// The name of PEAP with what is known of its inner method.
    pub(crate) fn peap(inner: Option<InnerMethod>) -> Self {
        match inner {
            Some(InnerMethod::EapMsChapV2) => MethodName::PeapEapMsChapV2,
            Some(InnerMethod::EapGtc) => MethodName::PeapEapGtc,
            Some(InnerMethod::EapTls) => MethodName::PeapEapTls,
            _ => MethodName::Peap,
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
    Authenticate(InnerCredential),
    Success(Keys),
    Failure(FailureCause),
}

/// One run of a method.
pub(crate) trait Method: Send + Sync {
    fn eap_type(&self) -> EapType;
    /// The type-data of the first request.
    fn start(&self) -> Vec<u8>;
    /// Tells the identifier of the request that the next step may become: some methods need it
    /// inside their tunnel.
    fn expect_identifier(&mut self, _identifier: u8) {}
    /// Takes the type-data of a response.
    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep;
    /// Takes the answer to [`MethodStep::Authenticate`]; called once for each.
    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep;
    fn stage(&self) -> Stage;
    /// Why it will fail, once the peer has been told so and owes an acknowledgement alone.
    fn failure(&self) -> Option<FailureCause> {
        self.tunnel().and_then(Tunnel::failure)
    }
    fn name(&self) -> MethodName;
    fn tls_version(&self) -> Option<TlsVersion>;
    /// Whose credential is asked about, or was last.
    fn identity_type(&self) -> IdentityType {
        IdentityType::User
    }
    /// The tunnel, whose session is kept when the log-on succeeds.
    fn tunnel(&self) -> Option<&Tunnel> {
        None
    }
}
