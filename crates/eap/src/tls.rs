//! TLS driven from buffers: the server's configuration, and one connection without a socket.

mod alert;
mod config;
mod engine;

pub use alert::{Alert, TlsAlert, TlsProblem};
pub use config::{ServerTls, TlsConfigError, TlsVersions};
pub use engine::TlsVersion;
pub(crate) use engine::{Engine, KeyLabel};
