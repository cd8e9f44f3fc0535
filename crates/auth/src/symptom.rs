//! Symptoms of a failed log-on: one closed list of facts that the reason of a refusal leaves open.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A fact about a failed log-on that tells apart causes with the same [`Refusal`](crate::Refusal).
///
/// Recorded with the attempt, in store and audit log; one octet. A diagnosis is made from these, never
/// from sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// The user name has a space in it.
    NameSpace,
    /// The user name has a control or an invisible character in it.
    NameInvisible,
    /// The user name is not UTF-8.
    NameNotUtf8,
    /// The user name has the form `DOMAIN\name` of a domain that is not configured.
    NameWindows,
    /// The user name is the device's own address: MAC authentication.
    NameMacAddress,
    /// The user name has no realm, and needs one.
    RealmMissing,
    /// The realm has a space in it.
    RealmSpace,
    /// The password was no UTF-8; it was tried as Windows-1252 too.
    PasswordNotUtf8,
    /// The password has a control character in it.
    PasswordControl,
    /// User-Password makes no sense: the shared secret may differ.
    SecretDoubtful,
    /// The device offers no outer EAP method that is offered here.
    MethodNotAgreed,
    /// The device offers no inner method that is offered here.
    InnerMethodNotAgreed,
    /// MS-CHAP needs an NT hash, and the account has none.
    NoNtHash,
    /// CHAP needs a secret in clear text, and the account has none.
    NoClearText,
    /// The device does not know the CA of our certificate (TLS alert 48).
    AlertUnknownCa,
    /// The device rejected our certificate (TLS alerts 42, 43, 46).
    AlertBadCertificate,
    /// The device finds our certificate expired, or not valid yet (TLS alert 45).
    AlertCertificateExpired,
    /// The device finds our certificate revoked, or wants a fresh OCSP response (TLS alerts 44, 113).
    AlertCertificateRevoked,
    /// The device or its user broke off the TLS handshake (TLS alerts 0, 90).
    AlertCancelled,
    /// Device and server have no TLS version, cipher suite or group in common.
    NoCommonTls,
    /// The TLS handshake failed otherwise.
    TlsFailed,
    /// The device has no client certificate.
    ClientCertificateMissing,
    /// The client certificate has expired.
    ClientCertificateExpired,
    /// The client certificate is not valid yet.
    ClientCertificateNotYetValid,
    /// The client certificate is revoked.
    ClientCertificateRevoked,
    /// The client certificate is of an authority that is not trusted here.
    ClientCertificateForeign,
    /// The client certificate is of the wrong purpose, or can't be read or verified.
    ClientCertificateUnfit,
    /// The revocation list for the client certificate is missing or out of date.
    RevocationListMissing,
    /// The device did not take up the method that was offered.
    SilentAtMethod,
    /// The device fell silent before its ClientHello was whole.
    SilentAtClientHello,
    /// A packet larger than any answered before got no answer, with more of the certificate to come.
    SilentAtLargePacket,
    /// The device had our certificate, at least the beginning, and fell silent.
    SilentAtCertificate,
    /// The device opened the tunnel and sent no user name and password.
    SilentInTunnel,
    /// The device fell silent when it had been let in.
    SilentAtSuccess,
    /// The device did not accept our proof that we know the password.
    ServerDoubted,
}

impl Symptom {
    /// Every symptom, in the order of the list above.
    pub const ALL: [Symptom; 35] = [
        Symptom::NameSpace,
        Symptom::NameInvisible,
        Symptom::NameNotUtf8,
        Symptom::NameWindows,
        Symptom::NameMacAddress,
        Symptom::RealmMissing,
        Symptom::RealmSpace,
        Symptom::PasswordNotUtf8,
        Symptom::PasswordControl,
        Symptom::SecretDoubtful,
        Symptom::MethodNotAgreed,
        Symptom::InnerMethodNotAgreed,
        Symptom::NoNtHash,
        Symptom::NoClearText,
        Symptom::AlertUnknownCa,
        Symptom::AlertBadCertificate,
        Symptom::AlertCertificateExpired,
        Symptom::AlertCertificateRevoked,
        Symptom::AlertCancelled,
        Symptom::NoCommonTls,
        Symptom::TlsFailed,
        Symptom::ClientCertificateMissing,
        Symptom::ClientCertificateExpired,
        Symptom::ClientCertificateNotYetValid,
        Symptom::ClientCertificateRevoked,
        Symptom::ClientCertificateForeign,
        Symptom::ClientCertificateUnfit,
        Symptom::RevocationListMissing,
        Symptom::SilentAtMethod,
        Symptom::SilentAtClientHello,
        Symptom::SilentAtLargePacket,
        Symptom::SilentAtCertificate,
        Symptom::SilentInTunnel,
        Symptom::SilentAtSuccess,
        Symptom::ServerDoubted,
    ];

    /// The stable code, e.g. `alert-unknown-ca`.
    pub const fn code(self) -> &'static str {
        match self {
            Symptom::NameSpace => "name-space",
            Symptom::NameInvisible => "name-invisible",
            Symptom::NameNotUtf8 => "name-not-utf8",
            Symptom::NameWindows => "name-windows",
            Symptom::NameMacAddress => "name-mac-address",
            Symptom::RealmMissing => "realm-missing",
            Symptom::RealmSpace => "realm-space",
            Symptom::PasswordNotUtf8 => "password-not-utf8",
            Symptom::PasswordControl => "password-control",
            Symptom::SecretDoubtful => "secret-doubtful",
            Symptom::MethodNotAgreed => "method-not-agreed",
            Symptom::InnerMethodNotAgreed => "inner-method-not-agreed",
            Symptom::NoNtHash => "no-nt-hash",
            Symptom::NoClearText => "no-clear-text",
            Symptom::AlertUnknownCa => "alert-unknown-ca",
            Symptom::AlertBadCertificate => "alert-bad-certificate",
            Symptom::AlertCertificateExpired => "alert-certificate-expired",
            Symptom::AlertCertificateRevoked => "alert-certificate-revoked",
            Symptom::AlertCancelled => "alert-cancelled",
            Symptom::NoCommonTls => "no-common-tls",
            Symptom::TlsFailed => "tls-failed",
            Symptom::ClientCertificateMissing => "client-certificate-missing",
            Symptom::ClientCertificateExpired => "client-certificate-expired",
            Symptom::ClientCertificateNotYetValid => "client-certificate-not-yet-valid",
            Symptom::ClientCertificateRevoked => "client-certificate-revoked",
            Symptom::ClientCertificateForeign => "client-certificate-foreign",
            Symptom::ClientCertificateUnfit => "client-certificate-unfit",
            Symptom::RevocationListMissing => "revocation-list-missing",
            Symptom::SilentAtMethod => "silent-at-method",
            Symptom::SilentAtClientHello => "silent-at-client-hello",
            Symptom::SilentAtLargePacket => "silent-at-large-packet",
            Symptom::SilentAtCertificate => "silent-at-certificate",
            Symptom::SilentInTunnel => "silent-in-tunnel",
            Symptom::SilentAtSuccess => "silent-at-success",
            Symptom::ServerDoubted => "server-doubted",
        }
    }

    /// The symptom with this code.
    pub fn from_code(code: &str) -> Option<Symptom> {
        Symptom::ALL
            .into_iter()
            .find(|symptom| symptom.code() == code)
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_lead_back_and_are_the_serialised_form() {
        let codes: HashSet<_> = Symptom::ALL.iter().map(|symptom| symptom.code()).collect();
        assert_eq!(codes.len(), Symptom::ALL.len());
        for symptom in Symptom::ALL {
            assert_eq!(Symptom::from_code(symptom.code()), Some(symptom));
            let json = serde_json::to_string(&symptom).unwrap();
            assert_eq!(json, format!("\"{}\"", symptom.code()));
        }
        assert_eq!(Symptom::from_code("no-such-symptom"), None);
    }

    #[test]
    fn an_absent_symptom_costs_no_room() {
        assert_eq!(size_of::<Option<Symptom>>(), 1);
    }
}
