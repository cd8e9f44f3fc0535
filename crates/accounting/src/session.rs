//! The state of one session.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Addresses, Closed, Closing, Ended, Facts, Joined, MacAddress, Record, SessionKey, Status,
    Stopped, Usage,
};

#[cfg(test)]
mod tests;

/// By how much Acct-Session-Time may disagree with the Start before it is believed: a server that was
/// away took the Start late.
const START_SLACK: SignedDuration = SignedDuration::from_secs(60);

/// The number of a session in the store: never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i64);

/// The Start of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Begun {
    /// When it was.
    pub at: Timestamp,
    /// Event-Timestamp as sent.
    pub stamp: Option<u32>,
    /// User-Name of the Start; later records may tell another.
    pub user_name: Option<Box<str>>,
}

/// Rules for sessions that nobody hears of any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleAfter {
    /// After the last record, where the session has had an Interim-Update.
    pub reporting: Duration,
    /// After the last record, where it has had none: its NAS may send none.
    pub silent: Duration,
}

/// A session: all that its records told, whatever their order and number.
///
/// Every field is a minimum, a maximum or the newest of its records, so folding commutes. Only an
/// address beyond [`MOST_ADDRESSES`](crate::MOST_ADDRESSES) is an exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number in the store.
    pub id: SessionId,
    /// Its name at the NAS.
    pub key: SessionKey,
    /// The Start; of several the earliest.
    pub start: Option<Begun>,
    /// When it began by Acct-Session-Time.
    pub reckoned_start: Option<Timestamp>,
    /// The first moment that a record tells of.
    pub first_news: Timestamp,
    /// The last moment that a record tells of.
    pub last_news: Timestamp,
    /// Whether an Interim-Update came.
    pub reports: bool,
    /// The Stop.
    pub stopped: Option<Stopped>,
    /// The conclusion that it is over.
    pub closed: Option<Closed>,
    /// User, device, place, and names for the NAS.
    pub facts: Facts,
    /// Addresses over time.
    pub addresses: Addresses,
    /// Counters.
    pub usage: Usage,
    /// The log-on.
    pub joined: Option<Joined>,
}

impl Session {
    /// The session that a record is the first to tell of.
    #[must_use]
    pub fn begin(id: SessionId, record: &Record) -> Self {
        let mut session = Self {
            id,
            key: record.key.clone(),
            start: None,
            reckoned_start: None,
            first_news: record.event,
            last_news: record.event,
            reports: false,
            stopped: None,
            closed: None,
            facts: Facts::default(),
            addresses: Addresses::default(),
            usage: Usage::default(),
            joined: None,
        };
        session.fold(record);
        session
    }

    /// Takes in a record of this session; whether anything changed.
    pub fn fold(&mut self, record: &Record) -> bool {
        let told = match record.status {
            Status::Start => lower(&mut self.start, Begun::of(record)),
            Status::Interim => raise(&mut self.reports, true),
            Status::Stop(cause) => {
                let at = record.event;
                lower(&mut self.stopped, Stopped { at, cause })
            }
        };
        let reckoned = record.reckoned_start();
        [
            told,
            reckoned.is_some_and(|start| lower(&mut self.reckoned_start, start)),
            raise(&mut self.last_news, record.event),
            self.facts.merge(record.facts.clone()),
            self.addresses.merge(&record.addresses),
            self.usage.merge(&record.usage),
            self.join(record.joined.as_ref()),
            self.note_first(record.event),
        ]
        .contains(&true)
    }

    fn join(&mut self, told: Option<&Joined>) -> bool {
        let known = self.joined.as_ref();
        let better = told.filter(|told| known.is_none_or(|known| told.beats(known)));
        let is_news = better.is_some();
        if let Some(better) = better {
            self.joined = Some(better.clone());
        }
        is_news
    }

    fn note_first(&mut self, event: Timestamp) -> bool {
        let is_earlier = event < self.first_news;
        self.first_news = self.first_news.min(event);
        is_earlier
    }

    /// Concludes that it is over; whether that is new. A session with a Stop keeps it.
    pub fn close(&mut self, closed: Closed) -> bool {
        if self.ended().is_some() {
            return false;
        }
        self.closed = Some(closed);
        true
    }

    /// When it began: by its Start, or earlier by Acct-Session-Time where a Start came late; where
    /// neither is known, the first moment that is.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        let start = self.start.as_ref().map(|start| start.at);
        match (start, self.reckoned_start) {
            (Some(start), Some(reckoned)) if start.duration_since(reckoned) <= START_SLACK => start,
            (_, Some(reckoned)) => reckoned,
            (Some(start), None) => start,
            (None, None) => self.first_news,
        }
    }

    /// When and why it ended; `None` while it lives.
    #[must_use]
    pub fn ended(&self) -> Option<(Timestamp, Ended)> {
        if let Some(stopped) = self.stopped {
            return Some((stopped.at, Ended::Stopped(stopped.cause)));
        }
        let closed = self.closed?;
        let holds = closed.by == Closing::Replaced || self.last_news <= closed.at;
        holds.then_some((closed.at, Ended::Closed(closed.by)))
    }

    /// Whether it lives, as far as is known.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.ended().is_none()
    }

    /// The end of a session that nobody has heard of for too long at `now`. `since` is when this
    /// server began to listen: before that it heard of nobody.
    #[must_use]
    pub fn stale(&self, rule: StaleAfter, since: Timestamp, now: Timestamp) -> Option<Closed> {
        let patience = if self.reports {
            rule.reporting
        } else {
            rule.silent
        };
        let silent = now.duration_since(self.last_news.max(since));
        let is_stale = Duration::try_from(silent).is_ok_and(|silent| silent > patience);
        let stale = Closed {
            at: self.last_news,
            by: Closing::Stale,
        };
        (self.is_live() && is_stale).then_some(stale)
    }

    /// The device, where Calling-Station-Id is a MAC address.
    #[must_use]
    pub fn device(&self) -> Option<MacAddress> {
        self.facts.device()
    }
}

impl Begun {
    fn of(record: &Record) -> Self {
        Self {
            at: record.event,
            stamp: record.stamp,
            user_name: record.facts.user_name.text().map(Box::from),
        }
    }
}

/// Replaces `known` by a smaller value, or by the first; whether it did.
fn lower<T: Ord>(known: &mut Option<T>, told: T) -> bool {
    let is_news = known.as_ref().is_none_or(|known| told < *known);
    if is_news {
        *known = Some(told);
    }
    is_news
}

/// Replaces `known` by a greater value; whether it did.
fn raise<T: Ord>(known: &mut T, told: T) -> bool {
    let is_news = told > *known;
    if is_news {
        *known = told;
    }
    is_news
}
