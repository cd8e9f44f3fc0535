//! Reading of Accounting-Requests: status, counters of 64 bits, addresses, Cisco's audit session
//! (RFC 2866, 2869, 3162, 4818, 6911). Their authenticator is [`crate::verify`]'s, their answer
//! [`crate::Reply::accounting_response`]'s.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{AttributeType, Packet};

/// Cisco's private enterprise number.
pub const CISCO: u32 = 9;
/// A shorter prefix is no device's: a site has one of 32 bits at the most.
const SHORTEST_PREFIX: u8 = 32;
/// Cisco-AVPair: `name=value`.
pub const CISCO_AV_PAIR: u8 = 1;

/// Acct-Status-Type (RFC 2866 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountingStatus {
    /// A session begins.
    Start,
    /// A session is over.
    Stop,
    /// A session goes on.
    InterimUpdate,
    /// The NAS has started.
    On,
    /// The NAS shuts down.
    Off,
    /// Any other: tunnels and links (RFC 2867), Failed, and numbers of vendors.
    Other(u32),
}

impl AccountingStatus {
    /// The status of a request; `None` where the attribute is missing or not 4 octets long.
    #[must_use]
    pub fn read(request: &Packet<'_>) -> Option<Self> {
        let number = request.integer(AttributeType::ACCT_STATUS_TYPE)?;
        Some(match number {
            1 => Self::Start,
            2 => Self::Stop,
            3 => Self::InterimUpdate,
            7 => Self::On,
            8 => Self::Off,
            number => Self::Other(number),
        })
    }
}

/// A counter of 64 bits: `low`, 32 bits, and how often it went round, `gigawords` (RFC 2869 §5.1).
/// 0 where there is none.
#[must_use]
pub fn counter(request: &Packet<'_>, low: AttributeType, gigawords: AttributeType) -> u64 {
    let part = |kind| u64::from(request.integer(kind).unwrap_or(0));
    part(gigawords) << 32 | part(low)
}

/// The IPv4 address in the first attribute of that kind; `None` too where it is not 4 octets long.
#[must_use]
pub fn ipv4(request: &Packet<'_>, kind: AttributeType) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = request.first(kind)?.try_into().ok()?;
    Some(octets.into())
}

/// The address of the NAS: NAS-IP-Address, else NAS-IPv6-Address (RFC 3162 §2.1).
#[must_use]
pub fn nas_address(request: &Packet<'_>) -> Option<IpAddr> {
    ipv4(request, AttributeType::NAS_IP_ADDRESS)
        .map(IpAddr::from)
        .or_else(|| {
            let value = request.first(AttributeType::NAS_IPV6_ADDRESS)?;
            address_v6(value).map(IpAddr::from)
        })
}

/// The addresses and prefixes of the session, each with its prefix length in bits: Framed-IP-Address
/// (32), Framed-IPv6-Address (128), Framed-IPv6-Prefix and Delegated-IPv6-Prefix. Malformed ones are
/// left out, and so are those that are no address: zero, and 255.255.255.254 and .255, by which a
/// NAS or a user chooses (RFC 2865 §5.8), and prefixes shorter than 32 bits, in which everybody is.
pub fn framed_addresses<'a>(request: &Packet<'a>) -> impl Iterator<Item = (IpAddr, u8)> + use<'a> {
    let read = |attribute: crate::Attribute<'a>| match attribute.kind {
        AttributeType::FRAMED_IP_ADDRESS => {
            let octets: [u8; 4] = attribute.value.try_into().ok()?;
            Some((IpAddr::from(octets), 32))
        }
        AttributeType::FRAMED_IPV6_ADDRESS => {
            Some((IpAddr::from(address_v6(attribute.value)?), 128))
        }
        AttributeType::FRAMED_IPV6_PREFIX | AttributeType::DELEGATED_IPV6_PREFIX => {
            let (address, length) = prefix_v6(attribute.value)?;
            Some((IpAddr::from(address), length))
        }
        _ => None,
    };
    request.attributes().filter_map(read).filter(is_assigned)
}

fn is_assigned((address, _): &(IpAddr, u8)) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified() && u32::from(*address) < u32::MAX - 1,
        IpAddr::V6(address) => !address.is_unspecified(),
    }
}

fn address_v6(value: &[u8]) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = value.try_into().ok()?;
    Some(octets.into())
}

/// RFC 3162 §2.3: a reserved octet, the length in bits, and no more octets than 16 and no fewer than
/// the length needs. Bits beyond the length are cleared.
fn prefix_v6(value: &[u8]) -> Option<(Ipv6Addr, u8)> {
    let ([_, length], octets) = value.split_first_chunk::<2>()?;
    if !(SHORTEST_PREFIX..=128).contains(length) || octets.len() < usize::from(length.div_ceil(8)) {
        return None;
    }
    let mut address = [0; 16];
    address.get_mut(..octets.len())?.copy_from_slice(octets);
    let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
    Some(((u128::from_be_bytes(address) & mask).into(), *length))
}

/// The value of the first Cisco-AVPair `name=value` of that name: `audit-session-id`.
#[must_use]
pub fn cisco_av_pair<'a>(request: &Packet<'a>, name: &str) -> Option<&'a [u8]> {
    request
        .all(AttributeType::VENDOR_SPECIFIC)
        .filter_map(crate::attribute::vendor_attributes)
        .flatten()
        .filter(|attribute| attribute.vendor == CISCO && attribute.kind == CISCO_AV_PAIR)
        .find_map(|attribute| {
            let rest = attribute.value.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RequestWriter, SharedSecret};

    fn request(write: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
        let mut buffer = [0; 4096];
        let mut request = RequestWriter::accounting_request(7, &mut buffer).unwrap();
        write(&mut request);
        let secret = SharedSecret::new(b"testing123").unwrap();
        request.finish(&secret).unwrap().to_vec()
    }

    fn addresses(kind: AttributeType, value: &[u8]) -> Vec<String> {
        let octets = request(|writer| writer.push(kind, value).unwrap());
        let packet = Packet::parse(&octets).unwrap();
        let shown = framed_addresses(&packet).map(|(ip, length)| format!("{ip}/{length}"));
        shown.collect()
    }

    #[test]
    fn counters_have_their_upper_half_in_gigawords() {
        let octets = request(|writer| {
            let mut push = |kind, value| writer.push_integer(kind, value).unwrap();
            push(AttributeType::ACCT_INPUT_OCTETS, 5);
            push(AttributeType::ACCT_INPUT_GIGAWORDS, 3);
            push(AttributeType::ACCT_OUTPUT_OCTETS, u32::MAX);
        });
        let packet = Packet::parse(&octets).unwrap();
        let input = counter(
            &packet,
            AttributeType::ACCT_INPUT_OCTETS,
            AttributeType::ACCT_INPUT_GIGAWORDS,
        );
        let output = counter(
            &packet,
            AttributeType::ACCT_OUTPUT_OCTETS,
            AttributeType::ACCT_OUTPUT_GIGAWORDS,
        );
        assert_eq!((input, output), ((3 << 32) + 5, u64::from(u32::MAX)));
    }

    #[test]
    fn status_is_read_by_its_number() {
        for (number, status) in [
            (1, AccountingStatus::Start),
            (2, AccountingStatus::Stop),
            (3, AccountingStatus::InterimUpdate),
            (7, AccountingStatus::On),
            (8, AccountingStatus::Off),
            (15, AccountingStatus::Other(15)),
        ] {
            let kind = AttributeType::ACCT_STATUS_TYPE;
            let octets = request(|writer| writer.push_integer(kind, number).unwrap());
            let packet = Packet::parse(&octets).unwrap();
            assert_eq!(AccountingStatus::read(&packet), Some(status));
        }
        for value in [&b""[..], b"\0\0\x01", b"\0\0\0\0\x01"] {
            let kind = AttributeType::ACCT_STATUS_TYPE;
            let octets = request(|writer| writer.push(kind, value).unwrap());
            let packet = Packet::parse(&octets).unwrap();
            assert_eq!(AccountingStatus::read(&packet), None);
        }
    }

    #[test]
    fn addresses_of_both_families_and_prefixes_are_read() {
        let v4 = AttributeType::FRAMED_IP_ADDRESS;
        assert_eq!(addresses(v4, &[192, 0, 2, 7]), ["192.0.2.7/32"]);
        for unassigned in [[0; 4], [255; 4], [255, 255, 255, 254]] {
            assert!(addresses(v4, &unassigned).is_empty());
        }
        assert!(addresses(v4, &[192, 0, 2]).is_empty());
        let v6 = AttributeType::FRAMED_IPV6_ADDRESS;
        let mut address = [0; 16];
        assert!(addresses(v6, &address).is_empty());
        address[..2].copy_from_slice(&[0x20, 0x01]);
        address[15] = 9;
        assert_eq!(addresses(v6, &address), ["2001::9/128"]);
        let prefix = AttributeType::FRAMED_IPV6_PREFIX;
        let given = [0, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0];
        assert_eq!(addresses(prefix, &given), ["2001:db8:1::/64"]);
        assert_eq!(
            addresses(
                AttributeType::DELEGATED_IPV6_PREFIX,
                &[0, 36, 0x20, 0x01, 0x0d, 0xb8, 0xff]
            ),
            ["2001:db8:f000::/36"]
        );
        for malformed in [
            &[][..],
            &[0],
            &[0, 64, 0x20],
            &[0, 129],
            &[0, 0],
            &[0, 3, 0x20],
            &[0, 31, 0x20, 0x01, 0x0d, 0xb8],
            &[
                0, 64, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
            ],
        ] {
            assert!(addresses(prefix, malformed).is_empty(), "{malformed:?}");
        }
    }

    #[test]
    fn cisco_pair_is_found_by_its_name_among_others() {
        let octets = request(|writer| {
            for pair in [
                "audit-session-ids=1",
                "x=audit-session-id=2",
                "audit-session-id=0A01",
            ] {
                writer
                    .push_vendor(CISCO, CISCO_AV_PAIR, pair.as_bytes())
                    .unwrap();
            }
        });
        let packet = Packet::parse(&octets).unwrap();
        let found = cisco_av_pair(&packet, "audit-session-id");
        assert_eq!(found, Some(&b"0A01"[..]));
        assert_eq!(cisco_av_pair(&packet, "y"), None);
    }
}
