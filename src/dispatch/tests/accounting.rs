//! Accounting without sockets: what is answered, and whose a session is.

use portvakt_accounting::{JoinedBy, Session};
use portvakt_store::{SessionQuery, SessionsOf};

use super::*;

const STATION: &[u8] = b"02-00-00-00-00-01";
pub(super) const START: u32 = 1;
const STOP: u32 = 2;
const ON: u32 = 7;

/// An Accounting-Request of the device of these tests; `more` adds to it.
pub(super) fn request(status: Option<u32>, more: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
    let secret = SharedSecret::new(SECRET).unwrap();
    let mut buffer = [0; 4096];
    let mut writer = RequestWriter::accounting_request(1, &mut buffer).unwrap();
    if let Some(status) = status {
        let kind = AttributeType::ACCT_STATUS_TYPE;
        writer.push_integer(kind, status).unwrap();
    }
    writer
        .push(AttributeType::USER_NAME, USER.as_bytes())
        .unwrap();
    writer
        .push(AttributeType::CALLING_STATION_ID, STATION)
        .unwrap();
    more(&mut writer);
    writer.finish(&secret).unwrap().to_vec()
}

pub(super) fn named(session: &str) -> impl FnOnce(&mut RequestWriter<'_>) {
    move |writer| {
        let kind = AttributeType::ACCT_SESSION_ID;
        writer.push(kind, session.as_bytes()).unwrap();
    }
}

/// Whether an answer comes; the store has the record then.
fn is_answered(replies: &Receiver<Collected>) -> bool {
    let Ok(reply) = replies.recv_timeout(Duration::from_secs(10)) else {
        return false;
    };
    let packet = Packet::parse(&reply.packet).unwrap();
    assert_eq!(packet.code(), Code::AccountingResponse);
    assert_eq!(reply.delay, Duration::ZERO);
    true
}

impl World {
    pub(super) fn sessions(&self) -> Vec<Session> {
        let query = SessionQuery {
            of: SessionsOf::Everybody,
            at: None,
            live: false,
            limit: 10,
        };
        let store = &self.dispatcher.0.state.store;
        store.find_sessions(&query).unwrap()
    }

    pub(super) fn account(&self, datagram: &[u8]) -> bool {
        is_answered(&self.receive(datagram))
    }

    /// Logs `anna` on by PAP; the Class values of her Accept.
    pub(super) fn classes(&self) -> Vec<Vec<u8>> {
        let asked = Question {
            password: Some(RIGHT),
            ..question(USER)
        };
        let reply = self.send(&asked).recv_timeout(Duration::from_secs(10));
        let reply = reply.unwrap().packet;
        let packet = Packet::parse(&reply).unwrap();
        assert_eq!(packet.code(), Code::AccessAccept);
        let classes = packet.all(AttributeType::CLASS).map(<[u8]>::to_vec);
        classes.collect()
    }
}

fn joined(session: &Session) -> Option<(&str, JoinedBy)> {
    let joined = session.joined.as_ref()?;
    Some((joined.account.as_str(), joined.by))
}

/// AC1, AC4.
#[test]
fn record_is_answered_once_it_is_stored() {
    let world = World::new();
    assert!(world.account(&request(Some(START), named("1"))));
    assert!(world.account(&request(Some(STOP), named("1"))));
    let sessions = world.sessions();
    assert_eq!(sessions.len(), 1);
    assert!(!sessions[0].is_live());
    assert_eq!(joined(&sessions[0]), None);
}

/// AC4.
#[test]
fn record_without_status_or_session_is_dropped() {
    let world = World::new();
    assert!(!world.account(&request(None, named("1"))));
    assert!(!world.account(&request(Some(START), |_| {})));
    assert!(!world.account(&request(Some(START), named(""))));
    assert!(world.sessions().is_empty());
    // Of no session: answered, so that it is not sent again.
    assert!(world.account(&request(Some(15), |_| {})));
    assert!(world.account(&request(Some(ON), |_| {})));
}

#[test]
fn record_is_not_answered_when_the_store_is_closed() {
    let world = World::new();
    world.dispatcher.0.state.store.close();
    assert!(!world.account(&request(Some(START), named("1"))));
}

/// AC2.
#[test]
fn accounting_of_a_federation_peer_is_answered_and_not_kept() {
    let world = World::new();
    let start = request(Some(START), named("1"));
    assert!(is_answered(&world.receive_from("127.9.0.1:40000", &start)));
    assert!(world.sessions().is_empty());
}

/// AC8.
#[test]
fn class_of_an_accept_joins_session_and_account() {
    let world = World::new();
    let [class] = &*world.classes() else { panic!() };
    assert_ne!(world.classes(), std::slice::from_ref(class));
    let start = request(Some(START), |writer| {
        named("1")(writer);
        writer.push(AttributeType::CLASS, b"OU=staff").unwrap();
        writer.push(AttributeType::CLASS, class).unwrap();
    });
    assert!(world.account(&start));
    let sessions = world.sessions();
    assert_eq!(joined(&sessions[0]), Some(("anna", JoinedBy::Class)));
}

/// AC8.
#[test]
fn forged_class_joins_nothing() {
    let world = World::new();
    let [class] = &*world.classes() else { panic!() };
    let mut forged = class.clone();
    *forged.last_mut().unwrap() ^= 1;
    let start = request(Some(START), |writer| {
        named("1")(writer);
        writer.push(AttributeType::CLASS, &forged).unwrap();
    });
    // Another device: the log-on is not hers.
    let start = replace(&start, STATION, b"02-00-00-00-00-02");
    assert!(world.account(&start));
    assert_eq!(joined(&world.sessions()[0]), None);
}

/// Other octets of the same length in a datagram, signed anew.
fn replace(datagram: &[u8], octets: &[u8], by: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(datagram).unwrap();
    let mut buffer = [0; 4096];
    let mut writer = RequestWriter::accounting_request(1, &mut buffer).unwrap();
    for attribute in packet.attributes() {
        let value = if attribute.value == octets {
            by
        } else {
            attribute.value
        };
        writer.push(attribute.kind, value).unwrap();
    }
    let secret = SharedSecret::new(SECRET).unwrap();
    writer.finish(&secret).unwrap().to_vec()
}

#[test]
fn session_without_class_is_of_the_newest_log_on_of_its_device() {
    let world = World::new();
    world.classes();
    assert!(world.account(&request(Some(START), named("1"))));
    let sessions = world.sessions();
    assert_eq!(joined(&sessions[0]), Some(("anna", JoinedBy::LogOn)));
    let live = &world.dispatcher.0.state.store.live();
    let anna = AccountId::new("anna").unwrap();
    assert_eq!(live.of_account(&anna).len(), 1);
}
