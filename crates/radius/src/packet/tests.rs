use super::*;

/// An Access-Request with these attribute octets.
fn datagram(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + attributes.len()).unwrap();
    let mut octets = vec![1, 7];
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(&[0x5a; 16]);
    octets.extend_from_slice(attributes);
    octets
}

/// R1.
#[test]
fn octets_past_the_length_are_padding() {
    let mut octets = datagram(&[1, 3, b'a']);
    octets.extend_from_slice(&[1, 0, 0xff]);
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(packet.bytes().len(), 23);
    assert_eq!(packet.attributes().count(), 1);
}

/// R1.
#[test]
fn every_code_but_the_known_ones_is_refused() {
    let mut octets = datagram(&[]);
    let known = (0..=u8::MAX).filter(|code| {
        octets[0] = *code;
        Packet::parse(&octets).is_ok_and(|packet| packet.code().octet() == *code)
    });
    let expected = [1, 2, 3, 4, 5, 11, 12, 40, 41, 42, 43, 44, 45, 52];
    assert_eq!(known.collect::<Vec<_>>(), expected);
}

/// R1.
#[test]
fn every_cut_of_a_packet_is_refused() {
    let octets = datagram(&[1, 3, b'a', 24, 2, 4, 6, 1, 2, 3, 4]);
    for end in 0..octets.len() {
        assert!(Packet::parse(&octets[..end]).is_err(), "{end} octets");
    }
}

#[test]
fn longest_packet_is_read_and_a_longer_one_refused() {
    let mut octets = datagram(&[0; 0]);
    octets.extend((0..16).flat_map(|_| [&[25, 255][..], &[0; 253]].concat()));
    octets.resize(MAX_PACKET + 1, 0);
    octets[2..4].copy_from_slice(&4100_u16.to_be_bytes());
    assert_eq!(Packet::parse(&octets), Err(ParseError::LengthAboveMaximum));
    octets[2..4].copy_from_slice(&4096_u16.to_be_bytes());
    assert_eq!(Packet::parse(&octets), Err(ParseError::AttributeBeyondEnd));
    let longest = [&octets[..20 + 15 * 255], &[25, 251][..], &[0; 249]].concat();
    assert_eq!(longest.len(), MAX_PACKET);
    assert_eq!(Packet::parse(&longest).unwrap().attributes().count(), 16);
}

#[test]
fn integer_of_another_length_is_none() {
    let octets = datagram(&[5, 5, 0, 0, 3, 27, 6, 0, 0, 1, 0]);
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(packet.integer(AttributeType::NAS_PORT), None);
    assert_eq!(packet.integer(AttributeType::SESSION_TIMEOUT), Some(256));
    assert_eq!(packet.integer(AttributeType::IDLE_TIMEOUT), None);
}

#[test]
fn vendor_attribute_is_found_behind_a_malformed_one() {
    let malformed = [26, 10, 0, 0, 1, 55, 16, 9, 1, 2];
    let good = [26, 14, 0, 0, 1, 55, 7, 4, 8, 8, 16, 4, 1, 2];
    let octets = datagram(&[malformed.as_slice(), &good].concat());
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(packet.vendor(311, 16), Some(&[1, 2][..]));
    assert_eq!(packet.vendor(311, 7), Some(&[8, 8][..]));
    assert_eq!(packet.vendor(9, 16), None);
}

#[test]
fn eap_pieces_are_joined_in_order() {
    let octets = datagram(&[79, 4, 1, 2, 1, 3, b'a', 79, 3, 3, 79, 2]);
    let eap = Packet::parse(&octets).unwrap().eap_message().unwrap();
    let mut whole = vec![9; 4];
    eap.copy_into(&mut whole);
    assert_eq!((whole, eap.len()), (vec![1, 2, 3], 3));
}

#[test]
fn eap_start_is_an_empty_eap_message() {
    let start = datagram(&[79, 2]);
    let none = datagram(&[1, 3, b'a']);
    assert!(
        Packet::parse(&start)
            .unwrap()
            .eap_message()
            .unwrap()
            .is_empty()
    );
    assert!(Packet::parse(&none).unwrap().eap_message().is_none());
}

#[test]
fn debug_shows_no_values() {
    let octets = datagram(&[1, 8, b's', b'e', b'c', b'r', b'e', b't']);
    let packet = Packet::parse(&octets).unwrap();
    let attributes: Vec<_> = packet.attributes().collect();
    assert_eq!(
        format!("{packet:?} {attributes:?}"),
        "Access-Request 7 [28] [User-Name[6]]"
    );
}

#[test]
fn labels_are_distinct() {
    let labels: std::collections::HashSet<_> = ParseError::ALL.map(|error| error.label()).into();
    assert_eq!(labels.len(), ParseError::ALL.len());
}
