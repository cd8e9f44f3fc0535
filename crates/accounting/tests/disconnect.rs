//! Model of many NASes behind a bad network: loss, reordering, silence, refusals, and a forger who
//! sees every packet. Real octets, virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers are tests too"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use portvakt_accounting::disconnect::{
    Answer, Job, MOST_IN_FLIGHT, Outcome, RequestAttribute, RequestKind, Sender, SessionRequest,
};
use portvakt_auth::Tick;
use portvakt_radius::MessageAuthenticatorPolicy::Required;
use portvakt_radius::{
    AttributeType, Code, DynamicAnswer, Packet, RequestWriter, SharedSecret, VerifiedRequest,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The behaviour of one NAS.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nas {
    /// It ends what it is asked to.
    Willing,
    /// It answers 503.
    Forgetful,
    /// It answers 508 to a request without Acct-Session-Id.
    Choosy,
    /// It has another secret.
    OtherSecret,
    /// It is off.
    Deaf,
}

fn behaviours() -> impl Strategy<Value = Nas> {
    prop_oneof![
        4 => Just(Nas::Willing),
        1 => Just(Nas::Forgetful),
        1 => Just(Nas::Choosy),
        1 => Just(Nas::OtherSecret),
        1 => Just(Nas::Deaf),
    ]
}

/// The fate of one datagram: lost, or how late in milliseconds; and whether it comes twice.
type Fate = (Option<i64>, bool);

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let late = prop_oneof![1 => Just(None), 5 => (0_i64..4_000).prop_map(Some)];
    vec((late, any::<bool>()), 1..50)
}

fn secret(of: &[u8]) -> SharedSecret {
    SharedSecret::new(of).unwrap()
}

fn ours() -> SharedSecret {
    secret(b"of sender and NAS")
}

fn address(nas: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 3000 + u16::try_from(nas).unwrap()))
}

fn encode(identifier: u8, request: &SessionRequest) -> Arc<[u8]> {
    let mut buffer = [0; 256];
    let mut writer = RequestWriter::disconnect_request(identifier, 0, &mut buffer).unwrap();
    for attribute in &request.attributes {
        match attribute {
            RequestAttribute::UserName(name) => {
                writer.push(AttributeType::USER_NAME, name.as_bytes())
            }
            RequestAttribute::AcctSessionId(id) => {
                writer.push(AttributeType::ACCT_SESSION_ID, id.as_bytes())
            }
            other => panic!("{other:?}"),
        }
        .unwrap();
    }
    writer.finish(&ours()).unwrap().into()
}

/// An answer under `secret`; `cause` 0 is an ACK.
fn answer(request: &Packet<'_>, cause: u32, secret: &[u8]) -> Vec<u8> {
    use md5::{Digest as _, Md5};
    let code = match cause {
        0 => Code::DisconnectAck,
        _ => Code::DisconnectNak,
    };
    let mut octets = vec![code.octet(), request.identifier(), 0, 20];
    octets.extend_from_slice(request.authenticator());
    if cause != 0 {
        octets[3] = 26;
        octets.extend_from_slice(&[AttributeType::ERROR_CAUSE.0, 6]);
        octets.extend_from_slice(&cause.to_be_bytes());
    }
    let digest = Md5::new().chain_update(&octets).chain_update(secret);
    octets[4..20].copy_from_slice(&digest.finalize());
    octets
}

struct World {
    sender: Sender<u32>,
    nases: Vec<Nas>,
    /// Answers on their way, by the time they arrive at.
    answers: BTreeMap<i64, Vec<(SocketAddr, Vec<u8>)>>,
    /// Sessions that a NAS has ended.
    ended: BTreeSet<u32>,
    outcomes: BTreeMap<u32, Outcome>,
    fates: Vec<Fate>,
    datagrams: usize,
    /// Times of packets to each NAS, and how often each packet left.
    sent: HashMap<SocketAddr, Vec<i64>>,
    repeats: HashMap<(SocketAddr, Vec<u8>), u32>,
    forged: u32,
}

impl World {
    fn fate(&mut self) -> Fate {
        self.datagrams += 1;
        self.fates[self.datagrams % self.fates.len()]
    }

    fn step(&mut self, now: i64) {
        let arrived = self.answers.remove(&now).unwrap_or_default();
        for (from, octets) in arrived {
            self.receive(from, &octets);
        }
        let encode =
            |_: &u32, identifier, request: &SessionRequest| Some(encode(identifier, request));
        for transmission in self.sender.advance(Tick::from_millis(now), encode) {
            let (to, octets) = (transmission.to, transmission.packet.to_vec());
            self.sent.entry(to).or_default().push(now);
            *self.repeats.entry((to, octets.clone())).or_default() += 1;
            self.forge(now, to, &octets);
            if let (Some(late), twice) = self.fate() {
                self.reach(now + late, to, &octets);
                if twice {
                    self.reach(now + late + 1, to, &octets);
                }
            }
        }
        for (session, outcome) in self.sender.take_outcomes() {
            let before = self.outcomes.insert(session, outcome);
            assert_eq!(before, None, "session {session} has two outcomes");
        }
    }

    /// As the daemon does it.
    fn receive(&mut self, from: SocketAddr, octets: &[u8]) {
        let answer = Packet::parse(octets).unwrap();
        let identifier = answer.identifier();
        let Some((_, request)) = self.sender.open_request(from, identifier) else {
            return;
        };
        let request = Packet::parse(request).unwrap();
        match DynamicAnswer::read(&answer, &request, &ours(), 0) {
            Ok(DynamicAnswer::Ack(_)) => self.sender.answered(from, identifier, Answer::Ack),
            Ok(DynamicAnswer::Nak(cause)) => {
                let cause = cause.map(|cause| cause.number());
                self.sender.answered(from, identifier, Answer::Nak(cause));
            }
            Err(_) => {}
        }
    }

    /// Answers first from a place on the path, without the secret.
    fn forge(&mut self, now: i64, to: SocketAddr, request: &[u8]) {
        let request = Packet::parse(request).unwrap();
        for cause in [0, 503] {
            let forged = answer(&request, cause, b"a guess of the forger");
            self.answers.entry(now + 1).or_default().push((to, forged));
            self.forged += 1;
        }
    }

    fn reach(&mut self, now: i64, nas: SocketAddr, octets: &[u8]) {
        let request = Packet::parse(octets).unwrap();
        assert!(VerifiedRequest::verify(request, &ours(), Required).is_ok());
        let number = |kind| {
            let text = request.first(kind)?;
            str::from_utf8(text).ok()?.parse::<u32>().ok()
        };
        let user = number(AttributeType::USER_NAME);
        let own = number(AttributeType::ACCT_SESSION_ID);
        let behaviour = self.nases[usize::from(nas.port() - 3000)];
        let cause = match behaviour {
            Nas::Deaf => return,
            Nas::Forgetful => 503,
            Nas::Choosy if own.is_none() => 508,
            _ => 0,
        };
        let mut key = &b"of sender and NAS"[..];
        if behaviour == Nas::OtherSecret {
            key = b"of another time";
        } else if cause == 0 {
            self.ended.insert(own.or(user).unwrap());
        }
        let octets = answer(&request, cause, key);
        if let (Some(late), twice) = self.fate() {
            let arrivals = self.answers.entry(now + late).or_default();
            arrivals.push((nas, octets.clone()));
            if twice {
                arrivals.push((nas, octets));
            }
        }
    }
}

fn job(session: u32) -> Job<u32> {
    let request = |attribute| SessionRequest {
        kind: RequestKind::Disconnect,
        attributes: vec![attribute],
    };
    let text = session.to_string();
    Job {
        token: session,
        request: request(RequestAttribute::UserName(text.as_str().into())),
        narrower: Some(request(RequestAttribute::AcctSessionId(text.into()))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// DA4, DA5.
    #[test]
    fn every_session_has_one_true_outcome(
        nases in vec(behaviours(), 1..5),
        sessions in vec(0_usize..5, 1..300),
        fates in fates(),
        first_identifier: u8,
    ) {
        let mut world = World {
            sender: Sender::new(first_identifier),
            nases,
            answers: BTreeMap::new(),
            ended: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            fates,
            datagrams: 0,
            sent: HashMap::new(),
            repeats: HashMap::new(),
            forged: 0,
        };
        let at = |session: usize| sessions[session] % world.nases.len();
        let places: Vec<_> = (0..sessions.len()).map(at).collect();
        for (session, nas) in places.iter().enumerate() {
            world.sender.queue(address(*nas), job(u32::try_from(session).unwrap()));
        }
        // Each second of a NAS sees fifty requests off; each has thirty seconds, twice if narrowed.
        let mut now = 0;
        while world.sender.open() > 0 {
            world.step(now);
            now += 1;
            prop_assert!(now < 130_000, "open after {now} ms");
        }
        world.step(now);
        prop_assert!(world.forged > 0);
        for (session, nas) in places.into_iter().enumerate() {
            let session = u32::try_from(session).unwrap();
            let (outcome, ended) = (world.outcomes[&session], world.ended.contains(&session));
            let is_true = match (world.nases[nas], outcome) {
                (Nas::Deaf | Nas::OtherSecret, outcome) => outcome == Outcome::NoAnswer,
                (Nas::Forgetful, outcome) => {
                    matches!(outcome, Outcome::NoAnswer | Outcome::Nak(Some(503)))
                }
                (_, Outcome::Acked) => ended,
                (_, outcome) => outcome == Outcome::NoAnswer,
            };
            prop_assert!(is_true, "{session}: {outcome:?} {ended}");
        }
        for (nas, times) in world.sent {
            for window in times.windows(57) {
                prop_assert!(window[56] - window[0] > 1_000, "{nas}: {window:?}");
            }
        }
        for times in world.repeats.into_values() {
            prop_assert!(times <= 4);
        }
        prop_assert!(MOST_IN_FLIGHT < 256);
    }
}
