//! Where accounts are kept if not here: `[directory.NAME]`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use portvakt_auth::{Kind, Realm};

use crate::directory::attributes::AttributeRole;
use crate::directory::dn::DistinguishedName;

use super::accounts::{self, KINDS};
use super::external::External;
use super::pem;
use super::problem::Problem;
use super::report::{Located, Place};
use super::secret::Secret;
use super::secret_lints;
use super::section::Section;
use super::value;

mod address;
mod mirror;
mod writing;

pub use address::{LdapServer, Security};
pub use mirror::{MirrorSettings, MirrorWay};
pub use writing::{PasswordWay, Writing};

/// A directory that is asked over LDAP.
#[derive(Debug, Clone)]
pub struct Ldap {
    /// Unique; a label in metrics and logs.
    pub name: String,
    /// What kind of server it is, and so which attributes say what.
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
    /// What people's entries have in common, if that must be said; a filter in its parentheses.
    pub filter: Option<String>,
    /// Who we are to the directory; none is anonymous.
    pub bind: Option<ServiceAccount>,
    /// Who checks passwords.
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
    /// What groups mean.
    pub groups: Vec<Group>,
    /// How all accounts are kept in memory, if they are.
    pub mirror: Option<MirrorSettings>,
}

/// What a directory knows us by.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its distinguished name; with Active Directory also `name@domain` or `DOMAIN\name`.
    pub dn: String,
    /// Never empty.
    pub password: Secret,
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

/// How far beneath the base people are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Anywhere.
    Subtree,
    /// Right beneath it.
    OneLevel,
}

/// Who checks passwords.
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
    pub(crate) fn of(verify: Verify) -> Self {
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

/// What it means to be in a group.
#[derive(Debug, Clone)]
pub struct Group {
    /// The distinguished name of the group.
    pub dn: String,
    /// The kind of its members.
    pub kind: Option<Kind>,
    /// The services that its members may use.
    pub services: Vec<String>,
    /// The VLAN of its members.
    pub vlan: Option<String>,
}

impl Template {
    const WORDS: [(&'static str, Self); 4] = [
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

const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);

/// `[directory.NAME]`, each with its place. `kinds` is what affiliations mean everywhere.
pub(super) fn directories(
    root: &mut Section<'_>,
    external: &External,
    kinds: &BTreeMap<String, Kind>,
) -> Vec<(Ldap, Place)> {
    let named = root.table("directory").named_tables().into_iter();
    let read = named.map(|(name, section)| {
        let place = section.place().clone();
        (ldap(name, section, external, kinds.clone()), place)
    });
    read.collect()
}

fn ldap(
    name: String,
    mut section: Section<'_>,
    external: &External,
    mut kinds: BTreeMap<String, Kind>,
) -> Ldap {
    if value::label(&name).is_none() {
        let problem = Problem::Malformed("letters, digits, '.', '_' and '-', up to 64");
        section
            .report()
            .problem(section.place(), problem, "logs and metrics call it by it");
    }
    section.word("kind", &[("ldap", ())], ());
    let template = template(&mut section);
    let servers = address::servers(&mut section);
    let base = distinguished_name(&mut section, "base");
    let bind = service_account(&mut section, external, template);
    let verify = verify(&mut section, template);
    let timeouts = timeouts(&mut section);
    kinds.extend(accounts::given_kinds(&mut section));
    let default_kind = section.word("default-kind", &KINDS.map(|(w, k)| (w, Some(k))), None);
    let group_base = optional_name(&mut section, "group-base");
    let (membership, groups) = (membership(&mut section, template), groups(&mut section));
    let is_searched = !groups.is_empty() && membership != Membership::MemberOf;
    let trusted = authorities(&mut section, external);
    let ldap = Ldap {
        balance: section.boolean("balance", false).value,
        ca_file: trusted.as_ref().map(|(file, _)| file.clone()),
        authorities: trusted.map(|(_, pem)| pem),
        server_name: address::server_name(&mut section),
        scope: scope(&mut section),
        filter: filter(&mut section),
        verify,
        writing: writing::writing(&mut section, template, verify, &servers),
        timeout: timeouts.0,
        connect_timeout: timeouts.1,
        query_timeout: timeouts.2,
        grace: section.duration("grace", 900 * SECOND, Duration::ZERO..=24 * 3600 * SECOND),
        old_password_period: old_password_period(&mut section, template),
        lock_holds: lock_holds(&mut section, verify),
        password_age: password_age(&mut section, verify),
        connections: section.integer("connections", 2, 1..=64),
        bind_connections: section.integer("bind-connections", 8, 1..=256),
        keep_alive: section.duration("keep-alive", 60 * SECOND, 5 * SECOND..=3600 * SECOND),
        attributes: attributes(&mut section),
        kinds,
        default_kind,
        mirror: mirror::mirror(&mut section, is_searched),
        membership,
        groups,
        group_base: group_base.or(base.clone()).unwrap_or_default(),
        name,
        template: template.unwrap_or(Template::OpenLdap),
        servers,
        base: base.unwrap_or_default(),
        bind,
    };
    section.finish();
    ldap
}

fn template(section: &mut Section<'_>) -> Option<Template> {
    if !section.has("template") {
        section.missing("template", "say what it is, like \"openldap\"");
    }
    section.word(
        "template",
        &Template::WORDS.map(|(w, t)| (w, Some(t))),
        None,
    )
}

fn scope(section: &mut Section<'_>) -> Scope {
    let words = [("subtree", Scope::Subtree), ("one-level", Scope::OneLevel)];
    section.word("scope", &words, Scope::Subtree)
}

fn membership(section: &mut Section<'_>, template: Option<Template>) -> Membership {
    let words = [
        ("member-of", Membership::MemberOf),
        ("search", Membership::Search),
        ("nested", Membership::Nested),
    ];
    let default = match template {
        Some(Template::ActiveDirectory) => Membership::Nested,
        _ => Membership::MemberOf,
    };
    section.word("membership", &words, default)
}

/// Active Directory shows nobody a hash, so there only a bind will do.
fn verify(section: &mut Section<'_>, template: Option<Template>) -> Verify {
    let words = [("hash", Verify::Hash), ("bind", Verify::Bind)];
    let place = section.key_place("verify");
    let is_active_directory = template == Some(Template::ActiveDirectory);
    let default = match is_active_directory {
        true => Verify::Bind,
        false => Verify::Hash,
    };
    let verify = section.word("verify", &words, default);
    if is_active_directory && verify == Verify::Hash {
        let problem = Problem::Conflict("template = \"active-directory\"".to_owned());
        let advice = "Active Directory shows nobody a hash: leave the line out for \"bind\"";
        section.report().problem(&place, problem, advice);
    }
    verify
}

/// In all, for a connection, for a question.
fn timeouts(section: &mut Section<'_>) -> (Duration, Duration, Duration) {
    (
        section.duration("timeout", 3 * SECOND, 5 * TENTH..=30 * SECOND),
        section.duration("connect-timeout", SECOND, TENTH..=10 * SECOND),
        section.duration("query-timeout", 2 * SECOND, TENTH..=10 * SECOND),
    )
}

/// A distinguished name that must be there.
fn distinguished_name(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    if !section.has(key) {
        section.missing(key, "like \"ou=people,dc=campus,dc=example\"");
    }
    optional_name(section, key)
}

fn optional_name(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    const EXPECTED: &str = "a distinguished name, like \"ou=people,dc=campus,dc=example\"";
    let given = section.parsed(key, EXPECTED, |text| Some(text.to_owned()))?;
    match dn_fault(&given.value) {
        None => Some(given.value),
        Some(advice) => {
            let problem = Problem::Malformed(EXPECTED);
            section.report().problem(&given.place, problem, advice);
            None
        }
    }
}

/// What is wrong with a distinguished name, for its operator.
fn dn_fault(text: &str) -> Option<String> {
    const MOST: usize = 1024;
    match DistinguishedName::parse(text) {
        _ if text.len() > MOST => Some(format!("a name has at most {MOST} octets")),
        _ if is_quoted(text) => Some("leave the inner quotes out".to_owned()),
        Ok(name) if name.is_root() => Some("it is empty".to_owned()),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Whether a text has quotes of its own at both ends, as copied from a shell or another file.
fn is_quoted(text: &str) -> bool {
    let quotes = ['"', '\''];
    let inside = |quote: char| {
        text.strip_prefix(quote)
            .is_some_and(|rest| rest.ends_with(quote))
    };
    quotes.into_iter().any(inside)
}

fn password_age(section: &mut Section<'_>, verify: Verify) -> PasswordAge {
    let words = [
        ("directory", PasswordAge::Directory),
        ("valid-days", PasswordAge::ValidDays),
    ];
    section.word("password-age", &words, PasswordAge::of(verify))
}

/// `lock-holds`: `"for-good"`, or as long as the directory's own policy says.
fn lock_holds(section: &mut Section<'_>, verify: Verify) -> Option<Duration> {
    const EXPECTED: &str = "\"for-good\", or a time with its unit, like \"15m\"";
    let parse = |text: &str| match text {
        "for-good" => Some(None),
        text => value::duration(text)
            .filter(|time| !time.is_zero())
            .map(Some),
    };
    let given = section.parsed("lock-holds", EXPECTED, parse)?;
    if verify == Verify::Bind {
        let lint = "a directory that checks passwords tells of its locks itself";
        let advice = "leave the line out, or set verify = \"hash\"";
        section.report().warning(&given.place, lint, advice);
    }
    given.value
}

fn filter(section: &mut Section<'_>) -> Option<String> {
    const EXPECTED: &str = "a filter in parentheses, like \"(objectClass=person)\" (RFC 4515)";
    let parse = |text: &str| {
        let is_whole = text.starts_with('(') && ldap3::parse_filter(text).is_ok();
        (is_whole && placeholder(text).is_none()).then(|| text.to_owned())
    };
    let advise = |text: &str| match placeholder(text) {
        Some(found) => format!(
            "{found} stands for nothing here: the filter says what all people's entries have in \
             common, and names are looked for besides"
        ),
        None if is_quoted(text) => "leave the inner quotes out".to_owned(),
        None => String::new(),
    };
    let given = section.advised("filter", EXPECTED, parse, advise)?;
    Some(given.value)
}

/// What other servers put a user's name in for.
fn placeholder(text: &str) -> Option<&'static str> {
    const KNOWN: [&str; 9] = [
        "%{",
        "%u",
        "%s",
        "%v",
        "{0}",
        "{user",
        "{login",
        "$username",
        "$(",
    ];
    KNOWN.into_iter().find(|known| text.contains(known))
}

/// The file of `ca-file`, and what is in it.
fn authorities(section: &mut Section<'_>, external: &External) -> Option<(PathBuf, Vec<u8>)> {
    let given = external.file(section, "ca-file")?;
    let (path, content) = given.value;
    let pem = pem::authorities(section, &given.place, &path, content)?;
    Some((path, pem))
}

/// `OldPasswordAllowedPeriod` of Active Directory is an hour, unless its administrator says
/// otherwise; no other directory has one.
fn old_password_period(section: &mut Section<'_>, template: Option<Template>) -> Duration {
    let default = match template {
        Some(Template::ActiveDirectory) => 3600 * SECOND,
        _ => Duration::ZERO,
    };
    section.duration(
        "old-password-period",
        default,
        Duration::ZERO..=24 * 3600 * SECOND,
    )
}

fn service_account(
    section: &mut Section<'_>,
    external: &External,
    template: Option<Template>,
) -> Option<ServiceAccount> {
    let has_name = section.has("bind-dn");
    let place = section.key_place("bind-dn");
    let dn = bind_name(section, template);
    let password = bind_password(section, external, has_name);
    match (has_name, &password) {
        (false, Some(password)) => {
            let problem = Problem::Conflict("no bind-dn".to_owned());
            let advice = "say whose password it is: bind-dn = \"cn=portvakt,…\"";
            section.report().problem(&password.place, problem, advice);
        }
        (true, Some(password)) if password.value.as_bytes().is_empty() => {
            let advice = "a bind without password succeeds as nobody, and finds nobody";
            section.report().problem(&place, Problem::Empty, advice);
        }
        _ => {}
    }
    Some(ServiceAccount {
        dn: dn?,
        password: password?.value,
    })
}

/// `bind-dn`. Active Directory takes other names in a simple bind too ([MS-ADTS] §5.1.1.1.1).
fn bind_name(section: &mut Section<'_>, template: Option<Template>) -> Option<String> {
    const EXPECTED: &str = "a distinguished name, like \"cn=portvakt,dc=campus,dc=example\"";
    let given = section.parsed("bind-dn", EXPECTED, |text| Some(text.to_owned()))?;
    let is_logon_name = is_principal(&given.value) || is_of_domain(&given.value);
    let is_active_directory = template == Some(Template::ActiveDirectory);
    let advice = match dn_fault(&given.value) {
        None => return Some(given.value),
        Some(_) if is_logon_name && is_active_directory => return Some(given.value),
        Some(_) if is_logon_name => {
            "only Active Directory takes such a name: write that of the entry".to_owned()
        }
        Some(advice) => advice,
    };
    let problem = Problem::Malformed(EXPECTED);
    section.report().problem(&given.place, problem, advice);
    None
}

/// `portvakt@ad.campus.example`.
fn is_principal(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(user, domain)| is_logon_part(user) && Realm::parse(domain).is_ok())
}

/// `CAMPUS\portvakt`.
fn is_of_domain(text: &str) -> bool {
    let parts = text.split_once('\\');
    parts.is_some_and(|(domain, user)| value::label(domain).is_some() && is_logon_part(user))
}

fn is_logon_part(text: &str) -> bool {
    let is_wrong = |c: char| c.is_control() || "\\/[]:;|=,+*?<>\"".contains(c);
    (1..=256).contains(&text.len()) && !text.contains(is_wrong)
}

fn bind_password(
    section: &mut Section<'_>,
    external: &External,
    is_needed: bool,
) -> Option<Located<Secret>> {
    const KEYS: [&str; 2] = ["bind-password-file", "bind-password-env"];
    match KEYS.map(|key| section.has(key)) {
        [true, true] => {
            let place = section.key_place("bind-password-env");
            let problem = Problem::Conflict("bind-password-file".to_owned());
            section
                .report()
                .problem(&place, problem, "keep exactly one of them");
        }
        [false, false] if is_needed => section.missing(
            "bind-password-file",
            "the password of bind-dn: give bind-password-file or bind-password-env",
        ),
        _ => {}
    }
    let file = external.secret_file(section, "bind-password-file");
    let variable = external.variable(section, "bind-password-env");
    let password = file.or(variable)?;
    secret_lints::check(section, &password);
    Some(password)
}

fn attributes(section: &mut Section<'_>) -> BTreeMap<AttributeRole, String> {
    const REGISTRY: [&str; 3] = ["registered-term", "fee-paid-term", "in-registry"];
    let mut section = section.table("attributes");
    let of_registry = REGISTRY.iter().filter(|key| section.has(key)).count();
    if (1..REGISTRY.len()).contains(&of_registry) {
        let problem = Problem::Conflict("only some of what the registry says".to_owned());
        let advice = "name registered-term, fee-paid-term and in-registry, or none of them";
        section.report().problem(section.place(), problem, advice);
    }
    // A secret in clear text is read from LDIF only, and kept sealed here.
    let roles = AttributeRole::ALL.iter();
    let given = roles
        .filter(|role| **role != AttributeRole::LegacyChapSecret)
        .filter_map(|role| Some((*role, accounts::attribute(&mut section, *role)?)))
        .collect();
    section.finish();
    given
}

fn groups(section: &mut Section<'_>) -> Vec<Group> {
    let tables = section.tables("group").into_iter();
    tables.filter_map(group).collect()
}

fn group(mut section: Section<'_>) -> Option<Group> {
    const VLAN: &str = "a VLAN's name or its number, \"1\" to \"4094\", in quotes";
    const SERVICES: &str = "a list of services, like [\"vpn\"]";
    let dn = distinguished_name(&mut section, "dn");
    let services = section.list("services", SERVICES, value::label);
    let services = services.unwrap_or_default().into_iter();
    let group = Group {
        dn: dn.unwrap_or_default(),
        kind: section.word("kind", &KINDS.map(|(word, kind)| (word, Some(kind))), None),
        services: services.map(|given| given.value).collect(),
        vlan: section.parsed("vlan", VLAN, value::vlan).map(|g| g.value),
    };
    section.finish();
    Some(group)
}
