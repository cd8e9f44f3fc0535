//! The key exchange groups and cipher suites that are offered.

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};

/// ML-KEM is left out: it adds 1.2 kB each way, which is one more EAP round trip over the whole
/// roaming path.
static GROUPS: [&dyn SupportedKxGroup; 3] =
    [kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

/// Those with SHA-256 first: processors have instructions for it and seldom for SHA-384, and a
/// handshake hashes much and encrypts little. What X25519, P-256 and the access point's AES-128 keep
/// secret gains nothing by AES-256.
static SUITES: [SupportedCipherSuite; 9] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: GROUPS.to_vec(),
        cipher_suites: SUITES.to_vec(),
        ..aws_lc_rs::default_provider()
    }
}
