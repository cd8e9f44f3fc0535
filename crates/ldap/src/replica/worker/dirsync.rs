//! By Active Directory's DirSync ([MS-ADTS] 3.1.1.3.4.1.3): it tells which entries have changed and
//! which are gone. What they are now is read by an ordinary search, since DirSync gives only the
//! attributes that changed, and knows nothing of `base` and `filter`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ldap3::Scope;

use super::poll::{id_of, text};
use super::{Next, Worker};
use crate::replica::EntryId;
use crate::replica::connection::{SyncConnection, SyncError, one_more};
use crate::replica::journal::SyncCursor;
use crate::replica::wire;
use portvakt_directory::entry::Entry;

const METHOD: &str = "dirsync";
const ANYTHING: &str = "(objectClass=*)";
/// Entries that are read anew by one search.
const AT_ONCE: usize = 50;

/// Asks again and again, until something comes between.
pub(super) async fn keep(
    keeping: &Worker,
    connection: &mut SyncConnection,
    fresh: bool,
) -> Result<Next, SyncError> {
    let root = connection.root(&["defaultNamingContext"]).await?;
    let context = text(&root, "defaultNamingContext");
    let context = context.ok_or(SyncError::NotOffered("defaultNamingContext"))?;
    let known = keeping.applier().cursor(METHOD, None).map(Vec::from);
    let mut cookie = match known.filter(|_| !fresh) {
        Some(cookie) => take_changes(keeping, connection, &context, cookie).await?,
        None => load(keeping, connection, &context).await?,
    };
    keeping.applier().complete();
    let reconcile = keeping.next_reconcile();
    loop {
        keeping.commit(SyncCursor {
            method: METHOD.to_owned(),
            server: None,
            cookie: cookie.clone(),
        });
        if keeping.pause(reconcile).await {
            return Ok(Next::Reconcile);
        }
        cookie = take_changes(keeping, connection, &context, cookie).await?;
    }
}

/// Reads all. The cookie is from before, so that what changes meanwhile is told of.
async fn load(
    keeping: &Worker,
    connection: &mut SyncConnection,
    context: &str,
) -> Result<Vec<u8>, SyncError> {
    let (cookie, _) = changes(connection, context, Vec::new()).await?;
    keeping.applier().begin();
    let id_attribute = keeping.config.id_attribute;
    let visit = |entry: Entry| {
        let id = id_of(&entry, id_attribute)?;
        keeping.applier().put(id, &entry);
        Ok(())
    };
    connection.pages(&keeping.config.filter, visit).await?;
    Ok(cookie)
}

/// Takes in what has changed since the cookie, and returns the next one.
async fn take_changes(
    keeping: &Worker,
    connection: &mut SyncConnection,
    context: &str,
    cookie: Vec<u8>,
) -> Result<Vec<u8>, SyncError> {
    let (cookie, changes) = changes(connection, context, cookie).await?;
    let changed: Vec<_> = changes.all.into_iter().collect();
    for ids in changed.chunks(AT_ONCE) {
        read_anew(keeping, connection, ids).await?;
    }
    // Whatever is beneath a container that was renamed has another name, and nobody tells of it.
    let is_container = |id: &EntryId| !keeping.applier().knows(id);
    if changes.renamed.iter().any(is_container) {
        keeping.replica.request_reconcile();
    }
    Ok(cookie)
}

/// Entries that are not as they were.
#[derive(Default)]
struct Changes {
    /// All of them, those that are gone too.
    all: BTreeSet<EntryId>,
    /// Those of another name, that are not new.
    renamed: BTreeSet<EntryId>,
}

/// The attributes whose changes are sent: an entry with none of them changed does not come. Another
/// name or place is a change of `name`; a new entry brings its `objectClass` besides.
fn attributes(connection: &SyncConnection) -> Vec<String> {
    let own = ["name", "objectClass"].map(str::to_owned);
    connection.attributes().into_iter().chain(own).collect()
}

/// The entries that are not as they were at the cookie, or gone, and the next cookie.
async fn changes(
    connection: &mut SyncConnection,
    context: &str,
    mut cookie: Vec<u8>,
) -> Result<(Vec<u8>, Changes), SyncError> {
    connection.expect_whole_directory();
    let mut changes = Changes::default();
    let id_attribute = connection.config.id_attribute;
    let mut pages = 0;
    loop {
        pages = one_more(pages)?;
        let control = wire::dirsync_request(&cookie);
        let mut visit = |entry: Entry| {
            let id = id_of(&entry, id_attribute)?;
            let has = |name| entry.values(name).next().is_some();
            if has("name") && !has("objectClass") && !has("isDeleted") {
                changes.renamed.insert(id);
            }
            changes.all.insert(id);
            one_more(changes.all.len()).map(drop)
        };
        let (place, attributes) = ((context, Scope::Subtree), attributes(connection));
        let search = connection.search_at(place, ANYTHING, attributes, vec![control], &mut visit);
        let page = wire::dirsync_page(&search.await?.ctrls)?;
        cookie = page.cookie;
        if page.number == 0 {
            return Ok((cookie, changes));
        }
    }
}

/// Takes in what these entries are now; whoever is not found is gone, or beyond `base` or `filter`.
async fn read_anew(
    keeping: &Worker,
    connection: &mut SyncConnection,
    ids: &[EntryId],
) -> Result<(), SyncError> {
    let id_attribute = keeping.config.id_attribute;
    let filter = format!(
        "(&{}(|{}))",
        keeping.config.filter,
        alternatives(id_attribute, ids)
    );
    let mut found = BTreeSet::new();
    let visit = |entry: Entry| {
        let id = id_of(&entry, id_attribute)?;
        found.insert(id);
        keeping.applier().put(id, &entry);
        Ok(())
    };
    connection.pages(&filter, visit).await?;
    let gone = ids.iter().filter(|id| !found.contains(id));
    gone.for_each(|id| keeping.applier().remove(id));
    Ok(())
}

/// `(objectGUID=\01\02…)` for each; RFC 4515 §3 writes octets so.
fn alternatives(attribute: &str, ids: &[EntryId]) -> String {
    let mut text = String::new();
    for id in ids {
        let _ = write!(text, "({attribute}=");
        for octet in id.octets() {
            let _ = write!(text, "\\{octet:02x}");
        }
        text.push(')');
    }
    text
}
