//! Sessions that end because their account is closed: a NAS on the loopback, all else without
//! sockets.

use std::net::UdpSocket;

use md5::{Digest as _, Md5};
use portvakt_accounting::disconnect::{Authorization, Outcome};

use super::accounting::{START, named, request};
use super::*;
use crate::accounting::{Judge, UnknownAccounts, conclude};
use crate::accounts::{Accounts, Actor, Channel, Role, Target};
use crate::disconnect::{Cause, Urgency, Wanted};

const NAS_SECRET: &[u8] = b"of disconnecting alone";
const PATIENCE: Duration = Duration::from_secs(60);

/// The port on which a NAS takes Disconnect-Requests.
struct Nas {
    socket: UdpSocket,
}

impl Nas {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket }
    }

    /// A client of this NAS, which sends from 127.0.0.1.
    fn client(&self, profile: &str) -> String {
        let port = self.socket.local_addr().unwrap().port();
        let secret = str::from_utf8(SECRET).unwrap();
        let nas_secret = str::from_utf8(NAS_SECRET).unwrap();
        format!(
            "[[client]]\nname = \"nas\"\nnet = \"127.0.0.1\"\nsecret = \"{secret}\"\n\
             methods = [\"pap\"]\nservice = \"vpn\"\ndisconnect = \"{profile}\"\n\
             disconnect-port = {port}\ndisconnect-secret = \"{nas_secret}\"\n"
        )
    }

    fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 4096];
        let (length, from) = self.socket.recv_from(&mut buffer).unwrap();
        (buffer[..length].to_vec(), from)
    }

    /// Answers with a code, under a secret; `cause` is Error-Cause.
    fn answer(
        &self,
        (request, from): &(Vec<u8>, SocketAddr),
        code: Code,
        cause: Option<u32>,
        secret: &[u8],
    ) {
        let mut octets = vec![code.octet(), request[1], 0, 20];
        octets.extend_from_slice(&request[4..20]);
        if let Some(cause) = cause {
            octets[3] = 26;
            octets.extend_from_slice(&[AttributeType::ERROR_CAUSE.0, 6]);
            octets.extend_from_slice(&cause.to_be_bytes());
        }
        let digest = Md5::new().chain_update(&octets).chain_update(secret);
        octets[4..20].copy_from_slice(&digest.finalize());
        self.socket.send_to(&octets, from).unwrap();
    }
}

fn values(request: &[u8]) -> Vec<(AttributeType, Vec<u8>)> {
    let secret = SharedSecret::new(NAS_SECRET).unwrap();
    let packet = Packet::parse(request).unwrap();
    let policy = MessageAuthenticatorPolicy::Required;
    let request = VerifiedRequest::verify(packet, &secret, policy).unwrap();
    let all = request.attributes();
    let own = [
        AttributeType::MESSAGE_AUTHENTICATOR,
        AttributeType::EVENT_TIMESTAMP,
    ];
    let named = all.filter(|attribute| !own.contains(&attribute.kind));
    named
        .map(|attribute| (attribute.kind, attribute.value.to_vec()))
        .collect()
}

fn actor() -> Actor {
    Actor {
        who: "kari".to_owned(),
        role: Role::Administrator,
        channel: Channel::Socket,
    }
}

fn target() -> Target {
    Target {
        user: "anna".to_owned(),
        why: "a lost laptop".to_owned(),
    }
}

impl World {
    /// `anna` logs on at the NAS, and her session begins.
    fn with_session(nas: &Nas, profile: &str) -> Self {
        let world = Self::of_client(&nas.client(profile));
        let [class] = &*world.classes() else { panic!() };
        let start = request(Some(START), |writer| {
            named("1")(writer);
            writer.push(AttributeType::CLASS, class).unwrap();
        });
        assert!(world.account(&start));
        world
    }

    fn state(&self) -> &Arc<State> {
        &self.dispatcher.0.state
    }

    /// The outcome of the last try to end the session, once there is one.
    fn outcome(&self) -> Outcome {
        let session = self.sessions()[0].id;
        let mut tries = 0..60_000;
        let found = tries.find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            self.state().disconnector.last_end(session)?.outcome
        });
        found.unwrap()
    }

    fn audit_lines(&self) -> String {
        self.state().audit.flush(PATIENCE).unwrap();
        let folder = std::fs::read_dir(self.folder.path().join("data/audit")).unwrap();
        let files = folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        files.collect()
    }
}

/// DA1, DA2.
#[test]
fn suspension_ends_the_session_at_its_nas() {
    let nas = Nas::new();
    let world = World::with_session(&nas, "standard");
    let judge = Judge::start(Arc::clone(world.state())).unwrap();
    let accounts = Accounts::new(Arc::clone(world.state()));
    accounts.suspend(&actor(), &target()).unwrap();
    let received = nas.receive();
    let expected = [
        (AttributeType::USER_NAME, USER.as_bytes()),
        (AttributeType::CALLING_STATION_ID, b"02-00-00-00-00-01"),
        (AttributeType::ACCT_SESSION_ID, b"1"),
    ];
    let expected = expected.map(|(kind, value)| (kind, value.to_vec()));
    assert_eq!(values(&received.0), expected);
    nas.answer(&received, Code::DisconnectAck, None, NAS_SECRET);
    assert_eq!(world.outcome(), Outcome::Acked);
    let lines = world.audit_lines();
    let line = lines
        .lines()
        .find(|line| line.contains("\"disconnect\""))
        .unwrap();
    for part in [
        "\"outcome\":\"acked\"",
        "\"reason\":\"suspended\"",
        "\"account\":\"anna\"",
        "\"client\":\"nas\"",
        "\"session_id\":\"1\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    judge.stop();
}

/// DA1: nobody changes the account; the clock closes it.
#[test]
fn session_ends_when_its_account_expires() {
    let nas = Nas::new();
    let world = World::with_session(&nas, "standard");
    let (state, id) = (world.state(), account().id);
    let expiry = state.clock.now().utc + Duration::from_secs(60 * 60);
    let policy = state.policy.load();
    let source = policy.sources.of_account(&id).unwrap();
    let writer = source.directory.writer().unwrap();
    let update = writer.update(&id, |account| account.expires = Some(expiry));
    assert_eq!(update.unwrap().expires, Some(expiry));
    let judge = Judge::start(Arc::clone(state)).unwrap();
    state.clock.skip(Duration::from_secs(60 * 60));
    let received = nas.receive();
    nas.answer(&received, Code::DisconnectAck, None, NAS_SECRET);
    assert_eq!(world.outcome(), Outcome::Acked);
    assert!(world.audit_lines().contains("\"reason\":\"left\""));
    judge.stop();
}

/// DA5: forged answers change nothing, and a NAS with another secret is told apart from silence.
#[test]
fn answer_under_another_secret_is_none() {
    let nas = Nas::new();
    let world = World::with_session(&nas, "standard");
    let state = world.state();
    let session = Arc::new(world.sessions().remove(0));
    let client = world.dispatcher.client("127.0.0.1:40000".parse().unwrap());
    let end = |urgency| {
        let wanted = Wanted {
            change: Authorization::End,
            cause: Cause::Closed("suspended"),
            urgency,
            done: None,
        };
        state.disconnector.ask(&session, client.as_deref(), wanted)
    };
    assert!(end(Urgency::InTurn));
    assert!(!end(Urgency::Now), "one is under way");
    let received = nas.receive();
    nas.answer(&received, Code::DisconnectAck, None, b"a guess");
    state.clock.skip(Duration::from_secs(31));
    assert_eq!(world.outcome(), Outcome::NoAnswer);
    let lines = world.audit_lines();
    assert!(lines.contains("under another secret"), "{lines}");
    assert!(!end(Urgency::InTurn), "it was tried just now");
    assert!(end(Urgency::Now));
    let again = nas.receive();
    assert_ne!(again.0[1], received.0[1], "another identifier");
    nas.answer(&again, Code::DisconnectNak, Some(503), NAS_SECRET);
    assert_eq!(world.outcome(), Outcome::Nak(Some(503)));
    assert!(world.audit_lines().contains("the NAS has no such session"));
}

#[test]
fn session_that_is_being_ended_at_the_stop_is_told_as_interrupted() {
    let nas = Nas::new();
    let world = World::with_session(&nas, "standard");
    let state = world.state();
    let unknown = UnknownAccounts::default();
    conclude(state, &unknown, &account().id, Ok(None), Urgency::Now);
    nas.receive();
    state.disconnector.close();
    assert_eq!(world.outcome(), Outcome::Interrupted);
    assert!(world.audit_lines().contains("unknown-user"));
}

/// Silence of a directory ends nobody's session, and neither does an account in good standing, or
/// one that is locked after wrong passwords.
#[test]
fn what_is_not_known_and_a_lock_end_no_session() {
    use portvakt_directory::FindError;
    let nas = Nas::new();
    let world = World::with_session(&nas, "standard");
    let (state, id) = (world.state(), account().id);
    let session = world.sessions()[0].id;
    let silent = FindError::Unavailable("no server answers".into());
    let unknown = UnknownAccounts::default();
    conclude(state, &unknown, &id, Err(silent), Urgency::Now);
    for guess in ["one", "two", "three", "four", "five", "six"] {
        let wrong = Question {
            password: Some(guess.as_bytes()),
            ..question(USER)
        };
        assert_eq!(world.ask(&wrong).code, Code::AccessReject);
    }
    let tick = state.clock.now().tick;
    assert!(state.locks.locked_until(&id, tick).is_some());
    conclude(
        state,
        &unknown,
        &id,
        Ok(Some(Arc::new(account()))),
        Urgency::Now,
    );
    assert_eq!(state.disconnector.last_end(session), None);
    // Another person has the name by now.
    let other = Account::new(AccountId::new("annas").unwrap(), Kind::Employee);
    conclude(
        state,
        &unknown,
        &id,
        Ok(Some(Arc::new(other))),
        Urgency::Now,
    );
    assert!(state.disconnector.last_end(session).is_some());
}
