//! All servers of a directory: which is asked, and which next if that fails, within one log-on.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ldap3::Ldap;
use ldap3::result::LdapResult;
use tokio::sync::Notify;
use tokio::time::{timeout, timeout_at};

use crate::connection::failure::Failure;
use crate::connection::server::{Live, Server};
use crate::observer::Operation;

/// A directory that has been away for longer is not waited for: who asks is told at once.
const WORTH_WAITING: Duration = Duration::from_secs(10);

/// The servers, in the order of the configuration.
pub(crate) struct Pool {
    servers: Vec<Arc<Server>>,
    balance: bool,
    first: AtomicUsize,
    query_timeout: Duration,
    came_up: Arc<Notify>,
}

/// A server that can be asked now.
struct Candidate {
    server: Arc<Server>,
    live: Arc<Live>,
}

impl Pool {
    pub(crate) fn new(
        servers: Vec<Arc<Server>>,
        balance: bool,
        query_timeout: Duration,
        came_up: Arc<Notify>,
    ) -> Self {
        Self {
            servers,
            balance,
            first: AtomicUsize::new(0),
            query_timeout,
            came_up,
        }
    }

    pub(crate) fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// Puts a question to the first server that answers before `deadline`.
    pub(crate) async fn ask<T, F>(
        &self,
        deadline: Instant,
        question: impl Fn(Ldap) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let search = Operation::Search;
        self.try_each(deadline, search, |candidate| {
            let asked = question(candidate.live.ldap.clone());
            async move {
                let answer = asked.await;
                answer.map_err(|failure| candidate.live.faults.explain(failure))
            }
        })
        .await
    }

    /// Binds as `entry` at the first server that answers before `deadline`.
    pub(crate) async fn bind(
        &self,
        deadline: Instant,
        entry: &str,
        password: &str,
    ) -> Result<LdapResult, Failure> {
        let bind = Operation::Bind;
        self.try_each(deadline, bind, |candidate| async move {
            let Server {
                binds, connector, ..
            } = &*candidate.server;
            binds.bind(connector, entry, password).await
        })
        .await
    }

    async fn try_each<'a, T, F>(
        &self,
        deadline: Instant,
        operation: Operation,
        attempt: impl Fn(Candidate) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + 'a,
    {
        let mut last = None;
        loop {
            let came_up = self.came_up.notified();
            tokio::pin!(came_up);
            // Before looking, so that none comes up unseen.
            came_up.as_mut().enable();
            let candidates = self.candidates();
            let mut left = candidates.len();
            for candidate in candidates {
                let patience = self.patience(deadline, left);
                left -= 1;
                match try_one(candidate, operation, patience, &attempt).await {
                    Err(failure) if failure.is_of_one_server() => last = Some(failure),
                    settled => return settled,
                }
            }
            if !self.is_worth_waiting() || timeout_at(deadline.into(), came_up).await.is_err() {
                return Err(self.all_down(last));
            }
        }
    }

    /// As long as there is another server to ask, each gets half of what time is left.
    fn patience(&self, deadline: Instant, candidates: usize) -> Duration {
        let left = deadline.saturating_duration_since(Instant::now());
        match candidates {
            0 | 1 => left.min(self.query_timeout),
            _ => (left / 2).min(self.query_timeout),
        }
    }

    /// Servers that have a connection; those that did not answer lately come last.
    fn candidates(&self) -> Vec<Candidate> {
        let count = self.servers.len();
        let first = match self.balance {
            true => self.first.fetch_add(1, Ordering::Relaxed) % count.max(1),
            false => 0,
        };
        let in_order = self.servers.iter().cycle().skip(first).take(count);
        let mut candidates: Vec<_> = in_order
            .filter_map(|server| {
                let live = server.connection()?;
                let server = Arc::clone(server);
                Some(Candidate { server, live })
            })
            .collect();
        candidates.sort_by_key(|candidate| candidate.live.is_suspect());
        candidates
    }

    fn is_worth_waiting(&self) -> bool {
        self.servers.iter().any(|server| {
            server
                .down()
                .is_some_and(|(since, _)| since < WORTH_WAITING)
        })
    }

    fn all_down(&self, last: Option<Failure>) -> Failure {
        let said = || {
            let downs = self.servers.iter().filter_map(|server| server.down());
            downs.filter_map(|(_, failure)| failure).next()
        };
        match last.or_else(said) {
            Some(failure) => Failure::AllDown(failure.to_string()),
            None => Failure::AllDown("it has not been reached yet".to_owned()),
        }
    }
}

async fn try_one<T, F>(
    candidate: Candidate,
    operation: Operation,
    patience: Duration,
    attempt: impl Fn(Candidate) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    if patience.is_zero() {
        return Err(Failure::Timeout);
    }
    let Candidate { server, live } = &candidate;
    let (server, live) = (Arc::clone(server), Arc::clone(live));
    let began = Instant::now();
    let answer = timeout(patience, without_panic(attempt(candidate))).await;
    let answer = answer.unwrap_or(Err(Failure::Timeout));
    server.observer.took(operation, began.elapsed());
    if let Err(failure) = &answer {
        server.note_failure(failure.clone());
        if failure.ends_connection() {
            live.suspect();
        }
    }
    answer
}

/// The library panics at some of what it can't read: that is a failure of the one server.
async fn without_panic<T>(attempt: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut attempt = pin!(attempt);
    let poll = |context: &mut Context<'_>| {
        let polled = catch_unwind(AssertUnwindSafe(|| attempt.as_mut().poll(context)));
        polled.unwrap_or(Poll::Ready(Err(Failure::Garbled)))
    };
    poll_fn(poll).await
}
