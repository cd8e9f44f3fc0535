use super::*;
use crate::dictionary::microsoft;
use crate::{RequestWriter, SharedSecret};

fn described(write: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<String> {
    let secret = SharedSecret::new(b"testing123").unwrap();
    let mut buffer = [0; 4096];
    let mut request = RequestWriter::legacy_access_request(7, [0x5a; 16], &mut buffer).unwrap();
    write(&mut request);
    let packet = Packet::parse(request.finish(&secret).unwrap()).unwrap();
    describe(&packet)
        .to_string()
        .lines()
        .skip(1)
        .map(|line| line.trim().to_owned())
        .collect()
}

fn line(kind: AttributeType, value: &[u8]) -> String {
    described(|request| request.push(kind, value).unwrap()).join("|")
}

#[test]
fn values_are_written_by_their_kind() {
    let prefix = [0, 48, 0x20, 1, 0x0d, 0xb8, 0, 7];
    let mut address = [0; 16];
    address[15] = 1;
    assert_eq!(
        line(AttributeType::NAS_PORT, &[0, 0, 1, 0]),
        "NAS-Port = 256"
    );
    assert_eq!(
        line(AttributeType::NAS_PORT_TYPE, &[0, 0, 0, 15]),
        "NAS-Port-Type = Ethernet (15)"
    );
    assert_eq!(
        line(AttributeType::NAS_IP_ADDRESS, &[192, 0, 2, 1]),
        "NAS-IP-Address = 192.0.2.1"
    );
    assert_eq!(
        line(AttributeType::NAS_IPV6_ADDRESS, &address),
        "NAS-IPv6-Address = ::1"
    );
    assert_eq!(
        line(AttributeType::FRAMED_IPV6_PREFIX, &prefix),
        "Framed-IPv6-Prefix = 2001:db8:7::/48"
    );
    assert_eq!(line(AttributeType::STATE, &[1, 0xff]), "State = 0x01ff");
    assert_eq!(line(AttributeType(250), &[7]), "Attribute-250 = 0x07");
    assert_eq!(
        line(AttributeType(241), &[7, 1]),
        "Extended-Attribute-1 = (2 octets hidden)"
    );
}

#[test]
fn value_of_the_wrong_length_is_called_malformed() {
    assert_eq!(
        line(AttributeType::NAS_PORT, &[1]),
        "NAS-Port = 0x01 (malformed)"
    );
    assert_eq!(
        line(AttributeType::NAS_IP_ADDRESS, &[]),
        "NAS-IP-Address = 0x (malformed)"
    );
    let too_few_octets = line(AttributeType::FRAMED_IPV6_PREFIX, &[0, 48, 0x20]);
    assert_eq!(too_few_octets, "Framed-IPv6-Prefix = 0x003020 (malformed)");
}

#[test]
fn tag_is_shown_when_there_is_one() {
    let group = AttributeType::TUNNEL_PRIVATE_GROUP_ID;
    assert_eq!(
        line(AttributeType::TUNNEL_TYPE, &[0, 0, 0, 13]),
        "Tunnel-Type = VLAN (13)"
    );
    assert_eq!(
        line(AttributeType::TUNNEL_TYPE, &[1, 0, 0, 13]),
        "Tunnel-Type:1 = VLAN (13)"
    );
    assert_eq!(line(group, b"42"), "Tunnel-Private-Group-ID = \"42\"");
    assert_eq!(line(group, b"\x0242"), "Tunnel-Private-Group-ID:2 = \"42\"");
}

#[test]
fn text_from_strangers_cannot_pose_as_another_line() {
    let name = line(AttributeType::USER_NAME, b"eve\n  Class = 0x00\x1b[2J");
    assert_eq!(name, r#"User-Name = "eve\n  Class = 0x00\u{1b}[2J""#);
    assert_eq!(
        line(AttributeType::USER_NAME, &[0xff, b'a']),
        "User-Name = 0xff61"
    );
}

#[test]
fn secrets_show_their_length_only() {
    let hidden = "(16 octets hidden)";
    for entry in dictionary::definitions().filter(|entry| entry.secret) {
        let lines = described(|request| match entry.vendor {
            Some(vendor) => request
                .push_vendor(vendor, entry.number, &[0x41; 16])
                .unwrap(),
            None => request
                .push(AttributeType(entry.number), &[0x41; 16])
                .unwrap(),
        });
        assert_eq!(lines, [format!("{} = {hidden}", entry.name)]);
    }
}

#[test]
fn vendors_that_are_not_known_may_hide_keys() {
    let lines = described(|request| {
        request.push_vendor(14122, 1, b"NO").unwrap();
        request
            .push_vendor(microsoft::VENDOR, microsoft::MS_RAS_VENDOR, &[0, 0, 0, 9])
            .unwrap();
        request
            .push(AttributeType::VENDOR_SPECIFIC, &[0, 0, 1, 55, 16, 1])
            .unwrap();
    });
    let unknown = "Vendor-14122-Attribute-1 = (2 octets hidden)";
    let malformed = "Vendor-Specific = (6 octets hidden)";
    assert_eq!(lines, [unknown, "MS-RAS-Vendor = 9", malformed]);
}

#[test]
fn eap_shows_its_head_only() {
    let eap = [2, 1, 0, 8, 6, b'p', b'w', b'd'];
    assert_eq!(
        line(AttributeType::EAP_MESSAGE, &eap),
        "EAP-Message = 0x0201000806 (3 octets hidden)"
    );
    assert_eq!(
        line(AttributeType::EAP_MESSAGE, &eap[..4]),
        "EAP-Message = 0x02010008"
    );
    let whole = vec![7; 300];
    let pieces = described(|request| request.push_eap_message(&whole).unwrap());
    let first = "EAP-Message = 0x0707070707 (248 octets hidden)";
    assert_eq!(pieces, [first, "EAP-Message = (47 octets hidden)"]);
}
