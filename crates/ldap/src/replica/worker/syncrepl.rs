//! By content synchronisation: one search that never ends (RFC 4533, refreshAndPersist).

use std::time::Duration;

use ldap3::controls::{MakeCritical as _, RawControl, RefreshMode, SyncRequest};
use ldap3::{ResultEntry, SearchStream};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Next, Worker};
use crate::Flow;
use crate::replica::connection::{MAX_ANSWERS, SyncConnection, SyncError, success};
use crate::replica::journal::SyncCursor;
use crate::replica::sync::{Cookie, Message, Session, Step};
use crate::replica::wire;
use portvakt_directory::entry::Entry;

const METHOD: &str = "sync";
/// e-syncRefreshRequired (RFC 4533 §4.1).
const REFRESH_REQUIRED: u32 = 4096;
/// In the middle of a load nothing is as long on its way as this; a server may think for a while
/// before it begins.
const SILENCE: Duration = Duration::from_secs(60);
/// Changes are written to disk when none has come for so long, or when the first is so old.
const QUIET: Duration = Duration::from_millis(20);
const LATEST: Duration = Duration::from_millis(500);

type Stream = SearchStream<'static, String, Vec<String>>;

/// How a search ended that should not end.
enum Ended {
    /// The copy is to be begun anew, without a cookie.
    Reload,
    /// All is to be read anew, as it is now and then.
    Reconcile,
}

/// Follows the directory until something comes between.
pub(super) async fn keep(
    keeping: &Worker,
    connection: &mut SyncConnection,
    fresh: bool,
) -> Result<Next, SyncError> {
    let mut cookie = match fresh {
        true => None,
        false => keeping.applier().cursor(METHOD, None).map(Cookie::from),
    };
    loop {
        let is_resumed = cookie.is_some();
        let mut search = Search::begin(keeping, connection, cookie.take()).await?;
        match search.follow(connection).await {
            Ok(Ended::Reload) => {}
            Ok(Ended::Reconcile) => return Ok(Next::Reconcile),
            // A server that was set up anew may refuse a cookie in words of its own.
            Err(SyncError::Refused(code, text))
                if is_resumed && !search.session.is_persisting() =>
            {
                tracing::info!(code, text, "the directory does not know our cookie");
            }
            Err(error) => return Err(error),
        }
    }
}

/// One search of content synchronisation.
struct Search<'k> {
    keeping: &'k Worker,
    stream: Stream,
    flow: Flow,
    session: Session,
    reconcile: Instant,
    /// When the first change came that is not on disk yet.
    dirty: Option<Instant>,
    /// Entries and ids that came before the copy was complete.
    answers: usize,
}

/// The next step.
enum Event {
    Message(Option<ResultEntry>),
    Quiet,
    KeepAlive,
    Reconcile,
}

impl<'k> Search<'k> {
    async fn begin(
        keeping: &'k Worker,
        connection: &mut SyncConnection,
        cookie: Option<Cookie>,
    ) -> Result<Self, SyncError> {
        let session = if cookie.is_some() {
            Session::resume()
        } else {
            keeping.applier().begin();
            Session::begin()
        };
        let request = SyncRequest {
            mode: RefreshMode::RefreshAndPersist,
            cookie: cookie.map(Vec::from),
            reload_hint: false,
        };
        let attributes = connection.attributes();
        let config = &keeping.config;
        let mut ldap = connection.ldap.clone();
        let flow = connection.expect_whole_directory();
        ldap.with_controls(vec![RawControl::from(request.critical())]);
        let search = ldap.streaming_search(&config.base, config.scope, &config.filter, attributes);
        Ok(Self {
            keeping,
            stream: timeout(config.operation_timeout, search)
                .await
                .map_err(ldap3::LdapError::from)??,
            flow,
            session,
            reconcile: keeping.next_reconcile(),
            dirty: None,
            answers: 0,
        })
    }

    async fn follow(&mut self, connection: &mut SyncConnection) -> Result<Ended, SyncError> {
        loop {
            let message = match self.next().await? {
                Event::Message(Some(result)) => wire::sync_message(result)?,
                Event::Message(None) => Some(self.last_message().await?),
                Event::Quiet => {
                    self.write_down();
                    None
                }
                Event::KeepAlive => {
                    connection.probe().await?;
                    self.write_down();
                    None
                }
                Event::Reconcile => return Ok(Ended::Reconcile),
            };
            let is_last = matches!(message, Some(Message::Done { .. }));
            if let Some(message) = message {
                self.count(&message)?;
                if self.take(message) {
                    return Ok(Ended::Reload);
                }
            }
            if is_last {
                return Err(SyncError::Ended);
            }
        }
    }

    async fn next(&mut self) -> Result<Event, SyncError> {
        if !self.session.is_persisting() {
            let next = timeout(SILENCE, self.stream.next()).await;
            let next = next.map_err(ldap3::LdapError::from)??;
            self.flow.take();
            return Ok(Event::Message(next));
        }
        let now = Instant::now();
        let keep_alive = now + self.keeping.config.keep_alive;
        let quiet = self.dirty.map(|since| (since + LATEST).min(now + QUIET));
        tokio::select! {
            next = self.stream.next() => {
                self.flow.take();
                Ok(Event::Message(next?))
            }
            () = sleep_until(quiet.unwrap_or(keep_alive)), if quiet.is_some() => Ok(Event::Quiet),
            () = sleep_until(self.reconcile) => Ok(Event::Reconcile),
            () = self.keeping.replica.reconcile_requested() => Ok(Event::Reconcile),
            () = sleep_until(keep_alive) => Ok(Event::KeepAlive),
        }
    }

    /// The result of the search, as a message.
    async fn last_message(&mut self) -> Result<Message<Entry>, SyncError> {
        let result = self.stream.finish().await;
        if result.rc == REFRESH_REQUIRED {
            return Ok(Message::RefreshRequired);
        }
        Ok(wire::sync_done(&success(result)?.ctrls)?)
    }

    /// A refresh must end; afterwards changes may come for ever.
    fn count(&mut self, message: &Message<Entry>) -> Result<(), SyncError> {
        self.answers += match message {
            _ if self.session.is_persisting() => 0,
            Message::IdSet { ids, .. } => ids.len(),
            _ => 1,
        };
        match self.answers > MAX_ANSWERS {
            true => Err(SyncError::TooMuch("five million entries")),
            false => Ok(()),
        }
    }

    /// Whether the copy is to be begun anew.
    fn take(&mut self, message: Message<Entry>) -> bool {
        let mut applier = self.keeping.applier();
        for step in self.session.handle(message) {
            match step {
                Step::Put(id, entry) => applier.put(id, &entry),
                Step::Remove(id) => applier.remove(&id),
                Step::RetainOnly(ids) => applier.retain_only(&ids),
                Step::Complete => {
                    applier.complete();
                    // Changes may come for ever.
                    self.flow.expect(None);
                }
                Step::Remember(cookie) => applier.remember(SyncCursor {
                    method: METHOD.to_owned(),
                    server: None,
                    cookie: cookie.into(),
                }),
                Step::Reload => return true,
            }
        }
        if self.session.is_persisting() {
            self.keeping.replica.touch();
            self.dirty.get_or_insert_with(Instant::now);
        }
        false
    }

    fn write_down(&mut self) {
        self.dirty = None;
        self.keeping.applier().touch();
    }
}
