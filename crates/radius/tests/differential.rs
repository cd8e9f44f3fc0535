//! The same packets through the crate `radius`, an independent implementation.
//!
//! It neither computes nor checks Message-Authenticator, gets Tunnel-Password wrong, gives tagged
//! integers 5 octets instead of 4 (RFC 2868 §3.1) and lets nobody walk attributes: so it is asked
//! about frames, authenticators, User-Password, EAP pieces and the VLAN's name only.
#![allow(clippy::unwrap_used, reason = "the helpers are tests too")]

use portvakt_radius::MessageAuthenticatorPolicy::{LegacyOptional, Required};
use portvakt_radius::{
    AttributeType, Code, Packet, ParseError, Reply, RequestWriter, SharedSecret, VerifiedRequest,
    verify_reply_with,
};
use proptest::collection::vec;
use proptest::prelude::*;
use radius::core::avp::AVP;
use radius::core::code::Code as TheirCode;
use radius::core::packet::Packet as TheirPacket;
use radius::core::{rfc2865, rfc2868, rfc2869};

const SECRET: &[u8] = b"testing123";

fn secret() -> SharedSecret {
    SharedSecret::new(SECRET).unwrap()
}

/// A datagram of about the right shape.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let attribute = (any::<u8>(), vec(any::<u8>(), 0..20)).prop_map(|(kind, value)| {
        let length = u8::try_from(value.len() + 2).unwrap();
        [&[kind, length], value.as_slice()].concat()
    });
    let bytes = prop_oneof![attribute, vec(any::<u8>(), 0..4)];
    (1_u8..6, vec(bytes, 0..6), 0_u8..3).prop_map(|(code, attributes, padding)| {
        let attributes = attributes.concat();
        let length = u16::try_from(20 + attributes.len()).unwrap().to_be_bytes();
        let header = [&[code, 9][..], &length, &[0x5a; 16]].concat();
        [header, attributes, vec![0; usize::from(padding)]].concat()
    })
}

/// Every value of each kind, as they and we see it.
fn assert_same_values(ours: &Packet<'_>, theirs: &TheirPacket) {
    for kind in 0..=u8::MAX {
        let ours: Vec<_> = ours.all(AttributeType(kind)).map(<[u8]>::to_vec).collect();
        let theirs: Vec<_> = theirs
            .lookup_all(kind)
            .into_iter()
            .map(AVP::encode_bytes)
            .collect();
        assert_eq!(ours, theirs, "attribute {kind}");
    }
}

proptest! {
    #[test]
    fn frames_are_judged_alike(octets in datagram()) {
        let theirs = TheirPacket::decode(&octets, SECRET);
        match (Packet::parse(&octets), theirs) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(ours.identifier(), theirs.get_identifier());
                assert_same_values(&ours, &theirs);
            }
            (ours, theirs) => prop_assert_eq!(ours.is_ok(), theirs.is_ok()),
        }
    }

    #[test]
    fn their_request_is_read(
        name in "[a-z0-9@.]{1,60}",
        password in vec(1_u8.., 0..=128),
        eap in vec(any::<u8>(), 1..1200),
        port: u32,
    ) {
        let mut theirs = TheirPacket::new(TheirCode::AccessRequest, SECRET);
        rfc2865::add_user_name(&mut theirs, &name);
        rfc2865::add_user_password(&mut theirs, &password).unwrap();
        rfc2865::add_nas_port(&mut theirs, port);
        let octets = theirs.encode().unwrap();
        let packet = Packet::parse(&octets).unwrap();
        let request = VerifiedRequest::verify(packet, &secret(), LegacyOptional).unwrap();
        prop_assert_eq!(request.first(AttributeType::USER_NAME), Some(name.as_bytes()));
        prop_assert_eq!(request.integer(AttributeType::NAS_PORT), Some(port));
        let our_password = request.user_password(&secret()).unwrap();
        prop_assert_eq!(our_password.as_bytes(), password);

        rfc2869::add_eap_message(&mut theirs, &eap);
        let octets = theirs.encode().unwrap();
        let mut whole = Vec::new();
        Packet::parse(&octets).unwrap().eap_message().unwrap().copy_into(&mut whole);
        prop_assert_eq!(whole, eap);
    }

    #[test]
    fn our_request_is_read_by_them(
        name in "[a-z0-9@.]{1,60}",
        password in vec(1_u8.., 0..=128),
        authenticator: [u8; 16],
        eap in vec(any::<u8>(), 1..1200),
    ) {
        let mut buffer = [0; 4096];
        let mut writer = RequestWriter::access_request(3, authenticator, &mut buffer).unwrap();
        writer.push(AttributeType::USER_NAME, name.as_bytes()).unwrap();
        writer.push_user_password(&password, &secret()).unwrap();
        writer.push_eap_message(&eap).unwrap();
        let octets = writer.finish(&secret()).unwrap();
        let theirs = TheirPacket::decode(octets, SECRET).unwrap();
        assert_same_values(&Packet::parse(octets).unwrap(), &theirs);
        let their_password = rfc2865::lookup_user_password(&theirs).unwrap().unwrap();
        prop_assert_eq!(their_password, password);
        prop_assert_eq!(rfc2869::lookup_eap_message(&theirs), Some(eap));
    }

    #[test]
    fn replies_are_believed_both_ways(text in "[ -~]{1,200}", vlan in "[0-9a-z]{1,30}") {
        let mut buffer = [0; 64];
        let writer = RequestWriter::access_request(3, [7; 16], &mut buffer).unwrap();
        let request = writer.finish(&secret()).unwrap();
        let verified =
            VerifiedRequest::verify(Packet::parse(request).unwrap(), &secret(), Required).unwrap();
        let (context, mut buffer) = (verified.reply_context(), [0; 512]);
        let mut reply = Reply::accept(&context, &mut buffer).unwrap();
        reply.push(AttributeType::REPLY_MESSAGE, text.as_bytes()).unwrap();
        reply.push_vlan(&vlan).unwrap();
        let reply = reply.finish(&secret()).unwrap();
        prop_assert!(TheirPacket::is_authentic_response(reply, request, SECRET));
        let theirs = TheirPacket::decode(reply, SECRET).unwrap();
        let (group, tag) = rfc2868::lookup_tunnel_private_group_id(&theirs).unwrap().unwrap();
        prop_assert_eq!((group, tag.map(|tag| tag.get_value())), (vlan, None));

        let mut theirs = TheirPacket::decode(request, SECRET)
            .unwrap()
            .make_response_packet(TheirCode::AccessReject);
        rfc2865::add_reply_message(&mut theirs, &text);
        let reply = theirs.encode().unwrap();
        let ours = Packet::parse(&reply).unwrap();
        prop_assert_eq!(verify_reply_with(&ours, &[7; 16], &secret(), LegacyOptional), Ok(()));
    }

    #[test]
    fn accounting_requests_are_believed_both_ways(session in "[0-9A-F]{1,40}") {
        let mut theirs = TheirPacket::new(TheirCode::AccountingRequest, SECRET);
        rfc2865::add_user_name(&mut theirs, &session);
        let octets = theirs.encode().unwrap();
        let packet = Packet::parse(&octets).unwrap();
        prop_assert!(VerifiedRequest::verify(packet, &secret(), Required).is_ok());

        let mut buffer = [0; 128];
        let mut writer = RequestWriter::accounting_request(3, &mut buffer).unwrap();
        writer.push(AttributeType::ACCT_SESSION_ID, session.as_bytes()).unwrap();
        let octets = writer.finish(&secret()).unwrap();
        prop_assert!(TheirPacket::is_authentic_request(octets, SECRET));
    }
}

#[test]
fn they_take_codes_that_we_drop() {
    let mut octets = [0; 20];
    octets[..4].copy_from_slice(&[99, 0, 0, 20]);
    assert_eq!(Packet::parse(&octets), Err(ParseError::UnknownCode));
    assert_eq!(Code::from_octet(99), None);
    assert!(TheirPacket::decode(&octets, SECRET).is_ok());
}
