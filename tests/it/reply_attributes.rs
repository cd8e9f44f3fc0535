//! Attributes of Accepts that the operator configured, by service, kind, account and client.

use crate::common::{Daemon, Setup};
use crate::nas::{Reply, kind};

const PASSWORD: &str = "heather-and-granite";
const FEDERATION: &str = "127.0.0.9";
const FRAMED_IP_ADDRESS: u8 = 8;
const FILTER_ID: u8 = 11;
const FRAMED_ROUTE: u8 = 22;
const IDLE_TIMEOUT: u8 = 28;
/// Acct-Interim-Interval.
const INTERIM: u8 = 85;
const FRAMED_IPV6_PREFIX: u8 = 97;
const DNS_SERVER_IPV6_ADDRESS: u8 = 169;

fn start() -> Daemon {
    let person = |name: &str, kind: &str, more: &str| {
        format!(
            "dn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: {kind}\n\
             userPassword: {PASSWORD}\n{more}\n"
        )
    };
    let own = "portvaktReplyProfile: admins\nportvaktReplyProfile: nowhere\n\
         radiusFramedIPAddress: 10.99.0.7\nradiusFramedIPv6Prefix: 2001:db8:99:7::/64\n";
    let people = person("kari", "employee", "")
        + &person("gustav", "guest", "")
        + &person("root", "employee", own);
    let reply = "[service.vpn]\nframed-addresses = true\n\
         [service.vpn.reply.usual]\nclass = \"OU=all\"\nidle-timeout = \"30m\"\n\
         dns = [\"10.0.0.53\", \"2001:db8::53\"]\n\
         [service.vpn.reply.employee]\nclass = \"OU=staff\"\nfilter-id = \"staff\"\n\
         framed-route = [\"10.0.0.0/8\", \"172.16.0.0/12 10.0.0.1 1\"]\n\
         [service.vpn.reply.admins]\nclass = \"OU=admins\"\ncisco-avpair = [\"shell:priv-lvl=15\"]\n";
    let client = "service = \"vpn\"\nmethods = [\"pap\"]";
    Setup::new()
        .without_clients()
        .client("vpn", "127.0.0.1", client)
        .client("wifi", "127.0.0.2", "methods = [\"pap\"]")
        .client(
            "federation",
            FEDERATION,
            "service = \"vpn\"\nfederation-peer = true",
        )
        .people(&people)
        .set("accounting", "listen", "[\"127.0.0.1:0\"]")
        .more(reply)
        .start()
}

/// The texts of an attribute; the sealed Class of the server's own is none.
fn texts(accept: &Reply, kind: u8) -> Vec<String> {
    let values = accept.values(kind).into_iter();
    values
        .filter_map(|value| String::from_utf8(value).ok())
        .collect()
}

/// The values of an attribute of a vendor.
fn of_vendor(accept: &Reply, vendor: u32, number: u8) -> Vec<Vec<u8>> {
    let values = accept.values(kind::VENDOR_SPECIFIC).into_iter();
    let head = [&vendor.to_be_bytes()[..], &[number]].concat();
    let these = values.filter(|value| value.starts_with(&head));
    these.map(|value| value[6..].to_vec()).collect()
}

#[test]
fn first_profile_that_has_a_key_counts() {
    let daemon = start();
    let nas = daemon.nas();
    let guest = nas.log_on("gustav", PASSWORD);
    assert_eq!(texts(&guest, kind::CLASS), ["OU=all"]);
    assert_eq!(guest.value(IDLE_TIMEOUT).unwrap(), 1800_u32.to_be_bytes());
    assert_eq!(of_vendor(&guest, 311, 28), [[10, 0, 0, 53]]);
    assert_eq!(
        guest.value(DNS_SERVER_IPV6_ADDRESS).unwrap()[14..],
        [0, 0x53]
    );
    assert_eq!(guest.value(FILTER_ID), None);
    let interval = u32::from_be_bytes(guest.value(INTERIM).unwrap().try_into().unwrap());
    assert!((540..=600).contains(&interval), "AC6: {interval}");
    assert_eq!(guest.value(FRAMED_IP_ADDRESS), None);

    let employee = nas.log_on("kari", PASSWORD);
    assert_eq!(texts(&employee, kind::CLASS), ["OU=staff"]);
    assert_eq!(texts(&employee, FILTER_ID), ["staff"]);
    let routes = ["10.0.0.0/8", "172.16.0.0/12 10.0.0.1 1"];
    assert_eq!(texts(&employee, FRAMED_ROUTE), routes);
    assert_eq!(employee.value(IDLE_TIMEOUT), guest.value(IDLE_TIMEOUT));

    let admin = nas.log_on("root", PASSWORD);
    assert_eq!(texts(&admin, kind::CLASS), ["OU=admins"]);
    assert_eq!(of_vendor(&admin, 9, 1), [b"shell:priv-lvl=15"]);
    assert_eq!(texts(&admin, FILTER_ID), ["staff"], "of the kind");
    assert_eq!(admin.value(FRAMED_IP_ADDRESS).unwrap(), [10, 99, 0, 7]);
    let prefix = admin.value(FRAMED_IPV6_PREFIX).unwrap();
    assert_eq!(prefix[..10], [0, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0x99, 0, 7]);
}

#[test]
fn other_services_and_the_federation_get_none() {
    let daemon = start();
    let wifi = daemon.nas_at("127.0.0.2");
    let accept = wifi.log_on("root", PASSWORD);
    assert!(accept.is_accept());
    let peer = daemon.nas_at(FEDERATION);
    let mut device = daemon.device(&peer, "root", PASSWORD);
    let abroad = device.finish();
    assert!(abroad.is_accept());
    assert!(accept.value(INTERIM).is_some() && abroad.value(INTERIM).is_none());
    for accept in [accept, abroad] {
        let configured = [FILTER_ID, FRAMED_ROUTE, IDLE_TIMEOUT, FRAMED_IP_ADDRESS];
        for kind in configured.into_iter().chain([FRAMED_IPV6_PREFIX]) {
            assert_eq!(accept.value(kind), None, "{kind}");
        }
        let classes = accept.values(kind::CLASS);
        assert!(!classes.iter().any(|class| class.starts_with(b"OU=")));
        assert!(of_vendor(&accept, 9, 1).is_empty());
    }
}
