//! Names of methods, outer and inner, for audit and counters.

use crate::inner_method::InnerMethod;
use crate::method_type::MethodType;
use std::fmt;

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
    /// EAP-MSCHAPv2 without a tunnel.
    EapMsChapV2,
    /// EAP-GTC without a tunnel.
    EapGtc,
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
    pub const ALL: [MethodName; 21] = [
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
        MethodName::EapMsChapV2,
        MethodName::EapGtc,
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
            MethodName::EapMsChapV2 => "eap-mschapv2",
            MethodName::EapGtc => "eap-gtc",
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

    /// The name of a method with what is known of its inner method.
    pub(crate) fn of(method: MethodType, inner: Option<InnerMethod>) -> Self {
        match method {
            MethodType::Ttls => Self::ttls(inner),
            MethodType::Peap => Self::peap(inner),
            MethodType::Teap => Self::teap(inner),
            MethodType::Tls => MethodName::Tls,
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
