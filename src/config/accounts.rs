//! Accounts, their passwords, and services: `[accounts]`, `[passwords]`, `[service.…]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use portvakt_auth::password::Argon2Cost;
use portvakt_auth::{Kind, Rules};
use portvakt_eap::MethodType;
use portvakt_sealing::SealingKey;

use portvakt_directory::attributes::{self, AttributeNames, AttributeRole};

use super::eap;
use super::external::External;
use super::problem::Problem;
use super::reply::{self, ReplyProfiles};
use super::rules;
use super::secret::Secret;
use super::section::Section;
use super::value;

/// Attributes and kinds of accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Attribute names in LDIF.
    pub attributes: AttributeNames,
    /// Account kind by affiliation.
    pub kinds: BTreeMap<String, Kind>,
    /// Kind of an account without affiliation; none makes that a mistake of the account.
    pub default_kind: Option<Kind>,
    /// The key that seals NT hashes and CHAP secrets; none is the one in the data folder.
    pub sealing_key: Option<SealingKeyFile>,
    /// Whether a password that is set here gets an NT hash.
    pub write_nt_hashes: bool,
}

/// A file with a sealing key in it.
#[derive(Debug, Clone)]
pub struct SealingKeyFile {
    /// Its path.
    pub path: PathBuf,
    /// Its content: a key in base64.
    pub text: Secret,
}

pub(super) const KINDS: [(&str, Kind); 6] = [
    (Kind::Student.as_str(), Kind::Student),
    (Kind::Employee.as_str(), Kind::Employee),
    (Kind::Guest.as_str(), Kind::Guest),
    (Kind::Service.as_str(), Kind::Service),
    (Kind::Machine.as_str(), Kind::Machine),
    (Kind::Test.as_str(), Kind::Test),
];

/// The accounts that may use a service, and the VLAN it puts them in.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Kinds that may use it; none means all.
    pub kinds: Option<Vec<Kind>>,
    /// The VLAN of those whose account names none.
    pub vlan: Option<String>,
    /// Attributes of Accepts.
    pub reply: ReplyProfiles,
    /// Whether Accepts give the addresses that an account has of its own.
    pub framed_addresses: bool,
    /// The longest that a session may last before its person is asked for anew; none means as long as
    /// the account's right.
    pub session_timeout: Option<Duration>,
    /// The EAP methods that may be used for it, of those that are offered; none means all.
    pub eap_methods: Option<Vec<MethodType>>,
}

/// How passwords are made and checked.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// Whether a hash of an older scheme is replaced by one of Argon2id when its password was right.
    pub upgrade_hashes: bool,
    /// Memory and passes of hashing one password (Argon2id).
    pub hash_cost: Argon2Cost,
    /// Hashing threads; 0 is one per core.
    pub hash_threads: u16,
    /// Passwords that may wait to be checked.
    pub hash_queue: u32,
    /// One that waited longer is not checked any more.
    pub hash_deadline: Duration,
    /// How long a proven password is remembered; zero is not at all.
    pub remember_proofs: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// `[passwords]`: how they are checked, and by which rules they age.
pub(super) fn passwords(root: &mut Section<'_>, rules: &mut Rules) -> Passwords {
    let deadlines = Duration::from_millis(100)..=Duration::from_secs(10);
    let mut section = root.table("passwords");
    rules::passwords(&mut section, rules);
    let passwords = Passwords {
        upgrade_hashes: section.boolean("upgrade-hashes", true).value,
        hash_cost: hash_cost(&mut section),
        hash_threads: section.integer("hash-threads", 0, 0..=256),
        hash_queue: section.integer("hash-queue", 1024, 1..=1_000_000),
        hash_deadline: section.duration("hash-deadline", 3 * SECOND, deadlines),
        remember_proofs: section.duration(
            "remember-proofs",
            15 * MINUTE,
            Duration::ZERO..=24 * HOUR,
        ),
    };
    section.finish();
    rules.remember_proof = passwords.remember_proofs;
    passwords
}

/// The bounds are within those of [`Argon2Cost`].
fn hash_cost(section: &mut Section<'_>) -> Argon2Cost {
    const MIB: u64 = 1 << 20;
    let memory = section.size("argon2-memory", 19 * MIB, 7 * MIB..=256 * MIB);
    let passes: u8 = section.integer("argon2-iterations", 2, 1..=20);
    let memory_kib = u32::try_from(memory / 1024).unwrap_or(u32::MAX);
    Argon2Cost::new(memory_kib, passes.into(), 1).unwrap_or_default()
}

/// `[accounts]`: what is known of them, and by which days they live.
pub(super) fn accounts(root: &mut Section<'_>, external: &External, rules: &mut Rules) -> Accounts {
    let mut section = root.table("accounts");
    rules::calendar(&mut section, rules);
    let known = KINDS.map(|(word, kind)| (word, Some(kind)));
    let accounts = Accounts {
        attributes: attributes(&mut section),
        kinds: kinds(&mut section),
        default_kind: section.word("default-kind", &known, None),
        sealing_key: sealing_key(&mut section, external),
        write_nt_hashes: write_nt_hashes(&mut section),
    };
    section.finish();
    accounts
}

fn sealing_key(section: &mut Section<'_>, external: &External) -> Option<SealingKeyFile> {
    let file = external.file(section, "sealing-key-file")?;
    let (path, content) = file.value;
    super::external::warn_of_readers(section, &file.place, content);
    if SealingKey::parse(&path, content.octets.as_bytes()).is_err() {
        let problem = Problem::Malformed("a file with 32 octets in base64 and nothing else");
        let advice = "for a new key: openssl rand -base64 32";
        section.report().problem(&file.place, problem, advice);
    }
    let text = content.octets.clone();
    Some(SealingKeyFile { path, text })
}

fn write_nt_hashes(section: &mut Section<'_>) -> bool {
    let given = section.boolean("write-nt-hashes-danger", false);
    if given.value {
        let advice = "leave it out unless devices need MS-CHAP; docs/methods.md has the choice";
        let lint = "whoever steals an NT hash can log on with it";
        section.report().warning(&given.place, lint, advice);
    }
    given.value
}

fn attributes(accounts: &mut Section<'_>) -> AttributeNames {
    let mut section = accounts.table("attributes");
    let given = AttributeRole::ALL
        .iter()
        .filter_map(|role| Some((*role, attribute(&mut section, *role)?)));
    let names = given.fold(AttributeNames::default(), |names, (role, name)| {
        names.with(role, &name)
    });
    section.finish();
    names
}

/// The attribute that has a role, where one is given.
pub(super) fn attribute(section: &mut Section<'_>, role: AttributeRole) -> Option<String> {
    const EXPECTED: &str = "an attribute's name: a letter, then letters, digits, '-' and '_'";
    let name = section.parsed(role.key(), EXPECTED, value::attribute_name)?;
    Some(name.value)
}

/// The defaults of eduPerson's vocabulary, with the entries of the file on top.
fn kinds(accounts: &mut Section<'_>) -> BTreeMap<String, Kind> {
    let mut kinds = attributes::default_kinds();
    kinds.extend(given_kinds(accounts));
    kinds
}

/// The table `kinds`: what affiliations mean, in lower case.
pub(super) fn given_kinds(parent: &mut Section<'_>) -> Vec<(String, Kind)> {
    let given = parent.table("kinds").named_words(&KINDS).into_iter();
    given
        .map(|(name, kind)| (name.to_lowercase(), kind.value))
        .collect()
}

/// `[service.NAME]`; one that no client has is warned of, as it does nothing.
///
/// `offered` has the EAP methods of `[eap]` and of the realms, by the table they stand in.
pub(super) fn services(
    root: &mut Section<'_>,
    used: &[String],
    offered: &[(String, &[MethodType])],
) -> BTreeMap<String, Service> {
    let named = root.table("service").named_tables().into_iter();
    named
        .map(|(name, section)| {
            let service = service(section, used.contains(&name), offered);
            (name, service)
        })
        .collect()
}

fn service(mut section: Section<'_>, used: bool, offered: &[(String, &[MethodType])]) -> Service {
    const VLAN: &str = "a VLAN's name or its number, \"1\" to \"4094\", in quotes";
    if !used {
        let advice = "check the spelling, or give a [[client]] this service";
        section
            .report()
            .warning(section.place(), "no client has this service", advice);
    }
    let kinds = section.words("kinds", &KINDS);
    let service = Service {
        kinds: kinds.map(|kinds| kinds.into_iter().map(|kind| kind.value).collect()),
        vlan: section
            .parsed("vlan", VLAN, value::vlan)
            .map(|vlan| vlan.value),
        reply: reply::profiles(&mut section),
        framed_addresses: section.boolean("framed-addresses", false).value,
        session_timeout: session_timeout(&mut section),
        eap_methods: eap_methods(&mut section, offered),
    };
    section.finish();
    service
}

fn session_timeout(section: &mut Section<'_>) -> Option<Duration> {
    const LEAST: Duration = Duration::from_secs(5 * 60);
    const MOST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
    let known = section.has("session-timeout");
    let longest = section.duration("session-timeout", MOST, LEAST..=MOST);
    known.then_some(longest)
}

/// The methods that are left for a service: some of each table's must be.
fn eap_methods(
    section: &mut Section<'_>,
    offered: &[(String, &[MethodType])],
) -> Option<Vec<MethodType>> {
    let place = section.key_place("eap-methods");
    let methods = eap::each_once(section, "eap-methods", eap::METHODS)?;
    for (table, offered) in offered {
        if !offered.iter().any(|offered| methods.contains(offered)) {
            let problem = Problem::NoneLeft(format!("methods of [{table}]"));
            let advice = "name one of them here, or add one of these there";
            section.report().problem(&place, problem, advice);
        }
    }
    Some(methods)
}
