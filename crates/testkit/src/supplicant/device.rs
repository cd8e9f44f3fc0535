//! What a device keeps between conversations: its TLS sessions.

use super::seen::Witness;
use super::{Profile, Supplicant};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A device that comes back, and resumes its sessions where the server lets it.
pub struct Device {
    profile: Profile,
    config: Arc<ClientConfig>,
}

impl Device {
    /// A device that has never been here.
    pub fn new(profile: Profile) -> Self {
        let config = Arc::new(tls_config(&profile));
        Device { profile, config }
    }

    /// How it is set up.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// One more conversation of this device.
    pub fn supplicant(&self) -> Supplicant {
        Supplicant::with_config(self.profile.clone(), Arc::clone(&self.config))
    }

    /// The same device and sessions under another profile: an attacker's, perhaps.
    pub fn supplicant_with(&self, profile: Profile) -> Supplicant {
        Supplicant::with_config(profile, Arc::clone(&self.config))
    }
}

/// What a profile means to TLS.
#[expect(
    clippy::expect_used,
    reason = "a test's profile is the test's responsibility"
)]
pub(super) fn tls_config(profile: &Profile) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(profile.trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let witness = Witness::new(roots, Arc::clone(&provider), profile.seen.clone());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&profile.versions)
        .expect("TLS versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(witness));
    let mut config = match &profile.certificate {
        Some(certificate) => builder
            .with_client_auth_cert(certificate.chain.clone(), certificate.key.clone_key())
            .expect("a client certificate"),
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = false;
    // Session ids and stateful tickets are what the server has; 8 sessions are enough for a test.
    config.resumption = Resumption::in_memory_sessions(8);
    config
}
