//! Whole log-ons without sockets: requests go to the dispatcher, replies are collected, and the clock
//! is moved on by hand.

mod accounting;
mod disconnect;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::{Account, AccountId, HashMemory, Kind, Password, PasswordHash, PasswordKind};
use portvakt_eap::packet::{self, EapType};
use portvakt_radius::{MessageAuthenticatorPolicy, Packet, RequestWriter, SharedSecret};
use portvakt_store::{AccountStore as _, DataFolder, SqliteStore, Store as _};
use portvakt_testkit::supplicant::{Authority, Device, Outcome, Profile};
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::state::State;
use crate::transport::{Collected, Endpoints, Via};

const SECRET: &[u8] = b"a-secret-between-tests";
const RIGHT: &[u8] = b"correct-horse-battery";
const USER: &str = "anna@campus.example";
const REJECT_DELAY: Duration = Duration::from_secs(1);

mod ikev2;

/// A dispatcher with one account, `anna`, and one client, all of 127.0.0.0/8.
struct World {
    dispatcher: Dispatcher,
    authority: Authority,
    folder: TempDir,
}

/// Writes the configuration into a folder, and reads it there.
fn load(folder: &TempDir, text: &str) -> Config {
    let file = folder.path().join("portvakt.toml");
    std::fs::write(&file, text).unwrap();
    Config::load_file(&file, Timestamp::now()).unwrap().0
}

/// A request in the making: its attributes but for Message-Authenticator.
struct Question<'a> {
    identifier: u8,
    user: &'a str,
    password: Option<&'a [u8]>,
    eap: Option<&'a [u8]>,
    state: Option<&'a [u8]>,
    /// NAS-Port-Type.
    port_type: Option<u32>,
}

/// The code, State and EAP packet of a reply, and by how much it is delayed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    code: Code,
    delay: Duration,
    state: Option<Vec<u8>>,
    eap: Vec<u8>,
}

fn account() -> Account {
    let mut account = Account::new(AccountId::new("anna").unwrap(), Kind::Employee);
    let cost = portvakt_auth::password::Argon2Cost::new(8, 1, 1).unwrap();
    let hash = PasswordHash::hash_new(RIGHT, [3; 16], cost, &mut HashMemory::new()).unwrap();
    account.set_password(Password {
        hash,
        changed_at: Timestamp::now(),
        kind: PasswordKind::Permanent,
    });
    account
}

/// The configuration, with these lines in its `[eap]`.
fn config(eap: &str) -> String {
    let secret = str::from_utf8(SECRET).unwrap();
    format!(
        r#"
data = "data"
realms = ["campus.example"]
[radius]
reject-delay = "1s"
reject-jitter-percent = 0
[eap]
certificate = "radius.pem"
key = "radius.key"
{eap}
[passwords]
argon2-memory = "7MiB"
argon2-iterations = 1
hash-deadline = "10s"
[[listen]]
address = "127.0.0.1:0"
[accounting]
listen = ["127.0.0.1:0"]
[[client]]
name = "elsewhere"
net = "127.9.0.0/16"
secret = "{secret}"
federation-peer = true
[[client]]
name = "test"
net = "127.0.0.0/8"
secret = "{secret}"
methods = ["eap", "pap"]
"#
    )
}

impl World {
    fn new() -> Self {
        Self::of_client("")
    }

    /// As [`new`](Self::new), with further lines in the client's table.
    fn of_client(lines: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = TempDir::with_prefix("portvakt").unwrap();
        let path = |name| folder.path().join(name);
        let authority = Authority::new("Test");
        let identity = authority.issue_server();
        std::fs::write(path("radius.pem"), identity.chain_pem).unwrap();
        std::fs::write(path("radius.key"), identity.key_pem).unwrap();
        let owner_alone = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path("radius.key"), owner_alone).unwrap();
        let data = DataFolder::take(&path("data")).unwrap();
        let store = SqliteStore::open(data, None).unwrap();
        store.put_accounts(&[Arc::new(account())]).unwrap();
        store.close();
        let config = load(&folder, &(config("") + lines));
        let state = State::open(&config).unwrap();
        let access = Access::start(state, &config).unwrap();
        Self {
            dispatcher: Dispatcher(access),
            authority,
            folder,
        }
    }

    /// Sends a request; its reply, once there is one, comes by the receiver.
    fn send(&self, question: &Question<'_>) -> Receiver<Collected> {
        let secret = SharedSecret::new(SECRET).unwrap();
        let mut buffer = [0; 4096];
        let authenticator = crate::random::bytes();
        let identifier = question.identifier;
        let mut writer =
            RequestWriter::access_request(identifier, authenticator, &mut buffer).unwrap();
        let attributes = [
            (AttributeType::USER_NAME, Some(question.user.as_bytes())),
            (
                AttributeType::CALLING_STATION_ID,
                Some(&b"02-00-00-00-00-01"[..]),
            ),
            (AttributeType::STATE, question.state),
        ];
        for (kind, value) in attributes {
            if let Some(value) = value {
                writer.push(kind, value).unwrap();
            }
        }
        if let Some(password) = question.password {
            writer.push_user_password(password, &secret).unwrap();
        }
        if let Some(kind) = question.port_type {
            let value = kind.to_be_bytes();
            writer.push(AttributeType::NAS_PORT_TYPE, &value).unwrap();
        }
        if let Some(eap) = question.eap {
            writer.push_eap_message(eap).unwrap();
        }
        self.receive(writer.finish(&secret).unwrap())
    }

    /// The way of a datagram through a transport.
    fn receive(&self, datagram: &[u8]) -> Receiver<Collected> {
        self.receive_from("127.0.0.1:40000", datagram)
    }

    fn receive_from(&self, address: &str, datagram: &[u8]) -> Receiver<Collected> {
        let address: SocketAddr = address.parse().unwrap();
        let client = self.dispatcher.client(address).unwrap();
        let packet = Packet::parse(datagram).unwrap();
        assert!(self.dispatcher.serves(packet.code()));
        let policy = MessageAuthenticatorPolicy::Required;
        let request = VerifiedRequest::verify(packet, &client.secret, policy).unwrap();
        let peer = Peer {
            client,
            via: Via::Udp(Endpoints {
                peer: address,
                local: None,
            }),
            arrived: self.dispatcher.0.state.clock.instant(),
        };
        let (replies, collected) = channel();
        let responder = Responder::collecting(replies);
        self.dispatcher.request(&request, peer, responder);
        collected
    }

    fn ask(&self, question: &Question<'_>) -> Told {
        told(&self.send(question))
    }

    /// Puts a configuration in force that has these lines in its `[eap]`.
    fn reload(&self, eap: &str) {
        let config = load(&self.folder, &config(eap));
        self.dispatcher.0.state.apply(&config).unwrap();
    }

    fn pap(&self, user: &str, password: &[u8]) -> Told {
        self.ask(&Question {
            password: Some(password),
            ..question(user)
        })
    }

    fn eap(&self, eap: &[u8], state: Option<&[u8]>) -> Told {
        self.ask(&Question {
            eap: Some(eap),
            state,
            ..question("anonymous@campus.example")
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.dispatcher.0.close();
        self.dispatcher.0.state.close();
    }
}

fn question(user: &str) -> Question<'_> {
    Question {
        identifier: 1,
        user,
        password: None,
        eap: None,
        state: None,
        port_type: None,
    }
}

fn told(replies: &Receiver<Collected>) -> Told {
    let reply = replies.recv_timeout(Duration::from_secs(10)).unwrap();
    let packet = Packet::parse(&reply.packet).unwrap();
    let mut eap = Vec::new();
    if let Some(message) = packet.eap_message() {
        message.copy_into(&mut eap);
    }
    Told {
        code: packet.code(),
        delay: reply.delay,
        state: packet.first(AttributeType::STATE).map(<[u8]>::to_vec),
        eap,
    }
}

#[test]
fn right_password_is_accepted_at_once_and_a_wrong_one_rejected_late() {
    let world = World::new();
    for _ in 0..2 {
        let accepted = world.pap(USER, RIGHT);
        assert_eq!(accepted.code, Code::AccessAccept);
        assert_eq!(accepted.delay, Duration::ZERO);
    }
    let rejected = world.pap(USER, b"wrong");
    assert_eq!(rejected.code, Code::AccessReject);
    assert!(rejected.delay >= REJECT_DELAY);
}

/// S6, P5: other realms and unknown users are answered as a wrong password is.
#[test]
fn realm_of_others_and_unknown_user_are_rejected_late() {
    let world = World::new();
    for user in ["anna@other.example", "nobody@campus.example", "a@b@c", ""] {
        let rejected = world.pap(user, RIGHT);
        assert_eq!(rejected.code, Code::AccessReject, "{user}");
        assert!(rejected.delay >= REJECT_DELAY, "{user}");
    }
}

/// Equipment that asks in one thread has a delay of its own, the same for all refusals.
#[test]
fn refusals_of_a_client_are_late_by_its_own_delay() {
    for (line, delay) in [("200ms", 200), ("0s", 0)] {
        let world = World::of_client(&format!("reject-delay = \"{line}\"\n"));
        let delay = Duration::from_millis(delay);
        let wrong = world.pap(USER, b"wrong");
        let unknown = world.pap("nobody@campus.example", RIGHT);
        for refused in [wrong, unknown] {
            assert_eq!(refused.code, Code::AccessReject);
            assert!(refused.delay >= delay && refused.delay < REJECT_DELAY);
        }
    }
}

#[test]
fn sixth_wrong_password_locks_for_half_an_hour_and_not_longer() {
    let world = World::new();
    for number in 0..6 {
        let wrong = format!("wrong-{number}");
        assert_eq!(world.pap(USER, wrong.as_bytes()).code, Code::AccessReject);
    }
    let clock = world.dispatcher.0.state.clock;
    assert_eq!(world.pap(USER, RIGHT).code, Code::AccessReject);
    clock.skip(Duration::from_secs(29 * 60));
    assert_eq!(world.pap(USER, RIGHT).code, Code::AccessReject);
    clock.skip(Duration::from_secs(2 * 60));
    assert_eq!(world.pap(USER, RIGHT).code, Code::AccessAccept);
}

/// RFC 3579 §2.1.
#[test]
fn eap_start_is_answered_by_asking_for_the_identity() {
    let world = World::new();
    let asked = world.eap(b"", None);
    assert_eq!(asked.code, Code::AccessChallenge);
    assert_eq!(asked.state, None);
    let identity = packet::EapPacket::read(&asked.eap).unwrap();
    assert_eq!(identity.code, packet::Code::Request);
    assert_eq!(asked.eap[4], EapType::IDENTITY.0);
}

#[test]
fn ttls_runs_to_its_accept_and_its_state_is_good_once() {
    let world = World::new();
    let mut device = Device::new(Profile::pap(&world.authority, "anna", RIGHT)).supplicant();
    let first = device.identity_response(1);
    let mut told = world.eap(&first, None);
    let mut used = None;
    while told.code == Code::AccessChallenge {
        let response = device.handle(&told.eap).unwrap();
        let state = told.state.take().unwrap();
        told = world.eap(&response, Some(&state));
        used = Some((response, state));
    }
    assert_eq!(told.code, Code::AccessAccept);
    assert_eq!(told.delay, Duration::ZERO);
    assert_eq!(device.handle(&told.eap), None);
    assert!(matches!(device.outcome(), Some(Outcome::Success)));
    // The NAS asks again under another identifier, and gets the answer again.
    let (response, state) = used.unwrap();
    assert_eq!(world.eap(&response, Some(&state)).code, Code::AccessAccept);
    let other = world.eap(b"\x02\x09\x00\x06\x15\x00", Some(&state));
    assert_eq!(other.code, Code::AccessReject);
}

/// A method that SIGHUP withdraws lets nobody in any more, in the tunnels that are open then neither.
#[test]
fn method_withdrawn_under_an_open_conversation_is_refused_late() {
    for (eap, ends_as) in [
        ("ttls-inner = [\"pap\"]", Code::AccessAccept),
        ("ttls-inner = [\"mschapv2\"]", Code::AccessReject),
        ("methods = [\"peap\"]", Code::AccessReject),
    ] {
        let world = World::new();
        let mut device = Device::new(Profile::pap(&world.authority, "anna", RIGHT)).supplicant();
        let mut told = world.eap(&device.identity_response(1), None);
        world.reload(eap);
        while told.code == Code::AccessChallenge {
            let response = device.handle(&told.eap).unwrap();
            told = world.eap(&response, told.state.as_deref());
        }
        assert_eq!(told.code, ends_as, "{eap}");
        let is_late = told.delay >= REJECT_DELAY;
        assert_eq!(is_late, ends_as == Code::AccessReject, "{eap}");
    }
}

#[test]
fn identity_under_the_state_of_a_conversation_begins_a_new_one_in_its_place() {
    let world = World::new();
    let device = Device::new(Profile::pap(&world.authority, "anna", RIGHT)).supplicant();
    let first = world.eap(&device.identity_response(1), None);
    assert_eq!(world.dispatcher.0.conversations.len(), 1);
    let second = world.eap(&device.identity_response(2), first.state.as_deref());
    assert_eq!(second.code, Code::AccessChallenge);
    assert_ne!(second.state, first.state);
    assert_eq!(world.dispatcher.0.conversations.len(), 1);
}

#[test]
fn requests_for_others_are_not_served() {
    let world = World::new();
    for code in [
        Code::CoaRequest,
        Code::DisconnectRequest,
        Code::AccessAccept,
    ] {
        assert!(!world.dispatcher.serves(code), "{code:?}");
    }
}
