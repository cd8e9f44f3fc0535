//! TLS driven from buffers: the server's configuration, and one connection without a socket.

mod alert;
mod certificate_identity;
mod certificate_problem;
mod client_certificates;
mod config;
mod config_error;
mod engine;
mod provider;
mod resumption;
mod session_tickets;
mod sessions;
mod signatures;
mod tickets;

pub use alert::{Alert, TlsAlert, TlsProblem};
pub use certificate_identity::CertificateIdentity;
pub use certificate_problem::CertificateProblem;
pub use client_certificates::{ClientCertificates, StaleLists};
pub(crate) use config::MethodTls;
pub use config::{ServerTls, TlsVersions};
pub use config_error::TlsConfigError;
pub use engine::TlsVersion;
pub(crate) use engine::{Engine, KeyLabel, SuiteHash};
pub use sessions::{Authorization, KeptSession, SessionId, SessionKeeper, Sessions};
pub(crate) use sessions::{Basis, SessionFacts};
pub use tickets::TicketKeys;

/// Goes into every seal of a TLS session's state: rustls may lay it out in another way with any
/// version, and reads none but its own.
const STATE_FORMAT: &[u8] = b"rustls 0.23.46";

#[cfg(test)]
mod tests {
    #[test]
    fn format_of_states_is_that_of_the_library() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = "name = \"rustls\"\nversion = \"";
        let (_, version) = lock.split_once(entry).unwrap();
        let (version, _) = version.split_once('"').unwrap();
        let named = format!("rustls {version}");
        assert_eq!(super::STATE_FORMAT, named.as_bytes(), "name it there");
    }
}
