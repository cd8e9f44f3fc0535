//! One connection to the directory, and the questions that all ways of keeping a mirror ask. Each
//! has its time: a peer that is silent is noticed.

use std::sync::Arc;

use ldap3::controls::RawControl;
use ldap3::exop::WhoAmI;
use ldap3::result::LdapResult;
use ldap3::{Ldap, LdapError, Scope};
use tokio::task::JoinHandle;

use super::config::{OpenConnection, ReplicaConfig};
use super::wire::{self, Malformed};
use crate::connection::flow::Bound;
use crate::{Failure, Fault, Faults, Flow};
use portvakt_directory::entry::Entry;

/// Entries in one answer: as many as Active Directory gives.
const PAGE: i32 = 1000;
/// The most that one question is answered with, in entries and references, or in pages: more than any
/// directory has people.
pub(super) const MAX_ANSWERS: usize = 5_000_000;

/// Why a mirror is not told of changes.
#[derive(Debug, thiserror::Error)]
pub(super) enum SyncError {
    /// There is no connection to be had.
    #[error(transparent)]
    Connect(#[from] Failure),
    /// The connection is gone, or silent.
    #[error("the connection to the directory was lost: {0}")]
    Lost(#[from] LdapError),
    /// It sends what is not even read.
    #[error("the directory sent {0}")]
    PasswordRequest(Fault),
    /// It sends more than it was asked for.
    #[error("the directory sends more than {0}, and was given up")]
    TooMuch(&'static str),
    /// It does not do what it is asked.
    #[error("the directory refuses: {}", shown(.0, .1))]
    Refused(u32, String),
    /// It has more entries than it gives us.
    #[error(
        "the directory does not give all entries (result code {0}): lift size and time limits for \
         bind-dn"
    )]
    Limited(u32),
    /// It sends what nobody understands.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// An entry has no lasting id.
    #[error("{0} has no {1}: bind-dn must be able to read it")]
    NoId(String, &'static str),
    /// It does not do what was configured.
    #[error("the directory has no {0}: set mirror to \"auto\", or to what it has")]
    NotOffered(&'static str),
    /// It has ended what should not end.
    #[error("the directory has ended the synchronisation")]
    Ended,
}

fn shown(code: &u32, text: &str) -> String {
    match text {
        "" => format!("result code {code}"),
        text => format!("result code {code}, {text}"),
    }
}

/// Result codes of RFC 4511 §4.1.9.
const TIME_LIMIT_EXCEEDED: u32 = 3;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const ADMIN_LIMIT_EXCEEDED: u32 = 11;

/// A connection under our own name.
pub(super) struct SyncConnection {
    pub(super) ldap: Ldap,
    pub(super) config: Arc<ReplicaConfig>,
    driver: JoinHandle<()>,
    faults: Faults,
    flow: Flow,
    everybody: Bound,
}

impl Drop for SyncConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl SyncConnection {
    /// `known` is how many accounts the directory had so far.
    pub(super) fn new(
        connection: OpenConnection,
        config: Arc<ReplicaConfig>,
        known: usize,
    ) -> Self {
        let OpenConnection {
            ldap,
            driver,
            faults,
            flow,
        } = connection;
        Self {
            ldap,
            config,
            driver,
            faults,
            flow,
            everybody: Bound::of_everybody(known),
        }
    }

    /// Answers are about everybody from here on.
    pub(super) fn expect_whole_directory(&self) -> Flow {
        self.flow.expect(Some(self.everybody));
        self.flow.clone()
    }

    /// The trouble, for what it is: a connection that was ended for what came over it is not lost.
    pub(super) fn explain(&self, error: SyncError) -> SyncError {
        match (error, self.faults.seen()) {
            (SyncError::Lost(_), Some(fault)) => SyncError::PasswordRequest(fault),
            (error, _) => error,
        }
    }

    /// Attributes of the root DSE (RFC 4512 §5.1).
    pub(super) async fn root(&mut self, attributes: &[&str]) -> Result<Entry, SyncError> {
        self.flow.expect(Some(Bound::ONE_ENTRY));
        let attributes = attributes.iter().map(|name| (*name).to_owned()).collect();
        let (place, filter) = (("", Scope::Base), "(objectClass=*)");
        let mut found = None;
        let mut visit = |entry| {
            found.get_or_insert(entry);
            Ok(())
        };
        self.search_at(place, filter, attributes, Vec::new(), &mut visit)
            .await?;
        found.ok_or_else(|| SyncError::Refused(0, "its root DSE is hidden".to_owned()))
    }

    /// All entries that fit the filter, page by page.
    pub(super) async fn pages(
        &mut self,
        filter: &str,
        mut visit: impl FnMut(Entry) -> Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        self.expect_whole_directory();
        let mut cookie = Vec::new();
        let mut pages = 0;
        loop {
            pages = one_more(pages)?;
            let control = paged(&cookie);
            let result = self.search(filter, vec![control], &mut visit);
            let result = result.await?;
            match wire::page(&result.ctrls)? {
                Some(page) if !page.cookie.is_empty() => cookie = page.cookie,
                _ => return Ok(()),
            }
        }
    }

    /// One search to its end, with the plan's attributes; its result is a success.
    pub(super) async fn search(
        &mut self,
        filter: &str,
        controls: Vec<RawControl>,
        visit: &mut impl FnMut(Entry) -> Result<(), SyncError>,
    ) -> Result<LdapResult, SyncError> {
        let config = Arc::clone(&self.config);
        let place = (config.base.as_str(), config.scope);
        let attributes = self.attributes();
        self.search_at(place, filter, attributes, controls, visit)
            .await
    }

    /// The same beneath another entry, with other attributes.
    pub(super) async fn search_at(
        &mut self,
        (base, scope): (&str, Scope),
        filter: &str,
        attributes: Vec<String>,
        controls: Vec<RawControl>,
        visit: &mut impl FnMut(Entry) -> Result<(), SyncError>,
    ) -> Result<LdapResult, SyncError> {
        let mut ldap = self.timed();
        ldap.with_controls(controls);
        let mut stream = ldap
            .streaming_search(base, scope, filter, attributes)
            .await?;
        let mut answers = 0;
        loop {
            let result = stream.next().await?;
            self.flow.take();
            let Some(result) = result else { break };
            answers = one_more(answers)?;
            if let Some(entry) = wire::entry(result)? {
                visit(entry)?;
            }
        }
        success(stream.finish().await)
    }

    /// Asks whether anybody is there: whatever the answer, it is one. So is what fills the way of the
    /// answer.
    pub(super) async fn probe(&mut self) -> Result<(), SyncError> {
        let answer = self.timed().extended(WhoAmI).await;
        match answer {
            Err(LdapError::Timeout { .. }) if self.flow.is_full() => Ok(()),
            answer => {
                self.flow.take();
                Ok(answer.map(drop)?)
            }
        }
    }

    /// The attributes read of each entry: those of the configuration, and those that the replica needs.
    pub(super) fn attributes(&self) -> Vec<String> {
        let own = [
            self.config.id_attribute,
            "modifyTimestamp",
            "uSNChanged",
            "isDeleted",
        ];
        let own = own.into_iter().map(str::to_owned);
        self.config.attributes.iter().cloned().chain(own).collect()
    }

    /// A handle of which each question has its time.
    fn timed(&self) -> Ldap {
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(self.config.operation_timeout);
        ldap
    }
}

/// Counts an answer, as long as there may be more.
pub(super) fn one_more(answers: usize) -> Result<usize, SyncError> {
    match answers < MAX_ANSWERS {
        true => Ok(answers + 1),
        false => Err(SyncError::TooMuch("five million entries or pages")),
    }
}

/// The result, if it is a success.
pub(super) fn success(result: LdapResult) -> Result<LdapResult, SyncError> {
    match result.rc {
        0 => Ok(result),
        code @ (TIME_LIMIT_EXCEEDED | SIZE_LIMIT_EXCEEDED | ADMIN_LIMIT_EXCEEDED) => {
            Err(SyncError::Limited(code))
        }
        code => Err(SyncError::Refused(code, result.text)),
    }
}

fn paged(cookie: &[u8]) -> RawControl {
    use ldap3::controls::{MakeCritical as _, PagedResults};

    let pages = PagedResults {
        size: PAGE,
        cookie: cookie.to_vec(),
    };
    RawControl::from(pages.critical())
}

/// Whether the root DSE lists a control.
pub(super) fn offers(root: &Entry, control: &str) -> bool {
    root.values("supportedControl")
        .any(|value| value.value.as_slice() == control.as_bytes())
}
