//! Messages of a server, from BER to our own types. A server may send anything, so nothing here
//! panics; the library's own readers of these do.

use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag, TagClass, Types, parse_tag};
use ldap3::controls::{Control, RawControl};
use zeroize::Zeroizing;

use super::EntryId;
use super::sync::{Cookie, EntryState, Message};
use crate::connection::framing::Framing;
use portvakt_directory::entry::{Attribute, Entry};

#[cfg(test)]
mod tests;

/// Sync Request (RFC 4533 §2.2): what a server that can keep a copy current lists.
pub(super) const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
const SYNC_INFO: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.4";
/// LDAP_SERVER_DIRSYNC_OID of Active Directory ([MS-ADTS] 3.1.1.3.4.1.3).
pub(super) const DIRSYNC: &str = "1.2.840.113556.1.4.841";
/// Simple paged results (RFC 2696).
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// SearchResultEntry and IntermediateResponse (RFC 4511 §4.5.2, §4.13).
const SEARCH_RESULT_ENTRY: u64 = 4;
const INTERMEDIATE_RESPONSE: u64 = 25;

/// Not what the protocol allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent what LDAP does not allow: {0}")]
pub(super) struct Malformed(&'static str);

/// An entry of a search result; `None` is a referral, which is not followed.
///
/// # Errors
/// [`Malformed`].
pub(super) fn entry(result: ResultEntry) -> Result<Option<Entry>, Malformed> {
    match result.0.id {
        SEARCH_RESULT_ENTRY => read_entry(result.0)
            .map(Some)
            .ok_or(Malformed("a search result entry")),
        _ => Ok(None),
    }
}

/// A message of a search with the Sync Request control; `None` is a referral.
///
/// # Errors
/// [`Malformed`].
pub(super) fn sync_message(result: ResultEntry) -> Result<Option<Message<Entry>>, Malformed> {
    let (tag, controls) = (result.0, result.1);
    match tag.id {
        SEARCH_RESULT_ENTRY => sync_entry(tag, &controls)
            .map(Some)
            .ok_or(Malformed("an entry without a whole Sync State control")),
        INTERMEDIATE_RESPONSE => sync_info(tag).ok_or(Malformed("a Sync Info message")),
        _ => Ok(None),
    }
}

fn sync_entry(tag: StructureTag, controls: &[Control]) -> Option<Message<Entry>> {
    let state = read_value(value_of(controls, SYNC_STATE)?)?;
    let mut fields = constructed(state)?.into_iter();
    let word = primitive(fields.next()?)?;
    let id = EntryId::from_octets(&primitive(fields.next()?)?)?;
    let cookie = match fields.next() {
        Some(field) => Some(primitive(field)?.into_boxed_slice()),
        None => None,
    };
    let state = match word.as_slice() {
        [0] => EntryState::Present,
        [1] => EntryState::Add(read_entry(tag)?),
        [2] => EntryState::Modify(read_entry(tag)?),
        [3] => EntryState::Delete,
        _ => return None,
    };
    Some(Message::Entry { state, id, cookie })
}

/// An intermediate response of another kind is passed over.
#[expect(clippy::option_option, reason = "malformed, or none of ours")]
fn sync_info(tag: StructureTag) -> Option<Option<Message<Entry>>> {
    let mut name = None;
    let mut value = None;
    for field in constructed(tag)? {
        match field.id {
            0 => name = Some(primitive(field)?),
            1 => value = Some(primitive(field)?),
            _ => return None,
        }
    }
    if name? != SYNC_INFO {
        return Some(None);
    }
    info_value(read_value(&value?)?).map(Some)
}

fn info_value(tag: StructureTag) -> Option<Message<Entry>> {
    let (class, choice) = (tag.class, tag.id);
    if class != TagClass::Context {
        return None;
    }
    if choice == 0 {
        return Some(Message::NewCookie(primitive(tag)?.into_boxed_slice()));
    }
    let info = Info::read(constructed(tag)?)?;
    let cookie = info.cookie;
    match choice {
        1 | 2 if !info.ids.is_empty() => None,
        1 => Some(Message::RefreshDelete {
            cookie,
            done: info.flag.unwrap_or(true),
        }),
        2 => Some(Message::RefreshPresent {
            cookie,
            done: info.flag.unwrap_or(true),
        }),
        3 => Some(Message::IdSet {
            cookie,
            deleted: info.flag.unwrap_or(false),
            ids: info.ids,
        }),
        _ => None,
    }
}

/// The fields of Sync Info's choices and of Sync Done, each at most once.
#[derive(Default)]
struct Info {
    cookie: Option<Cookie>,
    flag: Option<bool>,
    ids: Vec<EntryId>,
}

impl Info {
    fn read(fields: Vec<StructureTag>) -> Option<Self> {
        let mut info = Self::default();
        for field in fields {
            match field.id {
                id if id == Types::OctetString as u64 => {
                    info.cookie = Some(primitive(field)?.into_boxed_slice());
                }
                id if id == Types::Boolean as u64 => {
                    info.flag = Some(*primitive(field)?.first()? != 0);
                }
                id if id == Types::Set as u64 => info.ids = read_ids(field)?,
                _ => return None,
            }
        }
        Some(info)
    }
}

fn read_ids(set: StructureTag) -> Option<Vec<EntryId>> {
    let id = |tag| EntryId::from_octets(&primitive(tag)?);
    constructed(set)?.into_iter().map(id).collect()
}

/// The last message of a synchronised search, from the controls of its result.
///
/// # Errors
/// [`Malformed`].
pub(super) fn sync_done(controls: &[Control]) -> Result<Message<Entry>, Malformed> {
    let info = match value_of(controls, SYNC_DONE) {
        Some(value) => read_value(value)
            .and_then(constructed)
            .and_then(Info::read)
            .ok_or(Malformed("a Sync Done control"))?,
        None => Info::default(),
    };
    Ok(Message::Done {
        cookie: info.cookie,
        deletes: info.flag.unwrap_or(false),
    })
}

/// How far a search in pages has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// A number that the server gives: how many there are (RFC 2696), or whether more are to come
    /// (DirSync).
    pub(super) number: u64,
    /// Cookie to continue from; empty at the end of paged results, never for DirSync.
    pub(super) cookie: Vec<u8>,
}

/// The control of paged results in a search's result. A server that sends none has sent all.
///
/// # Errors
/// [`Malformed`].
pub(super) fn page(controls: &[Control]) -> Result<Option<Page>, Malformed> {
    let Some(value) = value_of(controls, PAGED_RESULTS) else {
        return Ok(None);
    };
    let read = |value| {
        let mut fields = constructed(read_value(value)?)?.into_iter();
        Some(Page {
            number: unsigned(&primitive(fields.next()?)?)?,
            cookie: primitive(fields.next()?)?,
        })
    };
    read(value)
        .map(Some)
        .ok_or(Malformed("a control of paged results"))
}

/// The DirSync control in a search's result.
///
/// # Errors
/// [`Malformed`], also if it is missing.
pub(super) fn dirsync_page(controls: &[Control]) -> Result<Page, Malformed> {
    let read = |value| {
        let mut fields = constructed(read_value(value)?)?.into_iter();
        let number = unsigned(&primitive(fields.next()?)?)?;
        let _unused = fields.next()?;
        let cookie = primitive(fields.next()?)?;
        Some(Page { number, cookie })
    };
    value_of(controls, DIRSYNC)
        .and_then(read)
        .ok_or(Malformed("no whole DirSync control"))
}

/// Asks for what has changed since the cookie, in answers of at most so many octets.
pub(super) fn dirsync_request(cookie: &[u8]) -> RawControl {
    use ldap3::asn1::{ASNTag as _, Integer, OctetString, Sequence, Tag};

    /// None: whoever asks needs the right "Replicating Directory Changes". With
    /// LDAP_DIRSYNC_OBJECT_SECURITY (1) that of reading would do, but what moves out of sight would
    /// go without a word.
    const FLAGS: i64 = 0;
    const MAX_OCTETS: i64 = 1 << 20;
    let number = |inner| {
        Tag::Integer(Integer {
            inner,
            ..Integer::default()
        })
    };
    let cookie = Tag::OctetString(OctetString {
        inner: cookie.to_vec(),
        ..OctetString::default()
    });
    let value = Tag::Sequence(Sequence {
        inner: vec![number(FLAGS), number(MAX_OCTETS), cookie],
        ..Sequence::default()
    });
    RawControl {
        ctype: DIRSYNC.to_owned(),
        crit: true,
        val: encoded(value.into_structure()),
    }
}

fn encoded(tag: StructureTag) -> Option<Vec<u8>> {
    let mut octets = Default::default();
    ldap3::asn1::write::encode_into(&mut octets, tag).ok()?;
    Some(octets.to_vec())
}

fn read_entry(tag: StructureTag) -> Option<Entry> {
    let mut fields = constructed(tag)?.into_iter();
    let dn = String::from_utf8(primitive(fields.next()?)?).ok()?;
    let mut attributes = Vec::new();
    for attribute in constructed(fields.next()?)? {
        let mut fields = constructed(attribute)?.into_iter();
        let mut name = String::from_utf8(primitive(fields.next()?)?).ok()?;
        name.make_ascii_lowercase();
        for value in constructed(fields.next()?)? {
            attributes.push(Attribute {
                name: name.clone(),
                value: Zeroizing::new(primitive(value)?),
                line: None,
            });
        }
    }
    Some(Entry {
        dn,
        line: None,
        attributes,
    })
}

fn value_of<'a>(controls: &'a [Control], oid: &str) -> Option<&'a [u8]> {
    let control = controls.iter().find(|control| control.1.ctype == oid)?;
    control.1.val.as_deref()
}

/// The library's reader recurses: it gets nothing that is nested for that.
fn read_value(value: &[u8]) -> Option<StructureTag> {
    let fit = Framing::is_fit(value).then_some(value)?;
    parse_tag(fit).ok().map(|(_, tag)| tag)
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(fields) => Some(fields),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(octets) => Some(octets),
        PL::C(_) => None,
    }
}

fn unsigned(octets: &[u8]) -> Option<u64> {
    if octets.len() > 8 {
        return None;
    }
    let number = octets
        .iter()
        .fold(0, |number, octet| number << 8 | u64::from(*octet));
    Some(number)
}
