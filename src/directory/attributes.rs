//! Which attribute of an entry says what about an account.
//!
//! The names are those of inetOrgPerson, eduPerson and schac where these have one, and our own
//! (`portvakt…`) for the facts that no standard schema knows. Each can be mapped to another name.

use std::collections::{BTreeMap, HashSet};

use portvakt_auth::Realm;
use portvakt_auth::account::Kind;
use serde::Deserialize;

/// The attribute names to read, compared without regard to case. An empty name reads nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttributeMap {
    /// The user name.
    pub user_name: String,
    /// `user@realm`, whose user part is the name where there is no `user_name`.
    pub principal_name: String,
    /// Other names to log on with; several values.
    pub alias: String,
    /// The person's name.
    pub display_name: String,
    /// Mail address; the first of several.
    pub mail: String,
    /// Mobile number; the first of several.
    pub mobile: String,
    /// Student, employee, …; understood through `kinds`.
    pub affiliation: String,
    /// What each affiliation means, in lower case.
    pub kinds: BTreeMap<String, Kind>,
    /// The kind of an account without affiliation; `None` makes its absence an error.
    pub default_kind: Option<Kind>,
    /// The password hash.
    pub password: String,
    /// The NT hash of the same password, for MS-CHAP: 32 hexadecimal digits. Empty by default:
    /// who steals one can log on with it, so none is kept that nobody asked for.
    pub nt_hash: String,
    /// The secret of a device that knows only CHAP, in clear text; for service accounts alone.
    /// Empty by default, as above.
    pub legacy_chap_secret: String,
    /// When the password was set; generalized time.
    pub password_changed: String,
    /// `TRUE` if the password is a temporary one.
    pub temporary_password: String,
    /// When the account ends; generalized time.
    pub expires: String,
    /// The latest term registered for, e.g. `2026-autumn`.
    pub registered_term: String,
    /// The latest term the fee is paid for.
    pub fee_paid_term: String,
    /// `TRUE` if the student registry knows the student at present.
    pub in_registry: String,
    /// Whether registration and fees are in no attribute: the source closes accounts on its own.
    pub registry_elsewhere: bool,
    /// The day the studies ended, e.g. `2026-06-30`.
    pub ended_on: String,
    /// Why the account was closed by IT support; its presence closes it.
    pub deactivated: String,
    /// Why the account was closed after an abuse report; its presence closes it.
    pub suspended: String,
    /// The VLAN it belongs in.
    pub vlan: String,
    /// The services it may use; several values, none means all.
    pub service: String,
    /// The realms whose people these are: a name with one of them behind it is that without it.
    #[serde(skip)]
    pub realms: Vec<Realm>,
}

impl AttributeMap {
    /// The names of all attributes that are read, in lower case.
    pub fn names(&self) -> HashSet<String> {
        let names = [
            &self.user_name,
            &self.principal_name,
            &self.alias,
            &self.display_name,
            &self.mail,
            &self.mobile,
            &self.affiliation,
            &self.password,
            &self.nt_hash,
            &self.legacy_chap_secret,
            &self.password_changed,
            &self.temporary_password,
            &self.expires,
            &self.registered_term,
            &self.fee_paid_term,
            &self.in_registry,
            &self.ended_on,
            &self.deactivated,
            &self.suspended,
            &self.vlan,
            &self.service,
        ];
        let read = names.into_iter().filter(|name| !name.is_empty());
        read.map(|name| name.to_ascii_lowercase()).collect()
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
        let name = str::to_owned;
        Self {
            user_name: name("uid"),
            principal_name: name("eduPersonPrincipalName"),
            alias: name("portvaktAlias"),
            display_name: name("displayName"),
            mail: name("mail"),
            mobile: name("mobile"),
            affiliation: name("eduPersonPrimaryAffiliation"),
            kinds: kinds(),
            default_kind: None,
            password: name("userPassword"),
            nt_hash: name(""),
            legacy_chap_secret: name(""),
            password_changed: name("pwdChangedTime"),
            temporary_password: name("portvaktTemporaryPassword"),
            expires: name("schacExpiryDate"),
            registered_term: name("portvaktRegisteredTerm"),
            fee_paid_term: name("portvaktFeePaidTerm"),
            in_registry: name("portvaktInRegistry"),
            registry_elsewhere: false,
            ended_on: name("portvaktEndedOn"),
            deactivated: name("portvaktDeactivated"),
            suspended: name("portvaktSuspended"),
            vlan: name("portvaktVlan"),
            service: name("portvaktService"),
            realms: Vec::new(),
        }
    }
}

/// The vocabulary of eduPersonAffiliation (eduPerson §2.2.1), and our three other kinds. `member` is
/// not in it: it says neither student nor employee.
fn kinds() -> BTreeMap<String, Kind> {
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
        .into_iter()
        .map(|(affiliation, kind)| (affiliation.to_owned(), kind))
        .collect()
}
