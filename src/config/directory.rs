//! LDAP directories with accounts: `[directory.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use portvakt_auth::{Kind, Realm};
use portvakt_directory::attributes::AttributeRole;
use portvakt_directory::dn::DistinguishedName;
use portvakt_ldap::settings::{
    Group, Membership, PasswordAge, Scope, ServiceAccount, Settings, Template, Verify,
};

use super::accounts::{self, KINDS, Service};
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

const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);

/// `[directory.NAME]`, each with its place. `kinds` is what affiliations mean everywhere, `services`
/// has the reply profiles that groups may name.
pub(super) fn directories(
    root: &mut Section<'_>,
    external: &External,
    kinds: &BTreeMap<String, Kind>,
    services: &BTreeMap<String, Service>,
) -> Vec<(Settings, Place)> {
    let named = root.table("directory").named_tables().into_iter();
    let read = named.map(|(name, section)| {
        let place = section.place().clone();
        (
            ldap(name, section, external, kinds.clone(), services),
            place,
        )
    });
    read.collect()
}

fn ldap(
    name: String,
    mut section: Section<'_>,
    external: &External,
    mut kinds: BTreeMap<String, Kind>,
    services: &BTreeMap<String, Service>,
) -> Settings {
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
    let membership = membership(&mut section, template);
    let groups = groups(&mut section, services);
    let is_searched = !groups.is_empty() && membership != Membership::MemberOf;
    let trusted = authorities(&mut section, external);
    let ldap = Settings {
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

/// The fault of a distinguished name, in the operator's words.
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

/// A placeholder for a user's name in filters of other servers.
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
        password: password?.value.into_octets(),
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

fn groups(section: &mut Section<'_>, services: &BTreeMap<String, Service>) -> Vec<Group> {
    let tables = section.tables("group").into_iter();
    tables.map(|section| group(section, services)).collect()
}

fn group(mut section: Section<'_>, services: &BTreeMap<String, Service>) -> Group {
    const VLAN: &str = "a VLAN's name or its number, \"1\" to \"4094\", in quotes";
    const SERVICES: &str = "a list of services, like [\"vpn\"]";
    let dn = distinguished_name(&mut section, "dn");
    let allowed = section.list("services", SERVICES, value::label);
    let allowed = allowed.unwrap_or_default().into_iter();
    let group = Group {
        dn: dn.unwrap_or_default(),
        kind: section.word("kind", &KINDS.map(|(word, kind)| (word, Some(kind))), None),
        services: allowed.map(|given| given.value).collect(),
        vlan: section.parsed("vlan", VLAN, value::vlan).map(|g| g.value),
        reply: reply_profile(&mut section, services),
    };
    section.finish();
    group
}

/// The reply profile of a group, which a service should have.
fn reply_profile(
    section: &mut Section<'_>,
    services: &BTreeMap<String, Service>,
) -> Option<String> {
    const PROFILE: &str = "the name of a reply profile, like \"staff\"";
    let given = section.parsed("reply", PROFILE, value::label)?;
    let name = &given.value;
    if !services
        .values()
        .any(|service| service.reply.contains_key(name))
    {
        let advice = format!("check the spelling, or add [service.NAME.reply.{name}]");
        let lint = "no service has this reply profile";
        section.report().warning(&given.place, lint, &advice);
    }
    Some(given.value)
}
