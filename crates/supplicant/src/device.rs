//! State that a device keeps between conversations: its TLS sessions.

use super::seen::Witness;
use super::{Profile, Supplicant};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A device that comes back, and resumes its sessions where the server lets it.
pub struct Device {
    profile: Profile,
    config: Arc<ClientConfig>,
}

/// Why a device cannot be set up like that.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// The CA, the versions or the device's own certificate.
    #[error("TLS takes no such profile: {0}")]
    Tls(#[from] rustls::Error),
    /// The server's name is none.
    #[error("{0:?} is no name that a server's certificate can bear")]
    ServerName(String),
}

impl Device {
    /// A device that has never been here.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open(profile: Profile) -> Result<Self, ProfileError> {
        let config = tls_config(&profile)?;
        Ok(Device::with_config(profile, config))
    }

    /// A device that never resumes a session.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open_forgetful(profile: Profile) -> Result<Self, ProfileError> {
        let mut config = tls_config(&profile)?;
        config.resumption = Resumption::disabled();
        Ok(Device::with_config(profile, config))
    }

    /// A device that takes no session tickets under TLS 1.2, as wpa_supplicant by default.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open_without_tickets(profile: Profile) -> Result<Self, ProfileError> {
        let mut config = tls_config(&profile)?;
        let ids = config.resumption.clone();
        config.resumption = ids.tls12_resumption(Tls12Resumption::SessionIdOnly);
        Ok(Device::with_config(profile, config))
    }

    /// [`Device::open`] for tests.
    ///
    /// # Panics
    /// If the profile cannot work at all: a test is wrong then.
    #[expect(
        clippy::expect_used,
        reason = "a test's profile is the test's responsibility"
    )]
    pub fn new(profile: Profile) -> Self {
        Device::open(profile).expect("a profile")
    }

    fn with_config(profile: Profile, config: ClientConfig) -> Self {
        let config = Arc::new(config);
        Device { profile, config }
    }

    /// Its profile.
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

/// TLS settings of a profile.
pub(super) fn tls_config(profile: &Profile) -> Result<ClientConfig, ProfileError> {
    if ServerName::try_from(profile.server_name.as_str()).is_err() {
        return Err(ProfileError::ServerName(profile.server_name.clone()));
    }
    let mut roots = RootCertStore::empty();
    roots.add(profile.trusted.clone())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let witness = Witness::new(roots, Arc::clone(&provider), profile.seen.clone());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&profile.versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(witness));
    let mut config = match &profile.certificate {
        Some(certificate) => {
            builder.with_client_auth_cert(certificate.chain.clone(), certificate.key.clone_key())?
        }
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = false;
    // Session ids and stateful tickets are what the server has; a device needs few of them.
    config.resumption = Resumption::in_memory_sessions(8);
    Ok(config)
}
