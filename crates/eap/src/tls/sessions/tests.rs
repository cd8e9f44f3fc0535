use super::table::{ENTRY_OCTETS, PER_ACCOUNT_AT_MOST};
use super::{
    Authorization, Basis, KeptSession, Scope, Session, SessionFacts, SessionId, SessionKeeper,
    Sessions,
};
use crate::identity_type::IdentityType;
use crate::method_name::MethodName;
use crate::packet::EapType;
use crate::tls::TicketKeys;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

const HOUR: Duration = Duration::from_secs(3600);
const TTLS: Scope = Scope {
    method: EapType::TTLS,
    client_authorities: None,
};

fn id(number: u8) -> SessionId {
    [number; 32]
}

fn session(sessions: &Sessions, account: &str) -> Session {
    Session {
        scope: TTLS,
        value: Zeroizing::new(b"master secret".to_vec()),
        facts: Arc::new(SessionFacts {
            authorization: Authorization {
                account: account.into(),
                device: Vec::new(),
                identity: Vec::new(),
                context: Vec::new(),
            },
            basis: Basis {
                method: MethodName::TtlsPap,
                identity: IdentityType::User,
            },
            chain: Vec::new(),
            expires: sessions.expiry(),
        }),
    }
}

fn fill(sessions: &Sessions, account: &str, ids: std::ops::Range<u8>) {
    for number in ids {
        sessions.insert(id(number), &session(sessions, account));
    }
}

#[test]
fn a_session_is_found_in_its_own_scope_only() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..1);
    let other_method = Scope {
        method: EapType::TLS,
        ..TTLS
    };
    let other_authorities = Scope {
        client_authorities: Some([0; 32]),
        ..TTLS
    };
    for scope in [other_method, other_authorities] {
        assert!(sessions.find(&id(0), scope).is_none());
        assert!(sessions.take(&id(0), scope).is_none());
    }
    assert!(sessions.find(&id(0), TTLS).is_some());
    assert!(sessions.take(&id(0), TTLS).is_some());
    assert!(sessions.take(&id(0), TTLS).is_none(), "for one use");
}

#[test]
fn a_session_ends_with_its_time_and_time_does_not_go_back() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..1);
    sessions.advance(HOUR - Duration::from_millis(1));
    assert!(sessions.find(&id(0), TTLS).is_some());
    sessions.advance(HOUR);
    sessions.advance(Duration::ZERO);
    assert!(sessions.find(&id(0), TTLS).is_none());
    assert_eq!(
        (sessions.len(), sessions.sweep(), sessions.len()),
        (1, 1, 0)
    );
    assert_eq!(sessions.forget("a"), 0);
}

/// E7.
#[test]
fn no_session_lives_longer_than_seven_days() {
    let sessions = Sessions::new(10, HOUR * 10_000);
    assert_eq!(sessions.expiry(), HOUR * 24 * 7);
}

#[test]
fn one_account_cannot_fill_the_store() {
    let sessions = Sessions::new(1000, HOUR);
    fill(&sessions, "a", 0..200);
    assert_eq!(sessions.len(), PER_ACCOUNT_AT_MOST);
    assert!(sessions.find(&id(0), TTLS).is_none(), "the oldest ended");
    assert!(sessions.find(&id(199), TTLS).is_some());
    assert_eq!(sessions.forget("a"), PER_ACCOUNT_AT_MOST);
}

/// A device uses its newest session; the one before stays for an answer that was lost.
#[test]
fn device_keeps_its_two_newest_sessions() {
    let sessions = Sessions::new(1000, HOUR);
    for number in 0..20 {
        let mut session = session(&sessions, "a");
        let facts = Arc::get_mut(&mut session.facts).unwrap();
        facts.authorization.device = vec![number % 2];
        sessions.insert(id(number), &session);
    }
    fill(&sessions, "a", 20..25);
    let kept: Vec<u8> = (0..25)
        .filter(|number| sessions.find(&id(*number), TTLS).is_some())
        .collect();
    assert_eq!(kept, [16, 17, 18, 19, 20, 21, 22, 23, 24]);
    assert_eq!(sessions.forget("a"), 9);
}

#[test]
fn a_full_store_keeps_what_it_has() {
    let sessions = Sessions::new(0, HOUR);
    fill(&sessions, "a", 0..1);
    assert!(sessions.is_empty());
    let one = super::record::write(&session(&sessions, "a")).unwrap();
    let room = 3 * (one.len() + ENTRY_OCTETS);
    let sessions = Sessions::of_octets(room, HOUR);
    fill(&sessions, "a", 0..2);
    fill(&sessions, "b", 2..9);
    assert_eq!(sessions.len(), 3);
    assert!(sessions.find(&id(0), TTLS).is_some());
    assert_eq!(sessions.octets(), room);
    assert_eq!(sessions.forget("b"), 1);
    fill(&sessions, "c", 9..10);
    assert!(sessions.find(&id(9), TTLS).is_some(), "there is room again");
    assert_eq!((sessions.forget("a"), sessions.forget("c")), (2, 1));
    assert_eq!(sessions.octets(), 0);
}

/// One that is kept under a name that is known takes the place of the former.
#[test]
fn session_that_comes_again_is_counted_once() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..1);
    let octets = sessions.octets();
    fill(&sessions, "a", 0..1);
    assert_eq!((sessions.len(), sessions.octets()), (1, octets));
    assert_eq!(sessions.forget("a"), 1);
    assert_eq!(sessions.octets(), 0);
}

/// Calls of a keeper.
#[derive(Default)]
struct Calls(Mutex<Vec<String>>);

impl SessionKeeper for Calls {
    fn keep(&self, session: KeptSession) {
        assert!(!session.sealed.windows(6).any(|octets| octets == b"secret"));
        let (account, [number, ..]) = (session.account, session.id);
        self.0
            .lock()
            .unwrap()
            .push(format!("keep {number} of {account}"));
    }

    fn end(&self, [number, ..]: SessionId, account: &str) {
        self.0
            .lock()
            .unwrap()
            .push(format!("end {number} of {account}"));
    }

    fn forget(&self, account: &str) {
        self.0.lock().unwrap().push(format!("forget {account}"));
    }
}

#[test]
fn keeper_is_told_of_every_change_and_of_nothing_without_keys() {
    let (sessions, calls) = (Sessions::new(10, HOUR), Arc::new(Calls::default()));
    sessions.set_keeper(Arc::clone(&calls) as _);
    fill(&sessions, "a", 0..1);
    assert!(calls.0.lock().unwrap().is_empty());
    sessions.set_ticket_keys(TicketKeys::new(&[[1; 32]]).unwrap());
    for number in 1..4 {
        let mut session = session(&sessions, "b");
        let facts = Arc::get_mut(&mut session.facts).unwrap();
        facts.authorization.device = b"phone".to_vec();
        sessions.insert(id(number), &session);
    }
    sessions.take(&id(3), TTLS);
    sessions.forget("b");
    sessions.advance(HOUR);
    sessions.sweep();
    let expected = [
        "keep 1 of b",
        "keep 2 of b",
        "keep 3 of b",
        "end 1 of b",
        "end 3 of b",
        "forget b",
    ];
    assert_eq!(*calls.0.lock().unwrap(), expected, "age needs no word");
}

#[test]
fn forgetting_an_account_spares_the_others() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..2);
    fill(&sessions, "b", 2..4);
    sessions.take(&id(0), TTLS);
    assert_eq!(sessions.forget("a"), 1);
    assert!(sessions.find(&id(1), TTLS).is_none());
    assert!(sessions.find(&id(2), TTLS).is_some());
}

#[test]
fn debug_output_shows_no_secret() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..1);
    let shown = format!("{sessions:?}");
    let octets = sessions.octets();
    assert_eq!(shown, format!("Sessions(1; {octets} of 10240 octets)"));
}
