//! The session that a record tells of: a NAS uses an Acct-Session-Id again after a restart.

use jiff::{SignedDuration, Timestamp};

use crate::{Closed, Closing, Record, Session, SessionId, Status};

/// Two Starts of one session: within this time, or with the same Event-Timestamp.
const SAME_START: SignedDuration = SignedDuration::from_mins(5);
/// A Start may come after the Stop of its own session, without a time of its own.
const LATE_START: SignedDuration = SignedDuration::from_secs(60);

/// The relation of a record to a session of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// It tells of this session.
    Same,
    /// It tells of a session that began after this one.
    Later,
    /// It tells of a session that ended before this one began.
    Earlier,
}

/// The session that a record was settled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The place in the list of the session that the record tells of.
    pub session: usize,
    /// Whether the session is new.
    pub began: bool,
    /// Whether the record told anything new.
    pub changed: bool,
    /// The place of a live session that ended as replaced.
    pub replaced: Option<usize>,
}

/// Takes `record` into one of the sessions of its name, `known`, or adds a new session to them,
/// under the number that `id` gives.
///
/// The sessions may be in any order, and may lack those that are long over.
pub fn settle(
    known: &mut Vec<Session>,
    record: &Record,
    id: impl FnOnce() -> SessionId,
) -> Settled {
    let same = known.iter().enumerate();
    let same = same.filter(|(_, session)| tells_of(record, session));
    let nearest = same.min_by_key(|(_, session)| distance(session, record));
    if let Some(place) = nearest.map(|(place, _)| place) {
        let changed = known.get_mut(place).is_some_and(|it| it.fold(record));
        return Settled {
            session: place,
            began: false,
            changed,
            replaced: None,
        };
    }
    let mut new = Session::begin(id(), record);
    let later = known
        .iter()
        .filter(|session| relation(session, record) == Relation::Earlier)
        .map(Session::started)
        .min();
    if let Some(at) = later {
        new.close(replaced(at));
    }
    let started = new.started();
    let place = known
        .iter()
        .position(|session| session.is_live() && relation(session, record) == Relation::Later);
    if let Some(session) = place.and_then(|place| known.get_mut(place)) {
        session.close(replaced(started.max(session.last_news)));
    }
    known.push(new);
    Settled {
        session: known.len() - 1,
        began: true,
        changed: true,
        replaced: place,
    }
}

/// How far a record is from the beginning of a session that it may tell of: a copy of a Start from
/// its first, other news from the newest session.
fn distance(session: &Session, record: &Record) -> SignedDuration {
    record.event.duration_since(session.started()).abs()
}

/// Whether `record` tells of `session`, and of no other of its name.
#[must_use]
pub fn tells_of(record: &Record, session: &Session) -> bool {
    relation(session, record) == Relation::Same
}

fn replaced(at: Timestamp) -> Closed {
    Closed {
        at,
        by: Closing::Replaced,
    }
}

fn relation(session: &Session, record: &Record) -> Relation {
    let by_time = if record.event < session.started() {
        Relation::Earlier
    } else {
        Relation::Later
    };
    if is_of_others(session, record) {
        return by_time;
    }
    match record.status {
        Status::Start => relation_of_start(session, record),
        Status::Interim | Status::Stop(_) => relation_of_news(session, record),
    }
}

/// Another device has the session, or by a Start another user. Interim-Updates may tell another
/// User-Name: that of the Access-Accept.
fn is_of_others(session: &Session, record: &Record) -> bool {
    if let (Some(one), Some(other)) = (session.device(), record.facts.device())
        && one != other
    {
        return true;
    }
    let start = session.start.as_ref();
    let start = start.filter(|_| record.status == Status::Start);
    let names = start.and_then(|start| start.user_name.as_deref());
    let names = names.zip(record.facts.user_name.text());
    names.is_some_and(|(one, other)| one != other)
}

fn relation_of_start(session: &Session, record: &Record) -> Relation {
    let ended = session.ended();
    let ended_before = match (session.stopped, ended) {
        (Some(stopped), _) => record.event.duration_since(stopped.at) > LATE_START,
        (None, Some((end, _))) => record.event > end,
        (None, None) => false,
    };
    let Some(start) = &session.start else {
        return if ended_before {
            Relation::Later
        } else {
            Relation::Same
        };
    };
    let after_start = record.event.duration_since(start.at);
    if start.stamp.is_some() && start.stamp == record.stamp {
        Relation::Same
    } else if after_start < -SAME_START {
        Relation::Earlier
    } else if ended_before || after_start > SAME_START {
        Relation::Later
    } else {
        Relation::Same
    }
}

fn relation_of_news(session: &Session, record: &Record) -> Relation {
    let ahead = session.started().duration_since(record.event);
    if session.start.is_some() && ahead > SAME_START {
        return Relation::Earlier;
    }
    // Where the device is the same, its NAS more likely counts Acct-Session-Time anew, as at a
    // re-authentication, than that it lost a Start and used the name again.
    if session.device().is_some() && session.device() == record.facts.device() {
        return Relation::Same;
    }
    let began_after = |start: Timestamp| start.duration_since(session.last_news) > LATE_START;
    if record.reckoned_start().is_some_and(began_after) {
        Relation::Later
    } else {
        Relation::Same
    }
}

#[cfg(test)]
mod tests;
