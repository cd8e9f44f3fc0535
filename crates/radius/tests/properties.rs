//! Properties of any octets: no reader panics, and written values are read back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers are tests too"
)]

use portvakt_radius::MessageAuthenticatorPolicy::{LegacyOptional, Required};
use portvakt_radius::{
    AttributeType, DynamicAnswer, Packet, Reply, RequestWriter, SharedSecret, VerifiedRequest,
    describe, mppe, verify_reply,
};
use proptest::collection::vec;
use proptest::prelude::*;

type Pairs = Vec<(u8, Vec<u8>)>;

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

fn attributes() -> impl Strategy<Value = Pairs> {
    let kind = any::<u8>().prop_filter("the writer's own", |kind| *kind != 80);
    vec((kind, octets(253)), 0..12)
}

fn secret() -> impl Strategy<Value = SharedSecret> {
    vec(any::<u8>(), 1..80).prop_map(|octets| SharedSecret::new(&octets).unwrap())
}

/// A header around octets that mostly are attributes: random ones hardly ever are.
fn nearly_a_packet() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![Just(1_u8), Just(2), Just(4), Just(12), any::<u8>()];
    let slack = prop_oneof![5 => Just(0_i32), 1 => -30..30];
    (code, attributes(), octets(3), slack).prop_map(|(code, attributes, rest, slack)| {
        let mut packet = vec![code, 7, 0, 0];
        packet.extend_from_slice(&[0x5a; 16]);
        for (kind, value) in attributes {
            packet.extend_from_slice(&[kind, u8::try_from(value.len() + 2).unwrap()]);
            packet.extend_from_slice(&value);
        }
        let length = u16::try_from(i32::try_from(packet.len()).unwrap() + slack).unwrap_or(0);
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(&rest);
        packet
    })
}

fn pairs(packet: &Packet<'_>) -> Pairs {
    packet
        .attributes()
        .map(|attribute| (attribute.kind.0, attribute.value.to_vec()))
        .collect()
}

/// Touches everything that reads.
fn read_all(octets: &[u8], secret: &SharedSecret) {
    let Ok(packet) = Packet::parse(octets) else {
        return;
    };
    let _ = describe(&packet).to_string();
    let _ = verify_reply(&packet, &[0; 16], secret);
    let _ = DynamicAnswer::read(&packet, &packet, secret, 0);
    let _ = mppe::reveal_msk(&packet, &[0; 16], secret);
    for policy in [Required, LegacyOptional] {
        if let Ok(request) = VerifiedRequest::verify(packet, secret, policy) {
            let _ = request.user_password(secret);
            let _ = request.reply_context();
        }
    }
}

proptest! {
    #[test]
    fn random_octets_never_panic(octets in octets(600), secret in secret()) {
        read_all(&octets, &secret);
    }

    #[test]
    fn octets_that_are_nearly_a_packet_never_panic(
        octets in nearly_a_packet(),
        secret in secret(),
    ) {
        read_all(&octets, &secret);
    }

    #[test]
    fn parsed_attributes_make_up_the_whole_packet(octets in nearly_a_packet()) {
        if let Ok(packet) = Packet::parse(&octets) {
            let mut again = packet.bytes()[..20].to_vec();
            for (kind, value) in pairs(&packet) {
                again.extend_from_slice(&[kind, u8::try_from(value.len() + 2).unwrap()]);
                again.extend_from_slice(&value);
            }
            prop_assert_eq!(again, packet.bytes());
        }
    }

    #[test]
    fn written_request_is_read_and_verified(
        identifier: u8,
        authenticator: [u8; 16],
        attributes in attributes(),
        secret in secret(),
    ) {
        let mut buffer = [0; 4096];
        let mut writer =
            RequestWriter::access_request(identifier, authenticator, &mut buffer).unwrap();
        for (kind, value) in &attributes {
            writer.push(AttributeType(*kind), value).unwrap();
        }
        let packet = Packet::parse(writer.finish(&secret).unwrap()).unwrap();
        prop_assert!(VerifiedRequest::verify(packet, &secret, Required).is_ok());
        prop_assert_eq!(packet.identifier(), identifier);
        prop_assert_eq!(packet.authenticator(), &authenticator);
        prop_assert_eq!(pairs(&packet).split_off(1), attributes);
    }

    #[test]
    fn written_reply_is_read_and_verified(
        authenticator: [u8; 16],
        proxy_states in vec(octets(253), 0..5),
        attributes in attributes(),
        secret in secret(),
        msk in vec(any::<u8>(), 64),
        salts: [u16; 2],
        room in 0_usize..5000,
    ) {
        let mut buffer = [0; 4096];
        let mut writer = RequestWriter::access_request(1, authenticator, &mut buffer).unwrap();
        for value in &proxy_states {
            writer.push(AttributeType::PROXY_STATE, value).unwrap();
        }
        let packet = Packet::parse(writer.finish(&secret).unwrap()).unwrap();
        let context = VerifiedRequest::verify(packet, &secret, Required).unwrap().reply_context();

        let mut buffer = vec![0; room];
        let Ok(mut reply) = Reply::accept(&context, &mut buffer) else {
            let states: usize = proxy_states.iter().map(|state| state.len() + 2).sum();
            prop_assert!(room < 38 + states);
            return Ok(());
        };
        let msk: [u8; 64] = msk.try_into().unwrap();
        let with_keys = reply.push_mppe_keys(&secret, &msk, salts).is_ok();
        let mut expected = Vec::new();
        for (kind, value) in attributes {
            if reply.push(AttributeType(kind), &value).is_ok() {
                expected.push((kind, value));
            }
        }
        let reply = Packet::parse(reply.finish(&secret).unwrap()).unwrap();
        prop_assert_eq!(verify_reply(&reply, &authenticator, &secret), Ok(()));
        expected.extend(proxy_states.into_iter().map(|state| (33, state)));
        let skip = if with_keys { 3 } else { 1 };
        prop_assert_eq!(pairs(&reply).split_off(skip), expected);
        if with_keys {
            prop_assert_eq!(*mppe::reveal_msk(&reply, &authenticator, &secret).unwrap(), msk);
        }
    }

    #[test]
    fn eap_packet_of_any_length_comes_back(eap in octets(3000), secret in secret()) {
        let mut buffer = [0; 4096];
        let mut writer = RequestWriter::access_request(1, [0; 16], &mut buffer).unwrap();
        writer.push_eap_message(&eap).unwrap();
        let packet = Packet::parse(writer.finish(&secret).unwrap()).unwrap();
        let mut whole = Vec::new();
        packet.eap_message().unwrap().copy_into(&mut whole);
        prop_assert_eq!(whole, eap);
    }

    #[test]
    fn random_octets_are_never_an_answer_to_a_disconnect_request(
        answer in nearly_a_packet(),
        code in 41_u8..=42,
        secret in secret(),
    ) {
        let mut buffer = [0; 4096];
        let writer = RequestWriter::disconnect_request(7, 0, &mut buffer).unwrap();
        let request = Packet::parse(writer.finish(&secret).unwrap()).unwrap();
        let mut answer = answer;
        answer[0] = code;
        if let Ok(answer) = Packet::parse(&answer) {
            prop_assert!(DynamicAnswer::read(&answer, &request, &secret, 0).is_err());
        }
    }

    #[test]
    fn altered_request_is_never_believed(
        attributes in attributes(),
        secret in secret(),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let mut buffer = [0; 4096];
        let mut writer = RequestWriter::access_request(1, [7; 16], &mut buffer).unwrap();
        for (kind, value) in &attributes {
            writer.push(AttributeType(*kind), value).unwrap();
        }
        let mut octets = writer.finish(&secret).unwrap().to_vec();
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        if let Ok(packet) = Packet::parse(&octets) {
            prop_assert!(VerifiedRequest::verify(packet, &secret, Required).is_err());
        }
    }
}
