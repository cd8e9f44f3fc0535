//! Which attribute says what, by the kind of directory.

use std::collections::BTreeMap;

use crate::config::{Ldap as Settings, Template};

/// Something that an entry says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum AttributeRole {
    UserName,
    PrincipalName,
    Alias,
    DisplayName,
    Mail,
    Mobile,
    PasswordHash,
    NtHash,
    PasswordChanged,
    TemporaryPassword,
    Kind,
    Expires,
    RegisteredTerm,
    FeePaidTerm,
    InRegistry,
    EndedOn,
    Vlan,
    Service,
    Deactivated,
    Suspended,
}

impl AttributeRole {
    pub(super) const ALL: [Self; 20] = [
        Self::UserName,
        Self::PrincipalName,
        Self::Alias,
        Self::DisplayName,
        Self::Mail,
        Self::Mobile,
        Self::PasswordHash,
        Self::NtHash,
        Self::PasswordChanged,
        Self::TemporaryPassword,
        Self::Kind,
        Self::Expires,
        Self::RegisteredTerm,
        Self::FeePaidTerm,
        Self::InRegistry,
        Self::EndedOn,
        Self::Vlan,
        Self::Service,
        Self::Deactivated,
        Self::Suspended,
    ];

    /// Its key in the configuration.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::UserName => "user-name",
            Self::PrincipalName => "principal-name",
            Self::Alias => "aliases",
            Self::DisplayName => "display-name",
            Self::Mail => "mail",
            Self::Mobile => "mobile",
            Self::PasswordHash => "password-hash",
            Self::NtHash => "nt-hash",
            Self::PasswordChanged => "password-changed",
            Self::TemporaryPassword => "temporary-password",
            Self::Kind => "kind",
            Self::Expires => "expires",
            Self::RegisteredTerm => "registered-term",
            Self::FeePaidTerm => "fee-paid-term",
            Self::InRegistry => "in-registry",
            Self::EndedOn => "ended-on",
            Self::Vlan => "vlan",
            Self::Service => "services",
            Self::Deactivated => "deactivated",
            Self::Suspended => "suspended",
        }
    }
}

/// The attributes of each fact; the first that an entry has counts, of expiries the earliest.
pub(super) struct Attributes(BTreeMap<AttributeRole, Vec<String>>);

impl Attributes {
    /// Those of the template, and those that the configuration puts in their place.
    pub(super) fn of(settings: &Settings) -> Self {
        let of = |fact: AttributeRole| match settings.attributes.get(fact.key()) {
            Some(name) => vec![name.clone()],
            None => names(settings.template, fact)
                .iter()
                .map(|n| (*n).to_owned())
                .collect(),
        };
        Self(
            AttributeRole::ALL
                .into_iter()
                .map(|fact| (fact, of(fact)))
                .collect(),
        )
    }

    /// The attributes that hold a fact, the first choice first.
    pub(super) fn of_role(&self, fact: AttributeRole) -> &[String] {
        self.0.get(&fact).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (AttributeRole, &str)> {
        self.0
            .iter()
            .flat_map(|(fact, names)| names.iter().map(|name| (*fact, name.as_str())))
    }
}

/// The attribute that names an entry for good.
pub(super) const fn id_attribute(template: Template) -> &'static str {
    match template {
        Template::ActiveDirectory => "objectGUID",
        Template::Ds389 => "nsUniqueId",
        Template::OpenLdap | Template::EduPerson => "entryUUID",
    }
}

/// What a template has for a fact. NT hashes are in none: who steals one can log on with it, so
/// none is read that nobody asked for. Nor is what the student registry says, which no standard
/// schema knows.
fn names(template: Template, fact: AttributeRole) -> &'static [&'static str] {
    use Template::{ActiveDirectory, Ds389, EduPerson, OpenLdap};

    match (fact, template) {
        (AttributeRole::UserName, ActiveDirectory) => &["sAMAccountName"],
        (AttributeRole::UserName, _) => &["uid"],
        (AttributeRole::PrincipalName, ActiveDirectory) => &["userPrincipalName"],
        (AttributeRole::PrincipalName, Ds389) => &["eduPersonPrincipalName", "krbPrincipalName"],
        (AttributeRole::PrincipalName, _) => &["eduPersonPrincipalName"],
        (AttributeRole::Alias, ActiveDirectory) => &[],
        (AttributeRole::Alias, _) => &["portvaktAlias"],
        (AttributeRole::DisplayName, EduPerson) => &["displayName", "norEduPersonLegalName", "cn"],
        (AttributeRole::DisplayName, _) => &["displayName", "cn"],
        (AttributeRole::Mail, _) => &["mail"],
        (AttributeRole::Mobile, _) => &["mobile"],
        (AttributeRole::PasswordHash, ActiveDirectory) => &[],
        (AttributeRole::PasswordHash, _) => &["userPassword"],
        (AttributeRole::PasswordChanged, ActiveDirectory) => &["pwdLastSet"],
        (AttributeRole::PasswordChanged, Ds389) => &[
            "krbLastPwdChange",
            "pwdUpdateTime",
            "sambaPwdLastSet",
            "shadowLastChange",
        ],
        (AttributeRole::PasswordChanged, _) => {
            &["pwdChangedTime", "sambaPwdLastSet", "shadowLastChange"]
        }
        (AttributeRole::TemporaryPassword, ActiveDirectory) => &[],
        (AttributeRole::TemporaryPassword, _) => &["pwdReset"],
        (AttributeRole::Kind, _) => &["eduPersonPrimaryAffiliation", "eduPersonAffiliation"],
        (AttributeRole::Expires, ActiveDirectory) => &["accountExpires"],
        (AttributeRole::Expires, Ds389) => &[
            "krbPrincipalExpiration",
            "schacExpiryDate",
            "shadowExpire",
            "sambaKickoffTime",
        ],
        (AttributeRole::Expires, OpenLdap) => &[
            "schacExpiryDate",
            "shadowExpire",
            "sambaKickoffTime",
            "pwdEndTime",
        ],
        (AttributeRole::Expires, EduPerson) => &[
            "schacExpiryDate",
            "shadowExpire",
            "sambaKickoffTime",
            "pwdEndTime",
            "loginExpirationTime",
            "ds-pwp-account-expiration-time",
        ],
        (AttributeRole::NtHash, _)
        | (
            AttributeRole::RegisteredTerm
            | AttributeRole::FeePaidTerm
            | AttributeRole::InRegistry
            | AttributeRole::EndedOn,
            _,
        ) => &[],
        (AttributeRole::Vlan, ActiveDirectory) | (AttributeRole::Service, ActiveDirectory) => &[],
        (AttributeRole::Deactivated, ActiveDirectory)
        | (AttributeRole::Suspended, ActiveDirectory) => &[],
        (AttributeRole::Vlan, _) => &["portvaktVlan"],
        (AttributeRole::Service, _) => &["portvaktService"],
        (AttributeRole::Deactivated, _) => &["portvaktDeactivated"],
        (AttributeRole::Suspended, _) => &["portvaktSuspended"],
    }
}
