//! One connection to the server, set up and checked, with the statements that were prepared on it.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, MaybeDone, maybe_done};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Error, Row, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::PostgresError;
use super::settings::{NO_TLS, PostgresSettings};
use crate::sql::Value;

/// The key of the advisory lock that servers share, and a copy holds alone: "portvakt" in octets.
const SERVER_LOCK: i64 = i64::from_be_bytes(*b"portvakt");
/// How often the lock is asked for, and the pause between: the server frees it a moment after the
/// process before has ended.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(200);
/// Tries of a transaction that another one is in the way of.
const TRIES: u32 = 3;
/// Older servers are not maintained, and not tried.
const OLDEST: i32 = 130_000;

/// Statements are not left running by a client that has gone, nor locks held by a dead one.
const OPTIONS: &str = "-c statement_timeout=60s \
    -c idle_in_transaction_session_timeout=10s \
    -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3";

/// The use of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Writes for a server, beside other servers.
    Writer,
    /// Writes for a copy, beside nobody else.
    Copy,
    /// Reads, and changes the schema.
    Reader,
    /// Takes outcomes of log-ons. One connection of a server at a time, by this key of its own: what the
    /// database has to work off yet for one that broke comes before what the next one asks.
    Locks(i64),
    /// Listens for changes that other servers make, and reads them.
    Changes,
}

/// What becomes of a connection.
pub(super) trait Events: Send + 'static {
    /// Another server has changed something; or this connection listens from now on, and what was
    /// changed before was not heard.
    fn heard(&self);

    /// The connection broke.
    fn ended(&self);
}

/// A statement with its values.
pub(super) type Call = (&'static str, Vec<Value<'static>>);

/// An open connection.
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    /// Closes the socket, whatever is under way: the server rolls back.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Connects and checks the server.
    pub(super) async fn connect(
        settings: &PostgresSettings,
        role: Role,
        events: impl Events,
    ) -> Result<Self, PostgresError> {
        let at = settings.at();
        let mut config = settings.config.clone();
        let given = config.get_options().unwrap_or_default();
        let commit = settings.synchronous_commit.value();
        // A log-on waits for a lock no longer than for the database.
        let lock_timeout = match role {
            Role::Locks(_) => "1s",
            _ => "5s",
        };
        let quiet = if role == Role::Copy { "on" } else { "off" };
        let (origin, node) = (&settings.origin, &settings.node);
        let options = format!(
            "{given} {OPTIONS} -c lock_timeout={lock_timeout} -c synchronous_commit={commit} \
             -c portvakt.quiet={quiet} -c portvakt.origin={origin} -c portvakt.node={node}"
        );
        config.options(options);
        let session = match settings.uses_tls() {
            false => Self::over(&config, NO_TLS, events).await,
            true => {
                let tls = settings.tls().map_err(|error| PostgresError::Unreachable {
                    at: at.clone(),
                    cause: error.to_string(),
                })?;
                Self::over(&config, MakeRustlsConnect::new(tls), events).await
            }
        };
        let session = session.map_err(|error| PostgresError::of(&error, &at))?;
        session.check(settings, &at).await?;
        match role {
            Role::Reader => Ok(()),
            Role::Changes => session.listen().await.map_err(NotHeld::Error),
            Role::Writer => {
                session
                    .hold("pg_try_advisory_lock_shared", SERVER_LOCK)
                    .await
            }
            Role::Copy => session.hold("pg_try_advisory_lock", SERVER_LOCK).await,
            Role::Locks(key) => session.hold("pg_try_advisory_lock", key).await,
        }
        .map_err(|not_held| match (not_held, role) {
            (NotHeld::Error(error), _) => PostgresError::of(&error, &at),
            (NotHeld::Taken, Role::Locks(_)) => PostgresError::SameJournal { at: at.clone() },
            (NotHeld::Taken, _) => PostgresError::InUse { at: at.clone() },
        })?;
        Ok(session)
    }

    async fn over<T>(config: &Config, tls: T, events: impl Events) -> Result<Self, Error>
    where
        T: MakeTlsConnect<Socket> + Send + 'static,
        T::Stream: Send + 'static,
    {
        let (client, mut connection) = config.connect(tls).await?;
        let driver = tokio::spawn(async move {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(_))) => events.heard(),
                    Some(Ok(_)) => {}
                    Some(Err(cause)) => {
                        tracing::debug!(%cause, "a connection to the database broke");
                        break;
                    }
                    None => break,
                }
            }
            events.ended();
        });
        Ok(Self {
            client,
            statements: Mutex::default(),
            driver,
        })
    }

    /// Refuses a server that would lose what it acknowledges, or is not known to work.
    async fn check(&self, settings: &PostgresSettings, at: &str) -> Result<(), PostgresError> {
        let sql = "SELECT current_setting('server_version_num')::int, \
                          current_setting('server_version'), current_setting('server_encoding'), \
                          current_setting('fsync'), current_setting('synchronous_commit')";
        let failed = |error: Error| PostgresError::of(&error, at);
        let row = self.client.query_one(sql, &[]).await.map_err(failed)?;
        let setting = |column| row.try_get::<_, String>(column).map_err(failed);
        let version: i32 = row.try_get(0).map_err(failed)?;
        if version < OLDEST {
            return Err(PostgresError::TooOld { found: setting(1)? });
        }
        let commit = settings.synchronous_commit.value();
        for (column, setting_name, needed, why) in [
            (2, "server_encoding", "UTF8", "names may hold any character"),
            (3, "fsync", "on", "a power cut would forget failed log-ons"),
            (
                4,
                "synchronous_commit",
                commit,
                "the configuration asks for it",
            ),
        ] {
            let found = setting(column)?;
            if found != needed {
                return Err(PostgresError::Setting {
                    setting: setting_name,
                    found,
                    needed,
                    why,
                });
            }
        }
        Ok(())
    }

    /// Holds an advisory lock as long as the connection lasts.
    async fn hold(&self, function: &str, key: i64) -> Result<(), NotHeld> {
        let sql = format!("SELECT {function}($1)");
        for _ in 0..LOCK_TRIES {
            let row = self.client.query_one(&sql, &[&key]).await;
            if row.and_then(|row| row.try_get(0)).map_err(NotHeld::Error)? {
                return Ok(());
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Err(NotHeld::Taken)
    }

    /// Runs statements as one transaction with one wait for all of them; the rows of each. It is done
    /// again where another transaction was in the way.
    pub(super) async fn transaction(&self, calls: &[Call]) -> Result<Vec<Vec<Row>>, Error> {
        let mut statements = Vec::with_capacity(calls.len());
        for (sql, _) in calls {
            statements.push(self.prepare(sql).await?);
        }
        let mut tries = 0;
        loop {
            let all = calls.iter().zip(&statements);
            let all = all.map(|((_, values), statement)| self.rows(statement, values));
            let begin = std::iter::once(self.words("BEGIN"));
            let commit = std::iter::once(self.words("COMMIT"));
            let answers = answers_in_order(begin.chain(all).chain(commit)).await;
            tries += 1;
            match answers {
                Err(error) if tries < TRIES && is_passing(&error) => {}
                Err(error) => return Err(error),
                Ok(mut rows) => {
                    rows.pop();
                    return Ok(rows.split_off(1));
                }
            }
        }
    }

    fn rows<'f>(
        &'f self,
        statement: &'f Statement,
        values: &'f [Value<'static>],
    ) -> BoxFuture<'f, Result<Vec<Row>, Error>> {
        let rows = self.client.query_raw(statement, values.iter());
        async { rows.await?.try_collect().await }.boxed()
    }

    fn words(&self, words: &'static str) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let done = self.client.batch_execute(words);
        async { done.await.map(|()| Vec::new()) }.boxed()
    }

    /// Runs statements in their order with one wait for all of them; the number of rows that the
    /// last one changed. An error is the first one's.
    pub(super) async fn pipeline(
        &self,
        begin: bool,
        calls: &[Call],
        commit: bool,
    ) -> Result<u64, Error> {
        let mut statements = Vec::with_capacity(calls.len());
        for (sql, _) in calls {
            statements.push(self.prepare(sql).await?);
        }
        let calls = calls.iter().zip(&statements);
        let calls = calls.map(|((_, values), statement)| {
            self.client.execute_raw(statement, values.iter()).boxed()
        });
        let word = |word, is_wanted: bool| is_wanted.then(|| self.word(word)).into_iter();
        let all = word("BEGIN", begin)
            .chain(calls)
            .chain(word("COMMIT", commit));
        in_order(all).await
    }

    fn word(&self, word: &'static str) -> BoxFuture<'_, Result<u64, Error>> {
        let done = self.client.batch_execute(word);
        async { done.await.map(|()| 0) }.boxed()
    }

    /// Has this connection notified of changes.
    async fn listen(&self) -> Result<(), Error> {
        // The second one tells that it is time to read.
        let sql = "LISTEN portvakt_changes; NOTIFY portvakt_changes";
        self.client.batch_execute(sql).await
    }

    /// Runs a script.
    pub(super) async fn script(&self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await
    }

    /// All rows of a query.
    pub(super) async fn query(
        &self,
        sql: &str,
        values: &[Value<'static>],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql).await?;
        let values: Vec<_> = values.iter().map(|value| value as _).collect();
        self.client.query(&statement, &values).await
    }

    async fn prepare(&self, sql: &str) -> Result<Statement, Error> {
        let mut statements = self.statements.lock().await;
        if let Some(statement) = statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// An advisory lock is not held.
enum NotHeld {
    /// The server did not say.
    Error(Error),
    /// Another connection has it.
    Taken,
}

/// Whether the transaction failed for another one that was in its way, and may succeed now.
fn is_passing(error: &Error) -> bool {
    [
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::LOCK_NOT_AVAILABLE,
    ]
    .iter()
    .any(|passing| error.code() == Some(passing))
}

/// The number of rows that the last of these changed.
async fn in_order<'f>(
    calls: impl Iterator<Item = BoxFuture<'f, Result<u64, Error>>>,
) -> Result<u64, Error> {
    // `done` of COMMIT changes no row.
    let answers = answers_in_order(calls).await?;
    let last = answers.into_iter().rev().find(|changed| *changed > 0);
    Ok(last.unwrap_or_default())
}

/// Sends each before it waits for the first: a request is sent when its future is first polled. An
/// error is the first one's.
async fn answers_in_order<'f, T: 'f>(
    calls: impl Iterator<Item = BoxFuture<'f, Result<T, Error>>>,
) -> Result<Vec<T>, Error> {
    let mut sent = Vec::new();
    for call in calls {
        let mut call: Pin<Box<MaybeDone<_>>> = Box::pin(maybe_done(call));
        // Not awaited: the answers are.
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context)));
        let _ = first.await;
        sent.push(call);
    }
    let mut answers = Ok(Vec::with_capacity(sent.len()));
    for mut call in sent {
        call.as_mut().await;
        answers = match (answers, call.as_mut().take_output()) {
            (Ok(mut before), Some(Ok(answer))) => {
                before.push(answer);
                Ok(before)
            }
            (Ok(_), Some(Err(first))) => Err(first),
            (answers, _) => answers,
        };
    }
    answers
}
