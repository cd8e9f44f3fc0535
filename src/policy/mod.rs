//! The compiled configuration, as the request path reads it. A reload replaces it whole; a request under
//! way keeps the one it began with.

mod account_sources;
mod certificate_realms;
pub mod clients;
pub(crate) mod cui;
mod eap_profiles;
mod expiry;
mod messaging;
pub mod route;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use portvakt_accounting::StaleAfter;
use portvakt_auth::password::Argon2Cost;
use portvakt_auth::{Account, Realm, Refusal};
use portvakt_eap::{CertificateIdentity, Methods, Sessions};

use crate::config::{self, Config, Service};
use crate::metrics::{Metrics, MetricsError};
use portvakt_directory::attributes::AttributeMap;

pub use account_sources::{AccountSource, AccountSources};
pub use clients::{Client, Clients};
pub use cui::CuiKey;
pub use eap_profiles::EapProfiles;
pub use expiry::{Expiries, Expiry};
pub use messaging::Messaging;
pub use route::{LocalName, NameRefused, Realms, Route};

/// The rules of the request path.
pub struct Policy {
    /// The RADIUS clients.
    pub clients: Clients,
    /// Our own realms.
    pub realms: Realms,
    /// How EAP conversations are led; `None` where no client may bring EAP.
    pub eap: Option<EapProfiles>,
    /// The directory and the account rules of each realm.
    pub sources: AccountSources,
    /// The feed of the student registry.
    pub registry: config::Registry,
    /// The services of all clients, in the order of the configuration; never empty.
    pub offered_services: Vec<String>,
    /// Rules of services, by name.
    pub services: BTreeMap<String, Service>,
    /// Realms that a client certificate must name.
    pub qualified_name_realms: HashSet<Realm>,
    /// The most EAP octets of a request to a NAS that sends no Framed-MTU (E2).
    pub max_fragment: usize,
    /// The meaning of an import's attributes.
    pub attributes: AttributeMap,
    /// Whether a password that is set here gets an NT hash.
    pub write_nt_hashes: bool,
    /// How often EAP-MSCHAPv2 asks again after a wrong answer.
    pub mschapv2_retries: u8,
    /// Whether a hash of an older scheme is replaced when its password was right.
    pub upgrade_hashes: bool,
    /// The Argon2 cost of new password hashes.
    pub hash_cost: Argon2Cost,
    /// Whether accounting is taken: then an Accept says by which sign to recognise its sessions.
    pub has_accounting: bool,
    /// When a session without news is over.
    pub stale_after: StaleAfter,
    /// How often equipment of our own is to report each session; `None` says nothing of it.
    pub interim_interval: Option<Duration>,
    /// When certificates end.
    pub expiries: Expiries,
    /// By how many percent the reject delay of a client varies, up and down.
    pub reject_jitter_percent: u32,
    /// Text messages, and ways to a new password.
    pub messaging: Messaging,
    /// The key of Chargeable-User-Identity (I4).
    pub cui_key: Option<CuiKey>,
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
    /// Directories are opened at the start.
    #[error("the directories of all realms are new: restart the server to open them")]
    NoAccountSource,
    /// The gateway of text messages.
    #[error(transparent)]
    Gateway(#[from] crate::sms::OpenError),
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
                windows_domains: windows_domains(config),
            },
            eap: EapProfiles::new(config, sessions)?,
            qualified_name_realms: certificate_realms::requiring_qualified_names(config, &sources),
            sources,
            registry: config.registry.clone(),
            offered_services: offered_services(&config.clients),
            services: config.services.clone(),
            attributes: attributes(config),
            write_nt_hashes: config.accounts.write_nt_hashes,
            mschapv2_retries: config.eap.as_ref().map_or(0, |eap| eap.mschapv2_retries),
            upgrade_hashes: config.passwords.upgrade_hashes,
            hash_cost: config.passwords.hash_cost.clone(),
            has_accounting: !config.accounting.listen.is_empty(),
            stale_after: config.accounting.stale_after,
            interim_interval: interim_interval(&config.accounting),
            expiries: Expiries::of(config),
            reject_jitter_percent: config.radius.reject_jitter_percent.into(),
            messaging: Messaging::open(config.sms.clone(), config.resets.clone())?,
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

    /// Compiles what can fail of a configuration, and needs no directory: for `portvakt check`.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn check(config: &Config, metrics: &Metrics) -> Result<(), PolicyError> {
        clients(&config.clients, metrics)?;
        Messaging::open(config.sms.clone(), config.resets.clone())?;
        EapProfiles::new(config, &Sessions::new(0, Duration::ZERO)).map(drop)
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
fn windows_domains(config: &Config) -> Vec<(String, Realm)> {
    let of_realm = |(realm, rules): (&Realm, &config::RealmRules)| {
        let domains = rules.windows_domains.iter();
        let pairs = domains.map(|domain| (domain.clone(), realm.clone()));
        pairs.collect::<Vec<_>>()
    };
    config.realm_rules.iter().flat_map(of_realm).collect()
}

fn clients(clients: &[config::Client], metrics: &Metrics) -> Result<Clients, PolicyError> {
    let mut networks: Vec<(IpNet, Arc<Client>)> = Vec::new();
    for client in clients {
        let checked = Arc::new(Client {
            name: client.name.clone(),
            secret: client.secret.clone(),
            message_authenticator: client.message_authenticator,
            service: client.service.clone(),
            methods: client.methods,
            ikev2_methods: Arc::from(&*client.ikev2_methods),
            mschap_retry: client.mschap_retry,
            send_vlan: client.send_vlan,
            send_user_name: client.send_user_name,
            federation_peer: client.federation_peer,
            reject_delay: client.reject_delay,
            disconnect: client.disconnect.clone(),
            counters: metrics.client(&client.name)?,
        });
        networks.extend(client.nets.iter().map(|net| (*net, Arc::clone(&checked))));
    }
    Ok(Clients::new(networks))
}

/// `None` where no accounting is taken, too.
fn interim_interval(accounting: &config::Accounting) -> Option<Duration> {
    let is_told = !accounting.listen.is_empty() && !accounting.interim_interval.is_zero();
    is_told.then_some(accounting.interim_interval)
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

fn attributes(config: &Config) -> AttributeMap {
    let accounts = &config.accounts;
    AttributeMap {
        names: accounts.attributes.clone(),
        kinds: accounts.kinds.clone(),
        default_kind: accounts.default_kind,
        realms: own_realms(config),
    }
}

/// The realms whose people are in this server's own database.
fn own_realms(config: &Config) -> Vec<Realm> {
    let own = config
        .account_sources
        .iter()
        .find(|source| source.directory.is_none());
    own.map(|source| source.realms.clone()).unwrap_or_default()
}
