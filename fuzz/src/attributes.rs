//! Target: any sequence of calls to the two writers, into a buffer of any size. Oracle: a model
//! that keeps what was accepted in a list; the packet must read as that list, and be believed.
#![expect(
    clippy::expect_used,
    reason = "an oracle that fails aborts: that is its answer"
)]

use portvakt_radius::MessageAuthenticatorPolicy::Required;
use portvakt_radius::dictionary::microsoft;
use portvakt_radius::{
    AttributeType, Code, Packet, PushError, RequestWriter, VerifiedRequest, mppe, verify_reply,
};

use crate::packet::{Pairs, begin_reply, pairs, secret};

/// Takes `data` as a script: what to write, how much room there is, then call after call.
///
/// # Panics
/// When what is read is not what was written.
pub fn attributes(data: &[u8]) {
    let Some(([choice, high, low], calls)) = data.split_first_chunk::<3>() else {
        return;
    };
    let room = usize::from(u16::from_be_bytes([*high, *low]) % 4200);
    match choice % 4 {
        0 => write_request(room, calls),
        1 => write_reply(Code::AccessAccept, room, calls),
        2 => write_reply(Code::AccessReject, room, calls),
        _ => write_reply(Code::AccessChallenge, room, calls),
    }
}

/// One call: which, with what.
struct Call<'a> {
    which: u8,
    kind: u8,
    value: &'a [u8],
}

/// Which call, kind, length (up to 1023), and that many octets; what is cut short ends the script.
fn calls(mut script: &[u8]) -> impl Iterator<Item = Call<'_>> {
    std::iter::from_fn(move || {
        let ([which, kind, high, low], rest) = script.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([*high, *low]) % 1024);
        let (value, rest) = rest.split_at_checked(length)?;
        script = rest;
        let (which, kind) = (*which, *kind);
        Some(Call { which, kind, value })
    })
}

/// The attributes that a call is to write.
fn model(call: &Call<'_>) -> Pairs {
    let own = |kind: AttributeType, value: &[u8]| (kind.0, value.to_vec());
    match call.which % 4 {
        0 => vec![(call.kind, call.value.to_vec())],
        1 => vec![own(AttributeType::VENDOR_SPECIFIC, &vendor_specific(call))],
        2 if call.value.is_empty() => vec![own(AttributeType::EAP_MESSAGE, &[])],
        2 => call
            .value
            .chunks(253)
            .map(|piece| own(AttributeType::EAP_MESSAGE, piece))
            .collect(),
        _ => vec![
            own(AttributeType::TUNNEL_TYPE, &[0, 0, 0, 13]),
            own(AttributeType::TUNNEL_MEDIUM_TYPE, &[0, 0, 0, 6]),
            own(
                AttributeType::TUNNEL_PRIVATE_GROUP_ID,
                text(call).as_bytes(),
            ),
        ],
    }
}

fn vendor_specific(call: &Call<'_>) -> Vec<u8> {
    let length = u8::try_from(call.value.len() + 2).unwrap_or(0);
    let head = [0, 0, 1, 55, call.kind, length];
    [&head, call.value].concat()
}

fn text(call: &Call<'_>) -> String {
    String::from_utf8_lossy(call.value).into_owned()
}

/// Octets that attributes take in a packet.
fn size(attributes: &Pairs) -> usize {
    attributes.iter().map(|(_, value)| value.len() + 2).sum()
}

fn write_request(room: usize, script: &[u8]) {
    let mut buffer = vec![0xee; room];
    let Ok(mut writer) = RequestWriter::access_request(1, [7; 16], &mut buffer) else {
        return assert!(room < 38);
    };
    let mut expected = Pairs::new();
    for call in calls(script) {
        let pushed = match call.which % 4 {
            0 => writer.push(AttributeType(call.kind), call.value),
            1 => writer.push_vendor(microsoft::VENDOR, call.kind, call.value),
            2 => writer.push_eap_message(call.value),
            _ => {
                check_password(call.value);
                continue;
            }
        };
        let left = room.min(4096) - 38 - size(&expected);
        check_push(pushed, model(&call), left, &mut expected);
    }
    let octets = writer
        .finish(&secret())
        .expect("it had room at the beginning");
    let packet = Packet::parse(octets).expect("what is written can be read");
    assert!(VerifiedRequest::verify(packet, &secret(), Required).is_ok());
    assert_eq!(pairs(&packet).split_off(1), expected);
}

/// Accepted means in the packet; refused for want of room means that there was none.
fn check_push(pushed: Result<(), PushError>, written: Pairs, left: usize, expected: &mut Pairs) {
    match pushed {
        Ok(()) => {
            assert!(size(&written) <= left);
            expected.extend(written);
        }
        Err(PushError::NoRoom) => assert!(size(&written) > left),
        Err(PushError::ValueTooLong) => {
            assert!(written.iter().any(|(_, value)| value.len() > 253));
        }
        Err(PushError::VlanName) => {
            let last = written.last().and_then(|(_, value)| value.first());
            assert!(last.is_none_or(|first| *first < 0x20));
        }
        Err(_) => {}
    }
}

/// A hidden User-Password comes back, but for NULs at its end.
fn check_password(password: &[u8]) {
    let mut buffer = [0; 256];
    let mut writer = RequestWriter::access_request(1, [7; 16], &mut buffer).expect("it has room");
    if writer.push_user_password(password, &secret()).is_err() {
        return assert!(password.len() > 128);
    }
    let octets = writer.finish(&secret()).expect("it has room");
    let packet = Packet::parse(octets).expect("what is written can be read");
    let request = VerifiedRequest::verify(packet, &secret(), Required).expect("it was signed");
    let revealed = request
        .user_password(&secret())
        .expect("it was hidden by us");
    let end = password
        .iter()
        .rposition(|octet| *octet != 0)
        .map_or(0, |last| last + 1);
    assert_eq!(Some(revealed.as_bytes()), password.get(..end));
}

fn write_reply(code: Code, room: usize, script: &[u8]) {
    let (mut request, mut buffer) = ([0; 256], vec![0xee; room]);
    let with_eap = script.first().is_some_and(|octet| octet & 0x80 != 0);
    let context = request_context(&mut request, with_eap);
    let Ok(mut reply) = begin_reply(code, &context, &mut buffer) else {
        return assert!(room < 38 + 10);
    };
    let mut expected = Pairs::new();
    for call in calls(script) {
        let pushed = match call.which % 4 {
            0 => reply.push(AttributeType(call.kind), call.value),
            1 => reply.push_vendor(microsoft::VENDOR, call.kind, call.value),
            2 => reply.push_eap_message(call.value),
            _ => reply.push_vlan(&text(&call)),
        };
        let left = room.min(4096) - 38 - 10 - size(&expected);
        check_push(pushed, model(&call), left, &mut expected);
    }
    let with_keys = reply
        .push_mppe_keys(&secret(), &[0x4d; 64], [1, 0x8001])
        .is_ok();
    let octets = reply
        .finish(&secret())
        .expect("it had room at the beginning");
    let packet = Packet::parse(octets).expect("what is written can be read");
    verify_reply(&packet, &[7; 16], &secret()).expect("it was signed");
    check_reply(&packet, expected, with_keys);
    check_reject(&packet, context.had_eap());
}

/// A request with one Proxy-State of 8 octets.
fn request_context(buffer: &mut [u8], with_eap: bool) -> portvakt_radius::ReplyContext {
    let mut writer = RequestWriter::access_request(1, [7; 16], buffer).expect("it has room");
    writer
        .push(AttributeType::PROXY_STATE, b"upstream")
        .expect("it has room");
    if with_eap {
        writer
            .push_eap_message(&[2, 1, 0, 5, 1])
            .expect("it has room");
    }
    let octets = writer.finish(&secret()).expect("it has room");
    let packet = Packet::parse(octets).expect("what is written can be read");
    let request = VerifiedRequest::verify(packet, &secret(), Required).expect("it was signed");
    request.reply_context()
}

fn check_reply(packet: &Packet<'_>, expected: Pairs, with_keys: bool) {
    let mut written = pairs(packet).split_off(1);
    assert_eq!(
        written.pop(),
        Some((AttributeType::PROXY_STATE.0, b"upstream".to_vec()))
    );
    if with_keys {
        let keys = written.split_off(written.len() - 2);
        let wrapped: Vec<_> = keys
            .iter()
            .filter_map(|(_, value)| value.get(6..))
            .collect();
        for key in &wrapped {
            let key = mppe::reveal(key, &[7; 16], &secret()).expect("it was wrapped by us");
            assert_eq!(key.as_slice(), [0x4d; 32]);
        }
        assert_ne!(wrapped.first(), wrapped.last(), "the salts differ");
    }
    assert_eq!(written, expected);
}

/// R7: nothing in an Access-Reject but what it may hold, and no Reply-Message beside EAP.
fn check_reject(packet: &Packet<'_>, had_eap: bool) {
    if had_eap {
        assert_eq!(packet.first(AttributeType::REPLY_MESSAGE), None);
    }
    if packet.code() == Code::AccessReject {
        let strange = pairs(packet).into_iter().find(|(kind, value)| match kind {
            18 | 24 | 33 | 79 | 80 | 101 => false,
            26 => !value.starts_with(&[0, 0, 1, 55, 2]),
            _ => true,
        });
        assert_eq!(strange, None);
    }
}
