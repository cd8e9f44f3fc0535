//! Realms in which a client certificate may carry a bare user name.
//!
//! `CN=anna` is Anna of the realm that the device says it is from. Where two realms take certificates
//! of one authority and their people are in two directories, the device could choose whose Anna it
//! is: there only names with a realm count.

use std::collections::HashSet;

use portvakt_auth::Realm;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::account_sources::AccountSources;
use crate::config::{Config, EapProfile};

/// The realms of which a certificate must say that they are meant.
pub(super) fn requiring_qualified_names(
    config: &Config,
    sources: &AccountSources,
) -> HashSet<Realm> {
    let trust = |realm: &Realm| authorities(profile(config, realm));
    let realms: Vec<_> = sources
        .realms()
        .map(|realm| (realm, trust(realm)))
        .collect();
    let is_doubtful = |(one, trusted): &&(&Realm, HashSet<CertificateDer<'_>>)| {
        realms.iter().any(|(other, also)| {
            !sources.share_source(Some(one), Some(other)) && !trusted.is_disjoint(also)
        })
    };
    let doubtful = realms.iter().filter(is_doubtful);
    doubtful.map(|(realm, _)| (*realm).clone()).collect()
}

fn profile<'c>(config: &'c Config, realm: &Realm) -> Option<&'c EapProfile> {
    let own = config.realm_rules.get(realm);
    let own = own.and_then(|rules| rules.eap.as_ref());
    own.or(config.eap.as_ref().map(|eap| &eap.defaults))
}

fn authorities(profile: Option<&EapProfile>) -> HashSet<CertificateDer<'_>> {
    let certificates = profile.and_then(|profile| profile.client_certificates.as_ref());
    let pem = certificates.map_or(&[][..], |rules| &rules.authorities);
    let read = CertificateDer::pem_slice_iter(pem);
    read.filter_map(Result::ok).collect()
}
