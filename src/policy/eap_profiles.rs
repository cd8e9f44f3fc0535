//! Which EAP methods a device is offered, and which certificate it is shown: by its realm, its
//! outer name and the service of the client. All is worked out beforehand; a conversation that
//! begins costs two look-ups.

use std::collections::HashMap;

use portvakt_auth::Realm;
use portvakt_eap::{
    CertificateIdentity, ClientCertificates, MethodType, Methods, ServerTls, Sessions, StaleLists,
    TeapIdentities, TicketKeys, TlsVersions,
};
use zeroize::Zeroizing;

use super::PolicyError;
use crate::config::{self, CertificateName, Chain, Config, EapProfile, OuterName, Secret};

/// The EAP profiles of all realms.
pub struct EapProfiles {
    usual: RealmProfiles,
    realms: HashMap<Realm, RealmProfiles, ahash::RandomState>,
    /// Which chain is for which outer names, in the order of looking.
    outer_names: Vec<Vec<OuterName>>,
}

/// The methods of one realm.
struct RealmProfiles {
    /// With the realm's own chain.
    own: ServiceMethods,
    /// With the chains for outer names, in their order.
    chains: Vec<ServiceMethods>,
    certificate_names: Vec<CertificateName>,
}

/// The methods with one certificate chain.
struct ServiceMethods {
    usual: Methods,
    services: HashMap<String, Methods, ahash::RandomState>,
}

impl EapProfiles {
    /// The profiles of a configuration; `None` without EAP.
    pub(super) fn new(config: &Config, sessions: &Sessions) -> Result<Option<Self>, PolicyError> {
        let Some(eap) = &config.eap else {
            return Ok(None);
        };
        let sessions = (!eap.resume_for.is_zero()).then_some(sessions);
        let build = |profile: &EapProfile| RealmProfiles::new(config, eap, profile, sessions);
        let mut realms = HashMap::default();
        for (realm, rules) in &config.realm_rules {
            if let Some(profile) = &rules.eap {
                realms.insert(realm.clone(), build(profile)?);
            }
        }
        let outer_names = eap.chains.iter().map(|named| named.outer_names.clone());
        Ok(Some(Self {
            usual: build(&eap.defaults)?,
            realms,
            outer_names: outer_names.collect(),
        }))
    }

    fn of_realm(&self, realm: &Realm) -> &RealmProfiles {
        self.realms.get(realm).unwrap_or(&self.usual)
    }

    /// The methods offered to `user@realm`, normalised, at a client of this service.
    pub(super) fn methods(&self, user: &str, realm: &Realm, service: &str) -> Option<&Methods> {
        let profiles = self.of_realm(realm);
        let is_meant =
            |names: &Vec<OuterName>| names.iter().any(|name| name.matches(user, realm.as_str()));
        let profiles = match self.outer_names.iter().position(is_meant) {
            Some(index) => profiles.chains.get(index)?,
            None => &profiles.own,
        };
        Some(profiles.services.get(service).unwrap_or(&profiles.usual))
    }

    /// The names that a client certificate gives, the first choice first.
    pub(super) fn certificate_names<'a>(
        &self,
        realm: &Realm,
        certificate: &'a CertificateIdentity,
    ) -> Vec<&'a str> {
        let of = |name: &CertificateName| -> Vec<&'a str> {
            match name {
                CertificateName::Email => texts(&certificate.san_emails),
                CertificateName::Upn => texts(&certificate.san_upns),
                CertificateName::Dns => texts(&certificate.san_dns),
                CertificateName::CommonName => {
                    certificate.common_name.as_deref().into_iter().collect()
                }
            }
        };
        let names = &self.of_realm(realm).certificate_names;
        names.iter().flat_map(of).collect()
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

impl RealmProfiles {
    fn new(
        config: &Config,
        eap: &config::Eap,
        profile: &EapProfile,
        sessions: Option<&Sessions>,
    ) -> Result<Self, PolicyError> {
        let certificates = profile.client_certificates.as_ref();
        let client_certificates = certificates.map(client_certificates).transpose()?;
        let ticket_keys = ticket_keys(&eap.ticket_keys);
        let with = |chain: &Chain| {
            let mut tls = server_tls(chain, profile.tls_versions)?;
            if let Some(certificates) = &client_certificates {
                tls = tls.with_client_certificates(certificates.clone())?;
            }
            if let Some(sessions) = sessions {
                tls = tls.with_sessions(sessions.clone());
            }
            if let Some(keys) = &ticket_keys {
                tls = tls.with_ticket_keys(keys.clone());
            }
            ServiceMethods::new(config, profile, &tls)
        };
        let chains = eap.chains.iter().map(|named| with(&named.chain));
        Ok(Self {
            own: with(&profile.chain)?,
            chains: chains.collect::<Result<_, _>>()?,
            certificate_names: certificates.map_or_else(Vec::new, |rules| rules.names.clone()),
        })
    }
}

impl ServiceMethods {
    fn new(config: &Config, profile: &EapProfile, tls: &ServerTls) -> Result<Self, PolicyError> {
        let authority = config.realms.first().map_or("", Realm::as_str);
        let mut services = HashMap::default();
        for (name, service) in &config.services {
            if let Some(allowed) = &service.eap_methods {
                let is_allowed = |method: &MethodType| allowed.contains(method);
                let offered = methods(profile, tls, authority, is_allowed)?;
                services.insert(name.clone(), offered);
            }
        }
        Ok(Self {
            usual: methods(profile, tls, authority, |_| true)?,
            services,
        })
    }
}

/// The methods of a profile that `is_allowed`, in its order, each with what may be inside.
/// `authority` is what TEAP calls this server: unique to the site, and in clear.
fn methods(
    profile: &EapProfile,
    tls: &ServerTls,
    authority: &str,
    is_allowed: impl Fn(&MethodType) -> bool,
) -> Result<Methods, PolicyError> {
    let offered = profile.methods.iter().copied();
    let offered: Vec<_> = offered.filter(|method| is_allowed(method)).collect();
    let mut methods = Methods::new(tls.clone(), &offered)?;
    for (kind, inner) in [
        (MethodType::Ttls, &profile.ttls_inner),
        (MethodType::Peap, &profile.peap_inner),
        (MethodType::Teap, &profile.teap_inner),
    ] {
        if offered.contains(&kind) {
            methods = methods.with_inner(kind, inner)?;
        }
    }
    let identities = profile.teap_identities;
    if offered.contains(&MethodType::Teap) && identities != TeapIdentities::User {
        methods = methods.with_machine_inner(&profile.teap_machine_inner)?;
    }
    Ok(methods.with_teap(identities, authority.as_bytes()))
}

/// `None` without any; the config has seen to their length.
fn ticket_keys(keys: &[Secret]) -> Option<TicketKeys> {
    let sized = keys.iter().map(|key| key.as_bytes().try_into().ok());
    let sized: Option<Zeroizing<Vec<[u8; TicketKeys::KEY_OCTETS]>>> =
        sized.collect::<Option<Vec<_>>>().map(Zeroizing::new);
    TicketKeys::new(&sized?)
}

fn server_tls(chain: &Chain, versions: TlsVersions) -> Result<ServerTls, PolicyError> {
    let staple = chain.ocsp_response.as_ref();
    Ok(ServerTls::from_pem_stapled(
        &chain.pem,
        chain.key.as_bytes(),
        versions,
        staple.map(|response| &*response.der),
    )?)
}

fn client_certificates(
    rules: &config::ClientCertificates,
) -> Result<ClientCertificates, PolicyError> {
    let stale = match rules.refuse_on_stale_list {
        true => StaleLists::Refuse,
        false => StaleLists::Allow,
    };
    let lists = rules.revocation_lists.iter();
    let lists: Vec<_> = lists.map(|lists| &*lists.octets).collect();
    Ok(ClientCertificates::new(&rules.authorities, &lists, stale)?)
}
