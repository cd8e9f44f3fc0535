//! The sessions of one commit: read once, folded, written once, and published when they are on disk.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::Timestamp;
use portvakt_accounting::{
    Closed, LiveSessions, NasKey, Published, Record, Session, SessionId, SessionKey, StaleAfter,
    settle, tells_of,
};
use tracing::error;

use crate::sql::{Connection, SqlError};
use crate::tables::sessions;
use crate::{SessionChange, SessionDone, SessionStep};

/// Sessions of one name that are looked at: a NAS that uses a name more often has lost its mind.
const NAMESAKES: u32 = 8;
/// Silent sessions that one job closes; the next takes the others.
const STALE_AT_ONCE: u32 = 4096;

/// Live sessions of restarted NASes that one commit looks at, some 40 ms when all end: the next commit
/// takes the others.
const OF_NAS_AT_ONCE: u32 = 1024;

/// Work on sessions.
pub(crate) enum SessionJob {
    /// To be folded into its session.
    Record(Box<Record>),
    /// The live sessions of a NAS that began before are over; those up to `after` were looked at.
    CloseNas {
        nas: NasKey,
        closed: Closed,
        after: SessionId,
    },
    /// Sessions without news for too long at `now` are over.
    CloseStale {
        rule: StaleAfter,
        since: Timestamp,
        now: Timestamp,
    },
}

/// A job, and the callback that waits for it.
pub(crate) struct Waiting {
    pub(crate) job: SessionJob,
    pub(crate) done: Option<SessionDone>,
    /// Changes of commits before this one, where the job takes several.
    pub(crate) changes: Vec<SessionChange>,
}

impl Waiting {
    pub(crate) fn new(job: SessionJob, done: Option<SessionDone>) -> Self {
        Self {
            job,
            done,
            changes: Vec::new(),
        }
    }
}

/// Changes of one commit of a job, and the rest of it.
pub(crate) struct Taken {
    pub(crate) changes: Vec<SessionChange>,
    /// The rest of the job, for the next commit.
    pub(crate) rest: Option<SessionJob>,
}

impl From<Vec<SessionChange>> for Taken {
    fn from(changes: Vec<SessionChange>) -> Self {
        Self {
            changes,
            rest: None,
        }
    }
}

/// Numbers for new sessions, which are never used again.
pub(crate) struct SessionIds(i64);

impl SessionIds {
    /// Numbers above `last`, and above those of any process that began earlier; `chance` keeps two apart
    /// that begin in the same millisecond.
    pub(crate) fn after(last: i64, now: Timestamp, chance: u32) -> Self {
        let begin = now.as_millisecond().saturating_mul(1 << 20);
        Self(last.max(begin.saturating_add(i64::from(chance >> 13))))
    }

    fn next(&mut self) -> SessionId {
        self.0 += 1;
        SessionId(self.0)
    }
}

/// The sessions of one name, and what is on disk of them.
#[derive(Default)]
struct Namesakes {
    sessions: Vec<Session>,
    /// By the place in `sessions`; shorter by those that are new.
    on_disk: Vec<Arc<Session>>,
    /// Whether the disk was asked for all of them.
    is_whole: bool,
}

/// The sessions that the jobs of one commit change.
pub(crate) struct SessionBatch<'c> {
    connection: &'c mut dyn Connection,
    live: &'c LiveSessions,
    ids: &'c mut SessionIds,
    /// Whether some live sessions are on disk alone.
    is_beyond: bool,
    known: HashMap<SessionKey, Namesakes, ahash::RandomState>,
    /// In the order in which they were first named, so that each run writes alike.
    order: Vec<SessionKey>,
    /// Sessions of restarted NASes that may still be looked at.
    of_nas_left: u32,
}

impl<'c> SessionBatch<'c> {
    /// Begins within a transaction of `connection`.
    pub(crate) fn new(
        connection: &'c mut dyn Connection,
        live: &'c LiveSessions,
        ids: &'c mut SessionIds,
        is_beyond: bool,
    ) -> Self {
        Self {
            connection,
            live,
            ids,
            is_beyond,
            known: HashMap::default(),
            order: Vec::new(),
            of_nas_left: OF_NAS_AT_ONCE,
        }
    }

    /// Does one job, or a part of it; returns what it changed. `None` where it cannot be done, for a row that this
    /// version cannot read or a bug: then it stands in no other's way.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn take_guarded(&mut self, job: &SessionJob) -> Result<Option<Taken>, SqlError> {
        match catch_unwind(AssertUnwindSafe(|| self.take(job))) {
            Ok(Ok(taken)) => Ok(Some(taken)),
            Ok(Err(cause @ SqlError::Refused(_))) => Err(cause),
            Ok(Err(cause)) => {
                error!(%cause, "a session cannot be read; a record of it is not stored");
                Ok(None)
            }
            Err(_) => {
                error!("folding a record panicked; this is a bug in Portvakt");
                Ok(None)
            }
        }
    }

    fn take(&mut self, job: &SessionJob) -> Result<Taken, SqlError> {
        match job {
            SessionJob::Record(record) => self.fold(record).map(Taken::from),
            SessionJob::CloseNas { nas, closed, after } => self.close_nas(nas, *closed, *after),
            SessionJob::CloseStale { rule, since, now } => {
                let stale = |session: &Session| session.stale(*rule, *since, *now);
                let names = self.silent(*rule, *now, &stale)?;
                self.close(&names, stale).map(Taken::from)
            }
        }
    }

    /// Ends sessions of a NAS, those after the number `after`, as far as this commit may look.
    fn close_nas(
        &mut self,
        nas: &NasKey,
        closed: Closed,
        after: SessionId,
    ) -> Result<Taken, SqlError> {
        self.write()?;
        let most = self.of_nas_left;
        let page = sessions::live_of_nas(self.connection, nas, after, most)?;
        let looked_at = u32::try_from(page.len()).unwrap_or(u32::MAX);
        self.of_nas_left = most.saturating_sub(looked_at);
        let after = page.last().map_or(after, |last| last.id);
        let before = page.into_iter().filter(|one| one.last_news <= closed.at);
        let names: Vec<_> = before.map(|one| one.key).collect();
        let changes = self.close(&names, |session| {
            let is_before = session.started() < closed.at;
            (is_before && session.last_news <= closed.at).then_some(closed)
        })?;
        let nas = nas.clone();
        let rest = SessionJob::CloseNas { nas, closed, after };
        Ok(Taken {
            changes,
            rest: (looked_at >= most).then_some(rest),
        })
    }

    fn fold(&mut self, record: &Record) -> Result<Vec<SessionChange>, SqlError> {
        self.load(&record.key)?;
        let is_known = |known: &Namesakes| {
            let mut sessions = known.sessions.iter();
            known.is_whole || sessions.any(|session| tells_of(record, session))
        };
        if !self.known.get(&record.key).is_some_and(is_known) {
            self.load_whole(&record.key)?;
        }
        let Some(known) = self.known.get_mut(&record.key) else {
            return Ok(Vec::new());
        };
        let lived: Vec<_> = known.sessions.iter().map(Session::is_live).collect();
        let settled = settle(&mut known.sessions, record, || self.ids.next());
        let mut changes = Vec::new();
        for place in settled.replaced.into_iter().chain([settled.session]) {
            let Some(session) = known.sessions.get(place) else {
                continue;
            };
            let lived = lived.get(place).copied();
            let step = match (lived, session.is_live()) {
                (Some(true), false) | (None, false) => SessionStep::Ended,
                (None | Some(false), true) => SessionStep::Began,
                _ => SessionStep::WentOn,
            };
            let session = Arc::new(session.clone());
            if settled.changed || step != SessionStep::WentOn {
                changes.push(SessionChange { session, step });
            }
        }
        Ok(changes)
    }

    /// Names of live sessions that may be stale.
    fn silent(
        &mut self,
        rule: StaleAfter,
        now: Timestamp,
        stale: &dyn Fn(&Session) -> Option<Closed>,
    ) -> Result<Vec<SessionKey>, SqlError> {
        let in_memory = self.live.filter(|session| stale(session).is_some());
        let in_memory = in_memory.iter().map(|session| session.key.clone());
        let mut names: Vec<_> = in_memory.take(STALE_AT_ONCE as usize).collect();
        if self.is_beyond {
            let before = now.checked_sub(rule.reporting).unwrap_or(Timestamp::MIN);
            names.extend(sessions::silent_since(
                self.connection,
                before,
                STALE_AT_ONCE,
            )?);
        }
        Ok(names)
    }

    /// Ends the live ones among the sessions of these names, as `closed` says.
    fn close(
        &mut self,
        names: &[SessionKey],
        closed: impl Fn(&Session) -> Option<Closed>,
    ) -> Result<Vec<SessionChange>, SqlError> {
        let mut changes = Vec::new();
        for name in names {
            self.load(name)?;
            let known = self.known.get_mut(name);
            for session in known.into_iter().flat_map(|known| &mut known.sessions) {
                if closed(session).is_some_and(|closed| session.close(closed)) {
                    let session = Arc::new(session.clone());
                    let step = SessionStep::Ended;
                    changes.push(SessionChange { session, step });
                }
            }
        }
        Ok(changes)
    }

    /// Reads the sessions of this name, unless they are known: the live one from memory, else all from
    /// the disk. Where several servers write, memory may be behind: then all from the database, and no
    /// other server writes them until the commit.
    fn load(&mut self, key: &SessionKey) -> Result<(), SqlError> {
        if self.known.contains_key(key) {
            return Ok(());
        }
        self.order.push(key.clone());
        let mut known = Namesakes::default();
        let is_shared = self.connection.is_shared();
        if let Some(session) = self.live.get(key).filter(|_| !is_shared) {
            known.sessions.push((*session).clone());
            known.on_disk.push(session);
        }
        let is_live = !known.sessions.is_empty();
        self.known.insert(key.clone(), known);
        if is_shared {
            sessions::hold_name(self.connection, key)?;
        }
        match is_live {
            true => Ok(()),
            false => self.load_whole(key),
        }
    }

    /// Reads the other sessions of this name from the disk.
    fn load_whole(&mut self, key: &SessionKey) -> Result<(), SqlError> {
        let on_disk = sessions::of_key(self.connection, key, NAMESAKES)?;
        let Some(known) = self.known.get_mut(key) else {
            return Ok(());
        };
        known.is_whole = true;
        for session in on_disk {
            if known.sessions.iter().any(|known| known.id == session.id) {
                continue;
            }
            // In front of those that are new.
            let place = known.on_disk.len();
            known.sessions.insert(place, session.clone());
            known.on_disk.push(Arc::new(session));
        }
        Ok(())
    }

    /// Writes what has changed since it was read or written last.
    pub(crate) fn write(&mut self) -> Result<(), SqlError> {
        for key in &self.order {
            let Some(known) = self.known.get_mut(key) else {
                continue;
            };
            for (place, session) in known.sessions.iter().enumerate() {
                let before = known.on_disk.get(place).map(|before| &**before);
                if before == Some(session) {
                    continue;
                }
                sessions::write(self.connection, session, before)?;
                let written = Arc::new(session.clone());
                match known.on_disk.get_mut(place) {
                    Some(before) => *before = written,
                    None => known.on_disk.push(written),
                }
            }
        }
        Ok(())
    }

    /// The sessions as they were written, to be published once they are committed.
    pub(crate) fn finish(self) -> Vec<Arc<Session>> {
        let known = self.known.into_values();
        known.flat_map(|known| known.on_disk).collect()
    }
}

/// Publishes sessions that are on disk; how many of them there was no room for.
pub(crate) fn publish(live: &LiveSessions, sessions: Vec<Arc<Session>>) -> u64 {
    let beyond = sessions
        .into_iter()
        .filter(|session| live.publish(Arc::clone(session)) == Published::BeyondCapacity);
    beyond.count() as u64
}
