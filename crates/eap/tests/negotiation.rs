//! E1: identities, identifiers, Nak, and packets that have no business here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::Campus;
use portvakt_eap::packet::{Code, EapType, PacketError, write_typed};
use portvakt_eap::{
    Conversation, EapError, FailureCause, Limits, MethodType, Methods, MethodsError, Stage, Step,
    TlsVersions, Untaken, Verdict, Wishes,
};
use portvakt_testkit::supplicant::{Device, Everything, LogOn};

const LIMITS: Limits = Limits::USUAL;
const START: [u8; 6] = [1, 0xff, 0, 6, 21, 0x20];

fn offered(campus: &Campus) -> Conversation {
    let (conversation, step) = campus.start(&campus.supplicant());
    assert!(matches!(step, Step::Request(request) if *request == START));
    conversation
}

fn nak(identifier: u8, wanted: &[u8]) -> Vec<u8> {
    write_typed(Code::Response, identifier, EapType::NAK, wanted)
}

#[test]
fn a_nak_that_names_ttls_is_offered_ttls_again_but_not_forever() {
    let campus = Campus::new(TlsVersions::Both);
    let mut conversation = offered(&campus);
    let step = conversation
        .handle_response(&nak(0xff, &[25, 21]), LIMITS)
        .unwrap();
    assert!(matches!(step, Step::Request(request) if *request == [1, 0, 0, 6, 21, 0x20]));
    let step = conversation
        .handle_response(&nak(0, &[21]), LIMITS)
        .unwrap();
    assert!(matches!(
        step,
        Step::Failure {
            cause: FailureCause::MethodNotAgreed { .. },
            ..
        }
    ));
}

#[test]
fn a_nak_for_what_is_not_offered_ends_it_and_says_what_was_wanted() {
    let campus = Campus::new(TlsVersions::Both);
    let cases: [(&[u8], &[u8]); 6] = [
        (&[25], &[25]),
        (&[13, 25], &[13, 25]),
        (&[43, 52, 18], &[43, 52, 18]),
        (&[0], &[]),
        (&[], &[]),
        (&[3, 254, 255, 1, 2], &[254]),
    ];
    for (types, wishes) in cases {
        let step = offered(&campus)
            .handle_response(&nak(0xff, types), LIMITS)
            .unwrap();
        let Step::Failure { packet, cause } = step else {
            panic!("{step:?}")
        };
        assert_eq!(*packet, [4, 0xff, 0, 4]);
        let wishes = wishes.iter().copied().map(EapType).collect();
        assert_eq!(cause, FailureCause::MethodNotAgreed { wishes });
    }
}

#[test]
fn the_operator_reads_what_the_device_wants() {
    let told = |wishes: &[u8]| {
        let wishes = wishes.iter().copied().map(EapType).collect();
        FailureCause::MethodNotAgreed { wishes }.to_string()
    };
    let refused = "the device accepts no method that is offered here";
    assert_eq!(
        told(&[43, 25]),
        format!("{refused}; it asks for EAP-FAST (43), PEAP (25)")
    );
    assert_eq!(told(&[]), refused);
    assert_eq!(told(&[99; 40]).matches("99").count(), 16);
}

#[test]
fn an_expanded_nak_counts_like_the_short_one() {
    let campus = Campus::new(TlsVersions::Both);
    let entry = |kind| [254, 0, 0, 0, 0, 0, 0, kind];
    let expanded = |entries: &[[u8; 8]]| {
        let data = [&[0, 0, 0, 0, 0, 0, 3], entries.as_flattened()].concat();
        write_typed(Code::Response, 0xff, EapType::EXPANDED, &data)
    };
    let wants_ttls = expanded(&[entry(25), entry(21)]);
    let step = offered(&campus)
        .handle_response(&wants_ttls, LIMITS)
        .unwrap();
    assert!(matches!(step, Step::Request(_)));
    let step = offered(&campus)
        .handle_response(&expanded(&[entry(25)]), LIMITS)
        .unwrap();
    let wishes = Wishes::from_iter([EapType::PEAP]);
    assert!(matches!(step, Step::Failure { cause, .. }
        if cause == FailureCause::MethodNotAgreed { wishes }));
}

/// RFC 3748 §5.3.1: a Nak answers an offer, never a method under way.
#[test]
fn a_nak_in_the_middle_is_not_taken() {
    let campus = Campus::new(TlsVersions::Both);
    let mut supplicant = campus.supplicant();
    let (mut conversation, step) = campus.start(&supplicant);
    let Step::Request(request) = step else {
        panic!("{step:?}")
    };
    let hello = supplicant.handle(&request).unwrap();
    let _flight = conversation.handle_response(&hello, LIMITS).unwrap();
    let stage = conversation.stage();
    let late = conversation.handle_response(&nak(0, &[25]), LIMITS);
    assert_eq!(late.unwrap_err(), EapError::NakTooLate);
    assert_eq!(conversation.stage(), stage);
}

#[test]
fn packets_that_answer_nothing_are_ignorable_and_change_nothing() {
    let campus = Campus::new(TlsVersions::Both);
    let mut conversation = offered(&campus);
    let malformed = EapError::Malformed(PacketError::LengthBeyondData(7));
    let type_is = |sent| EapError::WrongType {
        asked: EapType::TTLS,
        sent: EapType(sent),
    };
    let cases: [(&[u8], EapError); 8] = [
        (&[2, 0xfe, 0, 6, 21, 0], EapError::WrongIdentifier),
        (&[2, 0, 0, 6, 21, 0], EapError::WrongIdentifier),
        (
            &[1, 0xff, 0, 6, 21, 0],
            EapError::NotAResponse(Code::Request),
        ),
        (&[3, 0xff, 0, 4], EapError::NotAResponse(Code::Success)),
        (&[2, 0xff, 0, 6, 25, 0], type_is(25)),
        (&[2, 0xff, 0, 6, 1, 65], type_is(1)),
        (&[2, 0xff, 0, 5, 2], type_is(2)),
        (&[2, 0xff, 0, 7, 21, 0], malformed),
    ];
    for (packet, error) in cases {
        assert_eq!(
            conversation.handle_response(packet, LIMITS).unwrap_err(),
            error
        );
        assert!(error.is_ignorable());
        assert_eq!(conversation.stage(), Stage::MethodNegotiation);
    }
}

/// Answers of a device in place of the offer: types, codes, identifiers, lengths.
const SENSELESS: [&[u8]; 8] = [
    &[
        2, 0xff, 0, 22, 4, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ],
    &[2, 0xff, 0, 5, 2],
    &[1, 0xff, 0, 6, 21, 0],
    &[4, 0xff, 0, 4],
    &[5, 0xff, 0, 5, 21],
    &[2, 7, 0, 6, 21, 0],
    &[2, 0xff, 0xff, 0xff, 21, 0],
    &[2],
];

fn untaken(conversation: &mut Conversation, packet: &[u8]) -> Untaken {
    let error = conversation.handle_response(packet, LIMITS).unwrap_err();
    conversation.answer_untaken(packet, error)
}

/// The answer to that packet is `request` once more.
fn assert_again(conversation: &mut Conversation, packet: &[u8], request: &[u8], invalid: bool) {
    match untaken(conversation, packet) {
        Untaken::Again {
            request: again,
            is_invalid,
        } => assert_eq!((&*again, is_invalid), (request, invalid)),
        failure @ Untaken::Failure { .. } => panic!("{failure:?}"),
    }
}

/// RFC 3579 §2.2: five times the last request again, then the end.
#[test]
fn senseless_packets_are_answered_five_times_and_then_end_it() {
    let campus = Campus::new(TlsVersions::Both);
    for packet in SENSELESS {
        let mut conversation = offered(&campus);
        for _ in 0..5 {
            assert_again(&mut conversation, packet, &START, true);
        }
        let Untaken::Failure {
            packet: failure,
            cause,
        } = untaken(&mut conversation, packet)
        else {
            panic!("{packet:02x?} went on")
        };
        // RFC 3748 §4.2: the identifier of what is answered, wherever it has one.
        let identifier = packet.get(1).copied().unwrap_or(0xff);
        assert_eq!(*failure, [4, identifier, 0, 4]);
        assert_eq!(cause.label(), "packets-untaken");
        assert_eq!(conversation.stage(), Stage::Finished);
    }
}

#[test]
fn the_operator_reads_what_the_device_sent() {
    let campus = Campus::new(TlsVersions::Both);
    let mut conversation = offered(&campus);
    assert_again(&mut conversation, SENSELESS[0], &START, true);
    let cause = conversation.progress().likely_cause();
    assert_eq!(
        cause,
        "the device answered EAP-TTLS with MD5-Challenge (4); request 2 (EAP-TTLS, 6 octets) got no \
         other answer"
    );
    // What comes later is what counts.
    let step = conversation.handle_response(&nak(0xff, &[21]), LIMITS);
    assert!(matches!(step, Ok(Step::Request(_))));
    assert_eq!(conversation.progress().untaken, None);
}

/// In every stage of every method: the device brings five packets without sense, and gets in.
#[test]
fn senseless_packets_cost_no_method_its_log_on() {
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        let everything = Everything::new(versions);
        for LogOn { name, .. } in LogOn::all(&everything.user) {
            for disturbed in 1..20 {
                let device = everything.device(name, true, 1400).unwrap();
                if !gets_in(&everything, &device, disturbed) {
                    assert!(disturbed > 4, "{name}: {disturbed} requests");
                    break;
                }
            }
        }
    }
}

/// Logs on, disturbing the answer to one of the requests; false where there are fewer.
fn gets_in(everything: &Everything, device: &Device, disturbed: usize) -> bool {
    let mut supplicant = device.supplicant();
    let identity = supplicant.identity_response(0xfe);
    let (mut conversation, mut step) = Conversation::start(&everything.methods, &identity).unwrap();
    let mut requests = 0;
    loop {
        step = match step {
            Step::Request(request) => {
                requests += 1;
                if requests == disturbed {
                    disturb(&mut conversation, &request);
                }
                let response = supplicant.handle(&request).unwrap();
                conversation.handle_response(&response, LIMITS).unwrap()
            }
            Step::Authenticate(credential) => {
                let verdict = everything.judge(&mut conversation, &credential);
                conversation.handle_verdict(verdict, LIMITS).unwrap()
            }
            Step::FindSession(id) => panic!("no keeper has {id:?}"),
            Step::Success { .. } => return requests >= disturbed,
            Step::Failure { cause, .. } => panic!("{cause}"),
        };
    }
}

fn disturb(conversation: &mut Conversation, request: &[u8]) {
    for packet in &SENSELESS[..5] {
        let mut packet = packet.to_vec();
        packet[1] = request[1];
        assert_again(conversation, &packet, request, true);
    }
}

/// A response that comes again is no packet without sense; but each answer counts (64 in all).
#[test]
fn repeated_response_gets_the_last_request_until_the_bound() {
    let campus = Campus::new(TlsVersions::Both);
    let mut conversation = offered(&campus);
    let taken = nak(0xff, &[21]);
    let Ok(Step::Request(last)) = conversation.handle_response(&taken, LIMITS) else {
        panic!("TTLS is offered again")
    };
    for _ in 2..64 {
        assert_again(&mut conversation, &taken, &last, false);
    }
    let Untaken::Failure { packet, cause } = untaken(&mut conversation, &taken) else {
        panic!("65 requests")
    };
    assert_eq!(*packet, [4, 0xff, 0, 4]);
    assert_eq!(cause, FailureCause::TooManyRoundTrips);
}

#[test]
fn a_conversation_begins_with_an_identity() {
    let campus = Campus::new(TlsVersions::Both);
    let start = |packet: &[u8]| Conversation::start(&campus.methods, packet);
    assert_eq!(
        start(&[2, 1, 0, 6, 21, 0]).unwrap_err(),
        EapError::NotIdentity
    );
    assert_eq!(
        start(&[]).unwrap_err(),
        EapError::Malformed(PacketError::NoHeader)
    );
    let long = write_typed(Code::Response, 1, EapType::IDENTITY, &[b'a'; 254]);
    assert_eq!(start(&long).unwrap_err(), EapError::IdentityTooLong);
    let (conversation, _) = start(&[2, 1, 0, 5, 1, 9, 9]).unwrap();
    assert_eq!(
        conversation.outer_identity(),
        b"",
        "octets past Length are padding"
    );
}

#[test]
fn nobody_is_asked_and_nothing_is_taken_outside_its_turn() {
    let campus = Campus::new(TlsVersions::Both);
    let mut conversation = offered(&campus);
    let verdict = conversation.handle_verdict(Verdict::Accepted, LIMITS);
    assert_eq!(verdict.unwrap_err(), EapError::NotExpected);
    let _failure = conversation
        .handle_response(&nak(0xff, &[0]), LIMITS)
        .unwrap();
    for verdict in [Verdict::Accepted, Verdict::Refused] {
        let late = conversation.handle_verdict(verdict, LIMITS);
        assert_eq!(late.unwrap_err(), EapError::NotExpected);
    }
    let late = conversation.handle_response(&nak(0xff, &[21]), LIMITS);
    assert_eq!(late.unwrap_err(), EapError::NotExpected);
}

#[test]
fn a_list_of_methods_is_neither_empty_nor_repeats_itself() {
    let campus = Campus::new(TlsVersions::Both);
    let tls = || campus.tls.clone();
    assert_eq!(Methods::new(tls(), &[]).unwrap_err(), MethodsError::Empty);
    let twice = [MethodType::Ttls, MethodType::Ttls];
    let error = Methods::new(tls(), &twice).unwrap_err();
    assert_eq!(error, MethodsError::Repeated(MethodType::Ttls));
}

#[test]
fn a_conversation_moves_between_threads() {
    fn moves<T: Send + 'static>() {}
    moves::<Conversation>();
    moves::<Step>();
}

/// E2.
#[test]
fn the_smaller_of_max_fragment_and_framed_mtu_limits() {
    for (most, framed_mtu, is_80211, octets) in [
        (1020, None, false, 1020),
        (1020, None, true, 1020),
        (1020, Some(1400), true, 1020),
        (1020, Some(1000), false, 1000),
        (1020, Some(1000), true, 996),
        (1020, Some(64), true, 60),
        (1020, Some(63), false, 1020),
        (1020, Some(0), true, 1020),
        (1020, Some(u32::MAX), false, 1020),
        (400, Some(1400), true, 400),
        (400, Some(300), true, 296),
        (1300, Some(1400), true, 1300),
        (1400, Some(1300), false, 1300),
    ] {
        let limits = Limits::new(most, framed_mtu, is_80211);
        assert_eq!(
            limits.eap_octets, octets,
            "{most} {framed_mtu:?} {is_80211}"
        );
    }
}
