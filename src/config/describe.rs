//! A configuration in a few lines, as `portvakt check` prints it.

use portvakt_auth::Rules;
use portvakt_eap::{MethodType, TlsVersions};
use portvakt_radius::MessageAuthenticatorPolicy;
use portvakt_resets::{Language, OpeningKind, Parts};

use portvakt_ldap::settings::{Settings, Verify};

use super::pem::{self, Wanted};
use super::{
    AccountSource, Accounting, Chain, Client, ClientMethods, Config, Eap, EapProfile,
    GatewaySettings,
};

/// Describes what the server would do with this configuration, one fact a line; no secrets.
pub fn describe(config: &Config) -> Vec<String> {
    let mut lines = vec![
        format!("realms      {}", join(&config.realms)),
        format!("listening   {}", join(&config.listen)),
        format!("data        {}", config.data.display()),
    ];
    if let Some(store) = &config.store {
        lines.push(format!("store       PostgreSQL, {}", store.at()));
        lines.push(format!("node        {}", config.node.name));
    }
    lines.push(accounting(config));
    lines.extend(config.clients.iter().map(client));
    lines.extend(
        config
            .account_sources
            .iter()
            .filter_map(|source| directory(config, source)),
    );
    match &config.eap {
        Some(defaults) => lines.extend(eap(config, defaults)),
        None => lines.push("eap         off".to_owned()),
    }
    lines.extend(rules(&config.rules, ""));
    let special = config
        .account_sources
        .iter()
        .filter(|source| source.rules != config.rules);
    lines.extend(special.flat_map(|source| {
        let realms = format!(" ({})", join(&source.realms));
        rules(&source.rules, &realms)
    }));
    lines.push(format!(
        "audit       {}, kept {} days",
        config.audit.folder.display(),
        config.audit.keep_days
    ));
    let metrics = config
        .metrics
        .map_or_else(|| "off".to_owned(), |a| format!("http://{a}/metrics"));
    lines.push(format!("metrics     {metrics}"));
    lines.push(format!("control     {}", config.control.display()));
    lines.extend(messages(config));
    lines
}

/// The gateway of text messages, and the size of each text with the longest values.
fn messages(config: &Config) -> Vec<String> {
    let sms = &config.sms;
    let gateway = match &sms.gateway {
        _ if !sms.enabled => "off".to_owned(),
        GatewaySettings::Outbox(folder) => format!("files in {}", folder.display()),
        GatewaySettings::Http(settings) => format!("by {}", settings.name),
    };
    let size = |(kind, language, parts): (OpeningKind, Language, Parts)| {
        let what = match kind {
            OpeningKind::Proof => "proof",
            _ => "temporary password",
        };
        format!("            {what}, {}: {parts}", language.as_str())
    };
    let first = format!("messages    {gateway}");
    std::iter::once(first)
        .chain(sms.sizes().map(size))
        .collect()
}

fn accounting(config: &Config) -> String {
    let Accounting {
        listen, keep_days, ..
    } = &config.accounting;
    match listen.is_empty() {
        true => "accounting  off".to_owned(),
        false => format!("accounting  {}, kept {keep_days} days", join(listen)),
    }
}

/// The directory with the accounts, if that must be said.
fn directory(config: &Config, source: &AccountSource) -> Option<String> {
    let of = match &*config.account_sources {
        [_] => String::new(),
        _ => format!(" of {}", join(&source.realms)),
    };
    match &source.directory {
        Some(ldap) => Some(format!("directory   {}{of} {}", ldap.name, asked(ldap))),
        None if of.is_empty() => None,
        None => Some(format!("directory   {}{of}", source.name())),
    }
}

fn asked(ldap: &Settings) -> String {
    let verify = match ldap.verify {
        Verify::Hash => "passwords compared with the stored hash",
        Verify::Bind => "passwords checked by bind",
    };
    let authorities = ldap.authorities.as_ref();
    let authorities = authorities.map_or_else(String::new, |pem| {
        format!("; {} authorities", pem::count(pem, Wanted::Certificates))
    });
    format!(
        "({}): {}; {verify}{authorities}",
        ldap.template,
        join(&ldap.servers)
    )
}

fn join<T: ToString>(items: &[T]) -> String {
    items
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn client(client: &Client) -> String {
    let ClientMethods {
        eap,
        pap,
        mschapv2,
        legacy_mschap,
        legacy_chap,
    } = client.methods;
    let named = [
        (eap, "eap"),
        (pap, "pap"),
        (mschapv2, "mschapv2"),
        (legacy_mschap, "legacy-mschap"),
        (legacy_chap, "legacy-chap"),
    ];
    let methods: Vec<_> = named
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| *name)
        .collect();
    let methods = methods.join(", ");
    let ikev2 = match client.ikev2_methods.len() {
        0 => "",
        _ => ", without a tunnel within IKEv2",
    };
    let peer = match client.federation_peer {
        true => ", federation",
        false => "",
    };
    let legacy = match client.message_authenticator {
        MessageAuthenticatorPolicy::LegacyOptional => ", legacy",
        MessageAuthenticatorPolicy::Required => "",
    };
    let Client {
        name,
        nets,
        service,
        ..
    } = client;
    format!(
        "client      {name} ({}): {service}, {methods}{ikev2}{peer}{legacy}",
        join(nets)
    )
}

/// The defaults, then the profiles of realms, and the chains for outer names.
fn eap(config: &Config, eap: &Eap) -> Vec<String> {
    let mut lines = vec![format!("eap         {}", profile(&eap.defaults))];
    let realms = config.realm_rules.iter();
    lines.extend(realms.filter_map(|(name, rules)| {
        let eap = rules.eap.as_ref()?;
        Some(format!("realm       {name}: {}", profile(eap)))
    }));
    let chains = eap.chains.iter();
    lines.extend(chains.map(|named| {
        let names = join(&named.outer_names);
        format!(
            "chain       {} for {names}: {}",
            named.chain.name,
            chain(&named.chain)
        )
    }));
    lines
}

fn chain(chain: &Chain) -> String {
    let names = chain.facts.names.join(", ");
    let until = chain.facts.not_after.strftime("%Y-%m-%d");
    let certificates = pem::count(&chain.pem, Wanted::Certificates);
    let issuers = match certificates {
        0 | 1 => "alone in its file".to_owned(),
        2 => "with 1 issuer".to_owned(),
        count => format!("with {} issuers", count - 1),
    };
    format!("certificate {names}, valid until {until}, {issuers}")
}

/// How many authorities and lists there are for client certificates.
fn clients(eap: &EapProfile) -> String {
    let Some(clients) = &eap.client_certificates else {
        return String::new();
    };
    let authorities = pem::count(&clients.authorities, Wanted::Certificates);
    let lists = clients.revocation_lists.as_ref();
    let lists = lists.map_or(0, |lists| {
        pem::count(&lists.octets, Wanted::RevocationLists)
    });
    format!("; client certificates by {authorities} authorities, {lists} revocation lists")
}

fn profile(eap: &EapProfile) -> String {
    let versions = match eap.tls_versions {
        TlsVersions::Both => "TLS 1.2 and 1.3",
        TlsVersions::Tls12Only => "TLS 1.2",
        TlsVersions::Tls13Only => "TLS 1.3",
    };
    let word = |method: &MethodType| {
        super::eap::METHODS
            .iter()
            .find(|(_, known)| known == method)
    };
    let methods = eap.methods.iter().filter_map(word).map(|(word, _)| *word);
    let methods = methods.collect::<Vec<_>>().join(", ");
    let (chain, clients) = (chain(&eap.chain), clients(eap));
    format!("{methods} over {versions}; {chain}{clients}")
}

/// Of the accounts of all realms, or of these.
fn rules(rules: &Rules, realms: &str) -> [String; 2] {
    let lockout = &rules.lockout;
    let minutes = lockout.duration.as_secs_f64() / 60.0;
    let terms = join(rules.terms.deadlines());
    let zone = rules.terms.zone().iana_name().unwrap_or("local");
    [
        format!(
            "lockout     {} failed log-ons, {minutes} minutes{realms}",
            lockout.attempts
        ),
        format!("terms       {terms}, {zone}{realms}"),
    ]
}
