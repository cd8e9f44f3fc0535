//! `[eap]`: which methods are offered, what is spoken inside them, and how devices are checked.
//!
//! A realm's table has most of the same keys (`realm.rs`): what it leaves out comes from here.

use std::time::Duration;

use portvakt_auth::Realm;
use portvakt_eap::{IdentityType, InnerMethod, MethodType, TeapIdentities, TlsVersions};

use super::chain::{self, Chain, NamedChain};
use super::external::External;
use super::pem;
use super::revocation::{self, RevocationLists};
use super::secret::Secret;
use super::section::Section;
use super::ticket_keys::ticket_keys;

/// How EAP conversations are led.
#[derive(Debug, Clone)]
pub struct Eap {
    /// The profile of every realm without one of its own.
    pub defaults: EapProfile,
    /// Chains for devices that are known by their outer name; the first that matches counts, and
    /// goes before that of a realm.
    pub chains: Vec<NamedChain>,
    /// How often EAP-MSCHAPv2 asks again after a wrong answer.
    pub mschapv2_retries: u8,
    /// How long a device may come back without its password; zero is never.
    pub resume_for: Duration,
    /// 32 octets each, newest first: what EAP-TLS sessions are sealed under for other servers; none
    /// keeps sessions in this process alone.
    pub ticket_keys: Vec<Secret>,
    /// Most EAP octets in one request to a NAS that does not send Framed-MTU.
    pub max_fragment: u16,
}

/// How EAP conversations are led in one realm.
#[derive(Debug, Clone)]
pub struct EapProfile {
    /// Offered in this order; never empty.
    pub methods: Vec<MethodType>,
    /// The certificate that devices check.
    pub chain: Chain,
    /// Versions that may be spoken.
    pub tls_versions: TlsVersions,
    /// Methods inside EAP-TTLS; never empty.
    pub ttls_inner: Vec<InnerMethod>,
    /// Methods inside PEAP; never empty.
    pub peap_inner: Vec<InnerMethod>,
    /// Methods of users inside TEAP; never empty.
    pub teap_inner: Vec<InnerMethod>,
    /// Methods of machines inside TEAP; never empty.
    pub teap_machine_inner: Vec<InnerMethod>,
    /// Whom TEAP asks for.
    pub teap_identities: TeapIdentities,
    /// How client certificates are checked; there where EAP-TLS is offered, by itself or in a tunnel.
    pub client_certificates: Option<ClientCertificates>,
}

/// How client certificates are checked.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    /// The authorities, PEM.
    pub authorities: Vec<u8>,
    /// Revocation lists; none checks no revocation.
    pub revocation_lists: Option<RevocationLists>,
    /// Whether a list that is past its next update lets nobody in whom it would vouch for.
    pub refuse_on_stale_list: bool,
    /// Fields that may carry the account's name, in the order of looking; never empty.
    pub names: Vec<CertificateName>,
}

/// The field of a client certificate that names its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// rfc822Name of subjectAltName.
    Email,
    /// User Principal Name of subjectAltName.
    Upn,
    /// dNSName of subjectAltName.
    Dns,
    /// The common name of the subject.
    CommonName,
}

/// Most octets of an EAP request to a client that sends no Framed-MTU (RFC 3579 §2.4).
pub(super) const DEFAULT_FRAGMENT: u16 = 1020;

/// The source of the keys that a table leaves out.
#[derive(Clone, Copy)]
pub(super) enum Parent<'e> {
    /// Nothing: the table is `[eap]` itself.
    Nothing,
    /// `[eap]`, unless that has a mistake.
    Eap(Option<&'e EapProfile>),
}

impl<'e> Parent<'e> {
    fn profile(self) -> Option<&'e EapProfile> {
        match self {
            Self::Nothing => None,
            Self::Eap(profile) => profile,
        }
    }

    fn says_nothing(self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// Inputs of every table with a certificate.
#[derive(Clone, Copy)]
pub(super) struct Context<'r> {
    pub(super) external: &'r External,
    pub(super) now: jiff::Timestamp,
    /// `eap.max-fragment`.
    pub(super) fragment: u16,
}

/// Reads `[eap]`. `needed` is whether any client speaks EAP; without it an absent table is fine.
pub(super) fn eap(
    root: &mut Section<'_>,
    external: &External,
    ours: &[Realm],
    needed: bool,
    now: jiff::Timestamp,
) -> Option<Eap> {
    let absent = !root.has("eap");
    let mut section = root.table("eap");
    if absent && !needed {
        return None;
    }
    let max_fragment = section.integer("max-fragment", DEFAULT_FRAGMENT, 256..=1400);
    let day = Duration::from_secs(24 * 60 * 60);
    let resume_for = section.duration("resume-for", day / 3, Duration::ZERO..=7 * day);
    let ticket_keys = ticket_keys(&mut section, external);
    let mschapv2_retries = section.integer("mschapv2-retries", 0, 0..=2);
    let context = Context {
        external,
        now,
        fragment: max_fragment,
    };
    let defaults = profile(&mut section, context, Parent::Nothing, "default");
    let chains = chain::named(&mut section, context, ours, defaults.as_ref());
    section.finish();
    Some(Eap {
        defaults: defaults?,
        chains,
        mschapv2_retries,
        resume_for,
        ticket_keys,
        max_fragment,
    })
}

/// Reads the keys that `[eap]` and a realm's table have in common. `name` is what metrics call the
/// chain.
pub(super) fn profile(
    section: &mut Section<'_>,
    context: Context<'_>,
    parent: Parent<'_>,
    name: &str,
) -> Option<EapProfile> {
    let defaults = parent.profile();
    let methods_place = section.has("methods").then(|| section.key_place("methods"));
    let methods = each_once(section, "methods", METHODS).unwrap_or_else(|| {
        defaults.map_or_else(
            || vec![MethodType::Ttls],
            |defaults| defaults.methods.clone(),
        )
    });
    let tls_versions = tls_versions(section)
        .or(defaults.map(|defaults| defaults.tls_versions))
        .unwrap_or_default();
    let inside = InnerMethods::read(section, defaults);
    let client_certificates = client_certificates(section, context, &methods, &inside, parent);
    let own = parent.says_nothing() || chain::is_named_in(section);
    let chain = match own {
        true => chain::chain(section, context, &methods, name),
        false => defaults.map(|defaults| defaults.chain.clone()),
    };
    if let (false, Some(chain), Some(place)) = (own, &chain, &methods_place) {
        chain::check_length(section, place, chain, &methods, context);
    }
    Some(EapProfile {
        methods,
        chain: chain?,
        tls_versions,
        ttls_inner: inside.ttls,
        peap_inner: inside.peap,
        teap_inner: inside.teap,
        teap_machine_inner: inside.teap_machine,
        teap_identities: inside.teap_identities,
        client_certificates,
    })
}

/// Methods inside the tunnels, and the identities that TEAP asks for.
struct InnerMethods {
    ttls: Vec<InnerMethod>,
    peap: Vec<InnerMethod>,
    teap: Vec<InnerMethod>,
    teap_machine: Vec<InnerMethod>,
    teap_identities: TeapIdentities,
}

impl InnerMethods {
    fn read(section: &mut Section<'_>, defaults: Option<&EapProfile>) -> Self {
        let inherited = |list: fn(&EapProfile) -> &Vec<InnerMethod>, else_: InnerMethod| {
            defaults.map_or_else(|| vec![else_], |defaults| list(defaults).clone())
        };
        Self {
            ttls: each_once(section, "ttls-inner", TTLS_INNER)
                .unwrap_or_else(|| inherited(|defaults| &defaults.ttls_inner, InnerMethod::Pap)),
            peap: each_once(section, "peap-inner", PEAP_INNER).unwrap_or_else(|| {
                inherited(|defaults| &defaults.peap_inner, InnerMethod::EapMsChapV2)
            }),
            teap: each_once(section, "teap-inner", TEAP_INNER).unwrap_or_else(|| {
                inherited(|defaults| &defaults.teap_inner, InnerMethod::EapMsChapV2)
            }),
            // A password can be typed at any device: it proves no machine.
            teap_machine: each_once(section, "teap-machine-inner", TEAP_INNER).unwrap_or_else(
                || inherited(|defaults| &defaults.teap_machine_inner, InnerMethod::EapTls),
            ),
            teap_identities: teap_identities(section)
                .or(defaults.map(|defaults| defaults.teap_identities))
                .unwrap_or_default(),
        }
    }

    /// Whether client certificates are shown where `method` is offered, by users or at all.
    fn takes_certificates(&self, method: MethodType) -> bool {
        match method {
            MethodType::Ttls => self.ttls.contains(&InnerMethod::EapTls),
            MethodType::Peap => self.peap.contains(&InnerMethod::EapTls),
            MethodType::Teap => self.teap.contains(&InnerMethod::EapTls),
            MethodType::Tls => true,
        }
    }

    /// Whether machines show theirs inside TEAP.
    fn takes_machine_certificates(&self, method: MethodType) -> bool {
        method == MethodType::Teap
            && self.teap_identities != TeapIdentities::User
            && self.teap_machine.contains(&InnerMethod::EapTls)
    }
}

pub(super) const METHODS: &[(&str, MethodType)] = &[
    ("ttls", MethodType::Ttls),
    ("peap", MethodType::Peap),
    ("tls", MethodType::Tls),
    ("teap", MethodType::Teap),
];

const TTLS_INNER: &[(&str, InnerMethod)] = &[
    ("pap", InnerMethod::Pap),
    ("mschapv2", InnerMethod::MsChapV2),
    ("legacy-mschap", InnerMethod::MsChap),
    ("legacy-chap", InnerMethod::Chap),
    ("eap-mschapv2", InnerMethod::EapMsChapV2),
    ("eap-gtc", InnerMethod::EapGtc),
    ("eap-tls", InnerMethod::EapTls),
    ("legacy-eap-md5", InnerMethod::EapMd5),
];

const PEAP_INNER: &[(&str, InnerMethod)] = &[
    ("eap-mschapv2", InnerMethod::EapMsChapV2),
    ("eap-gtc", InnerMethod::EapGtc),
    ("eap-tls", InnerMethod::EapTls),
];

const TEAP_INNER: &[(&str, InnerMethod)] = &[
    ("eap-mschapv2", InnerMethod::EapMsChapV2),
    ("eap-tls", InnerMethod::EapTls),
    ("password", InnerMethod::Password),
];

/// The machine comes first, in whatever order the file names them.
fn teap_identities(section: &mut Section<'_>) -> Option<TeapIdentities> {
    const WORDS: &[(&str, IdentityType)] = &[
        ("user", IdentityType::User),
        ("machine", IdentityType::Machine),
    ];
    let asked = each_once(section, "teap-identities", WORDS)?;
    let has = |identity| asked.contains(&identity);
    Some(
        match (has(IdentityType::Machine), has(IdentityType::User)) {
            (true, true) => TeapIdentities::MachineThenUser,
            (true, false) => TeapIdentities::Machine,
            _ => TeapIdentities::User,
        },
    )
}

const NAMES: &[(&str, CertificateName)] = &[
    ("email", CertificateName::Email),
    ("upn", CertificateName::Upn),
    ("dns", CertificateName::Dns),
    ("common-name", CertificateName::CommonName),
];

/// A list of words, each at most once; `None` where the key is absent.
pub(super) fn each_once<T: Copy + PartialEq>(
    section: &mut Section<'_>,
    key: &'static str,
    words: &'static [(&'static str, T)],
) -> Option<Vec<T>> {
    let given = section.words(key, words)?;
    for (index, item) in given.iter().enumerate() {
        if let Some(first) = given.iter().take(index).find(|g| g.value == item.value) {
            section
                .report()
                .duplicate(&item.place, &first.place, "name it once");
        }
    }
    Some(given.into_iter().map(|item| item.value).collect())
}

/// `client-ca` and what goes with it; asked for where EAP-TLS is offered. Lists belong to their
/// authorities: whoever names other authorities names other lists.
fn client_certificates(
    section: &mut Section<'_>,
    context: Context<'_>,
    methods: &[MethodType],
    inside: &InnerMethods,
    parent: Parent<'_>,
) -> Option<ClientCertificates> {
    let mut offered = methods.iter().copied();
    let of_users = offered
        .clone()
        .any(|method| inside.takes_certificates(method));
    let of_machines = offered.any(|method| inside.takes_machine_certificates(method));
    let defaults = parent
        .profile()
        .and_then(|defaults| defaults.client_certificates.as_ref());
    let is_told = defaults.is_some() || matches!(parent, Parent::Eap(None));
    if (of_users || of_machines) && !is_told && !section.has("client-ca") {
        let advice = match of_users {
            true => "the PEM file with the authorities of your devices",
            false => {
                "the PEM file with the authorities of your machines: they show a certificate inside \
                 TEAP, unless teap-machine-inner says otherwise"
            }
        };
        section.missing("client-ca", advice);
    }
    let authorities = authorities(section, context);
    let lists = revocation_lists(section, context);
    let default_lists = defaults.filter(|_| authorities.is_none());
    let default_lists = default_lists.and_then(|defaults| defaults.revocation_lists.clone());
    let counts_when_stale = defaults.is_some_and(|defaults| !defaults.refuse_on_stale_list);
    let counts_when_stale = section.boolean("client-crl-stale-danger", counts_when_stale);
    let names = each_once(section, "client-names", NAMES);
    let names = names.or_else(|| defaults.map(|defaults| defaults.names.clone()));
    Some(ClientCertificates {
        authorities: authorities
            .or_else(|| defaults.map(|defaults| defaults.authorities.clone()))?,
        revocation_lists: lists.or(default_lists),
        refuse_on_stale_list: !counts_when_stale.value,
        names: names.unwrap_or_else(|| vec![CertificateName::Upn]),
    })
}

/// `client-ca`, with at least one certificate in it.
fn authorities(section: &mut Section<'_>, context: Context<'_>) -> Option<Vec<u8>> {
    let file = context.external.file(section, "client-ca")?;
    let (path, content) = &file.value;
    pem::authorities(section, &file.place, path, content)
}

/// `client-crl`. One that is past its next update shuts out everybody, or is no protection.
fn revocation_lists(section: &mut Section<'_>, context: Context<'_>) -> Option<RevocationLists> {
    let file = context.external.file(section, "client-crl")?;
    let (path, content) = &file.value;
    let lists = revocation::of_file(section, &file.place, path, content)?;
    if let Some(end) = lists.next_update.filter(|end| *end <= context.now) {
        let day = end.strftime("%Y-%m-%d");
        let lint = format!("a list in it should have been replaced by {day}");
        let advice = "fetch the new one: nobody it vouches for gets in, or revoked ones do";
        section.report().warning(&file.place, lint, advice);
    }
    Some(lists)
}

fn tls_versions(section: &mut Section<'_>) -> Option<TlsVersions> {
    let words = &[
        ("1.2", TlsVersions::Tls12Only),
        ("1.3", TlsVersions::Tls13Only),
    ];
    let given = section.words("tls-versions", words)?;
    let (first, others) = given.split_first()?;
    let is_one = others.iter().all(|other| other.value == first.value);
    Some(if is_one {
        first.value
    } else {
        TlsVersions::Both
    })
}
