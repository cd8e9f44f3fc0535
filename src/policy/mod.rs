//! What the configuration says about log-ons, as the request path reads it. A reload replaces it
//! whole; what is under way keeps the one it began with.

mod account_sources;
mod certificate_realms;
pub mod clients;
mod eap_profiles;
mod expiry;
pub mod route;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use portvakt_auth::password::Argon2Cost;
use portvakt_auth::{Account, Kind, Realm, Refusal};
use portvakt_eap::{CertificateIdentity, Methods, Sessions};
use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};

use crate::access::CuiKey;
use crate::config::{self, AccountKind, ClientMethods, Config};
use crate::directory::attributes::AttributeMap;
use crate::metrics::{Metrics, MetricsError};

pub use account_sources::{AccountSource, AccountSources};
pub use clients::{Client, Clients};
pub use eap_profiles::EapProfiles;
pub use expiry::{Expiries, Expiry};
pub(crate) use kind as account_kind;
pub use route::{LocalName, Realms};

/// The rules of the request path.
pub struct Policy {
    /// Who may ask.
    pub clients: Clients,
    /// Our own realms.
    pub realms: Realms,
    /// How EAP conversations are led; `None` where no client may bring EAP.
    pub eap: Option<EapProfiles>,
    /// Whose accounts are where, and by which rules they live.
    pub sources: AccountSources,
    /// The services of all clients, in the order of the configuration; never empty.
    pub offered_services: Vec<String>,
    /// What is special about a service, by its name.
    pub services: BTreeMap<String, Service>,
    /// Realms that a client certificate must name.
    pub qualified_name_realms: HashSet<Realm>,
    /// The most EAP octets of a request to a NAS that sends no Framed-MTU (E2).
    pub max_fragment: usize,
    /// What attributes of an import mean.
    pub attributes: AttributeMap,
    /// Whether a password that is set here gets an NT hash.
    pub write_nt_hashes: bool,
    /// How often EAP-MSCHAPv2 asks again after a wrong answer.
    pub mschapv2_retries: u8,
    /// Whether a hash of an older scheme is replaced when its password was right.
    pub upgrade_hashes: bool,
    /// What it costs to hash a new password.
    pub hash_cost: Argon2Cost,
    /// When certificates end.
    pub expiries: Expiries,
    /// How late rejects leave (R6).
    pub reject_delay: Duration,
    /// By how many percent that varies, up and down.
    pub reject_jitter_percent: u32,
    /// What Chargeable-User-Identity is made with (I4).
    pub cui_key: Option<CuiKey>,
}

/// Rules of one service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The kinds of account that may use it; `None` for all.
    pub kinds: Option<Vec<Kind>>,
    /// The VLAN of accounts that have none of their own.
    pub vlan: Option<String>,
}

/// Why a checked configuration can't be put to work after all.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The TLS library refuses chain or key.
    #[error("the certificate can't be used: {0}")]
    Certificate(#[from] portvakt_eap::TlsConfigError),
    /// The methods don't go together.
    #[error("the EAP methods can't be offered: {0}")]
    Methods(#[from] portvakt_eap::MethodsError),
    /// A realm that the configuration took for one.
    #[error("{0:?} is no realm: {1}")]
    Realm(String, portvakt_auth::RealmError),
    /// Directories are opened at the start.
    #[error("the directories of all realms are new: restart the server to open them")]
    NoAccountSource,
    /// The terms contradict each other.
    #[error("the terms can't be used: {0}")]
    Terms(#[from] portvakt_auth::term::TermsError),
    /// A client without a secret.
    #[error("client {0} has an empty secret")]
    Secret(String),
    /// A cost that Argon2 does not know.
    #[error("passwords can't be hashed at this cost: {0}")]
    HashCost(#[from] portvakt_auth::HashError),
    /// A client that can't be counted.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

impl Policy {
    /// The policy that a checked configuration describes, for people who have these sources.
    ///
    /// # Errors
    /// [`PolicyError`]: what only the parts themselves can tell.
    pub fn new(
        config: &Config,
        metrics: &Metrics,
        sessions: &Sessions,
        sources: AccountSources,
    ) -> Result<Self, PolicyError> {
        Ok(Self {
            clients: clients(&config.clients, metrics)?,
            realms: Realms {
                ours: sources.realms().cloned().collect(),
                bare_names: config.bare_names,
                windows_domains: windows_domains(config)?,
            },
            eap: EapProfiles::new(config, sessions)?,
            qualified_name_realms: certificate_realms::requiring_qualified_names(config, &sources),
            sources,
            offered_services: offered_services(&config.clients),
            services: config.services.iter().map(service).collect(),
            attributes: attributes(config),
            write_nt_hashes: config.accounts.write_nt_hashes,
            mschapv2_retries: config.eap.as_ref().map_or(0, |eap| eap.mschapv2_retries),
            upgrade_hashes: config.passwords.upgrade_hashes,
            hash_cost: hash_cost(&config.passwords)?,
            expiries: Expiries::of(config),
            reject_delay: config.radius.reject_delay,
            reject_jitter_percent: config.radius.reject_jitter_percent.into(),
            cui_key: config
                .radius
                .cui_key
                .as_ref()
                .map(|key| CuiKey::new(key.as_bytes())),
            max_fragment: config
                .eap
                .as_ref()
                .map_or(1020, |eap| eap.max_fragment.into()),
        })
    }

    /// The EAP methods for a device with this outer name at a client of this service.
    #[must_use]
    pub fn methods(&self, outer: &LocalName, service: &str) -> Option<&Methods> {
        let realm = self.realms.realm_of(outer)?;
        self.eap.as_ref()?.methods(&outer.user, realm, service)
    }

    /// The names that a client certificate gives, the first choice first.
    #[must_use]
    pub fn certificate_names<'a>(
        &self,
        outer: &LocalName,
        certificate: &'a CertificateIdentity,
    ) -> Vec<&'a str> {
        let names = self.eap.as_ref().zip(self.realms.realm_of(outer));
        names.map_or_else(Vec::new, |(eap, realm)| {
            eap.certificate_names(realm, certificate)
        })
    }

    /// Whether a certificate that a device with this outer name has shown speaks for the account of
    /// this name: one of the outer realm or below it, in the outer realm's directory, and of a
    /// realm that is named where it must be.
    #[must_use]
    pub fn certificate_may_name(&self, outer: &LocalName, name: &str) -> bool {
        let Ok(inner) = route::inner_name(name.as_bytes(), outer, &self.realms) else {
            return false;
        };
        let realm = self.realms.realm_of(outer);
        let is_named = name.contains('@');
        let sources = &self.sources;
        sources.share_source(outer.realm.as_ref(), inner.realm.as_ref())
            && (is_named || !realm.is_some_and(|realm| self.qualified_name_realms.contains(realm)))
    }

    /// Whether `account` may use `service` by its kind.
    ///
    /// # Errors
    /// [`Refusal::ServiceNotAllowed`].
    pub fn check_kind(&self, account: &Account, service: &str) -> Result<(), Refusal> {
        let kinds = self
            .services
            .get(service)
            .and_then(|service| service.kinds.as_ref());
        match kinds {
            Some(kinds) if !kinds.contains(&account.kind) => Err(Refusal::ServiceNotAllowed),
            _ => Ok(()),
        }
    }
}

/// The domains of all realms that have some.
fn windows_domains(config: &Config) -> Result<Vec<(String, Realm)>, PolicyError> {
    let mut domains = Vec::new();
    for (name, rules) in &config.realm_rules {
        let realm = Realm::parse(name);
        let realm = realm.map_err(|error| PolicyError::Realm(name.clone(), error))?;
        let of_realm = rules.windows_domains.iter();
        domains.extend(of_realm.map(|domain| (domain.clone(), realm.clone())));
    }
    Ok(domains)
}

fn clients(clients: &[config::Client], metrics: &Metrics) -> Result<Clients, PolicyError> {
    let mut networks: Vec<(IpNet, Arc<Client>)> = Vec::new();
    for client in clients {
        let secret = SharedSecret::new(client.secret.as_bytes())
            .map_err(|_| PolicyError::Secret(client.name.clone()))?;
        let checked = Arc::new(Client {
            name: client.name.clone(),
            secret,
            message_authenticator: match client.legacy_message_authenticator_optional {
                true => MessageAuthenticatorPolicy::LegacyOptional,
                false => MessageAuthenticatorPolicy::Required,
            },
            service: client.service.clone(),
            methods: match client.federation_peer {
                true => ClientMethods::EAP_ONLY,
                false => client.methods,
            },
            mschap_retry: client.mschap_retry,
            send_vlan: client.send_vlan && !client.federation_peer,
            send_user_name: client.send_user_name && !client.federation_peer,
            federation_peer: client.federation_peer,
            counters: metrics.client(&client.name)?,
        });
        networks.extend(client.nets.iter().map(|net| (*net, Arc::clone(&checked))));
    }
    Ok(Clients::new(networks))
}

fn offered_services(clients: &[config::Client]) -> Vec<String> {
    let mut services: Vec<String> = Vec::new();
    for client in clients {
        if !services.contains(&client.service) {
            services.push(client.service.clone());
        }
    }
    services
}

fn service((name, service): (&String, &config::Service)) -> (String, Service) {
    let kinds = service
        .kinds
        .as_ref()
        .map(|kinds| kinds.iter().copied().map(kind).collect());
    (
        name.clone(),
        Service {
            kinds,
            vlan: service.vlan.clone(),
        },
    )
}

/// The domain's word for a kind of account.
pub(crate) fn kind(kind: AccountKind) -> Kind {
    match kind {
        AccountKind::Student => Kind::Student,
        AccountKind::Employee => Kind::Employee,
        AccountKind::Guest => Kind::Guest,
        AccountKind::Service => Kind::Service,
        AccountKind::Machine => Kind::Machine,
        AccountKind::Test => Kind::Test,
    }
}

fn hash_cost(passwords: &config::Passwords) -> Result<Argon2Cost, PolicyError> {
    let memory_kib = u32::try_from(passwords.argon2_memory / 1024).unwrap_or(u32::MAX);
    Ok(Argon2Cost::new(
        memory_kib,
        passwords.argon2_iterations.into(),
        1,
    )?)
}

fn attributes(config: &Config) -> AttributeMap {
    let accounts = &config.accounts;
    let names = accounts.attributes.clone();
    AttributeMap {
        user_name: names.user_name,
        principal_name: names.principal_name,
        temporary_password: names.temporary_password,
        alias: names.aliases,
        display_name: names.display_name,
        mail: names.mail,
        mobile: names.mobile,
        affiliation: names.kind,
        kinds: accounts
            .kinds
            .iter()
            .map(|(name, of)| (name.clone(), kind(*of)))
            .collect(),
        default_kind: accounts.default_kind.map(kind),
        password: names.password_hash,
        nt_hash: names.nt_hash,
        legacy_chap_secret: names.legacy_chap_secret,
        password_changed: names.password_changed,
        expires: names.expires,
        registered_term: names.registered_term,
        fee_paid_term: names.fee_paid_term,
        in_registry: names.in_registry,
        ended_on: names.ended_on,
        deactivated: names.deactivated,
        suspended: names.suspended,
        vlan: names.vlan,
        service: names.services,
        realms: own_realms(config),
        ..AttributeMap::default()
    }
}

/// The realms whose people are in this server's own database.
fn own_realms(config: &Config) -> Vec<Realm> {
    let own = config
        .account_sources
        .iter()
        .find(|source| source.directory.is_none());
    let realms = own
        .map(|source| source.realms.as_slice())
        .unwrap_or_default();
    realms
        .iter()
        .filter_map(|realm| Realm::parse(realm).ok())
        .collect()
}
