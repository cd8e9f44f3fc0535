use super::{Authorization, Basis, PER_ACCOUNT_AT_MOST, Scope, Session, SessionFacts, Sessions};
use crate::identity_type::IdentityType;
use crate::method_name::MethodName;
use crate::packet::EapType;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const HOUR: Duration = Duration::from_secs(3600);
const TTLS: Scope = Scope {
    method: EapType::TTLS,
    client_authorities: None,
};

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
    for id in ids {
        sessions.insert(vec![id], session(sessions, account));
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
        assert!(sessions.find(&[0], scope).is_none());
        assert!(sessions.take(&[0], scope).is_none());
    }
    assert!(sessions.find(&[0], TTLS).is_some());
    assert!(sessions.take(&[0], TTLS).is_some());
    assert!(sessions.take(&[0], TTLS).is_none(), "for one use");
}

#[test]
fn a_session_ends_with_its_time_and_time_does_not_go_back() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..1);
    sessions.advance(HOUR - Duration::from_millis(1));
    assert!(sessions.find(&[0], TTLS).is_some());
    sessions.advance(HOUR);
    sessions.advance(Duration::ZERO);
    assert!(sessions.find(&[0], TTLS).is_none());
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
    assert!(sessions.find(&[0], TTLS).is_none(), "the oldest ended");
    assert!(sessions.find(&[199], TTLS).is_some());
    assert_eq!(sessions.forget("a"), PER_ACCOUNT_AT_MOST);
}

/// A device uses its newest session; the one before stays for an answer that was lost.
#[test]
fn device_keeps_its_two_newest_sessions() {
    let sessions = Sessions::new(1000, HOUR);
    for id in 0..20 {
        let mut session = session(&sessions, "a");
        let facts = Arc::get_mut(&mut session.facts).unwrap();
        facts.authorization.device = vec![id % 2];
        sessions.insert(vec![id], session);
    }
    fill(&sessions, "a", 20..25);
    let kept: Vec<u8> = (0..25)
        .filter(|id| sessions.find(&[*id], TTLS).is_some())
        .collect();
    assert_eq!(kept, [16, 17, 18, 19, 20, 21, 22, 23, 24]);
    assert_eq!(sessions.forget("a"), 9);
}

#[test]
fn a_full_store_keeps_what_it_has() {
    let sessions = Sessions::new(3, HOUR);
    fill(&sessions, "a", 0..2);
    fill(&sessions, "b", 2..9);
    assert_eq!(sessions.len(), 3);
    assert!(sessions.find(&[0], TTLS).is_some());
    assert_eq!(sessions.forget("b"), 1);
}

#[test]
fn forgetting_an_account_spares_the_others() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..2);
    fill(&sessions, "b", 2..4);
    sessions.take(&[0], TTLS);
    assert_eq!(sessions.forget("a"), 1);
    assert!(sessions.find(&[1], TTLS).is_none());
    assert!(sessions.find(&[2], TTLS).is_some());
}

#[test]
fn debug_output_shows_no_secret() {
    let sessions = Sessions::new(10, HOUR);
    fill(&sessions, "a", 0..1);
    assert_eq!(format!("{sessions:?}"), "Sessions(1 of 10)");
}
