//! Requests as access points send them, and the answers.

use std::hint::black_box;

use criterion::Criterion;
use portvakt_radius::MessageAuthenticatorPolicy::Required;
use portvakt_radius::{AttributeType, Packet, Reply, RequestWriter, SharedSecret, VerifiedRequest};

pub(crate) fn measure(c: &mut Criterion) {
    requests(c);
    replies(c);
}

pub(crate) fn secret() -> SharedSecret {
    SharedSecret::new(b"sixteen octets or more").unwrap()
}

/// As an access point sends in the middle of a conversation: 15 attributes, 100 octets of EAP.
pub(crate) fn request() -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut writer = RequestWriter::access_request(7, [3; 16], &mut buffer).unwrap();
    let texts = [
        (AttributeType::USER_NAME, "anonymous@campus.example"),
        (
            AttributeType::CALLED_STATION_ID,
            "00-11-22-33-44-55:eduroam",
        ),
        (AttributeType::CALLING_STATION_ID, "66-77-88-99-AA-BB"),
        (AttributeType::NAS_IDENTIFIER, "library-2nd-floor"),
        (AttributeType::OPERATOR_NAME, "1campus.example"),
        (AttributeType::STATE, "sixteen octets.."),
        (AttributeType::PROXY_STATE, "hop 2"),
        (AttributeType::PROXY_STATE, "hop 1"),
    ];
    for (kind, text) in texts {
        writer.push(kind, text.as_bytes()).unwrap();
    }
    for kind in [
        AttributeType::NAS_PORT,
        AttributeType::NAS_PORT_TYPE,
        AttributeType::FRAMED_MTU,
        AttributeType::SERVICE_TYPE,
        AttributeType::NAS_IP_ADDRESS,
    ] {
        writer.push_integer(kind, 1400).unwrap();
    }
    writer.push_eap_message(&[0x15; 100]).unwrap();
    writer.finish(&secret()).unwrap().to_vec()
}

fn requests(c: &mut Criterion) {
    let (secret, octets) = (secret(), request());
    c.bench_function("parse", |b| b.iter(|| Packet::parse(black_box(&octets))));
    c.bench_function("parse and verify", |b| {
        b.iter(|| {
            let packet = Packet::parse(black_box(&octets)).unwrap();
            VerifiedRequest::verify(packet, &secret, Required).unwrap();
        });
    });
}

fn replies(c: &mut Criterion) {
    let (secret, octets) = (secret(), request());
    let packet = Packet::parse(&octets).unwrap();
    let verified = VerifiedRequest::verify(packet, &secret, Required).unwrap();
    let context = verified.reply_context();
    let mut buffer = [0; 4096];
    c.bench_function("write and sign a challenge of 1000 octets", |b| {
        b.iter(|| {
            let mut reply = Reply::challenge(&context, &mut buffer).unwrap();
            reply.push_eap_message(black_box(&[0x15; 1000])).unwrap();
            reply.push(AttributeType::STATE, &[9; 16]).unwrap();
            black_box(reply.finish(&secret).unwrap());
        });
    });
    c.bench_function("write and sign an accept with keys", |b| {
        b.iter(|| {
            let mut reply = Reply::accept(&context, &mut buffer).unwrap();
            reply.push_eap_message(&[3, 7, 0, 4]).unwrap();
            let keys = black_box(&[7; 64]);
            reply.push_mppe_keys(&secret, keys, [1, 2]).unwrap();
            black_box(reply.finish(&secret).unwrap());
        });
    });
}
