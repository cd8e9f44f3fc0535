//! Target: any datagram. Oracles: a reference parser that shares no code with the real one, the
//! octets that the parsed packet makes up again, and a request and a reply made from what was read.
#![expect(
    clippy::expect_used,
    reason = "an oracle that fails aborts: that is its answer"
)]

use std::net::IpAddr;

use portvakt_radius::MessageAuthenticatorPolicy::{LegacyOptional, Required};
use portvakt_radius::attribute::vendor_attributes;
use portvakt_radius::{
    AttributeType, Code, NoRoom, Packet, Reply, ReplyContext, RequestWriter, SharedSecret,
    VerifiedRequest, accounting, describe, verify_reply,
};

/// Attributes as numbers and values.
pub(crate) type Pairs = Vec<(u8, Vec<u8>)>;

/// Reads `data` as a datagram and checks what comes of it.
///
/// # Panics
/// When an oracle disagrees.
pub fn packet(data: &[u8]) {
    let packet = match (Packet::parse(data), reference(data)) {
        (Ok(packet), Ok((header, attributes))) => {
            assert_eq!([packet.code().octet(), packet.identifier()], header);
            assert_eq!(pairs(&packet), attributes);
            packet
        }
        (Err(error), Err(label)) => return assert_eq!(error.label(), label),
        (ours, theirs) => return assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?} {theirs:?}"),
    };
    check_octets(&packet);
    check_vendor_attributes(&packet);
    check_text(&packet);
    check_policies(&packet);
    check_accounting(&packet);
    let context = check_request(&packet);
    for code in [
        Code::AccessAccept,
        Code::AccessReject,
        Code::AccessChallenge,
    ] {
        check_reply(&packet, &context, code);
    }
}

pub(crate) fn secret() -> SharedSecret {
    SharedSecret::new(b"testing123").expect("it has octets")
}

pub(crate) fn pairs(packet: &Packet<'_>) -> Pairs {
    packet
        .attributes()
        .map(|attribute| (attribute.kind.0, attribute.value.to_vec()))
        .collect()
}

/// RFC 2865 §3 once more, as plainly as can be: code and identifier, then owned attributes.
fn reference(data: &[u8]) -> Result<([u8; 2], Pairs), &'static str> {
    let at = |position: usize| data.get(position).copied().map(usize::from);
    if data.len() < 20 {
        return Err("datagram-below-header");
    }
    let length = at(2).unwrap_or(0) * 256 + at(3).unwrap_or(0);
    match length {
        0..20 => return Err("length-below-header"),
        4097.. => return Err("length-above-maximum"),
        _ if length > data.len() => return Err("length-beyond-datagram"),
        _ => {}
    }
    let codes = [1, 2, 3, 4, 5, 11, 12, 40, 41, 42, 43, 44, 45, 52];
    if !codes.contains(&data.first().copied().unwrap_or(0)) {
        return Err("unknown-code");
    }
    let mut position = 20;
    let mut attributes = Pairs::new();
    while position < length {
        if position + 1 == length {
            return Err("attribute-beyond-end");
        }
        let size = at(position + 1).unwrap_or(0);
        if size < 2 {
            return Err("attribute-below-header");
        }
        if position + size > length {
            return Err("attribute-beyond-end");
        }
        let value = data
            .iter()
            .skip(position + 2)
            .take(size - 2)
            .copied()
            .collect();
        attributes.push((data.get(position).copied().unwrap_or(0), value));
        position += size;
    }
    let header = [
        data.first().copied().unwrap_or(0),
        data.get(1).copied().unwrap_or(0),
    ];
    Ok((header, attributes))
}

/// Header and attributes put together again are the packet.
fn check_octets(packet: &Packet<'_>) {
    let mut again: Vec<u8> = packet.bytes().iter().take(20).copied().collect();
    for attribute in packet.attributes() {
        let length = u8::try_from(attribute.value.len() + 2).expect("it was read from an octet");
        again.extend_from_slice(&[attribute.kind.0, length]);
        again.extend_from_slice(attribute.value);
    }
    assert_eq!(again, packet.bytes());
}

/// A prefix has no bit beyond its length, and no session more addresses than attributes.
fn check_accounting(packet: &Packet<'_>) {
    let _ = accounting::AccountingStatus::read(packet);
    let _ = accounting::cisco_av_pair(packet, "audit-session-id");
    let addresses: Vec<_> = accounting::framed_addresses(packet).collect();
    assert!(addresses.len() <= packet.attributes().count());
    for (address, length) in addresses {
        let (bits, width) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        assert!(length <= width);
        assert_eq!(bits.checked_shl(length.into()).unwrap_or(0), 0);
    }
}

/// The sub-attributes put together again are the Vendor-Specific, and `vendor` finds each first.
fn check_vendor_attributes(packet: &Packet<'_>) {
    for value in packet.all(AttributeType::VENDOR_SPECIFIC) {
        let Some(inside) = vendor_attributes(value) else {
            continue;
        };
        let mut again: Vec<u8> = value.iter().take(4).copied().collect();
        for attribute in inside {
            assert!(packet.vendor(attribute.vendor, attribute.kind).is_some());
            let length = u8::try_from(attribute.value.len() + 2).expect("it was read from one");
            again.extend_from_slice(&[attribute.kind, length]);
            again.extend_from_slice(attribute.value);
        }
        assert_eq!(again, value);
    }
}

/// A line for the header and at least one for each attribute, none of which strangers can forge.
fn check_text(packet: &Packet<'_>) {
    let text = describe(packet).to_string();
    assert!(text.lines().count() > packet.attributes().count());
    assert!(
        text.lines()
            .skip(1)
            .all(|line| line.starts_with("  ") && line.contains(" = "))
    );
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

/// The lenient policy accepts what the strict one accepts; no packet fits two secrets.
fn check_policies(packet: &Packet<'_>) {
    let other = SharedSecret::new(b"testing124").expect("it has octets");
    if VerifiedRequest::verify(*packet, &secret(), Required).is_err() {
        return;
    }
    assert!(VerifiedRequest::verify(*packet, &secret(), LegacyOptional).is_ok());
    assert!(VerifiedRequest::verify(*packet, &other, Required).is_err());
    if packet.code() == Code::AccessRequest {
        check_same_octets(packet);
    }
}

/// A believed request with Message-Authenticator first is what our own writer makes of it.
fn check_same_octets(packet: &Packet<'_>) {
    let mut attributes = packet.attributes();
    if attributes.next().map(|first| first.kind) == Some(AttributeType::MESSAGE_AUTHENTICATOR) {
        let mut buffer = [0; 4096];
        assert_eq!(write_request(packet, &mut buffer), packet.bytes());
    }
}

/// An Access-Request with the packet's attributes, all but Message-Authenticator that fit.
fn write_request<'b>(packet: &Packet<'_>, buffer: &'b mut [u8; 4096]) -> &'b [u8] {
    let authenticator = *packet.authenticator();
    let mut writer = RequestWriter::access_request(packet.identifier(), authenticator, buffer)
        .expect("the buffer has room");
    for attribute in packet.attributes() {
        let _ = writer.push(attribute.kind, attribute.value);
    }
    writer.finish(&secret()).expect("the buffer has room")
}

/// The packet's attributes as a signed request are believed; gives what a reply to it needs.
fn check_request(packet: &Packet<'_>) -> ReplyContext {
    let mut buffer = [0; 4096];
    let request = write_request(packet, &mut buffer);
    let request = Packet::parse(request).expect("what is written can be read");
    let request = VerifiedRequest::verify(request, &secret(), Required).expect("it was signed");
    if let Ok(password) = request.user_password(&secret()) {
        assert!(password.as_bytes().len() <= 128 && password.as_bytes().last() != Some(&0));
    }
    request.reply_context()
}

/// Begins a reply of that code, as far as the buffer has room.
pub(crate) fn begin_reply<'b>(
    code: Code,
    context: &'b ReplyContext,
    buffer: &'b mut [u8],
) -> Result<Reply<'b>, NoRoom> {
    match code {
        Code::AccessAccept => Reply::accept(context, buffer),
        Code::AccessReject => Reply::reject(context, buffer),
        _ => Reply::challenge(context, buffer),
    }
}

/// A reply with the packet's attributes, as far as it takes them, is believed and echoes
/// Proxy-State.
fn check_reply(packet: &Packet<'_>, context: &ReplyContext, code: Code) {
    let mut buffer = [0; 4096];
    let mut reply =
        begin_reply(code, context, &mut buffer).expect("a request's Proxy-State fits a reply");
    let mut expected: Pairs = Vec::new();
    for attribute in packet.attributes() {
        if reply.push(attribute.kind, attribute.value).is_ok() {
            expected.push((attribute.kind.0, attribute.value.to_vec()));
        }
    }
    let octets = reply.finish(&secret()).expect("the room was set aside");
    let reply = Packet::parse(octets).expect("what is written can be read");
    verify_reply(&reply, context.request_authenticator(), &secret()).expect("it was signed");
    let mut written = pairs(&reply);
    let first = written.remove(0);
    assert_eq!(first.0, AttributeType::MESSAGE_AUTHENTICATOR.0);
    check_echo(packet, context, &mut written);
    assert_eq!(written, expected);
}

/// Takes the Proxy-States off the end: the request's, in order, and no others.
fn check_echo(packet: &Packet<'_>, context: &ReplyContext, written: &mut Pairs) {
    let mut buffer = [0; 4096];
    let request = Packet::parse(write_request(packet, &mut buffer)).expect("it can be read");
    assert_eq!(context.identifier(), request.identifier());
    let states: Vec<_> = request
        .all(AttributeType::PROXY_STATE)
        .map(<[u8]>::to_vec)
        .collect();
    let echoed = written.split_off(written.len() - states.len());
    let echoed = echoed.into_iter().map(|(kind, value)| {
        assert_eq!(kind, AttributeType::PROXY_STATE.0);
        value
    });
    assert_eq!(echoed.collect::<Vec<_>>(), states);
}
