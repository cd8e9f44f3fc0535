//! Records for the tests of this crate.

use jiff::Timestamp;
use portvakt_auth::AccountId;

use crate::{
    Addresses, Facts, Joined, JoinedBy, NasKey, Newest, Record, SessionKey, Status, Usage,
};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn key(session: &str) -> SessionKey {
    SessionKey {
        nas: NasKey {
            client: "ap".into(),
            nas: "ap-library-3".into(),
        },
        session: session.into(),
    }
}

/// A record of `anna`'s telephone.
pub(crate) fn record(status: Status, second: i64) -> Record {
    let event = at(second);
    let text = |text: &str| Newest::told(Some(Box::from(text)), event);
    Record {
        key: key("0001"),
        status,
        event,
        stamp: None,
        has_session_time: false,
        facts: Facts {
            user_name: text("anna@campus.example"),
            calling_station: text("02-00-00-00-00-01"),
            ..Facts::default()
        },
        addresses: Addresses::default(),
        usage: Usage::default(),
        joined: None,
    }
}

pub(crate) fn user(record: Record, name: &str) -> Record {
    let user_name = Newest::told(Some(name.into()), record.event);
    let facts = Facts {
        user_name,
        ..record.facts
    };
    Record { facts, ..record }
}

pub(crate) fn device(record: Record, station: &str) -> Record {
    let calling_station = Newest::told(Some(station.into()), record.event);
    let facts = Facts {
        calling_station,
        ..record.facts
    };
    Record { facts, ..record }
}

/// With Acct-Session-Time.
pub(crate) fn lasting(record: Record, session_time_s: u32) -> Record {
    Record {
        has_session_time: true,
        usage: Usage {
            session_time_s,
            ..record.usage
        },
        ..record
    }
}

pub(crate) fn joined(record: Record, account: &str, by: JoinedBy, second: i64) -> Record {
    let joined = Joined {
        by,
        logged_on: at(second),
        account: AccountId::new(account).unwrap(),
    };
    Record {
        joined: Some(joined),
        ..record
    }
}
