//! Peers and networks that mean harm: nothing but acceptance of the right password ever opens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;
#[path = "hostile/late.rs"]
mod late;

use common::Campus;
use portvakt_eap::{
    Conversation, EapError, FailureCause, FragmentError, InnerCredential, Limits, Step,
    TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Action, Course, Device, Everything, LogOn, Message, Outcome, Random, Supplicant, converse_over,
};
use std::collections::BTreeMap;

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];

/// Some of the cases, or all of them.
fn is_long() -> bool {
    std::env::var_os("PORTVAKT_LONG").is_some()
}

/// One run: what became of it, and what the caller said last.
struct Run {
    course: Course,
    supplicant: Supplicant,
    accepted: bool,
    questions: Vec<&'static str>,
}

impl Run {
    fn new(
        everything: &Everything,
        device: &Device,
        limits: Limits,
        script: impl FnMut(Message) -> Action,
    ) -> Self {
        let mut supplicant = device.supplicant();
        let (mut accepted, mut questions) = (false, Vec::new());
        let judge = |conversation: &mut Conversation, credential: &InnerCredential| {
            let verdict = everything.judge(conversation, credential);
            accepted = verdict.is_accepting();
            questions.push(credential.label());
            verdict
        };
        let methods = &everything.methods;
        let course = converse_over(methods, &mut supplicant, limits, script, judge);
        Run {
            course,
            supplicant,
            accepted,
            questions,
        }
    }

    fn undisturbed(everything: &Everything, device: &Device) -> Self {
        Run::new(everything, device, Limits::USUAL, |_| Action::Deliver)
    }

    /// Nothing but an accepted credential opens, and then both ends have one key.
    fn is_success(&self) -> bool {
        let is_success = self.course.is_success(&self.supplicant);
        assert!(self.accepted || !is_success, "success out of nothing");
        is_success
    }
}

/// Every kind of log-on, in full and resumed, with how many messages it takes undisturbed.
fn for_each_kind(mut test: impl FnMut(&Everything, &'static str, bool, usize)) {
    for versions in BOTH {
        let everything = Everything::new(versions);
        for LogOn { name, .. } in LogOn::all(&everything.user) {
            for resumes in [false, true] {
                let device = prepare(&everything, name, resumes);
                let run = Run::undisturbed(&everything, &device);
                assert!(run.is_success(), "{name}: {:?}", run.course);
                assert_eq!(run.supplicant.is_resumed(), resumes, "{name}");
                test(&everything, name, resumes, run.course.messages);
            }
        }
    }
}

/// The device as it was: with a session where it is to resume one, with none where not.
fn prepare(everything: &Everything, name: &str, resumes: bool) -> Device {
    let device = everything.device(name, true, 1400).unwrap();
    if resumes {
        assert!(Run::undisturbed(everything, &device).is_success());
    }
    device
}

fn only(number: usize, action: Action) -> impl FnMut(Message) -> Action {
    move |message| match message.number == number {
        true => action,
        false => Action::Deliver,
    }
}

/// E1: whatever gets lost, doubled or late, at every step of every method: it still succeeds.
#[test]
fn long_what_is_lost_doubled_or_late_is_made_good() {
    let mut random = Random::new(1);
    for_each_kind(|everything, name, resumes, messages| {
        let mut device = prepare(everything, name, resumes);
        for number in 0..messages {
            let replayed = Action::Replay { which: number / 2 };
            for action in [Action::Lose, Action::Double, Action::Delay, replayed] {
                if !is_long() && random.below(2) != 0 {
                    continue;
                }
                if !resumes {
                    device = prepare(everything, name, false);
                }
                let script = only(number, action);
                let run = Run::new(everything, &device, Limits::USUAL, script);
                let asked = if resumes { "resumed" } else { run.questions[0] };
                assert_eq!(run.questions, [asked], "{name}, {action:?} at {number}");
                assert!(run.is_success(), "{name}, {action:?} at {number}");
                assert_eq!(run.supplicant.outcome(), Some(Outcome::Success));
                assert!(run.supplicant.msk().is_some());
            }
        }
    });
}

/// Places of a message to alter, the first octets each on its own.
fn alterations(random: &mut Random) -> Vec<Action> {
    let mut anywhere = || random.below(2000);
    let positions = (0..10).chain([anywhere(), anywhere(), anywhere()]);
    let positions: Vec<usize> = positions.collect();
    let mut alterations = vec![Action::Claim, Action::Rename { by: 1 }];
    alterations.push(Action::Substitute { which: 0 });
    alterations.push(Action::Substitute { which: anywhere() });
    alterations.push(Action::Cut { at: anywhere() });
    alterations.push(Action::Insert {
        at: anywhere(),
        octet: 0x40,
    });
    let flip = |at| Action::Flip {
        at,
        mask: 1 << random.below(8),
    };
    alterations.extend(positions.into_iter().map(flip));
    alterations
}

/// E2, E6: whatever is altered, at every step of every method, full and resumed: nothing opens but
/// what the caller accepted, and then both ends have the same key.
#[test]
fn long_what_is_altered_opens_nothing() {
    let mut random = Random::new(2);
    let (mut runs, mut successes) = (0, 0);
    for_each_kind(|everything, name, resumes, messages| {
        for number in 0..messages {
            for action in alterations(&mut random) {
                if !is_long() && random.below(4) != 0 {
                    continue;
                }
                let device = prepare(everything, name, resumes);
                let run = Run::new(everything, &device, Limits::USUAL, only(number, action));
                runs += 1;
                successes += u32::from(run.is_success());
            }
        }
    });
    // The access point sends again what was damaged beyond recognition, and some do not matter.
    assert!(runs > 1000, "{runs}");
    assert!(
        (runs / 4..runs * 9 / 10).contains(&successes),
        "{successes} of {runs}"
    );
}

/// E2: with fragments of any size, several disturbances in one conversation, and wrong credentials
/// among the right ones, of which none opens.
#[test]
fn long_no_disturbance_opens_without_an_accepted_password() {
    let runs = if is_long() { 1000 } else { 100 };
    for versions in BOTH {
        let everything = Everything::new(versions);
        let kinds = LogOn::all(&everything.user);
        let mut successes = BTreeMap::new();
        for seed in 0..runs * kinds.len() as u64 {
            let mut random = Random::new(seed);
            let (is_right, name) = (seed % 3 != 0, kinds[random.below(kinds.len())].name);
            let octets = 60 + random.below(1000);
            let device = everything.device(name, is_right, octets).unwrap();
            let limits = Limits {
                eap_octets: 150 + random.below(1000),
            };
            let script = |message: Message| any_action(&mut random, message.octets);
            let run = Run::new(&everything, &device, limits, script);
            let is_success = run.is_success();
            assert!(
                is_right || !is_success,
                "seed {seed}: {name} with a wrong credential"
            );
            *successes.entry(name).or_insert(0) += u32::from(is_success);
        }
        // Were it none, the test would prove nothing.
        assert_eq!(successes.len(), kinds.len());
        assert!(successes.values().all(|count| *count > 5), "{successes:?}");
    }
}

/// Mostly nothing; what does happen is more often harmless than not.
fn any_action(random: &mut Random, octets: usize) -> Action {
    let (at, which) = (random.below(octets), random.below(30));
    match random.below(120) {
        0 => Action::Flip {
            at,
            mask: 1 << random.below(8),
        },
        1 => Action::Cut { at },
        2 => Action::Insert {
            at,
            octet: random.octet(),
        },
        3 => Action::Rename { by: random.octet() },
        4 => Action::Substitute { which },
        5..10 => Action::Lose,
        10..15 => Action::Double,
        15..20 => Action::Delay,
        20..25 => Action::Replay { which },
        _ => Action::Deliver,
    }
}

/// E1: a retransmission of the response before is dropped, and the conversation goes on.
#[test]
fn every_response_sent_twice_still_succeeds() {
    let campus = Campus::new(TlsVersions::Both);
    let mut supplicant = campus.supplicant();
    let (mut conversation, mut step) = campus.start(&supplicant);
    while let Step::Request(request) = step {
        let response = supplicant.handle(&request).unwrap();
        step = conversation
            .handle_response(&response, Limits::USUAL)
            .unwrap();
        let again = conversation
            .handle_response(&response, Limits::USUAL)
            .unwrap_err();
        assert!(matches!(
            again,
            EapError::WrongIdentifier | EapError::NotExpected
        ));
    }
    let step = conversation
        .handle_verdict(Verdict::Accepted, Limits::USUAL)
        .unwrap();
    assert!(matches!(step, Step::Success { .. }));
}

/// Sends type-data of a hostile peer, one after the other, until the server ends it.
fn attack(fragments: impl IntoIterator<Item = Vec<u8>>) -> (usize, Step) {
    let campus = Campus::new(TlsVersions::Both);
    let (mut conversation, mut step) = campus.start(&campus.supplicant());
    let mut taken = 0;
    for fragment in fragments {
        let Step::Request(request) = &step else { break };
        let [.., high, low] = (5 + fragment.len()).to_be_bytes();
        let response = [&[2, request[1], high, low, 21], fragment.as_slice()].concat();
        step = conversation
            .handle_response(&response, Limits::USUAL)
            .expect("taken");
        taken += 1;
    }
    (taken, step)
}

fn assert_broken(step: &Step, error: FragmentError) {
    match step {
        Step::Failure {
            cause: FailureCause::Protocol(EapError::Fragment(found)),
            ..
        } => {
            assert_eq!(*found, error);
        }
        other => panic!("{error:?} was due, not {other:?}"),
    }
}

fn fragment(flags: u8, total: u32, data: &[u8]) -> Vec<u8> {
    [&[flags], total.to_be_bytes().as_slice(), data].concat()
}

#[test]
fn a_claimed_length_is_only_a_claim() {
    let ten_kilobytes = fragment(0xc0, 10_000, &[22; 10]);
    let (taken, step) = attack([ten_kilobytes.clone(), vec![0x00, 1, 2, 3]]);
    assert_eq!(taken, 2);
    assert_broken(&step, FragmentError::WrongTotal);
    let (_, step) = attack([fragment(0xc0, u32::MAX, &[22])]);
    assert_broken(&step, FragmentError::TooLong);
    let (_, step) = attack([fragment(0x80, 10_000, &[22; 10])]);
    assert_broken(&step, FragmentError::WrongTotal);
    let (_, step) = attack([ten_kilobytes, fragment(0xc0, 10_001, &[22])]);
    assert_broken(&step, FragmentError::WrongTotal);
    let (_, step) = attack([fragment(0xc0, 10, &[22; 8]), vec![0x40, 1, 2, 3]]);
    assert_broken(&step, FragmentError::WrongTotal);
}

#[test]
fn a_message_that_never_ends_is_cut_off() {
    let (taken, step) = attack(std::iter::repeat_n(
        [vec![0x40], vec![22; 3000]].concat(),
        64,
    ));
    assert_eq!(taken, 11, "32 kB at 3,000 octets each");
    assert_broken(&step, FragmentError::TooLong);
    let (taken, step) = attack(std::iter::repeat_n(vec![0x40, 22], 100));
    assert_eq!(taken, 64);
    assert!(matches!(
        step,
        Step::Failure {
            cause: FailureCause::TooManyRoundTrips,
            ..
        }
    ));
}

#[test]
fn fragments_that_make_no_sense_end_it() {
    for (type_data, error) in [
        (vec![], FragmentError::HeaderShort),
        (vec![0x80, 0, 0], FragmentError::HeaderShort),
        (vec![0x40], FragmentError::EmptyFragment),
        (vec![0xc0, 0, 0, 0, 9], FragmentError::EmptyFragment),
        (vec![0x20], FragmentError::StartFromPeer),
        (vec![0x01, 22], FragmentError::VersionNotOffered(1)),
        (vec![0x00], FragmentError::NothingToAcknowledge),
        (vec![0x80, 0, 0, 0, 5], FragmentError::WrongTotal),
    ] {
        assert_broken(&attack([type_data]).1, error);
    }
}

#[test]
fn data_instead_of_an_acknowledgement_ends_it() {
    let campus = Campus::new(TlsVersions::Both);
    let limits = Limits { eap_octets: 100 };
    let mut supplicant = campus.supplicant();
    let (mut conversation, step) = campus.start(&supplicant);
    let Step::Request(start) = step else {
        panic!("{step:?}")
    };
    let hello = supplicant.handle(&start).unwrap();
    let step = conversation.handle_response(&hello, limits).unwrap();
    let Step::Request(first) = step else {
        panic!("{step:?}")
    };
    let data = [2, first[1], 0, 8, 21, 0, 22, 3];
    let step = conversation.handle_response(&data, limits).unwrap();
    assert_broken(&step, FragmentError::DataBeforeAcknowledgement);
}
