//! Which client certificates are accepted: authorities, revocation lists, what stale lists mean.

use super::config_error::TlsConfigError;
use super::provider::provider;
use super::signatures;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// Treatment of a revocation list past its next update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StaleLists {
    /// Its issuer's certificates are refused: revocation cannot be evaded by holding back lists.
    #[default]
    Refuse,
    /// Its content still counts: an authority that is late locks no device out.
    Allow,
}

/// The rules for client certificates (E8). Cheap to clone.
///
/// Checked are the chain up to one of the authorities, everybody's validity, extendedKeyUsage
/// (clientAuth, or the extension absent), and, where there are lists, that nobody in the chain but
/// the authority itself is revoked: each issuer's list must be there. The authorities' names are
/// not sent to devices: that would cost every log-on some hundred octets.
#[derive(Clone)]
pub struct ClientCertificates {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// SHA-256 over the authorities, in an order of its own.
    pub(super) authorities: [u8; 32],
}

impl ClientCertificates {
    /// Reads the authorities (PEM, one or more) and revocation lists, each PEM or DER. With no
    /// list at all, revocation is not checked.
    ///
    /// # Errors
    /// [`TlsConfigError`], each a sentence for the operator.
    pub fn new(
        authorities: &[u8],
        revocation_lists: &[&[u8]],
        stale: StaleLists,
    ) -> Result<Self, TlsConfigError> {
        let authorities = read_authorities(authorities)?;
        let mut lists = Vec::new();
        for bytes in revocation_lists {
            lists.extend(read_lists(bytes)?);
        }
        let roots = Arc::new(anchors(&authorities)?);
        let provider = CryptoProvider {
            signature_verification_algorithms: signatures::remembering(),
            ..provider()
        };
        let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::new(provider))
            .with_crls(lists)
            .clear_root_hint_subjects();
        let builder = match stale {
            StaleLists::Refuse => builder.enforce_revocation_expiration(),
            StaleLists::Allow => builder,
        };
        let verifier = builder
            .build()
            .map_err(|error| TlsConfigError::RevocationList(error.to_string()))?;
        Ok(ClientCertificates {
            verifier,
            authorities: fingerprint(&authorities),
        })
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificates(..)")
    }
}

fn read_authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let authorities = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsConfigError::Authorities(error.to_string()))?;
    if authorities.is_empty() {
        return Err(TlsConfigError::AuthoritiesEmpty);
    }
    Ok(authorities)
}

fn anchors(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsConfigError> {
    let mut anchors = RootCertStore::empty();
    for authority in authorities {
        anchors
            .add(authority.clone())
            .map_err(|error| TlsConfigError::Authorities(error.to_string()))?;
    }
    Ok(anchors)
}

/// A DER list begins with the tag of a SEQUENCE, which no PEM does.
fn read_lists(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsConfigError> {
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateRevocationListDer::from(bytes.to_vec())]);
    }
    let lists = CertificateRevocationListDer::pem_slice_iter(bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsConfigError::RevocationList(error.to_string()))?;
    if lists.is_empty() {
        let reason = "it holds no revocation list".to_owned();
        return Err(TlsConfigError::RevocationList(reason));
    }
    Ok(lists)
}

fn fingerprint(authorities: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut each: Vec<[u8; 32]> = authorities
        .iter()
        .map(|authority| Sha256::digest(authority).into())
        .collect();
    each.sort_unstable();
    each.dedup();
    Sha256::digest(each.concat()).into()
}
