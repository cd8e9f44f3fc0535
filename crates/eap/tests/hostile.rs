//! Peers and networks that mean harm: nothing but acceptance of the right password ever opens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, peap_inner, teap_inner, ttls_inner, user, user_with};
use portvakt_eap::{
    Conversation, EapError, FailureCause, FragmentError, InnerCredential, Limits, Step,
    TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Inner, Outer, Profile, Random, Supplicant, User};
use std::collections::BTreeMap;

/// For each kind of log-on.
const RUNS: u64 = 100;
const KINDS: usize = 10;
const TURNS: usize = 80;

/// E1, E2, E6: lost, doubled, reordered and altered messages at every step, in both directions.
#[test]
fn no_disturbance_opens_without_an_accepted_password() {
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        let campus = Campus::generous(versions);
        let mut successes = BTreeMap::new();
        for seed in 0..RUNS * KINDS as u64 {
            let right = seed % 3 != 0;
            let run = Disturbed::new(&campus, seed, right);
            let name = run.name;
            *successes.entry(name).or_insert(0) += u32::from(run.run());
        }
        // Were it none, the test would prove nothing.
        assert_eq!(successes.len(), KINDS);
        assert!(
            successes.values().all(|count| *count > 10),
            "{versions:?}: {successes:?}"
        );
    }
}

/// Every kind of log-on.
fn everything(user: &User) -> Vec<(&'static str, Outer, Inner)> {
    let ttls = ttls_inner(user).map(|(name, inner)| (name, Outer::Ttls, inner));
    let peap = peap_inner(user).map(|(name, inner)| (name, Outer::Peap, inner));
    let teap = teap_inner(user).map(|(name, inner)| (name, Outer::Teap, inner));
    ttls.into_iter().chain(peap).chain(teap).collect()
}

/// One conversation over a network that does its worst.
struct Disturbed<'a> {
    campus: &'a Campus,
    random: Random,
    supplicant: Supplicant,
    limits: Limits,
    name: &'static str,
    right: bool,
    accepted: bool,
    questions: usize,
    /// Every response so far, for replay.
    sent: Vec<Vec<u8>>,
    seed: u64,
}

impl<'a> Disturbed<'a> {
    fn new(campus: &'a Campus, seed: u64, right: bool) -> Self {
        let mut random = Random::new(seed);
        let user = if right { user() } else { user_with("wrong") };
        let (name, outer, inner) = everything(&user).swap_remove(random.below(KINDS));
        let profile = Profile {
            eap_octets: 60 + random.below(1000),
            ..Profile::new(&campus.authority, outer, inner)
        };
        Disturbed {
            campus,
            supplicant: Supplicant::new(profile),
            limits: Limits {
                eap_octets: 150 + random.below(1000),
            },
            random,
            name,
            right,
            accepted: false,
            questions: 0,
            sent: Vec::new(),
            seed,
        }
    }

    fn run(mut self) -> bool {
        let (mut conversation, mut step) = self.campus.start(&self.supplicant, self.limits);
        for _ in 0..TURNS {
            step = match step {
                Step::Request(request) => match self.exchange(&mut conversation, request) {
                    Some(step) => step,
                    None => return false,
                },
                Step::Prove(credential) => self.prove(&mut conversation, &credential),
                Step::Success { packet, keys } => {
                    assert!(self.accepted, "seed {}: success out of nothing", self.seed);
                    // TEAP asks for machine and user here.
                    let questions = if self.name.starts_with("teap") { 2 } else { 1 };
                    assert_eq!(self.questions, questions, "seed {}", self.seed);
                    assert_eq!(packet.len(), 4);
                    assert_eq!(Some(keys.msk), self.supplicant.msk(), "seed {}", self.seed);
                    return true;
                }
                Step::Failure { packet, .. } => {
                    assert_eq!((packet[0], packet.len()), (4, 4));
                    return false;
                }
            };
        }
        false
    }

    /// What was altered on the way never gets as far as the accounts: TLS sees to that.
    fn prove(&mut self, conversation: &mut Conversation, credential: &InnerCredential) -> Step {
        let verdict = user().judge(credential);
        assert_eq!(verdict.is_accepting(), self.right, "seed {}", self.seed);
        // A response while the accounts are asked changes nothing.
        for old in &self.sent {
            assert!(conversation.handle_response(old, self.limits).is_err());
        }
        self.accepted = verdict.is_accepting();
        self.questions += 1;
        conversation
            .handle_verdict(verdict, self.limits)
            .expect("a verdict was asked for")
    }

    /// Carries a request over and an answer back, until the server takes one.
    fn exchange(&mut self, conversation: &mut Conversation, mut request: Vec<u8>) -> Option<Step> {
        if self.random.below(60) == 0 {
            self.random.alter(&mut request);
        }
        let response = self.supplicant.handle(&request)?;
        self.sent.push(response.clone());
        for attempt in 0..4 {
            let delivered = self.disturb(&response, attempt);
            let stage = conversation.stage();
            match conversation.handle_response(&delivered, self.limits) {
                Ok(step) => return Some(step),
                Err(error) => {
                    assert!(error.is_ignorable(), "seed {}: {error}", self.seed);
                    assert_eq!(conversation.stage(), stage, "seed {}", self.seed);
                }
            }
        }
        None
    }

    fn disturb(&mut self, response: &[u8], attempt: usize) -> Vec<u8> {
        let mut delivered = response.to_vec();
        match self.random.below(25) {
            // Altered, sometimes thoroughly.
            0 => (0..=self.random.below(3)).for_each(|_| self.random.alter(&mut delivered)),
            // An older one again, as it was or under the right identifier.
            1 | 2 if attempt < 3 => {
                delivered.clone_from(&self.sent[self.random.below(self.sent.len())]);
                if self.random.below(4) == 0 {
                    delivered[1] = response[1];
                }
            }
            _ => {}
        }
        delivered
    }
}

/// E1: a retransmission of the response before is dropped, and the conversation goes on.
#[test]
fn every_response_sent_twice_still_succeeds() {
    let campus = Campus::new(TlsVersions::Both);
    let mut supplicant = campus.supplicant();
    let (mut conversation, mut step) = campus.start(&supplicant, Limits::USUAL);
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
    let (mut conversation, mut step) = campus.start(&campus.supplicant(), Limits::USUAL);
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
    let (mut conversation, step) = campus.start(&supplicant, limits);
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
