//! Why a directory's certificate is not taken, in words that say what to do.

use std::path::PathBuf;

use rustls::{CertificateError, Error};

/// Expectations of the certificate.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The file of `ca-file`; none is the system's authorities.
    pub(crate) ca_file: Option<PathBuf>,
    /// The name that it must be made out to.
    pub(crate) server_name: String,
}

impl Expected {
    /// Why a handshake failed.
    pub(crate) fn in_words(&self, error: &Error) -> String {
        let Error::InvalidCertificate(fault) = error else {
            return error.to_string();
        };
        self.of_certificate(fault)
            .unwrap_or_else(|| error.to_string())
    }

    fn of_certificate(&self, fault: &CertificateError) -> Option<String> {
        let name = &self.server_name;
        Some(match fault {
            CertificateError::UnknownIssuer => {
                let trusted = match &self.ca_file {
                    Some(file) => format!("ca-file ({})", file.display()),
                    None => "the system's authorities (there is no ca-file)".to_owned(),
                };
                format!("its certificate is signed by none of {trusted}: name who signed it")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "its certificate is not made out to {name} ({fault}): set server-name, or have one \
                     issued with that name as subjectAltName"
                )
            }
            // Words of the library below, which has no type of its own for them here.
            CertificateError::Other(other) => {
                let said = format!("{other:?}");
                if said.contains("CaUsedAsEndEntity") {
                    "its certificate is a certificate authority's own: issue one for the server \
                     (docs/ldap.md, TLS)"
                        .to_owned()
                } else if said.contains("UnsupportedCertVersion") {
                    "its certificate is of X.509 version 1, which has no names: issue one with \
                     subjectAltName (docs/ldap.md, TLS)"
                        .to_owned()
                } else {
                    return None;
                }
            }
            _ => return None,
        })
    }
}
