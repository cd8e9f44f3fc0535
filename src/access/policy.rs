//! What the configuration says about log-ons, as the request path reads it. A reload replaces it
//! whole; what is under way keeps the one it began with.

use std::collections::HashMap;
use std::time::Duration;

use portvakt_auth::{Account, Kind, Realm, Refusal, Rules};
use portvakt_eap::Methods;

use crate::listen::Clients;

/// The rules of the request path.
pub struct Policy {
    /// Who may ask.
    pub clients: Clients,
    /// Our own realms, the primary first.
    pub realms: Vec<Realm>,
    /// Whether a name without a realm belongs to the primary realm.
    pub bare_names: bool,
    /// The EAP methods offered.
    pub methods: Methods,
    /// The rules for accounts.
    pub rules: Rules,
    /// What is special about a service, by its name.
    pub services: HashMap<String, Service>,
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

impl Policy {
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
