//! Attributes of Accepts, by service and profile: `[service.NAME.reply.PROFILE]`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use portvakt_radius::AttributeType;
use portvakt_radius::attribute::MAX_VALUE;
use portvakt_radius::dictionary::microsoft;

use super::accounts::KINDS;
use super::problem::Problem;
use super::report::Located;
use super::section::{Section, did_you_mean};
use super::value;

/// The profile of everybody whom no other one gives an attribute.
pub const USUAL: &str = "usual";

/// Most octets of the attributes of one profile.
const MOST_OCTETS: usize = 800;

/// Most octets that an account of any profiles can get at a service. It leaves 1,600 of a reply for
/// EAP-Message, keys, VLAN, names and addresses, and Proxy-State.
const MOST_IN_ALL: usize = 2400;

/// Most octets of a vendor attribute's value (RFC 2865 §5.26).
const MAX_VENDOR_VALUE: usize = MAX_VALUE - 6;

/// Reply profiles of a service, by name.
pub type ReplyProfiles = BTreeMap<String, Vec<ReplyAttribute>>;

/// A key of a profile with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyAttribute {
    /// The key, by its place in the list of keys: of several profiles the first that has a key
    /// counts for it.
    pub key: u8,
    /// The attributes, as octets.
    pub values: Vec<(ReplyType, Vec<u8>)>,
}

/// Type of a reply attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyType {
    /// An attribute of the RFCs.
    Standard(AttributeType),
    /// An attribute of a vendor, inside Vendor-Specific.
    Vendor {
        /// Private enterprise number.
        vendor: u32,
        /// The vendor's own number.
        kind: u8,
    },
}

/// Form of the value of a key.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Texts,
    Ipv4,
    /// A duration, told in seconds.
    Seconds,
    Routes4,
    Routes6,
    /// Addresses of name servers, of both families.
    Dns,
}

const fn standard(kind: AttributeType) -> ReplyType {
    ReplyType::Standard(kind)
}

const fn vendor(vendor: u32, kind: u8) -> ReplyType {
    ReplyType::Vendor { vendor, kind }
}

/// All keys. Numbers of vendors are those of FreeRADIUS' dictionaries.
const KEYS: [(&str, Form, ReplyType); 17] = [
    ("class", Form::Text, standard(AttributeType::CLASS)),
    ("filter-id", Form::Text, standard(AttributeType::FILTER_ID)),
    (
        "framed-pool",
        Form::Text,
        standard(AttributeType::FRAMED_POOL),
    ),
    (
        "framed-ipv6-pool",
        Form::Text,
        standard(AttributeType::FRAMED_IPV6_POOL),
    ),
    (
        "framed-ip-netmask",
        Form::Ipv4,
        standard(AttributeType::FRAMED_IP_NETMASK),
    ),
    (
        "framed-route",
        Form::Routes4,
        standard(AttributeType::FRAMED_ROUTE),
    ),
    (
        "framed-ipv6-route",
        Form::Routes6,
        standard(AttributeType::FRAMED_IPV6_ROUTE),
    ),
    (
        "dns",
        Form::Dns,
        standard(AttributeType::DNS_SERVER_IPV6_ADDRESS),
    ),
    (
        "idle-timeout",
        Form::Seconds,
        standard(AttributeType::IDLE_TIMEOUT),
    ),
    ("cisco-avpair", Form::Texts, vendor(9, 1)),
    ("cisco-asa-group-policy", Form::Text, vendor(3076, 25)),
    ("fortinet-group-name", Form::Texts, vendor(12356, 1)),
    ("aruba-user-role", Form::Text, vendor(14823, 1)),
    ("paloalto-user-group", Form::Text, vendor(25461, 5)),
    ("juniper-local-user-name", Form::Text, vendor(2636, 1)),
    ("mikrotik-group", Form::Text, vendor(14988, 3)),
    ("ruckus-user-groups", Form::Text, vendor(25053, 1)),
];

/// Reads `reply` of a service.
pub(super) fn profiles(service: &mut Section<'_>) -> ReplyProfiles {
    let mut table = service.table("reply");
    let named = table.named_tables().into_iter();
    let profiles = named
        .map(|(name, section)| profile(name, section))
        .collect();
    check_sum(&profiles, &table);
    profiles
}

/// Whether a reply has room for what an account of all profiles gets: of each key, the longest.
fn check_sum(profiles: &ReplyProfiles, section: &Section<'_>) {
    let longest = |key: u8| {
        let attributes = profiles.values().flatten();
        let of_key = attributes.filter(|attribute| attribute.key == key);
        of_key.map(ReplyAttribute::octets).max().unwrap_or(0)
    };
    let octets: usize = (0..).zip(KEYS).map(|(key, _)| longest(key)).sum();
    if octets > MOST_IN_ALL {
        let problem = Problem::Malformed("profiles that give an account 2400 octets or fewer");
        let advice = format!(
            "somebody of all profiles would get {octets}, the longest of each key: a log-on is \
             refused where its reply has no room for them"
        );
        section.report().problem(section.place(), problem, advice);
    }
}

fn profile(name: String, mut section: Section<'_>) -> (String, Vec<ReplyAttribute>) {
    check_name(&name, &section);
    let mut attributes = Vec::new();
    for (number, (key, form, kind)) in (0..).zip(KEYS) {
        let values = values(&mut section, key, form, kind);
        if !values.is_empty() {
            attributes.push(ReplyAttribute {
                key: number,
                values,
            });
        }
    }
    check_size(&attributes, &section);
    section.finish();
    (name, attributes)
}

/// A profile of a kind of account goes by the word for the kind; a slip of the pen in it would do
/// nothing, in silence.
fn check_name(name: &str, section: &Section<'_>) {
    if value::label(name).is_none() {
        let problem = Problem::Malformed("letters, digits, '.', '_' and '-', up to 64");
        section
            .report()
            .problem(section.place(), problem, "give the profile another name");
        return;
    }
    let known = || KINDS.iter().map(|(kind, _)| *kind).chain([USUAL]);
    if known().any(|word| word == name) {
        return;
    }
    if let Some(advice) = did_you_mean(name, known()) {
        let lint = "no kind of account is called so: only groups and accounts that name it get it";
        section.report().warning(section.place(), lint, &advice);
    }
}

fn check_size(attributes: &[ReplyAttribute], section: &Section<'_>) {
    let octets: usize = attributes.iter().map(ReplyAttribute::octets).sum();
    if octets > MOST_OCTETS {
        let problem = Problem::Malformed("attributes of 800 octets or fewer");
        let advice = format!("these take {octets}: a reply has room for no more beside its keys");
        section.report().problem(section.place(), problem, advice);
    }
}

fn values(
    section: &mut Section<'_>,
    key: &'static str,
    form: Form,
    kind: ReplyType,
) -> Vec<(ReplyType, Vec<u8>)> {
    const TEXT: &str = "text of 1 to 253 octets (247 in a vendor's attribute), without line breaks";
    const TEXTS: &str = "a list of texts of 1 to 253 octets (247 in a vendor's attribute)";
    const ROUTES4: &str =
        "a list of routes, each an IPv4 network, then gateway and metric if need be";
    const ROUTES6: &str =
        "a list of routes, each an IPv6 network, then gateway and metric if need be";
    const DNS: &str = "a list of addresses: two of IPv4 at most, and any of IPv6";
    let most = kind.most_octets();
    let all = |found: Vec<Located<Vec<u8>>>| -> Vec<_> {
        found.into_iter().map(|value| (kind, value.value)).collect()
    };
    match form {
        Form::Text => all(section
            .parsed(key, TEXT, |text| fit(text, most))
            .into_iter()
            .collect()),
        Form::Texts => all(section
            .list(key, TEXTS, |text| fit(text, most))
            .unwrap_or_default()),
        Form::Routes4 | Form::Routes6 => {
            let is_ipv4 = matches!(form, Form::Routes4);
            let expected = if is_ipv4 { ROUTES4 } else { ROUTES6 };
            let route = |text: &str| route(text, is_ipv4).and_then(|text| fit(text, most));
            all(section.list(key, expected, route).unwrap_or_default())
        }
        Form::Ipv4 => {
            let address = |text: &str| Some(text.parse::<Ipv4Addr>().ok()?.octets().to_vec());
            let given = section.parsed(key, "an IPv4 address, like \"10.0.0.1\"", address);
            all(given.into_iter().collect())
        }
        Form::Seconds => {
            let seconds = |text: &str| {
                let seconds = u32::try_from(value::duration(text)?.as_secs()).ok()?;
                (seconds > 0).then(|| seconds.to_be_bytes().to_vec())
            };
            let expected = "a number with its unit, like \"30m\", of a second or more";
            all(section.parsed(key, expected, seconds).into_iter().collect())
        }
        Form::Dns => {
            let given = section.list(key, DNS, |text| text.parse::<IpAddr>().ok());
            name_servers(&given.unwrap_or_default(), section)
        }
    }
}

fn fit(text: &str, most: usize) -> Option<Vec<u8>> {
    let fits = (1..=most).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.as_bytes().to_vec())
}

/// A route that begins with a network of the family (RFC 2865 §5.22, RFC 3162 §2.5).
fn route(text: &str, is_ipv4: bool) -> Option<&str> {
    let network = value::net(text.split_whitespace().next()?)?;
    (matches!(network, IpNet::V4(_)) == is_ipv4).then_some(text)
}

/// Name servers: of IPv4 in Microsoft's attributes (RFC 2548 §2.6), of IPv6 in that of RFC 6911.
fn name_servers(given: &[Located<IpAddr>], section: &Section<'_>) -> Vec<(ReplyType, Vec<u8>)> {
    const IPV4: [u8; 2] = [
        microsoft::MS_PRIMARY_DNS_SERVER,
        microsoft::MS_SECONDARY_DNS_SERVER,
    ];
    let mut numbers = IPV4.into_iter();
    let mut attributes = Vec::new();
    for server in given {
        match (server.value, server.value.is_ipv4().then(|| numbers.next())) {
            (IpAddr::V6(address), _) => {
                let kind = standard(AttributeType::DNS_SERVER_IPV6_ADDRESS);
                attributes.push((kind, address.octets().to_vec()));
            }
            (IpAddr::V4(address), Some(Some(number))) => {
                let kind = vendor(microsoft::VENDOR, number);
                attributes.push((kind, address.octets().to_vec()));
            }
            (IpAddr::V4(_), _) => {
                let problem = Problem::Malformed("two servers of IPv4 at most");
                let advice = "there are two attributes for them: leave the others out";
                section.report().problem(&server.place, problem, advice);
            }
        }
    }
    attributes
}

impl ReplyAttribute {
    /// Octets in a reply, types and lengths included.
    fn octets(&self) -> usize {
        let values = self.values.iter();
        values
            .map(|(kind, value)| kind.header() + value.len())
            .sum()
    }
}

impl ReplyType {
    /// Octets before the value.
    fn header(self) -> usize {
        match self {
            Self::Standard(_) => 2,
            Self::Vendor { .. } => 8,
        }
    }

    fn most_octets(self) -> usize {
        match self {
            Self::Standard(_) => MAX_VALUE,
            Self::Vendor { .. } => MAX_VENDOR_VALUE,
        }
    }
}
