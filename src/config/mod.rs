//! The configuration: one TOML file, read into types that cannot be wrong.
//!
//! `text -> tree with places -> files and variables it names -> checked`. The tree is read key by
//! key (`section.rs`), so that a key, its type, its bound and its default stand in one line, and one
//! pass reports every mistake with its place. `config/portvakt.toml` explains each key.

mod accounts;
mod certificate;
mod chain;
mod cui_key;
mod describe;
mod directory;
mod eap;
mod home;
mod network;
mod ocsp;
mod odd;
mod operations;
mod pem;
mod problem;
mod realm;
mod referred;
mod report;
mod revocation;
mod rules;
mod secret;
mod section;
mod source;
mod sources;
mod ticket_keys;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use toml::Spanned;
use toml::de::DeTable;

pub use accounts::{AccountKind, Accounts, AttributeNames, Passwords, SealingKeyFile, Service};
pub use certificate::CertificateFacts;
pub use chain::{Chain, NamedChain, OuterName};
pub use describe::describe;
pub use directory::{
    Group, Ldap, LdapServer, Membership, MirrorSettings, MirrorWay, PasswordAge, PasswordWay,
    Scope, Security, ServiceAccount, Template, Verify, Writing,
};
pub use eap::{
    CertificateName, ClientCertificates, Eap, EapMethod, EapProfile, InnerEapMethod, TeapIdentity,
    TlsVersions,
};
pub use home::{EMBEDDED, Home};
pub use network::{Client, ClientMethods, Radius};
pub use ocsp::OcspResponse;
pub use operations::Audit;
pub use problem::{Complaint, Finding, Location, Problems, Warning};
pub use realm::RealmRules;
pub use referred::{Environment, FileContent, ReadFile, Readers, read_file};
pub use revocation::RevocationLists;
pub use rules::{AccountRules, Calendar, Lockout, PasswordRules, SameWrongPassword, TermDeadline};
pub use secret::Secret;
pub use sources::Sources;
pub use value::MonthDay;

use eap::Reading;
use realm::Usual;
use referred::Referred;
use report::{Given, Report};
use section::Section;
use source::Source;

/// A configuration without a mistake.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder for everything that the server keeps.
    pub data: PathBuf,
    /// Our own realms in lower case, the primary one first; never empty.
    pub realms: Vec<String>,
    /// What is special about some of them.
    pub realm_rules: BTreeMap<String, RealmRules>,
    /// Whether a name without a realm belongs to the primary one.
    pub bare_names: bool,
    /// Where requests come in; never empty.
    pub listen: Vec<SocketAddr>,
    /// How requests are received and answered.
    pub radius: Radius,
    /// Who may ask; never empty, names and networks unique.
    pub clients: Vec<Client>,
    /// How EAP is spoken; present when any client may speak it.
    pub eap: Option<Eap>,
    /// Where accounts are kept, and by which rules they live; never empty, that of the primary
    /// realm first.
    pub homes: Vec<Home>,
    /// The rules of accounts where no realm has others.
    pub rules: AccountRules,
    /// What is known of accounts, and where it is found.
    pub accounts: Accounts,
    /// How passwords are made and checked.
    pub passwords: Passwords,
    /// Who may use which service; a service that is not here is open to all.
    pub services: BTreeMap<String, Service>,
    /// Where attempts are written.
    pub audit: Audit,
    /// Where metrics are served; none when off.
    pub metrics: Option<SocketAddr>,
    /// The socket for the command line.
    pub control: PathBuf,
    /// What all that was read from.
    pub sources: Sources,
    /// When something that was read then will not be used any more.
    pub runs_out: Option<Timestamp>,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// Relative paths in it begin at its own folder. `now` is only used to warn of certificates.
    ///
    /// # Errors
    /// All problems at once. A file that is no TOML is reported for that alone.
    pub fn load(
        path: &Path,
        env: Environment<'_>,
        read: ReadFile<'_>,
        now: Timestamp,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        let text = read_text(path, read)?;
        let source = Source::new(path, &text);
        let tree = parse(&source)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let referred = Referred::gather(tree.get_ref(), folder, env, read);
        let report = Report::new(&source);
        let sources = referred.sources(path, &text);
        let checked = check(Section::root(tree, &report), &referred, sources, now);
        report.conclude(checked)
    }

    /// As [`load`](Self::load), with this process's files and environment variables.
    ///
    /// # Errors
    /// As there.
    pub fn load_file(path: &Path, now: Timestamp) -> Result<(Self, Vec<Warning>), Problems> {
        Self::load(path, &|name| std::env::var(name).ok(), &read_file, now)
    }
}

fn read_text(path: &Path, read: ReadFile<'_>) -> Result<zeroize::Zeroizing<String>, Problems> {
    let unreadable = |why: String| {
        let at = Source::new(path, "").locate(None);
        let (key, advice) = (String::new(), "name another file with --config".to_owned());
        let complaint = Complaint::FileUnreadable(why);
        let problems = vec![Finding {
            at,
            key,
            value: None,
            complaint,
            advice,
        }];
        Problems {
            problems,
            warnings: Vec::new(),
        }
    };
    let content = read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = std::str::from_utf8(content.octets.as_bytes());
    let text = text.map_err(|error| unreadable(format!("not UTF-8: {error}")))?;
    Ok(zeroize::Zeroizing::new(text.to_owned()))
}

fn parse<'t>(source: &Source<'t>) -> Result<Spanned<DeTable<'t>>, Problems> {
    let (tree, errors) = DeTable::parse_recoverable(source.text);
    match errors.is_empty() {
        true => Ok(tree),
        false => Err(Problems {
            problems: source.syntax_problems(&errors),
            warnings: Vec::new(),
        }),
    }
}

fn check(
    mut root: Section<'_>,
    referred: &Referred,
    sources: Sources,
    now: Timestamp,
) -> Option<Config> {
    let data = referred.path(&mut root, "data").map(|given| given.value);
    let data = data.unwrap_or_else(|| PathBuf::from("/var/lib/portvakt"));
    let ours = realms(&mut root);
    let realms: Vec<_> = ours.iter().map(|realm| realm.value.clone()).collect();
    let bare_names = root.boolean("bare-names", true).value;
    let listen = network::listen(&mut root);
    let radius = network::radius(&mut root, referred);
    let (clients, heard) = network::clients(&mut root, referred);
    let eap = eap::eap(&mut root, referred, &realms, heard.eap, now);
    let reading = Reading {
        referred,
        now,
        fragment: eap
            .as_ref()
            .map_or(eap::USUAL_FRAGMENT, |eap| eap.max_fragment),
    };
    let (accounts, calendar) = accounts::accounts(&mut root, referred);
    let (passwords, ageing) = accounts::passwords(&mut root);
    let rules = AccountRules {
        lockout: rules::lockout(&mut root, &Lockout::default()),
        calendar,
        passwords: ageing,
    };
    let usual = Usual {
        eap: eap.as_ref(),
        rules: &rules,
    };
    let (realm_rules, wishes) = realm::realms(&mut root, reading, &realms, usual);
    let directories = directory::directories(&mut root, referred, &accounts.kinds);
    let homes = home::homes(&ours, directories, wishes, &rules, root.report());
    let services = accounts::services(
        &mut root,
        &heard.services,
        &offered(eap.as_ref(), &realm_rules),
    );
    let audit = operations::audit(&mut root, referred, &data);
    let metrics = operations::metrics(&mut root);
    let control = operations::control(&mut root, referred, &data);
    root.finish();
    let runs_out = runs_out(eap.as_ref(), &realm_rules);
    Some(Config {
        data,
        realms,
        realm_rules,
        bare_names,
        listen,
        radius,
        clients,
        eap,
        homes,
        rules,
        accounts,
        passwords,
        services,
        audit,
        metrics,
        control,
        sources,
        runs_out,
    })
}

/// When the first OCSP response has to be taken away.
fn runs_out(eap: Option<&Eap>, realms: &BTreeMap<String, RealmRules>) -> Option<Timestamp> {
    let usual = eap.map(|eap| &eap.usual.chain).into_iter();
    let named = eap.map_or(&[][..], |eap| &eap.chains);
    let realms = realms.values().filter_map(|rules| rules.eap.as_ref());
    let chains = usual
        .chain(named.iter().map(|named| &named.chain))
        .chain(realms.map(|profile| &profile.chain));
    let ends = chains.filter_map(|chain| chain.ocsp_response.as_ref()?.next_update);
    ends.min()
}

/// The methods of every table that offers some, by its name.
fn offered<'c>(
    eap: Option<&'c Eap>,
    realms: &'c BTreeMap<String, RealmRules>,
) -> Vec<(String, &'c [EapMethod])> {
    let usual = eap.map(|eap| ("eap".to_owned(), &*eap.usual.methods));
    let realms = realms.iter().filter_map(|(name, rules)| {
        let eap = rules.eap.as_ref()?;
        Some((format!("realm.\"{name}\""), &*eap.methods))
    });
    usual.into_iter().chain(realms).collect()
}

fn realms(root: &mut Section<'_>) -> Vec<Given<String>> {
    const EXPECTED: &str = "a list of realms with a dot in each, like [\"campus.example\"]";
    if !root.has("realms") {
        root.missing(
            "realms",
            "the realms of your own users, like realms = [\"campus.example\"]",
        );
    }
    let mut known: Vec<Given<String>> = Vec::new();
    for realm in root
        .list("realms", EXPECTED, value::realm)
        .into_iter()
        .flatten()
    {
        if let Some(first) = known.iter().find(|first| first.value == realm.value) {
            root.report()
                .duplicate(&realm.place, &first.place, "name each realm once");
        }
        known.push(realm);
    }
    known
}
