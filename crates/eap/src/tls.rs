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
pub use sessions::{Authorization, Sessions};
pub(crate) use sessions::{Basis, SessionFacts};
pub use tickets::TicketKeys;
