//! The configuration: one TOML file, read into types that cannot be wrong.
//!
//! `text -> tree with places -> files and variables it names -> checked`. The tree is read key by
//! key (`section.rs`), so that a key, its type, its bound and its default stand in one line, and one
//! pass reports every mistake with its place. `config/portvakt.toml` explains each key.

mod account_source;
mod accounting;
mod accounts;
mod chain;
mod cui_key;
mod describe;
mod directory;
mod disconnect;
mod eap;
mod external;
mod ikev2;
mod input_files;
mod network;
mod node;
mod operations;
mod pem;
mod problem;
mod realm;
mod registry;
mod reply;
mod report;
mod revocation;
mod rules;
mod secret;
mod secret_lints;
mod section;
mod shared_secret;
mod sms;
mod sms_gateway;
mod source_text;
mod store;
mod ticket_keys;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portvakt_auth::{Realm, Rules};
use portvakt_eap::MethodType;
use portvakt_store::PostgresSettings;
use toml::Spanned;
use toml::de::DeTable;

pub use account_source::{AccountSource, EMBEDDED};
pub use accounting::Accounting;
pub use accounts::{Accounts, Passwords, SealingKeyFile, Service};
pub use chain::{Chain, NamedChain, OuterName};
pub use describe::describe;
pub use disconnect::Disconnect;
pub use eap::{CertificateName, ClientCertificates, Eap, EapProfile};
pub use external::{Environment, FileContent, ReadFile, Readers, read_file};
pub use input_files::InputFiles;
pub use network::{Client, ClientMethods, Radius};
pub use node::Node;
pub use operations::Audit;
pub use problem::{Finding, Location, Problem, Problems, Warning};
pub use realm::RealmRules;
pub use registry::Registry;
pub use reply::{ReplyProfiles, ReplyType, USUAL};
pub use revocation::RevocationLists;
pub use secret::Secret;
pub use sms::{GatewaySettings, LONGEST_WINDOW, Resets, SHORTEST_WINDOW, Sms, Texts};
pub use value::vlan;

use eap::Context;
use external::External;
use realm::Defaults;
use report::{Located, Report};
use section::Section;
use source_text::SourceText;

/// A configuration without a mistake.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder for everything that the server keeps, but for what `store` has.
    pub data: PathBuf,
    /// The database elsewhere; `None` for the one in the data folder.
    pub store: Option<PostgresSettings>,
    /// The name of this server.
    pub node: Node,
    /// Our own realms in lower case, the primary one first; never empty.
    pub realms: Vec<Realm>,
    /// Settings of some of them.
    pub realm_rules: BTreeMap<Realm, RealmRules>,
    /// Whether a name without a realm belongs to the primary one.
    pub bare_names: bool,
    /// Addresses that requests come in at; never empty.
    pub listen: Vec<SocketAddr>,
    /// Accounting and sessions.
    pub accounting: Accounting,
    /// How requests are received and answered.
    pub radius: Radius,
    /// RADIUS clients; never empty, names and networks unique.
    pub clients: Vec<Client>,
    /// How EAP is spoken; present when any client may speak it.
    pub eap: Option<Eap>,
    /// Sources of accounts, each with its rules; never empty, that of the primary
    /// realm first.
    pub account_sources: Vec<AccountSource>,
    /// The rules of accounts where no realm has others.
    pub rules: Rules,
    /// Attributes and kinds of accounts.
    pub accounts: Accounts,
    /// How passwords are made and checked.
    pub passwords: Passwords,
    /// Access to services; a service that is not here is open to all.
    pub services: BTreeMap<String, Service>,
    /// The feed of the student registry.
    pub registry: Registry,
    /// Text messages.
    pub sms: Sms,
    /// Ways to a new password without the old one.
    pub resets: Resets,
    /// The audit log.
    pub audit: Audit,
    /// The address that serves metrics; none when off.
    pub metrics: Option<SocketAddr>,
    /// The socket for the command line.
    pub control: PathBuf,
    /// The files that all that was read from.
    pub input_files: InputFiles,
    /// When something that was read then will not be used any more.
    pub next_expiry: Option<Timestamp>,
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
        let source = SourceText::new(path, &text);
        let tree = parse(&source)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let external = External::gather(tree.get_ref(), folder, env, read);
        let report = Report::new(&source);
        let input_files = external.input_files(path, &text);
        let checked = check(Section::root(tree, &report), &external, input_files, now);
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
        let at = SourceText::new(path, "").locate(None);
        let (key, advice) = (String::new(), "name another file with --config".to_owned());
        let problem = Problem::FileUnreadable(why);
        let problems = vec![Finding {
            at,
            key,
            value: None,
            problem,
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

fn parse<'t>(source: &SourceText<'t>) -> Result<Spanned<DeTable<'t>>, Problems> {
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
    external: &External,
    input_files: InputFiles,
    now: Timestamp,
) -> Option<Config> {
    let data = external.path(&mut root, "data").map(|given| given.value);
    let data = data.unwrap_or_else(|| PathBuf::from("/var/lib/portvakt"));
    let store = store::store(&mut root, external);
    let node = node::node(&mut root);
    let store = store.map(|store| store.with_node(&node.name));
    let ours = realms(&mut root);
    let realms: Vec<_> = ours.iter().map(|realm| realm.value.clone()).collect();
    let bare_names = root.boolean("bare-names", true).value;
    let listen = network::listen(&mut root);
    let accounting = accounting::accounting(&mut root, &listen);
    let radius = network::radius(&mut root, external);
    let (clients, heard) = network::clients(&mut root, &radius, external);
    let eap = eap::eap(&mut root, external, &realms, heard.eap, now);
    let context = Context {
        external,
        now,
        fragment: eap
            .as_ref()
            .map_or(eap::DEFAULT_FRAGMENT, |eap| eap.max_fragment),
    };
    let mut rules = rules::defaults();
    let accounts = accounts::accounts(&mut root, external, &mut rules);
    let passwords = accounts::passwords(&mut root, &mut rules);
    rules::lockout(&mut root, &mut rules.lockout);
    let defaults = Defaults {
        eap: eap.as_ref(),
        rules: &rules,
    };
    let (realm_rules, overrides) = realm::realms(&mut root, context, &realms, defaults);
    let services = accounts::services(
        &mut root,
        &heard.services,
        &offered(eap.as_ref(), &realm_rules),
    );
    let directories = directory::directories(&mut root, external, &accounts.kinds, &services);
    let account_sources =
        account_source::account_sources(&ours, directories, overrides, &rules, root.report());
    let registry = registry::registry(&mut root);
    let sms = sms::sms(&mut root, external, &data, &realms);
    let resets = sms::resets(&mut root, external);
    let audit = operations::audit(&mut root, external, &data);
    let metrics = operations::metrics(&mut root);
    let control = operations::control(&mut root, external, &data);
    root.finish();
    let next_expiry = next_expiry(eap.as_ref(), &realm_rules);
    Some(Config {
        data,
        store,
        node,
        realms,
        realm_rules,
        bare_names,
        listen,
        accounting,
        radius,
        clients,
        eap,
        account_sources,
        rules,
        accounts,
        passwords,
        services,
        registry,
        sms,
        resets,
        audit,
        metrics,
        control,
        input_files,
        next_expiry,
    })
}

/// When the first OCSP response has to be taken away.
fn next_expiry(eap: Option<&Eap>, realms: &BTreeMap<Realm, RealmRules>) -> Option<Timestamp> {
    let defaults = eap.map(|eap| &eap.defaults.chain).into_iter();
    let named = eap.map_or(&[][..], |eap| &eap.chains);
    let realms = realms.values().filter_map(|rules| rules.eap.as_ref());
    let chains = defaults
        .chain(named.iter().map(|named| &named.chain))
        .chain(realms.map(|profile| &profile.chain));
    let ends = chains.filter_map(|chain| chain.ocsp_response.as_ref()?.next_update);
    ends.min()
}

/// The methods of every table that offers some, by its name.
fn offered<'c>(
    eap: Option<&'c Eap>,
    realms: &'c BTreeMap<Realm, RealmRules>,
) -> Vec<(String, &'c [MethodType])> {
    let defaults = eap.map(|eap| ("eap".to_owned(), &*eap.defaults.methods));
    let realms = realms.iter().filter_map(|(name, rules)| {
        let eap = rules.eap.as_ref()?;
        Some((format!("realm.\"{name}\""), &*eap.methods))
    });
    defaults.into_iter().chain(realms).collect()
}

fn realms(root: &mut Section<'_>) -> Vec<Located<Realm>> {
    const EXPECTED: &str = "a list of realms with a dot in each, like [\"campus.example\"]";
    if !root.has("realms") {
        root.missing(
            "realms",
            "the realms of your own users, like realms = [\"campus.example\"]",
        );
    }
    let mut known: Vec<Located<Realm>> = Vec::new();
    for realm in root
        .list("realms", EXPECTED, |text| Realm::parse(text).ok())
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
