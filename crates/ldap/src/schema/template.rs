//! Which attribute says what, by the kind of directory.

use crate::settings::{Settings, Template};
use portvakt_directory::attributes::{AttributeNames, AttributeRole};

/// The attributes of the template, and those that the configuration puts in their place; of
/// expiries the earliest counts.
pub(crate) fn attribute_names(settings: &Settings) -> AttributeNames {
    AttributeNames::new(|role| match settings.attributes.get(&role) {
        Some(name) => vec![name.clone()],
        None => names(settings.template, role)
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
    })
}

/// The attribute that names an entry for good.
pub(crate) const fn id_attribute(template: Template) -> &'static str {
    match template {
        Template::ActiveDirectory => "objectGUID",
        Template::Ds389 => "nsUniqueId",
        Template::OpenLdap | Template::EduPerson => "entryUUID",
    }
}

/// The attributes of a role in a template. None has NT hashes: a stolen one is enough to log on, so
/// it is read only where it is asked for. Nor is there one for the student registry, which no
/// standard schema knows.
fn names(template: Template, role: AttributeRole) -> &'static [&'static str] {
    use AttributeRole as Role;
    use Template::{ActiveDirectory, Ds389, EduPerson, OpenLdap};

    match (role, template) {
        (Role::NtHash | Role::LegacyChapSecret, _) => &[],
        (Role::RegisteredTerm | Role::FeePaidTerm | Role::InRegistry | Role::EndedOn, _) => &[],
        (Role::Alias | Role::PasswordHash | Role::TemporaryPassword, ActiveDirectory) => &[],
        (Role::ReplyProfile | Role::FramedIpAddress | Role::FramedIpv6Prefix, _) => &[],
        (Role::Vlan | Role::Service | Role::Deactivated | Role::Suspended, ActiveDirectory) => &[],
        (Role::UserName, ActiveDirectory) => &["sAMAccountName"],
        (Role::UserName, _) => &["uid"],
        (Role::PrincipalName, ActiveDirectory) => &["userPrincipalName"],
        (Role::PrincipalName, Ds389) => &["eduPersonPrincipalName", "krbPrincipalName"],
        (Role::PrincipalName, _) => &["eduPersonPrincipalName"],
        (Role::Alias, _) => &["portvaktAlias"],
        (Role::DisplayName, EduPerson) => &["displayName", "norEduPersonLegalName", "cn"],
        (Role::DisplayName, _) => &["displayName", "cn"],
        (Role::Mail, _) => &["mail"],
        (Role::Mobile, _) => &["mobile"],
        (Role::PasswordHash, _) => &["userPassword"],
        (Role::PasswordChanged, ActiveDirectory) => &["pwdLastSet"],
        (Role::PasswordChanged, Ds389) => &[
            "krbLastPwdChange",
            "pwdUpdateTime",
            "sambaPwdLastSet",
            "shadowLastChange",
        ],
        (Role::PasswordChanged, _) => &["pwdChangedTime", "sambaPwdLastSet", "shadowLastChange"],
        (Role::TemporaryPassword, _) => &["pwdReset"],
        (Role::Kind, _) => &["eduPersonPrimaryAffiliation", "eduPersonAffiliation"],
        (Role::Expires, ActiveDirectory) => &["accountExpires"],
        (Role::Expires, Ds389) => &[
            "krbPrincipalExpiration",
            "schacExpiryDate",
            "shadowExpire",
            "sambaKickoffTime",
        ],
        (Role::Expires, OpenLdap) => &[
            "schacExpiryDate",
            "shadowExpire",
            "sambaKickoffTime",
            "pwdEndTime",
        ],
        (Role::Expires, EduPerson) => &[
            "schacExpiryDate",
            "shadowExpire",
            "sambaKickoffTime",
            "pwdEndTime",
            "loginExpirationTime",
            "ds-pwp-account-expiration-time",
        ],
        (Role::Vlan, _) => &["portvaktVlan"],
        (Role::Service, _) => &["portvaktService"],
        (Role::Deactivated, _) => &["portvaktDeactivated"],
        (Role::Suspended, _) => &["portvaktSuspended"],
    }
}
