//! The EAP methods that can be offered.

use crate::inner_method::InnerMethod;
use crate::packet::EapType;

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

    /// Inner methods offered by default: in EAP-TTLS the one that works with any
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
            // What leaves no key is not bound to the tunnel (RFC 9930 §3.6.4); of that kind there
            // is the password alone.
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
