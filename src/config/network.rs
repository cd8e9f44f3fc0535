//! Addresses to listen on, treatment of requests, and RADIUS clients: `[[listen]]`, `[radius]`,
//! `[[client]]`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use portvakt_eap::UntunnelledMethod;
use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};

use super::cui_key::cui_key;
use super::disconnect::{self, Disconnect};
use super::external::External;
use super::ikev2::{self, Gateway};
use super::problem::Problem;
use super::report::Located;
use super::secret::Secret;
use super::section::Section;
use super::shared_secret::SecretKeys;
use super::value;

/// The port that RADIUS authentication has had since RFC 2865.
const AUTHENTICATION_PORT: u16 = 1812;

/// How requests are received and answered.
#[derive(Debug, Clone)]
pub struct Radius {
    /// Receiving threads; 0 is one per core.
    pub workers: u16,
    /// No Access-Reject leaves sooner than this after its request came, for clients without a delay of
    /// their own.
    pub reject_delay: Duration,
    /// By how many per cent of itself that delay varies.
    pub reject_jitter_percent: u8,
    /// How long an answer is kept for retransmissions.
    pub duplicate_lifetime: Duration,
    /// After this long without a word from the device a conversation is given up.
    pub conversation_timeout: Duration,
    /// Most EAP conversations at once, about 12 kB each.
    pub max_conversations: u32,
    /// Octets that the kernel may hold for each socket.
    pub receive_buffer: u64,
    /// The key of Chargeable-User-Identity (RFC 4372); without it none is sent.
    pub cui_key: Option<Secret>,
}

/// A RADIUS client: an access point, a switch, a VPN concentrator, or a range of them.
#[derive(Debug, Clone)]
pub struct Client {
    /// Unique; a label in metrics and the audit log.
    pub name: String,
    /// Networks that it sends from; the longest prefix of all clients wins. Never empty.
    pub nets: Vec<IpNet>,
    /// The secret shared with it.
    pub secret: SharedSecret,
    /// The service that its users log on to.
    pub service: String,
    /// Whether requests without Message-Authenticator are taken (RFC 3579 §3.2; CVE-2024-3596).
    pub message_authenticator: MessageAuthenticatorPolicy,
    /// The authentication methods that it may send.
    pub methods: ClientMethods,
    /// EAP methods without a tunnel that are offered to devices of this VPN gateway before those of
    /// `[eap]`; empty for all other clients.
    pub ikev2_methods: Vec<UntunnelledMethod>,
    /// Whether MS-CHAP outside EAP lets a device ask its user again.
    pub mschap_retry: bool,
    /// Whether its Accepts carry a VLAN.
    pub send_vlan: bool,
    /// Whether its Accepts carry the account's name.
    pub send_user_name: bool,
    /// Whether it is a server of the federation: then it brings EAP and nothing else.
    pub federation_peer: bool,
    /// No refusal of a request of this client leaves sooner than this after the request came.
    pub reject_delay: Duration,
    /// How its sessions are ended; `None` if they are not.
    pub disconnect: Option<Disconnect>,
}

/// The ways of proving a password that a client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientMethods {
    /// EAP, with the methods of `[eap]`.
    pub eap: bool,
    /// A bare User-Password.
    pub pap: bool,
    /// MS-CHAPv2 outside EAP.
    pub mschapv2: bool,
    /// MS-CHAP outside EAP.
    pub legacy_mschap: bool,
    /// CHAP outside EAP.
    pub legacy_chap: bool,
}

impl ClientMethods {
    /// EAP, and nothing besides.
    pub const EAP_ONLY: Self = Self {
        eap: true,
        pap: false,
        mschapv2: false,
        legacy_mschap: false,
        legacy_chap: false,
    };
}

impl fmt::Display for ClientMethods {
    /// As the configuration has them: `["eap", "pap"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |method| match method {
            Method::Eap => self.eap,
            Method::Pap => self.pap,
            Method::MsChapV2 => self.mschapv2,
            Method::LegacyMsChap => self.legacy_mschap,
            Method::LegacyChap => self.legacy_chap,
        };
        let words = METHODS.iter().filter(|(_, method)| has(*method));
        f.debug_list().entries(words.map(|(word, _)| word)).finish()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Eap,
    Pap,
    MsChapV2,
    LegacyMsChap,
    LegacyChap,
}

const METHODS: &[(&str, Method)] = &[
    ("eap", Method::Eap),
    ("pap", Method::Pap),
    ("mschapv2", Method::MsChapV2),
    ("legacy-mschap", Method::LegacyMsChap),
    ("legacy-chap", Method::LegacyChap),
];

pub(super) fn listen(root: &mut Section<'_>) -> Vec<SocketAddr> {
    const EXPECTED: &str = "an address and a port, like \"0.0.0.0:1812\" or \"[::]:1812\"";
    let mut addresses: Vec<Located<SocketAddr>> = Vec::new();
    for mut section in root.tables("listen") {
        let parse = |text: &str| value::socket_address(text, AUTHENTICATION_PORT);
        let known = section.has("address");
        match section.parsed("address", EXPECTED, parse) {
            Some(address) => add_address(&mut addresses, address, &section),
            None if !known => section.missing("address", "say where to listen"),
            None => {}
        }
        section.finish();
    }
    if addresses.is_empty() {
        return default_addresses();
    }
    addresses.into_iter().map(|address| address.value).collect()
}

fn add_address(
    addresses: &mut Vec<Located<SocketAddr>>,
    address: Located<SocketAddr>,
    section: &Section<'_>,
) {
    let is_any_port = address.value.port() == 0;
    match addresses
        .iter()
        .find(|known| known.value == address.value && !is_any_port)
    {
        Some(first) => section
            .report()
            .duplicate(&address.place, &first.place, "remove one"),
        None => addresses.push(address),
    }
}

fn default_addresses() -> Vec<SocketAddr> {
    vec![
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, AUTHENTICATION_PORT)),
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, AUTHENTICATION_PORT)),
    ]
}

pub(super) fn radius(root: &mut Section<'_>, external: &External) -> Radius {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    let mut section = root.table("radius");
    let radius = Radius {
        workers: section.integer("workers", 0, 0..=1024),
        reject_delay: section.duration("reject-delay", seconds(1), seconds(0)..=seconds(5)),
        reject_jitter_percent: section.integer("reject-jitter-percent", 20, 0..=50),
        duplicate_lifetime: section.duration("duplicate-lifetime", seconds(10), span(5, 30)),
        conversation_timeout: section.duration("conversation-timeout", seconds(30), span(5, 120)),
        max_conversations: section.integer("max-conversations", 20_000, 100..=1_000_000),
        receive_buffer: section.size("receive-buffer", 8 * MIB, 64 * KIB..=1024 * MIB),
        cui_key: cui_key(&mut section, external),
    };
    check_waiting(&section, &radius, radius.reject_delay);
    section.finish();
    radius
}

/// A request must be known for as long as its refusal waits.
fn check_waiting(section: &Section<'_>, radius: &Radius, delay: Duration) {
    let percent = 100 + u32::from(radius.reject_jitter_percent);
    if delay * percent / 100 < radius.duplicate_lifetime {
        return;
    }
    let keys = ["duplicate-lifetime", "reject-delay"];
    let key = keys.into_iter().find(|key| section.has(key));
    let place = section.key_place(key.unwrap_or("reject-delay"));
    let problem =
        Problem::Malformed("a duplicate-lifetime longer than reject-delay with its jitter");
    let advice = "else a request that is sent again while its refusal waits counts as another one";
    section.report().problem(&place, problem, advice);
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn span(least: u64, most: u64) -> RangeInclusive<Duration> {
    seconds(least)..=seconds(most)
}

/// Names, networks and services of the clients so far, those with mistakes too, to find duplicates.
#[derive(Default)]
pub(super) struct Heard {
    names: Vec<Located<String>>,
    nets: Vec<Located<IpNet>>,
    /// Every service that a client has.
    pub(super) services: Vec<String>,
    /// Whether any client may speak EAP.
    pub(super) eap: bool,
}

pub(super) fn clients(
    root: &mut Section<'_>,
    radius: &Radius,
    external: &External,
) -> (Vec<Client>, Heard) {
    if !root.has("client") {
        let advice = "add a [[client]] with name, net and secret: without one, nobody may ask";
        root.missing("client", advice);
    }
    let mut heard = Heard::default();
    let sections = root.tables("client").into_iter();
    let clients = sections
        .filter_map(|section| client(section, radius, external, &mut heard))
        .collect();
    (clients, heard)
}

fn client(
    mut section: Section<'_>,
    radius: &Radius,
    external: &External,
    heard: &mut Heard,
) -> Option<Client> {
    let name = client_name(&mut section, &mut heard.names);
    let nets = client_nets(&mut section, &mut heard.nets);
    let secret = client_secret(&mut section, external);
    let service = service(&mut section);
    let message_authenticator = message_authenticator(&mut section);
    let federation_peer = section.boolean("federation-peer", false).value;
    let methods = client_methods(&mut section, &service, federation_peer);
    let mschap_retry = section.boolean("mschap-retry", false).value;
    const VLANS: &str = "no other site knows your VLANs: remove one of the two";
    const NAMES: &str = "no other site is to learn who your people are: remove one of the two";
    let send_vlan = of_our_own(&mut section, "send-vlan", federation_peer, VLANS);
    let send_user_name = of_our_own(&mut section, "send-user-name", federation_peer, NAMES);
    let gateway = Gateway {
        service: &service,
        speaks_eap: methods.eap,
        sends_vlan: send_vlan,
        federation_peer,
    };
    let ikev2_methods = ikev2::methods(&mut section, &gateway);
    let reject_delay = client_reject_delay(&mut section, radius);
    let disconnect = disconnect::disconnect(&mut section, external, &nets, federation_peer);
    section.finish();
    heard.services.push(service.clone());
    heard.eap |= methods.eap;
    let (name, secret) = (name?, secret?);
    Some(Client {
        name,
        nets,
        secret,
        service,
        message_authenticator,
        methods,
        ikev2_methods,
        mschap_retry,
        send_vlan,
        send_user_name,
        federation_peer,
        reject_delay,
        disconnect,
    })
}

/// Equipment that asks in one thread waits for each refusal, and so does everybody behind it; one
/// whose patience is over repeats the request or reports a dead server.
fn client_reject_delay(section: &mut Section<'_>, radius: &Radius) -> Duration {
    const PATIENCE: Duration = Duration::from_secs(2);
    let known = section.has("reject-delay");
    let range = seconds(0)..=seconds(5);
    let delay = section.duration("reject-delay", radius.reject_delay, range);
    if known {
        check_waiting(section, radius, delay);
    }
    if known && delay > PATIENCE {
        let lint = "some equipment gives up on an answer after two or three seconds";
        let advice = "take \"2s\" or less, or see that the equipment waits longer";
        section
            .report()
            .warning(&section.key_place("reject-delay"), lint, advice);
    }
    delay
}

fn client_name(section: &mut Section<'_>, known: &mut Vec<Located<String>>) -> Option<String> {
    const EXPECTED: &str = "letters, digits, '.', '_' and '-', up to 64";
    if !section.has("name") {
        section.missing("name", "logs and metrics call the client by it");
    }
    let name = section.parsed("name", EXPECTED, value::label)?;
    if let Some(first) = known.iter().find(|first| first.value == name.value) {
        let advice = "give each client its own name; one client can have several nets";
        section
            .report()
            .duplicate(&name.place, &first.place, advice);
    }
    known.push(name.clone());
    Some(name.value)
}

fn client_nets(section: &mut Section<'_>, known: &mut Vec<Located<IpNet>>) -> Vec<IpNet> {
    const ONE: &str = "an address or a network, like \"10.20.0.0/16\" or \"2001:db8::/32\"";
    const LIST: &str = "a list of networks, like [\"10.20.0.0/16\", \"2001:db8::/32\"]";
    match (section.has("net"), section.has("nets")) {
        (false, false) => section.missing("net", "say which addresses the client sends from"),
        (true, true) => {
            let problem = Problem::Conflict("nets".to_owned());
            let place = section.key_place("net");
            section
                .report()
                .problem(&place, problem, "put all of them into nets");
        }
        _ => {}
    }
    let one = section.advised("net", ONE, value::net, net_advice);
    let list = section.advised_list("nets", LIST, value::net, net_advice);
    let mut given: Vec<Located<IpNet>> = one.into_iter().collect();
    given.extend(list.into_iter().flatten());
    for net in &given {
        check_net(net, known, section);
        known.push(net.clone());
    }
    given.into_iter().map(|net| net.value).collect()
}

/// Advice for a text that is no network.
fn net_advice(text: &str) -> String {
    let mask = text.split_once('/').and_then(|(address, mask)| {
        let mask: Ipv4Addr = mask.parse().ok()?;
        let net = IpNet::with_netmask(address.parse().ok()?, mask.into()).ok()?;
        Some(format!(
            "write \"{}\": the mask is a number of bits",
            net.trunc()
        ))
    });
    let is_name = text.contains(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    match mask {
        Some(advice) => advice,
        None if is_name => "names are not looked up: write the address".to_owned(),
        None if text.contains('-') => {
            "a range is written as the networks that make it up".to_owned()
        }
        None => String::new(),
    }
}

fn check_net(net: &Located<IpNet>, known: &[Located<IpNet>], section: &Section<'_>) {
    let report = section.report();
    if net.value != net.value.trunc() {
        let problem = Problem::Malformed("a network whose host bits are zero");
        let advice = format!(
            "did you mean \"{}\", or one address without a slash?",
            net.value.trunc()
        );
        report.problem(&net.place, problem, advice);
    } else if let Some(first) = known.iter().find(|first| first.value == net.value) {
        let advice = "a network belongs to one client; narrower ones inside it are allowed";
        report.duplicate(&net.place, &first.place, advice);
    }
    if net.value.prefix_len() == 0 {
        let advice = "name the networks of your own access points and switches";
        report.warning(
            &net.place,
            "anybody on the internet may send and guess the secret",
            advice,
        );
    }
}

fn client_secret(section: &mut Section<'_>, external: &External) -> Option<SharedSecret> {
    const KEYS: SecretKeys = SecretKeys {
        literal: "secret",
        file: "secret-file",
        variable: "secret-env",
    };
    if KEYS.first_given(section).is_none() {
        section.missing("secret", "give secret, secret-file or secret-env");
    }
    KEYS.read(section, external)
}

fn service(section: &mut Section<'_>) -> String {
    const EXPECTED: &str = "a service's name: letters, digits, '.', '_' and '-', up to 64";
    let given = section.parsed("service", EXPECTED, value::label);
    given.map_or_else(|| "eduroam".to_owned(), |given| given.value)
}

fn message_authenticator(section: &mut Section<'_>) -> MessageAuthenticatorPolicy {
    let legacy = section.boolean("legacy-message-authenticator-optional", false);
    if legacy.value {
        let lint = "answers to this client can be forged (CVE-2024-3596), and anybody who can \
                       send from its address can lock accounts";
        let advice = "update its firmware, make it send Message-Authenticator, remove this line; or \
                      give it a link that nobody else is on";
        section.report().warning(&legacy.place, lint, advice);
        return MessageAuthenticatorPolicy::LegacyOptional;
    }
    MessageAuthenticatorPolicy::Required
}

/// Whether something is sent that concerns our own equipment alone.
fn of_our_own(
    section: &mut Section<'_>,
    key: &'static str,
    federation_peer: bool,
    advice: &str,
) -> bool {
    let send = section.boolean(key, false);
    if send.value && federation_peer {
        let problem = Problem::Conflict("federation-peer".to_owned());
        section.report().problem(&send.place, problem, advice);
    }
    send.value
}

fn client_methods(
    section: &mut Section<'_>,
    service: &str,
    federation_peer: bool,
) -> ClientMethods {
    let Some(given) = section.words("methods", METHODS) else {
        return ClientMethods::EAP_ONLY;
    };
    let find = |method| given.iter().find(|given| given.value == method);
    let bare = given.iter().find(|given| given.value != Method::Eap);
    if let (Some(bare), true) = (bare, federation_peer) {
        let problem = Problem::Conflict("federation-peer".to_owned());
        let advice = "roaming users log on by EAP: other sites must not see what proves a password";
        section.report().problem(&bare.place, problem, advice);
    } else if let (Some(bare), "eduroam") = (bare, service) {
        let lint = "eduroam users would show their password, or what is as good, to this client";
        let advice = "keep methods outside EAP for services like a VPN";
        section.report().warning(&bare.place, lint, advice);
    }
    ClientMethods {
        eap: find(Method::Eap).is_some(),
        pap: find(Method::Pap).is_some(),
        mschapv2: find(Method::MsChapV2).is_some(),
        legacy_mschap: find(Method::LegacyMsChap).is_some(),
        legacy_chap: find(Method::LegacyChap).is_some(),
    }
}
