//! Settings of a directory that is asked over LDAP, as the configuration gives them: checked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use portvakt_auth::Kind;
use portvakt_directory::attributes::AttributeRole;
use zeroize::Zeroizing;

use crate::replica::SyncMethod;

/// A directory that is asked over LDAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Unique; a label in metrics and logs.
    pub name: String,
    /// The kind of server, which decides the default attributes.
    pub template: Template,
    /// In the order in which they are asked; never empty, unique.
    pub servers: Vec<LdapServer>,
    /// Whether all are asked in turn, rather than the first as long as it answers.
    pub balance: bool,
    /// Certificate authorities of the servers in PEM; none is the system's.
    pub authorities: Option<Vec<u8>>,
    /// The file that they are in.
    pub ca_file: Option<PathBuf>,
    /// The name that a server's certificate must have, if not that of its address.
    pub server_name: Option<String>,
    /// The entry beneath which people are.
    pub base: String,
    /// How far beneath.
    pub scope: Scope,
    /// Filter that all users' entries match, in its parentheses; `None` matches all.
    pub filter: Option<String>,
    /// The service account for the directory; none is anonymous.
    pub bind: Option<ServiceAccount>,
    /// The checker of passwords: this server by hash, or the directory by bind.
    pub verify: Verify,
    /// By whose rule passwords are too old.
    pub password_age: PasswordAge,
    /// How passwords and what closes an account are written there, if they are.
    pub writing: Option<Writing>,
    /// How long a log-on may take in all.
    pub timeout: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one question may take.
    pub query_timeout: Duration,
    /// How long after the directory told of an account its remembered log-ons go on without it.
    pub grace: Duration,
    /// How long after a change of password the directory may still take the one before.
    pub old_password_period: Duration,
    /// How long an account stays closed that the directory's password policy has locked, where
    /// hashes are compared here; `None` is until the directory lifts it.
    pub lock_holds: Option<Duration>,
    /// Connections to each server over which people are looked up.
    pub connections: u16,
    /// Connections to each server over which passwords are checked.
    pub bind_connections: u16,
    /// A connection that is idle this long is asked whether it still stands.
    pub keep_alive: Duration,
    /// Attributes that are others than the template's.
    pub attributes: BTreeMap<AttributeRole, String>,
    /// Kind of account by affiliation.
    pub kinds: BTreeMap<String, Kind>,
    /// Kind of an account without affiliation.
    pub default_kind: Option<Kind>,
    /// How groups are found, where any matter.
    pub membership: Membership,
    /// The entry beneath which groups are.
    pub group_base: String,
    /// Meaning of groups.
    pub groups: Vec<Group>,
    /// How all accounts are kept in memory, if they are.
    pub mirror: Option<ReplicaSettings>,
}

/// The service account of this server at a directory.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its distinguished name; with Active Directory also `name@domain` or `DOMAIN\name`.
    pub dn: String,
    /// Never empty.
    pub password: Zeroizing<Vec<u8>>,
}

/// A kind of directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// OpenLDAP with inetOrgPerson and the password policy overlay.
    OpenLdap,
    /// 389 Directory Server, FreeIPA.
    Ds389,
    /// Active Directory.
    ActiveDirectory,
    /// Any with eduPerson, schac and norEdu.
    EduPerson,
}

impl Template {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("openldap", Self::OpenLdap),
        ("389ds", Self::Ds389),
        ("active-directory", Self::ActiveDirectory),
        ("eduperson", Self::EduPerson),
    ];
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, template)| template == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// How far beneath the base people are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Anywhere.
    Subtree,
    /// Right beneath it.
    OneLevel,
}

/// The checker of passwords: this server by hash, or the directory by bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// We do, against the stored hash.
    Hash,
    /// The directory.
    Bind,
}

/// By whose rule passwords are too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordAge {
    /// The directory's, which says so as it checks one.
    Directory,
    /// `passwords.valid-days`.
    ValidDays,
}

impl PasswordAge {
    /// The default: a directory that checks passwords has its own rule for their age.
    pub fn of(verify: Verify) -> Self {
        match verify {
            Verify::Bind => Self::Directory,
            Verify::Hash => Self::ValidDays,
        }
    }
}

/// How the groups of a person are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// In `memberOf` of the person.
    MemberOf,
    /// By looking for groups that have the person as a member.
    Search,
    /// As `Search`, groups within groups too: Active Directory.
    Nested,
}

/// Effect of a membership in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The distinguished name of the group.
    pub dn: String,
    /// The kind of its members.
    pub kind: Option<Kind>,
    /// The services that its members may use.
    pub services: Vec<String>,
    /// The VLAN of its members.
    pub vlan: Option<String>,
    /// The reply profile of its members.
    pub reply: Option<String>,
}

/// One server of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapServer {
    /// A name or an address, without brackets.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// Protection of the connection.
    pub security: Security,
}

/// Protection of the connection to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet: `ldaps://`.
    Tls,
    /// TLS before anything else is said: `ldap://`.
    StartTls,
    /// Nothing: whoever is on the way reads and alters everything.
    DangerPlainText,
}

impl fmt::Display for LdapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Tls => "ldaps",
            Security::StartTls | Security::DangerPlainText => "ldap",
        };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

/// How a mirror of a directory is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// In which way.
    pub method: SyncMethod,
    /// How long it is in use after the directory's last word.
    pub max_age: Duration,
    /// How often the directory is asked for changes that it does not tell of by itself.
    pub poll_every: Duration,
    /// How often everything is read anew; `None` leaves it to the way.
    pub reconcile_every: Option<Duration>,
}

/// How passwords and what closes an account are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// How a password that is set here is put in place there.
    pub passwords: PasswordMethod,
    /// Whether a hash of an older scheme is replaced by one of Argon2id when its password was right.
    pub upgrade_hashes: bool,
}

/// How a directory is given a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordMethod {
    /// As a hash that was made here.
    Hash,
    /// The password itself, by the operation of RFC 3062; the directory hashes it.
    PasswordModify,
    /// The password itself, as `unicodePwd`: Active Directory.
    UnicodePwd,
}

impl fmt::Debug for ServiceAccount {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount({})", self.dn)
    }
}
