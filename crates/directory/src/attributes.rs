//! Roles of attributes: which attribute of an entry says what of an account.
//!
//! The default names are those of inetOrgPerson, eduPerson and schac, and our own (`portvakt…`) for
//! what no standard schema has. Each role can be given another attribute.

use std::collections::{BTreeMap, HashSet};

use portvakt_auth::Realm;
use portvakt_auth::account::Kind;

/// One line per role: its key in the configuration, and the attribute that has it in LDIF.
macro_rules! attribute_roles {
    ($($(#[$doc:meta])* $role:ident, $key:literal, $default:literal;)*) => {
        /// The role of an attribute in an account.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AttributeRole { $($(#[$doc])* $role,)* }

        impl AttributeRole {
            /// All roles.
            pub const ALL: &'static [Self] = &[$(Self::$role,)*];

            /// Its key in the configuration's tables `attributes`.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$role => $key,)* }
            }

            /// The attribute that has the role in LDIF, unless another is configured; empty for
            /// none.
            pub const fn default_name(self) -> &'static str {
                match self { $(Self::$role => $default,)* }
            }
        }
    };
}

attribute_roles! {
    /// The user name; of several values the one in the distinguished name.
    UserName, "user-name", "uid";
    /// `user@realm`, whose user part is the name where there is no user name.
    PrincipalName, "principal-name", "eduPersonPrincipalName";
    /// Other names to log on with; several values.
    Alias, "aliases", "portvaktAlias";
    /// The person's name; the first value that can be shown.
    DisplayName, "display-name", "displayName";
    /// Mail address; the first value that can be shown.
    Mail, "mail", "mail";
    /// Mobile number; the first value that can be shown.
    Mobile, "mobile", "mobile";
    /// The password hash, with its scheme.
    PasswordHash, "password-hash", "userPassword";
    /// The NT hash of the same password, for MS-CHAP: 32 hexadecimal digits. No attribute by
    /// default: a stolen NT hash is enough to log on.
    NtHash, "nt-hash", "";
    /// The clear-text secret of a device that knows only CHAP; of service accounts in LDIF alone.
    /// No attribute by default.
    LegacyChapSecret, "legacy-chap-secret", "";
    /// When the password was set.
    PasswordChanged, "password-changed", "pwdChangedTime";
    /// `TRUE` if the password is a temporary one.
    TemporaryPassword, "temporary-password", "portvaktTemporaryPassword";
    /// The affiliation, which tells the kind of account.
    Kind, "kind", "eduPersonPrimaryAffiliation";
    /// When the account ends.
    Expires, "expires", "schacExpiryDate";
    /// The latest term that the student is registered for, as `2026-autumn`.
    RegisteredTerm, "registered-term", "portvaktRegisteredTerm";
    /// The latest term that the fee is paid for.
    FeePaidTerm, "fee-paid-term", "portvaktFeePaidTerm";
    /// `TRUE` if the student registry knows the student at present.
    InRegistry, "in-registry", "portvaktInRegistry";
    /// The day on which the studies ended, as `2026-06-30`.
    EndedOn, "ended-on", "portvaktEndedOn";
    /// The VLAN of the account.
    Vlan, "vlan", "portvaktVlan";
    /// Names of reply profiles; several values, the one that counts first first.
    ReplyProfile, "reply-profiles", "portvaktReplyProfile";
    /// Framed-IP-Address of the account.
    FramedIpAddress, "framed-ip-address", "radiusFramedIPAddress";
    /// Framed-IPv6-Prefix of the account.
    FramedIpv6Prefix, "framed-ipv6-prefix", "radiusFramedIPv6Prefix";
    /// The services that the account may use; several values, none means all.
    Service, "services", "portvaktService";
    /// Why IT support closed the account; its presence closes it.
    Deactivated, "deactivated", "portvaktDeactivated";
    /// Why the account was closed after an abuse report; its presence closes it.
    Suspended, "suspended", "portvaktSuspended";
}

/// The attributes of each role, compared without regard to case; none reads nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeNames(BTreeMap<AttributeRole, Vec<String>>);

impl AttributeNames {
    /// The attributes that `names` gives for each role, the first choice first.
    pub fn new(mut names: impl FnMut(AttributeRole) -> Vec<String>) -> Self {
        let all = AttributeRole::ALL.iter();
        Self(all.map(|role| (*role, names(*role))).collect())
    }

    /// With another attribute in one role.
    #[must_use]
    pub fn with(mut self, role: AttributeRole, name: &str) -> Self {
        let names = Some(name.to_owned()).filter(|name| !name.is_empty());
        self.0.insert(role, names.into_iter().collect());
        self
    }

    /// The attributes of a role, the first choice first.
    pub fn of(&self, role: AttributeRole) -> &[String] {
        self.0.get(&role).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every attribute with its role.
    pub fn all(&self) -> impl Iterator<Item = (AttributeRole, &str)> {
        self.0
            .iter()
            .flat_map(|(role, names)| names.iter().map(|name| (*role, name.as_str())))
    }
}

impl Default for AttributeNames {
    /// Those of LDIF.
    fn default() -> Self {
        AttributeRole::ALL
            .iter()
            .fold(Self(BTreeMap::new()), |names, role| {
                names.with(*role, role.default_name())
            })
    }
}

/// How the records of an LDIF file are understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeMap {
    /// The attribute of each role.
    pub names: AttributeNames,
    /// The kind of account by affiliation, in lower case.
    pub kinds: BTreeMap<String, Kind>,
    /// The kind of an account without affiliation; `None` makes its absence an error.
    pub default_kind: Option<Kind>,
    /// The realms whose people these are: a name with one of them behind it is that without it.
    pub realms: Vec<Realm>,
}

impl AttributeMap {
    /// The names of all attributes that are read, in lower case.
    pub fn lower_case_names(&self) -> HashSet<String> {
        let names = self.names.all();
        names.map(|(_, name)| name.to_ascii_lowercase()).collect()
    }

    /// The part of a name before a realm of ours, and whether it has one that is not.
    pub fn without_realm<'n>(&self, name: &'n str) -> (&'n str, bool) {
        match name.rsplit_once('@') {
            None => (name, false),
            Some((user, realm)) => {
                let is_ours = Realm::parse(realm).is_ok_and(|realm| self.realms.contains(&realm));
                (if is_ours { user } else { name }, !is_ours)
            }
        }
    }
}

impl Default for AttributeMap {
    fn default() -> Self {
        Self {
            names: AttributeNames::default(),
            kinds: default_kinds(),
            default_kind: None,
            realms: Vec::new(),
        }
    }
}

/// The vocabulary of eduPersonAffiliation (eduPerson §2.2.1), and our three other kinds. `member` is
/// not in it: it says neither student nor employee.
pub fn default_kinds() -> BTreeMap<String, Kind> {
    let kinds = [
        ("student", Kind::Student),
        ("employee", Kind::Employee),
        ("faculty", Kind::Employee),
        ("staff", Kind::Employee),
        ("affiliate", Kind::Guest),
        ("guest", Kind::Guest),
        ("service", Kind::Service),
        ("machine", Kind::Machine),
        ("test", Kind::Test),
    ];
    kinds
        .map(|(affiliation, kind)| (affiliation.to_owned(), kind))
        .into()
}
