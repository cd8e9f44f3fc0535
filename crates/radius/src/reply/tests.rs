use super::*;
use crate::MessageAuthenticatorPolicy::Required;
use crate::{RequestWriter, VerifiedRequest, verify_reply};

const AUTHENTICATOR: [u8; 16] = *b"0123456789abcdef";

fn secret() -> SharedSecret {
    SharedSecret::new(b"testing123").unwrap()
}

fn context(write: impl FnOnce(&mut RequestWriter<'_>)) -> ReplyContext {
    let mut buffer = [0; 4096];
    let mut request = RequestWriter::access_request(7, AUTHENTICATOR, &mut buffer).unwrap();
    write(&mut request);
    let packet = Packet::parse(request.finish(&secret()).unwrap()).unwrap();
    let request = VerifiedRequest::verify(packet, &secret(), Required).unwrap();
    request.reply_context()
}

fn without_eap() -> ReplyContext {
    context(|_| ())
}

fn with_eap() -> ReplyContext {
    context(|request| request.push_eap_message(&[2, 1, 0, 5, 1]).unwrap())
}

fn with_proxy_states(count: u8, length: usize) -> ReplyContext {
    context(|request| {
        for number in 0..count {
            request
                .push(AttributeType::PROXY_STATE, &vec![number; length])
                .unwrap();
            request.push(AttributeType::CLASS, b"between").unwrap();
        }
    })
}

fn checked<'a>(octets: &'a [u8]) -> Packet<'a> {
    let reply = Packet::parse(octets).unwrap();
    verify_reply(&reply, &AUTHENTICATOR, &secret()).unwrap();
    reply
}

/// R2.
#[test]
fn message_authenticator_comes_first_in_every_reply() {
    let context = without_eap();
    let mut buffers = [[0; 256]; 3];
    let begins = [Reply::accept, Reply::reject, Reply::challenge];
    for (begin, buffer) in begins.into_iter().zip(&mut buffers) {
        let mut reply = begin(&context, buffer).unwrap();
        reply.push(AttributeType::STATE, b"state").unwrap();
        let reply = checked(reply.finish(&secret()).unwrap());
        let first = reply.attributes().next().unwrap();
        assert_eq!(first.kind, AttributeType::MESSAGE_AUTHENTICATOR);
    }
}

/// R3.
#[test]
fn proxy_states_are_echoed_unchanged_and_in_order() {
    let context = with_proxy_states(5, 12);
    let mut buffer = [0; 256];
    let mut reply = Reply::reject(&context, &mut buffer).unwrap();
    reply.push(AttributeType::REPLY_MESSAGE, b"no").unwrap();
    let reply = checked(reply.finish(&secret()).unwrap());
    let echoed: Vec<_> = reply.all(AttributeType::PROXY_STATE).collect();
    assert_eq!(
        echoed,
        (0..5).map(|number| [number; 12]).collect::<Vec<_>>()
    );
}

/// R3.
#[test]
fn empty_proxy_state_is_echoed() {
    let context = with_proxy_states(2, 0);
    let mut buffer = [0; 64];
    let reply = Reply::accept(&context, &mut buffer).unwrap();
    let reply = checked(reply.finish(&secret()).unwrap());
    assert_eq!(reply.all(AttributeType::PROXY_STATE).count(), 2);
}

#[test]
fn room_for_proxy_state_is_kept_until_the_end() {
    let context = with_proxy_states(4, 200);
    let mut buffer = [0; 8192];
    let mut reply = Reply::accept(&context, &mut buffer).unwrap();
    while reply.push(AttributeType::CLASS, &[1; 100]).is_ok() {}
    while reply.push(AttributeType::CLASS, &[]).is_ok() {}
    let reply = checked(reply.finish(&secret()).unwrap());
    assert_eq!(reply.all(AttributeType::PROXY_STATE).count(), 4);
    assert!((4095..=4096).contains(&reply.bytes().len()));
}

#[test]
fn buffer_that_is_too_small_is_refused_at_the_beginning() {
    let context = with_proxy_states(1, 10);
    let needed = 20 + 18 + 12;
    for length in 0..needed {
        assert!(
            Reply::accept(&context, &mut vec![0; length]).is_err(),
            "{length} octets"
        );
    }
    let mut buffer = vec![0; needed];
    let reply = Reply::accept(&context, &mut buffer).unwrap();
    assert_eq!(reply.finish(&secret()).unwrap().len(), needed);
}

#[test]
fn refused_push_leaves_the_packet_as_it_was() {
    let context = without_eap();
    let mut buffer = [0; 20 + 18 + 300];
    let mut reply = Reply::challenge(&context, &mut buffer).unwrap();
    let room = reply.room();
    assert_eq!(reply.push_eap_message(&[1; 600]), Err(PushError::NoRoom));
    assert_eq!(
        reply.push(AttributeType::CLASS, &[1; 254]),
        Err(PushError::ValueTooLong)
    );
    assert_eq!(
        reply.push_vendor(9, 1, &[1; 248]),
        Err(PushError::ValueTooLong)
    );
    assert_eq!(reply.room(), room);
    assert_eq!(
        checked(reply.finish(&secret()).unwrap())
            .attributes()
            .count(),
        1
    );
}

#[test]
fn eap_packet_is_split_at_253_octets() {
    let context = with_eap();
    let mut buffer = [0; 2048];
    let eap: Vec<u8> = (0..1020_u32).map(|at| at.to_le_bytes()[0]).collect();
    let mut reply = Reply::challenge(&context, &mut buffer).unwrap();
    reply.push_eap_message(&eap).unwrap();
    let reply = checked(reply.finish(&secret()).unwrap());
    let message = reply.eap_message().unwrap();
    let mut whole = Vec::new();
    message.copy_into(&mut whole);
    assert_eq!(whole, eap);
    let lengths: Vec<_> = message.pieces().map(<[u8]>::len).collect();
    assert_eq!(lengths, [253, 253, 253, 253, 8]);
}

/// R7.
#[test]
fn reject_holds_nothing_but_what_it_may() {
    let context = without_eap();
    let mut buffer = [0; 4096];
    let mut reply = Reply::reject(&context, &mut buffer).unwrap();
    let taken: Vec<u8> = (0..=u8::MAX)
        .filter(|kind| reply.push(AttributeType(*kind), b"abcd").is_ok())
        .collect();
    assert_eq!(taken, [18, 24, 79, 101]);
    let not_in_reject = |kind| Err(PushError::NotInReject(kind));
    let tunnel = not_in_reject(AttributeType::TUNNEL_TYPE);
    assert_eq!(reply.push_vlan("42"), tunnel);
    let vendor = not_in_reject(AttributeType::VENDOR_SPECIFIC);
    let keys = reply.push_mppe_keys(&secret(), &[0; 64], [1, 2]);
    assert_eq!(keys, vendor);
    assert_eq!(reply.push_vendor(9, 1, b"x"), vendor);
    assert_eq!(
        reply.push_vendor(microsoft::VENDOR, microsoft::MS_CHAP_ERROR, b"E=691"),
        Ok(())
    );
}

/// R7.
#[test]
fn reply_message_never_stands_beside_eap() {
    let context = with_eap();
    let mut buffers = [[0; 256]; 3];
    let begins = [Reply::accept, Reply::reject, Reply::challenge];
    for (begin, buffer) in begins.into_iter().zip(&mut buffers) {
        let mut reply = begin(&context, buffer).unwrap();
        let pushed = reply.push(AttributeType::REPLY_MESSAGE, b"fee unpaid");
        assert_eq!(pushed, Err(PushError::ReplyMessageBesideEap));
    }
}

#[test]
fn what_the_writer_adds_itself_is_refused() {
    let context = without_eap();
    let mut buffer = [0; 256];
    let mut reply = Reply::accept(&context, &mut buffer).unwrap();
    for kind in [
        AttributeType::MESSAGE_AUTHENTICATOR,
        AttributeType::PROXY_STATE,
    ] {
        assert_eq!(reply.push(kind, &[0; 16]), Err(PushError::Reserved(kind)));
    }
}

/// R13.
#[test]
fn vlan_is_three_attributes_of_one_tunnel() {
    let context = without_eap();
    let mut buffer = [0; 256];
    let mut reply = Reply::accept(&context, &mut buffer).unwrap();
    reply.push_vlan("42").unwrap();
    let reply = checked(reply.finish(&secret()).unwrap());
    assert_eq!(reply.integer(AttributeType::TUNNEL_TYPE), Some(13));
    assert_eq!(reply.integer(AttributeType::TUNNEL_MEDIUM_TYPE), Some(6));
    assert_eq!(
        reply.first(AttributeType::TUNNEL_PRIVATE_GROUP_ID),
        Some(&b"42"[..])
    );
}

/// R13.
#[test]
fn vlan_name_that_would_be_read_as_a_tag_is_refused() {
    let context = without_eap();
    let mut buffer = [0; 256];
    let mut reply = Reply::accept(&context, &mut buffer).unwrap();
    for name in ["", "\u{1}42", "\u{1f}"] {
        assert_eq!(reply.push_vlan(name), Err(PushError::VlanName));
    }
    assert_eq!(
        reply.push_vlan(&"v".repeat(254)),
        Err(PushError::ValueTooLong)
    );
    assert_eq!(
        checked(reply.finish(&secret()).unwrap())
            .attributes()
            .count(),
        1
    );
}

/// R14.
#[test]
fn keys_reach_the_nas() {
    let context = with_eap();
    let mut buffer = [0; 512];
    let msk: [u8; 64] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let mut reply = Reply::accept(&context, &mut buffer).unwrap();
    reply.push_mppe_keys(&secret(), &msk, [3, 3]).unwrap();
    let reply = checked(reply.finish(&secret()).unwrap());
    let revealed = mppe::reveal_msk(&reply, &AUTHENTICATOR, &secret()).unwrap();
    assert_eq!(*revealed, msk);
    let salt = |kind| &reply.vendor(microsoft::VENDOR, kind).unwrap()[..2];
    assert_ne!(
        salt(microsoft::MS_MPPE_RECV_KEY),
        salt(microsoft::MS_MPPE_SEND_KEY)
    );
}

/// R10.
#[test]
fn accounting_response_has_no_message_authenticator() {
    let mut buffer = [0; 64];
    let request = RequestWriter::accounting_request(9, &mut buffer).unwrap();
    let octets = request.finish(&secret()).unwrap();
    let packet = Packet::parse(octets).unwrap();
    let request = VerifiedRequest::verify(packet, &secret(), Required).unwrap();
    let (context, mut buffer) = (request.reply_context(), [0; 64]);
    let reply = Reply::accounting_response(&context, &mut buffer).unwrap();
    let reply = Packet::parse(reply.finish(&secret()).unwrap()).unwrap();
    assert_eq!(reply.bytes().len(), 20);
    assert_eq!(
        verify_reply(&reply, context.request_authenticator(), &secret()),
        Ok(())
    );
}
