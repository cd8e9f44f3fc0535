//! When what the EAP side was given ends: certificate chains and revocation lists, for metrics and
//! the health page.

use jiff::Timestamp;

use crate::config::{Config, EapProfile};

/// Ends of certificates, by the name of their chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// Each chain once; that of `[eap]` first, where there is one.
    pub chains: Vec<End>,
}

/// When something ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// `default`, a realm, or the name of an `[[eap.chain]]`.
    pub name: String,
    /// The last moment at which it holds.
    pub at: Timestamp,
}

impl Validity {
    /// What a configuration says of it.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let Some(eap) = &config.eap else {
            return Self::default();
        };
        let realms = profiles(config).map(|profile| &profile.chain);
        let named = eap.chains.iter().map(|named| &named.chain);
        let mut chains: Vec<End> = Vec::new();
        for chain in realms.chain(named) {
            if !chains.iter().any(|end| end.name == chain.name) {
                chains.push(End {
                    name: chain.name.clone(),
                    at: chain.facts.not_after,
                });
            }
        }
        Self { chains }
    }

    /// When the first of all chains ends.
    #[must_use]
    pub fn of_default_chain(&self) -> Option<Timestamp> {
        self.chains.first().map(|end| end.at)
    }
}

/// That of `[eap]`, then those of the realms.
fn profiles(config: &Config) -> impl Iterator<Item = &EapProfile> {
    let usual = config.eap.iter().map(|eap| &eap.usual);
    let realms = config.realm_rules.values();
    usual.chain(realms.filter_map(|rules| rules.eap.as_ref()))
}
