//! What the configuration says about log-ons, as the request path reads it. A reload replaces it
//! whole; what is under way keeps the one it began with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use portvakt_auth::term::Deadline;
use portvakt_auth::{
    Account, Kind, Lockout, Realm, Refusal, Rules, SameWrongPassword, Terms,
};
use portvakt_eap::{MethodType, Methods, ServerTls, TlsVersions};
use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};

use crate::config::{self, AccountKind, Config, EapMethod};
use crate::listen::{Client, Clients};

/// The rules of the request path.
pub struct Policy {
    /// Who may ask.
    pub clients: Clients,
    /// Our own realms, the primary first.
    pub realms: Vec<Realm>,
    /// Whether a name without a realm belongs to the primary realm.
    pub bare_names: bool,
    /// The EAP methods offered; `None` where no client may bring EAP.
    pub methods: Option<Methods>,
    /// The rules for accounts.
    pub rules: Rules,
    /// What is special about a service, by its name.
    pub services: BTreeMap<String, Service>,
    /// The most EAP octets of a request to a NAS that sends no Framed-MTU (E2).
    pub max_fragment: usize,
    /// How late rejects leave (R6).
    pub reject_delay: Duration,
    /// By how many percent that varies, up and down.
    pub reject_jitter_percent: u32,
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
    /// The terms contradict each other.
    #[error("the terms can't be used: {0}")]
    Terms(#[from] portvakt_auth::term::TermsError),
    /// A client without a secret.
    #[error("client {0} has an empty secret")]
    Secret(String),
}

impl Policy {
    /// The policy that a checked configuration describes.
    ///
    /// # Errors
    /// [`PolicyError`]: what only the parts themselves can tell.
    pub fn new(config: &Config) -> Result<Self, PolicyError> {
        let realm = |realm: &String| {
            Realm::parse(realm).map_err(|error| PolicyError::Realm(realm.clone(), error))
        };
        Ok(Self {
            clients: clients(&config.clients)?,
            realms: config.realms.iter().map(realm).collect::<Result<_, _>>()?,
            bare_names: config.bare_names,
            methods: config.eap.as_ref().map(methods).transpose()?,
            rules: rules(config)?,
            services: config.services.iter().map(service).collect(),
            reject_delay: config.radius.reject_delay,
            reject_jitter_percent: config.radius.reject_jitter_percent.into(),
            max_fragment: config.eap.as_ref().map_or(1020, |eap| eap.max_fragment.into()),
        })
    }

    /// Whether `account` may use `service` by its kind.
    ///
    /// # Errors
    /// [`Refusal::ServiceNotAllowed`].
    pub fn check_kind(&self, account: &Account, service: &str) -> Result<(), Refusal> {
        let kinds = self.services.get(service).and_then(|service| service.kinds.as_ref());
        match kinds {
            Some(kinds) if !kinds.contains(&account.kind) => Err(Refusal::ServiceNotAllowed),
            _ => Ok(()),
        }
    }
}

fn clients(clients: &[config::Client]) -> Result<Clients, PolicyError> {
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
            eap: client.methods.eap,
            pap: client.methods.pap,
            send_vlan: client.send_vlan,
        });
        networks.extend(client.nets.iter().map(|net| (*net, Arc::clone(&checked))));
    }
    Ok(Clients::new(networks))
}

fn methods(eap: &config::Eap) -> Result<Methods, PolicyError> {
    let versions = match (eap.tls_versions.tls12, eap.tls_versions.tls13) {
        (true, false) => TlsVersions::Tls12Only,
        (false, true) => TlsVersions::Tls13Only,
        _ => TlsVersions::Both,
    };
    let tls = ServerTls::from_pem(&eap.chain, eap.key.as_bytes(), versions)?;
    let offered: Vec<_> = eap
        .methods
        .iter()
        .map(|method| match method {
            EapMethod::Ttls => MethodType::Ttls,
        })
        .collect();
    Ok(Methods::new(tls, &offered)?)
}

fn rules(config: &Config) -> Result<Rules, PolicyError> {
    let deadline = |term: &config::TermDeadline| {
        Deadline::new(&term.name, term.deadline.month, term.deadline.day)
    };
    let deadlines = config.accounts.terms.iter().map(deadline).collect::<Result<_, _>>()?;
    let lockout = &config.lockout;
    Ok(Rules {
        lockout: Lockout {
            attempts: lockout.attempts,
            duration: lockout.duration,
            forget_after: lockout.forget_after,
            same_wrong_password: match lockout.same_wrong_password {
                config::SameWrongPassword::Each => SameWrongPassword::Each,
                config::SameWrongPassword::Once => SameWrongPassword::Once,
            },
        },
        terms: Terms::new(deadlines, config.accounts.zone.clone())?,
        left_after_days: config.accounts.left_after_days,
        password_valid_days: config.passwords.valid_days,
        temporary_valid: config.passwords.temporary_valid,
        temporary_on_network: config.passwords.temporary_on_network,
        remember_proof: config.passwords.remember_proofs,
    })
}

fn service((name, service): (&String, &config::Service)) -> (String, Service) {
    let kinds = service.kinds.as_ref().map(|kinds| kinds.iter().copied().map(kind).collect());
    (name.clone(), Service { kinds, vlan: service.vlan.clone() })
}

/// The domain's word for a kind of account.
pub fn kind(kind: AccountKind) -> Kind {
    match kind {
        AccountKind::Student => Kind::Student,
        AccountKind::Employee => Kind::Employee,
        AccountKind::Guest => Kind::Guest,
        AccountKind::Service => Kind::Service,
        AccountKind::Test => Kind::Test,
    }
}
