//! EAP: a packet by itself, and a whole conversation with a peer that says anything.

use portvakt_eap::packet::{Body, EapPacket, write_typed};
use portvakt_eap::{
    Conversation, EapError, InnerCredential, InnerKey, Limits, MethodType, Methods, ServerTls,
    Stage, Step, TlsVersions, Untaken, UntunnelledMethod, UntunnelledOffer, Verdict,
};
use portvakt_testkit::supplicant::Pace;
use std::sync::{Arc, OnceLock};

/// The packet must survive being written again; the conversation must keep its promises.
///
/// `data` is the octets of one packet, then read once more as a script: the first octet chooses
/// the limit, then each response is led by two octets of length. Its high bit set means "under the
/// identifier that is awaited", without which nothing gets far.
pub fn eap(data: &[u8]) {
    packet(data);
    if let Some((limit, script)) = data.split_first() {
        let limits = Limits {
            eap_octets: usize::from(*limit) * 4,
        };
        for untunnelled in UNTUNNELLED {
            conversation(limits, untunnelled, script);
        }
    }
}

/// What is offered without a tunnel: nothing, or within IKEv2.
const UNTUNNELLED: [&[UntunnelledMethod]; 3] = [
    &[],
    &[UntunnelledMethod::MsChapV2, UntunnelledMethod::Gtc],
    &[UntunnelledMethod::Gtc],
];

/// Octets of the longest message that is never cut: the failure of EAP-MSCHAPv2.
const NEVER_CUT: usize = 100;

/// Oracle: what is read is inside the packet, and writes back to the same octets.
fn packet(data: &[u8]) {
    let Ok(packet) = EapPacket::read(data) else {
        return;
    };
    assert!(data.len() >= 4);
    // A type below 254 may be written the long way as well.
    let is_short = data.get(4).is_some_and(|kind| *kind != 254);
    if let (
        true,
        Body::Method {
            kind,
            data: type_data,
        },
    ) = (is_short, packet.body)
    {
        let written = write_typed(packet.code, packet.identifier, kind, type_data);
        assert_eq!(data.get(..written.len()), Some(written.as_slice()));
        assert_eq!(EapPacket::read(&written), Ok(packet));
    }
    if let Body::Nak(nak) = packet.body {
        assert!(
            nak.wanted()
                .all(|kind| !matches!(kind.0, 0..=3 | 254 | 255))
        );
    }
}

/// Oracle: no success without an accepting verdict, a refused packet changes nothing, requests
/// keep to the limit and count their identifiers, the first message after a refusal is late, every
/// packet has an answer, and it
/// ends.
fn conversation(limits: Limits, untunnelled: &[UntunnelledMethod], mut script: &[u8]) {
    let identity = [2, 0, 0, 6, 1, b'a'];
    let offer = UntunnelledOffer::new(Arc::from(untunnelled), [7; 32]);
    let started = Conversation::start_untunnelled(methods(), offer, &identity);
    let Ok((mut conversation, mut step)) = started else {
        return;
    };
    let (mut identifier, mut requests, mut accepted) = (0_u8, 0, false);
    let mut pace = Pace::default();
    loop {
        match step {
            Step::Request(request) => {
                pace.request(&request);
                requests += 1;
                assert!(requests <= 64, "a conversation without an end");
                assert!(request.len() <= limits.eap_octets.max(NEVER_CUT));
                identifier = identifier.wrapping_add(1);
                assert_eq!(request.get(..2), Some([1, identifier].as_slice()));
                let Some(next) = respond(&mut conversation, &mut script, identifier, limits) else {
                    return;
                };
                step = next;
            }
            Step::Authenticate(credential) => {
                let verdict = judge(&credential);
                accepted = verdict.is_accepting();
                pace.judged(&verdict);
                let Ok(next) = conversation.handle_verdict(verdict, limits) else {
                    return;
                };
                step = next;
            }
            // Nothing here keeps sessions.
            Step::FindSession(_) => return,
            Step::Success { packet, .. } => {
                assert!(accepted, "success out of nothing");
                assert_eq!(*packet, [3, identifier, 0, 4]);
                return;
            }
            Step::Failure { packet, .. } => {
                pace.failure(&packet);
                assert_eq!(*packet, [4, identifier, 0, 4]);
                let again = conversation.handle_verdict(Verdict::Accepted, limits);
                assert!(again.is_err(), "an ended conversation rose again");
                return;
            }
        }
    }
}

/// Accounts that know one user, whom they believe everything.
pub(crate) fn judge(credential: &InnerCredential) -> Verdict {
    let (identity, octets) = match credential {
        InnerCredential::Password { identity, password } => (identity, password.as_bytes().len()),
        InnerCredential::Chap {
            identity,
            challenge,
            ..
        } => (identity, challenge.len()),
        InnerCredential::MsChap { identity, .. } => (identity, 0),
        InnerCredential::MsChapV2 { identity, name, .. }
        | InnerCredential::MsChapV2Change { identity, name, .. } => (identity, name.len()),
        InnerCredential::Resumed { .. } | InnerCredential::Certificate { .. } => {
            return Verdict::Refused;
        }
    };
    assert!(identity.len() <= 253 && octets <= 1024);
    match credential {
        _ if identity != b"a" => Verdict::Refused,
        InnerCredential::MsChapV2 { name, .. } if name == b"again" => Verdict::Retry {
            challenge: [b'c'; 16],
        },
        InnerCredential::MsChapV2 { name, .. } if name == b"old" => Verdict::ChangePassword {
            challenge: [b'c'; 16],
        },
        InnerCredential::MsChapV2 { .. } | InnerCredential::MsChapV2Change { .. } => {
            Verdict::AcceptedMsChapV2 {
                authenticator_response: [b'0'; 42],
                inner_key: Some(InnerKey::new([7; 32])),
            }
        }
        _ => Verdict::Accepted,
    }
}

/// Plays the script until a response is taken; `None` at its end.
fn respond(
    conversation: &mut Conversation,
    script: &mut &[u8],
    identifier: u8,
    limits: Limits,
) -> Option<Step> {
    loop {
        let mut response = next_response(script)?;
        if let (true, Some(octet)) = (response.awaited, response.packet.get_mut(1)) {
            *octet = identifier;
        }
        let stage = conversation.stage();
        match conversation.handle_response(&response.packet, limits) {
            Ok(step) => return Some(step),
            Err(error) => {
                assert!(error.is_ignorable(), "{error}");
                assert_eq!(
                    conversation.stage(),
                    stage,
                    "a refused packet changed something"
                );
                assert_answered(conversation, &response.packet, error, identifier)?;
            }
        }
    }
}

/// A response that is not taken is answered all the same: by the last request, or by the end.
fn assert_answered(
    conversation: &mut Conversation,
    packet: &[u8],
    error: EapError,
    identifier: u8,
) -> Option<()> {
    let before = conversation.progress();
    match conversation.answer_untaken(packet, error) {
        Untaken::Again { request, .. } => {
            let progress = conversation.progress();
            assert_eq!(request.get(1), Some(&identifier));
            assert_eq!(progress.stage, before.stage);
            assert_eq!(progress.requests, before.requests + 1, "not for free");
            assert!(progress.requests <= 64);
            Some(())
        }
        Untaken::Failure { packet, .. } => {
            assert_eq!((packet.len(), conversation.stage()), (4, Stage::Finished));
            None
        }
    }
}

struct Response {
    awaited: bool,
    packet: Vec<u8>,
}

fn next_response(script: &mut &[u8]) -> Option<Response> {
    let (length, rest) = script.split_first_chunk()?;
    let length = u16::from_be_bytes(*length);
    let (packet, rest) = rest.split_at(usize::from(length & 0x7fff).min(rest.len()));
    *script = rest;
    Some(Response {
        awaited: length & 0x8000 != 0,
        packet: packet.to_vec(),
    })
}

/// One server for all runs: making keys would take longer than everything else.
#[expect(
    clippy::expect_used,
    reason = "fixed inputs: nothing of it comes from the fuzzer"
)]
fn methods() -> &'static Methods {
    static METHODS: OnceLock<Methods> = OnceLock::new();
    METHODS.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["fuzz.example".to_owned()]);
        let made = made.expect("a certificate");
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes(), TlsVersions::Both);
        Methods::new(tls.expect("a server"), &[MethodType::Ttls]).expect("one method")
    })
}

#[cfg(test)]
mod tests {
    use super::{eap, methods};
    use crate::ttls::replay::{cases, mutations};
    use portvakt_eap::packet::{Code, EapType, write_typed};
    use portvakt_eap::{Conversation, Limits, Stage};

    const PACKETS: &str = include_str!("../../tests/corpus/eap/packets.txt");
    const RESPONSES: &str = include_str!("../../tests/corpus/eap/responses.txt");

    /// A ClientHello of TLS 1.2 (P-256, X25519, ECDSA), so that mutations reach what comes after it.
    const HELLO: &[u8] = &[
        0, 22, 3, 1, 0, 91, 1, 0, 0, 87, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 4, 192, 43, 192, 44, 1, 0, 0, 42, 0, 10,
        0, 6, 0, 4, 0, 23, 0, 29, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4, 0, 23, 0, 0, 0,
        43, 0, 3, 2, 3, 3, 255, 1, 0, 1, 0,
    ];

    /// As a script: each type-data becomes a response under the awaited identifier.
    fn script(responses: &[Vec<u8>]) -> Vec<u8> {
        let mut script = vec![60];
        for type_data in responses {
            let [.., high, low] = (5 + type_data.len()).to_be_bytes();
            script.extend([high | 0x80, low, 2, 0, high, low, 21]);
            script.extend(type_data);
        }
        script
    }

    fn seeds() -> Vec<Vec<u8>> {
        let packets = cases(PACKETS).map(|case| case.concat());
        let packets: Vec<_> = packets.collect();
        let alone = packets.iter().map(|packet| {
            let [.., high, low] = packet.len().to_be_bytes();
            [&[200, high | 0x80, low], packet.as_slice()].concat()
        });
        let responses = cases(RESPONSES).map(|case| script(&case));
        let handshake = script(&[HELLO.to_vec(), vec![0], vec![0], vec![0], vec![0], vec![0]]);
        let mut seeds: Vec<_> = alone
            .chain(responses)
            .chain(std::iter::repeat_n(handshake, 30))
            .collect();
        seeds.extend(packets);
        seeds
    }

    /// Were the hello refused, mutations of it would never get past the first message.
    #[test]
    fn the_hello_is_answered_with_our_certificate() {
        let identity = [2, 0, 0, 6, 1, b'a'];
        let limits = Limits { eap_octets: 240 };
        let (mut conversation, _start) = Conversation::start(methods(), &identity).unwrap();
        let hello = write_typed(Code::Response, 1, EapType::TTLS, HELLO);
        let _flight = conversation.handle_response(&hello, limits).unwrap();
        assert_eq!(conversation.stage(), Stage::ServerFragments);
    }

    #[test]
    fn the_corpus_and_twenty_thousand_mutations_of_it_keep_the_promises() {
        let seeds = seeds();
        assert!(seeds.len() > 60);
        seeds.iter().for_each(|seed| eap(seed));
        mutations(&seeds, 20_000, eap);
    }
}
