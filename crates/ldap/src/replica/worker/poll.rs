//! By asking for what has changed since: by uSNChanged, a counter of each domain controller, or by
//! modifyTimestamp. What is gone shows only when all is read anew.

use std::time::Duration;

use jiff::Timestamp;

use super::{Next, Worker};
use crate::replica::EntryId;
use crate::replica::connection::{SyncConnection, SyncError};
use crate::replica::journal::SyncCursor;
use portvakt_directory::entry::Entry;
use portvakt_directory::generalized_time::{self, GeneralizedTime};

const METHOD_BY_TIME: &str = "poll-time";
const METHOD_BY_NUMBER: &str = "poll-usn";

/// A change may arrive from another server after later ones of this: so much of the past is asked
/// for again. What has not changed costs nothing more than its way.
const OVERLAP: Duration = Duration::from_secs(60);

/// Asks again and again, until something comes between.
pub(super) async fn keep(
    keeping: &Worker,
    connection: &mut SyncConnection,
    fresh: bool,
) -> Result<Next, SyncError> {
    let meter = Meter::of(connection).await?;
    let known = keeping
        .applier()
        .cursor(meter.method, meter.server())
        .map(Vec::from);
    let known = known
        .filter(|_| !fresh)
        .and_then(|cookie| meter.read(&cookie));
    let mut cookie = match known {
        Some(cookie) => ask(keeping, connection, &meter, cookie).await?,
        None => load(keeping, connection, &meter).await?,
    };
    keeping.applier().complete();
    let reconcile = keeping.next_reconcile();
    loop {
        keeping.commit(meter.cursor(cookie));
        if keeping.pause(reconcile).await {
            return Ok(Next::Reconcile);
        }
        cookie = ask(keeping, connection, &meter, cookie).await?;
    }
}

/// Reads all. What changes meanwhile is asked for again by the mark from before.
async fn load(
    keeping: &Worker,
    connection: &mut SyncConnection,
    meter: &Meter,
) -> Result<u64, SyncError> {
    let before = meter.now(connection).await?;
    keeping.applier().begin();
    let filter = &keeping.config.filter;
    read(keeping, connection, filter)
        .await
        .map(|latest| before.unwrap_or(latest))
}

/// Reads what has changed since the mark, and returns the next one.
async fn ask(
    keeping: &Worker,
    connection: &mut SyncConnection,
    meter: &Meter,
    cookie: u64,
) -> Result<u64, SyncError> {
    let before = meter.now(connection).await?;
    let filter = format!("(&{}{})", keeping.config.filter, meter.since(cookie));
    let latest = read(keeping, connection, &filter).await?;
    Ok(before.unwrap_or(latest).max(cookie))
}

/// Takes in what fits the filter, and returns the latest time of modification in it.
async fn read(
    keeping: &Worker,
    connection: &mut SyncConnection,
    filter: &str,
) -> Result<u64, SyncError> {
    let id_attribute = keeping.config.id_attribute;
    let mut latest = 0;
    let visit = |entry: Entry| {
        let id = id_of(&entry, id_attribute)?;
        latest = latest.max(modified(&entry).unwrap_or(0));
        keeping.applier().put(id, &entry);
        Ok(())
    };
    connection.pages(filter, visit).await?;
    Ok(latest)
}

/// The lasting id of an entry.
pub(super) fn id_of(entry: &Entry, attribute: &'static str) -> Result<EntryId, SyncError> {
    let value = entry.values(attribute).next();
    value
        .and_then(|value| EntryId::from_value(&value.value))
        .ok_or_else(|| SyncError::NoId(entry.dn.clone(), attribute))
}

/// modifyTimestamp, in seconds since 1970.
fn modified(entry: &Entry) -> Option<u64> {
    let value = entry.values("modifyTimestamp").next()?;
    let text = std::str::from_utf8(&value.value).ok()?;
    let GeneralizedTime::At(at) = generalized_time::read(text)? else {
        return None;
    };
    u64::try_from(at.as_second()).ok()
}

/// The measure by which changes are told apart.
pub(super) struct Meter {
    method: &'static str,
    /// The server whose counter it is; `None` for the time, which all servers share.
    server: Option<String>,
}

impl Meter {
    async fn of(connection: &mut SyncConnection) -> Result<Self, SyncError> {
        if !connection.config.is_active_directory {
            let method = METHOD_BY_TIME;
            return Ok(Self {
                method,
                server: None,
            });
        }
        let root = connection.root(&["dsServiceName"]).await?;
        let server = text(&root, "dsServiceName").ok_or(SyncError::NotOffered("dsServiceName"))?;
        Ok(Self {
            method: METHOD_BY_NUMBER,
            server: Some(server),
        })
    }

    fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    fn is_number(&self) -> bool {
        self.server.is_some()
    }

    /// The counter at this moment. No server says which time it writes on changes.
    async fn now(&self, connection: &mut SyncConnection) -> Result<Option<u64>, SyncError> {
        if !self.is_number() {
            return Ok(None);
        }
        let root = connection.root(&["highestCommittedUSN"]).await?;
        let number = text(&root, "highestCommittedUSN").and_then(|text| text.parse().ok());
        number
            .map(Some)
            .ok_or(SyncError::NotOffered("highestCommittedUSN"))
    }

    /// The part of a filter that fits what has changed since the mark.
    fn since(&self, cookie: u64) -> String {
        if self.is_number() {
            return format!("(uSNChanged>={})", cookie.saturating_add(1));
        }
        let second = i64::try_from(cookie.saturating_sub(OVERLAP.as_secs())).unwrap_or(i64::MAX);
        let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("(modifyTimestamp>={})", time.strftime("%Y%m%d%H%M%SZ"))
    }

    fn cursor(&self, cookie: u64) -> SyncCursor {
        SyncCursor {
            method: self.method.to_owned(),
            server: self.server.clone(),
            cookie: cookie.to_string().into_bytes(),
        }
    }

    fn read(&self, cookie: &[u8]) -> Option<u64> {
        std::str::from_utf8(cookie).ok()?.parse().ok()
    }
}

/// An attribute of one value, as text.
pub(super) fn text(entry: &Entry, attribute: &str) -> Option<String> {
    let value = entry.values(attribute).next()?;
    std::str::from_utf8(&value.value).ok().map(str::to_owned)
}
