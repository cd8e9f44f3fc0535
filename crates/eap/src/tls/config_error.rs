//! Errors of the server's TLS configuration.

/// Why a chain and key make no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsConfigError {
    /// The chain is no PEM.
    #[error("the certificate chain is not valid PEM: {0}")]
    ChainPem(String),
    /// PEM, but no certificate in it.
    #[error("the certificate chain holds no certificate")]
    ChainEmpty,
    /// The key is no PEM, or no private key is in it (an encrypted one is not one).
    #[error("no unencrypted private key in PEM was found: {0}")]
    KeyPem(String),
    /// A kind of key that cannot sign here, or another certificate's key.
    #[error("the private key does not fit the first certificate of the chain: {0}")]
    KeyUnfit(String),
    /// The cryptographic provider refused the versions or groups.
    #[error("the TLS library refused the configuration: {0}")]
    Refused(String),
    /// The authorities for client certificates are no PEM, or not usable as such.
    #[error("the authorities for client certificates cannot be used: {0}")]
    Authorities(String),
    /// PEM, but no certificate in it.
    #[error("there is no authority for client certificates in the file")]
    AuthoritiesEmpty,
    /// A revocation list that cannot be read.
    #[error("a revocation list cannot be used: {0}")]
    RevocationList(String),
}
