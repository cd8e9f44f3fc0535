//! Expiry of certificate chains and revocation lists, for metrics and the health page.

use jiff::Timestamp;

use crate::config::{Config, EapProfile};

/// Expiries, by the name of chain or realm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expiries {
    /// Each chain once; that of `[eap]` first, where there is one.
    pub chains: Vec<Expiry>,
    /// When a revocation list has to be replaced, for `default` and each realm that has its own.
    pub revocation_lists: Vec<Expiry>,
    /// Whether client certificates are refused while a list is out of date.
    pub lists_refuse: bool,
}

/// When something ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// `default`, a realm, or the name of an `[[eap.chain]]`.
    pub name: String,
    /// The last moment at which it holds.
    pub at: Timestamp,
}

impl Expiries {
    /// The expiries in a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let Some(eap) = &config.eap else {
            return Self::default();
        };
        let realms = profiles(config).map(|profile| &profile.chain);
        let named = eap.chains.iter().map(|named| &named.chain);
        let mut chains: Vec<Expiry> = Vec::new();
        for chain in realms.chain(named) {
            if !chains.iter().any(|end| end.name == chain.name) {
                chains.push(Expiry {
                    name: chain.name.clone(),
                    at: chain.facts.not_after,
                });
            }
        }
        let refuses = |profile: &EapProfile| {
            let rules = profile.client_certificates.as_ref();
            rules.is_some_and(|rules| rules.refuse_on_stale_list)
        };
        Self {
            chains,
            revocation_lists: revocation_lists(config),
            lists_refuse: profiles(config).any(refuses),
        }
    }

    /// When the chain of `[eap]` ends.
    #[must_use]
    pub fn of_default_chain(&self) -> Option<Timestamp> {
        self.chains.first().map(|end| end.at)
    }
}

fn revocation_lists(config: &Config) -> Vec<Expiry> {
    let list = |(name, profile): (&str, &EapProfile)| {
        let rules = profile.client_certificates.as_ref()?;
        let at = rules.revocation_lists.as_ref()?.next_update?;
        let name = name.to_owned();
        Some(Expiry { name, at })
    };
    let usual = config.eap.iter().map(|eap| ("default", &eap.defaults));
    let realms = config.realm_rules.iter();
    let realms = realms.filter_map(|(name, rules)| Some((name.as_str(), rules.eap.as_ref()?)));
    usual.chain(realms).filter_map(list).collect()
}

/// That of `[eap]`, then those of the realms.
fn profiles(config: &Config) -> impl Iterator<Item = &EapProfile> {
    let usual = config.eap.iter().map(|eap| &eap.defaults);
    let realms = config.realm_rules.values();
    usual.chain(realms.filter_map(|rules| rules.eap.as_ref()))
}
