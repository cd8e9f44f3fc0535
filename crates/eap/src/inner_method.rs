//! The methods that can be offered inside a tunnel.

use crate::packet::EapType;

/// A method inside a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InnerMethod {
    /// The password as such, in EAP-TTLS.
    Pap,
    /// RFC 1994, in EAP-TTLS.
    Chap,
    /// RFC 2433, in EAP-TTLS.
    MsChap,
    /// RFC 2759, in EAP-TTLS.
    MsChapV2,
    /// EAP-MSCHAPv2, in EAP-TTLS or PEAP.
    EapMsChapV2,
    /// EAP-GTC, which carries the password as such, in EAP-TTLS or PEAP.
    EapGtc,
    /// Name and password as such, in TEAP (Basic-Password-Auth).
    Password,
    /// EAP-MD5, which is CHAP by another name, in EAP-TTLS.
    EapMd5,
    /// EAP-TLS, where even the device's name is hidden, in EAP-TTLS or PEAP.
    EapTls,
    /// Some EAP method, not agreed on yet; cannot be offered by itself.
    Eap,
}

impl InnerMethod {
    /// `"pap"`, `"chap"`, `"mschap"`, `"mschapv2"`, `"eap-mschapv2"`, `"eap-gtc"`, `"password"`,
    /// `"eap-md5"`, `"eap-tls"`, `"eap"`.
    pub fn label(self) -> &'static str {
        match self {
            InnerMethod::Pap => "pap",
            InnerMethod::Chap => "chap",
            InnerMethod::MsChap => "mschap",
            InnerMethod::MsChapV2 => "mschapv2",
            InnerMethod::EapMsChapV2 => "eap-mschapv2",
            InnerMethod::EapGtc => "eap-gtc",
            InnerMethod::Password => "password",
            InnerMethod::EapMd5 => "eap-md5",
            InnerMethod::EapTls => "eap-tls",
            InnerMethod::Eap => "eap",
        }
    }

    /// Its type octet, where it is an EAP method.
    pub fn eap_type(self) -> Option<EapType> {
        match self {
            InnerMethod::EapMsChapV2 => Some(EapType::MS_CHAP_V2),
            InnerMethod::EapGtc => Some(EapType::GTC),
            InnerMethod::EapMd5 => Some(EapType::MD5_CHALLENGE),
            InnerMethod::EapTls => Some(EapType::TLS),
            _ => None,
        }
    }
}
