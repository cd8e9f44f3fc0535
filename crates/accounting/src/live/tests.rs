use super::*;
use crate::fixtures::{at, joined, key, record};
use crate::{JoinedBy, Status};

fn session(number: i64, account: Option<&str>) -> Session {
    let record = record(Status::Start, number);
    let record = match account {
        Some(account) => joined(record, account, JoinedBy::Class, number),
        None => record,
    };
    Session {
        key: key(&number.to_string()),
        ..Session::begin(SessionId(number), &record)
    }
}

fn accounts_of(live: &LiveSessions, account: &str) -> Vec<i64> {
    let account = AccountId::new(account).unwrap();
    let mut ids: Vec<_> = live.of_account(&account).iter().map(|s| s.id.0).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn sessions_are_found_by_account_until_they_end() {
    let live = LiveSessions::new(100);
    for number in 1..=3 {
        live.publish(Arc::new(session(number, Some("anna"))));
    }
    live.publish(Arc::new(session(4, None)));
    assert_eq!(accounts_of(&live, "anna"), [1, 2, 3]);
    let mut over = session(2, Some("anna"));
    over.fold(&record(Status::Stop(None), 9));
    live.publish(Arc::new(over));
    assert_eq!(accounts_of(&live, "anna"), [1, 3]);
    assert_eq!(live.len(), 3);
    // The join may come later than the session.
    live.publish(Arc::new(session(4, Some("bo"))));
    live.publish(Arc::new(session(1, Some("bo"))));
    assert_eq!(accounts_of(&live, "anna"), [3]);
    assert_eq!(accounts_of(&live, "bo"), [1, 4]);
    assert_eq!(live.accounts().len(), 2);
    let is_there = |account| live.has_account(&AccountId::new(account).unwrap());
    assert!(is_there("anna") && is_there("bo") && !is_there("cy"));
}

#[test]
fn end_of_a_replaced_session_leaves_its_successor() {
    let live = LiveSessions::new(100);
    let old = session(1, Some("anna"));
    let new = Session {
        id: SessionId(2),
        ..old.clone()
    };
    live.publish(Arc::new(new));
    let mut over = old;
    over.close(crate::Closed {
        at: at(5),
        by: crate::Closing::Replaced,
    });
    live.publish(Arc::new(over));
    assert_eq!(accounts_of(&live, "anna"), [2]);
}

#[test]
fn sessions_beyond_the_capacity_are_not_in_memory() {
    let live = LiveSessions::new(2);
    let published: Vec<_> = (1..=3)
        .map(|number| live.publish(Arc::new(session(number, Some("anna")))))
        .collect();
    assert_eq!(
        published,
        [
            Published::InMemory,
            Published::InMemory,
            Published::BeyondCapacity
        ]
    );
    assert_eq!(accounts_of(&live, "anna"), [1, 2]);
    // A known session has its place.
    let again = live.publish(Arc::new(session(1, Some("anna"))));
    assert_eq!((again, live.len()), (Published::InMemory, 2));
}
