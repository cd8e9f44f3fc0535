//! By asking for what has changed since: by uSNChanged, a counter of each domain controller, or by
//! modifyTimestamp. What is gone shows only when all is read anew.

use std::time::Duration;

use jiff::Timestamp;

use super::{Again, Keeping};
use crate::directory::entry::Entry;
use crate::directory::generalized_time::{self, GeneralizedTime};
use crate::directory::ldap::replica::EntryId;
use crate::directory::ldap::replica::connection::{Link, Trouble};
use crate::directory::ldap::replica::journal::Position;

const WAY_OF_TIME: &str = "poll-time";
const WAY_OF_NUMBERS: &str = "poll-usn";

/// A change may arrive from another server after later ones of this: so much of the past is asked
/// for again. What has not changed costs nothing more than its way.
const OVERLAP: Duration = Duration::from_secs(60);

/// Asks again and again, until something comes between.
pub(super) async fn keep(
    keeping: &Keeping,
    link: &mut Link,
    fresh: bool,
) -> Result<Again, Trouble> {
    let meter = Meter::of(link).await?;
    let known = keeping
        .upkeep()
        .position(meter.way, meter.server())
        .map(Vec::from);
    let known = known.filter(|_| !fresh).and_then(|mark| meter.read(&mark));
    let mut mark = match known {
        Some(mark) => ask(keeping, link, &meter, mark).await?,
        None => load(keeping, link, &meter).await?,
    };
    keeping.upkeep().complete();
    let reconcile = keeping.next_reconcile();
    loop {
        keeping.arrive(meter.position(mark));
        if keeping.pause(reconcile).await {
            return Ok(Again::Reconcile);
        }
        mark = ask(keeping, link, &meter, mark).await?;
    }
}

/// Reads all. What changes meanwhile is asked for again by the mark from before.
async fn load(keeping: &Keeping, link: &mut Link, meter: &Meter) -> Result<u64, Trouble> {
    let before = meter.now(link).await?;
    keeping.upkeep().begin();
    let filter = &keeping.plan.filter;
    read(keeping, link, filter)
        .await
        .map(|latest| before.unwrap_or(latest))
}

/// Reads what has changed since the mark, and returns the next one.
async fn ask(keeping: &Keeping, link: &mut Link, meter: &Meter, mark: u64) -> Result<u64, Trouble> {
    let before = meter.now(link).await?;
    let filter = format!("(&{}{})", keeping.plan.filter, meter.since(mark));
    let latest = read(keeping, link, &filter).await?;
    Ok(before.unwrap_or(latest).max(mark))
}

/// Takes in what fits the filter, and returns the latest time of modification in it.
async fn read(keeping: &Keeping, link: &mut Link, filter: &str) -> Result<u64, Trouble> {
    let id_attribute = keeping.plan.id_attribute;
    let mut latest = 0;
    let visit = |entry: Entry| {
        let id = id_of(&entry, id_attribute)?;
        latest = latest.max(modified(&entry).unwrap_or(0));
        keeping.upkeep().put(id, &entry);
        Ok(())
    };
    link.pages(filter, visit).await?;
    Ok(latest)
}

/// The lasting id of an entry.
pub(super) fn id_of(entry: &Entry, attribute: &'static str) -> Result<EntryId, Trouble> {
    let value = entry.values(attribute).next();
    value
        .and_then(|value| EntryId::from_value(&value.value))
        .ok_or_else(|| Trouble::NoId(entry.dn.clone(), attribute))
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

/// What changes are told apart by.
pub(super) struct Meter {
    way: &'static str,
    /// Whose counter it is; `None` where it is the time, which is everybody's.
    server: Option<String>,
}

impl Meter {
    async fn of(link: &mut Link) -> Result<Self, Trouble> {
        if !link.plan.is_active_directory {
            let way = WAY_OF_TIME;
            return Ok(Self { way, server: None });
        }
        let root = link.root(&["dsServiceName"]).await?;
        let server = text(&root, "dsServiceName").ok_or(Trouble::NotOffered("dsServiceName"))?;
        Ok(Self {
            way: WAY_OF_NUMBERS,
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
    async fn now(&self, link: &mut Link) -> Result<Option<u64>, Trouble> {
        if !self.is_number() {
            return Ok(None);
        }
        let root = link.root(&["highestCommittedUSN"]).await?;
        let number = text(&root, "highestCommittedUSN").and_then(|text| text.parse().ok());
        number
            .map(Some)
            .ok_or(Trouble::NotOffered("highestCommittedUSN"))
    }

    /// The part of a filter that fits what has changed since the mark.
    fn since(&self, mark: u64) -> String {
        if self.is_number() {
            return format!("(uSNChanged>={})", mark.saturating_add(1));
        }
        let second = i64::try_from(mark.saturating_sub(OVERLAP.as_secs())).unwrap_or(i64::MAX);
        let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("(modifyTimestamp>={})", time.strftime("%Y%m%d%H%M%SZ"))
    }

    fn position(&self, mark: u64) -> Position {
        Position {
            way: self.way.to_owned(),
            server: self.server.clone(),
            mark: mark.to_string().into_bytes(),
        }
    }

    fn read(&self, mark: &[u8]) -> Option<u64> {
        std::str::from_utf8(mark).ok()?.parse().ok()
    }
}

/// An attribute of one value, as text.
pub(super) fn text(entry: &Entry, attribute: &str) -> Option<String> {
    let value = entry.values(attribute).next()?;
    std::str::from_utf8(&value.value).ok().map(str::to_owned)
}
