//! The messages as OpenLDAP sends them, and anything else.

use ldap3::asn1::{ASNTag as _, Boolean, Enumerated, Integer, OctetString, Sequence, Set, Tag};
use proptest::prelude::*;

use super::*;

const ID: [u8; 16] = *b"0123456789abcdef";

fn id() -> EntryId {
    EntryId::from_octets(&ID).unwrap()
}

fn text(octets: &[u8]) -> Tag {
    Tag::OctetString(OctetString {
        inner: octets.to_vec(),
        ..OctetString::default()
    })
}

fn sequence(id: u64, class: TagClass, inner: Vec<Tag>) -> Tag {
    Tag::Sequence(Sequence { id, class, inner })
}

fn list(inner: Vec<Tag>) -> Tag {
    Tag::Sequence(Sequence {
        inner,
        ..Sequence::default()
    })
}

fn set(inner: Vec<Tag>) -> Tag {
    Tag::Set(Set {
        inner,
        ..Set::default()
    })
}

fn flag(inner: bool) -> Tag {
    Tag::Boolean(Boolean {
        inner,
        ..Boolean::default()
    })
}

fn octets(tag: Tag) -> Vec<u8> {
    encoded(tag.into_structure()).unwrap()
}

fn control(oid: &str, value: Vec<u8>) -> Control {
    let raw = RawControl {
        ctype: oid.to_owned(),
        crit: false,
        val: Some(value),
    };
    Control(None, raw)
}

fn result(tag: Tag, controls: Vec<Control>) -> ResultEntry {
    let mut result = ResultEntry::new(tag.into_structure());
    result.1 = controls;
    result
}

fn person() -> Tag {
    let attribute = list(vec![
        text(b"UserPassword"),
        set(vec![text(b"a"), text(b"\xff")]),
    ]);
    let fields = vec![text(b"uid=a,dc=x"), list(vec![attribute])];
    sequence(SEARCH_RESULT_ENTRY, TagClass::Application, fields)
}

fn state(word: i64) -> Vec<u8> {
    let word = Tag::Enumerated(Enumerated {
        inner: word,
        ..Enumerated::default()
    });
    octets(list(vec![word, text(&ID), text(b"cookie")]))
}

fn info(value: Tag) -> ResultEntry {
    let context = |id, octets: &[u8]| {
        Tag::OctetString(OctetString {
            id,
            class: TagClass::Context,
            inner: octets.to_vec(),
        })
    };
    let fields = vec![context(0, SYNC_INFO), context(1, &octets(value))];
    result(
        sequence(INTERMEDIATE_RESPONSE, TagClass::Application, fields),
        Vec::new(),
    )
}

#[test]
fn entry_is_read_with_values_that_are_no_text() {
    let entry = entry(result(person(), Vec::new())).unwrap().unwrap();
    assert_eq!(entry.dn, "uid=a,dc=x");
    let values: Vec<_> = entry
        .values("userPassword")
        .map(|value| value.value.to_vec())
        .collect();
    assert_eq!(values, [b"a".to_vec(), b"\xff".to_vec()]);
}

#[test]
fn referral_is_passed_over() {
    let referral = || sequence(19, TagClass::Application, vec![text(b"ldap://elsewhere")]);
    assert_eq!(entry(result(referral(), Vec::new())), Ok(None));
    assert_eq!(sync_message(result(referral(), Vec::new())), Ok(None));
}

#[test]
fn state_of_an_entry_is_read_from_its_control() {
    let read = |word| sync_message(result(person(), vec![control(SYNC_STATE, state(word))]));
    let entry = entry(result(person(), Vec::new())).unwrap().unwrap();
    let shown = |state| {
        Ok(Some(Message::Entry {
            state,
            id: id(),
            cookie: Some(b"cookie"[..].into()),
        }))
    };
    assert_eq!(read(0), shown(EntryState::Present));
    assert_eq!(read(1), shown(EntryState::Add(entry.clone())));
    assert_eq!(read(2), shown(EntryState::Modify(entry)));
    assert_eq!(read(3), shown(EntryState::Delete));
    assert!(read(4).is_err());
    assert!(sync_message(result(person(), Vec::new())).is_err());
}

#[test]
fn all_kinds_of_sync_info_are_read() {
    let cookie = || Some(b"c"[..].into());
    let new = Tag::OctetString(OctetString {
        id: 0,
        class: TagClass::Context,
        inner: b"c".to_vec(),
    });
    assert_eq!(
        sync_message(info(new)),
        Ok(Some(Message::NewCookie(b"c"[..].into())))
    );
    let choice = |id, fields| sync_message(info(sequence(id, TagClass::Context, fields)));
    let shown = |message| Ok(Some(message));
    let (cookie_, done) = (cookie(), true);
    let delete = Message::RefreshDelete {
        cookie: cookie_,
        done,
    };
    assert_eq!(choice(1, vec![text(b"c")]), shown(delete));
    let (cookie_, done) = (None, false);
    let present = Message::RefreshPresent {
        cookie: cookie_,
        done,
    };
    assert_eq!(choice(2, vec![flag(false)]), shown(present));
    let ids = Message::IdSet {
        cookie: cookie(),
        deleted: true,
        ids: vec![id()],
    };
    let fields = vec![text(b"c"), flag(true), set(vec![text(&ID)])];
    assert_eq!(choice(3, fields), shown(ids));
    assert!(choice(3, vec![set(vec![text(b"too short")])]).is_err());
    assert!(choice(4, Vec::new()).is_err());
}

#[test]
fn intermediate_response_of_another_kind_is_passed_over() {
    let name = Tag::OctetString(OctetString {
        id: 0,
        class: TagClass::Context,
        inner: b"1.2.3".to_vec(),
    });
    let other = sequence(INTERMEDIATE_RESPONSE, TagClass::Application, vec![name]);
    assert_eq!(sync_message(result(other, Vec::new())), Ok(None));
}

#[test]
fn result_of_a_search_says_how_its_last_phase_was() {
    let value = octets(list(vec![text(b"c"), flag(true)]));
    let done = sync_done(&[control(SYNC_DONE, value)]);
    let (cookie, deletes) = (Some(b"c"[..].into()), true);
    assert_eq!(done, Ok(Message::Done { cookie, deletes }));
    let (cookie, deletes) = (None, false);
    assert_eq!(sync_done(&[]), Ok(Message::Done { cookie, deletes }));
}

#[test]
fn pages_are_read_as_both_controls_have_them() {
    let number = |inner| {
        Tag::Integer(Integer {
            inner,
            ..Integer::default()
        })
    };
    let paged = octets(list(vec![number(1000), text(b"next")]));
    let (number_, cookie) = (1000, b"next".to_vec());
    let number_of_both = Page {
        number: number_,
        cookie,
    };
    assert_eq!(
        page(&[control(PAGED_RESULTS, paged)]),
        Ok(Some(number_of_both))
    );
    assert_eq!(page(&[]), Ok(None));
    let dirsync = octets(list(vec![number(1), number(0), text(b"next")]));
    let (number_, cookie) = (1, b"next".to_vec());
    assert_eq!(
        dirsync_page(&[control(DIRSYNC, dirsync)]),
        Ok(Page {
            number: number_,
            cookie
        })
    );
    assert!(dirsync_page(&[]).is_err());
}

proptest! {
    #[test]
    fn no_octets_of_a_server_bring_a_panic(value in proptest::collection::vec(any::<u8>(), 0..60)) {
        let all = [SYNC_STATE, SYNC_DONE, PAGED_RESULTS, DIRSYNC];
        let controls: Vec<_> = all.iter().map(|oid| control(oid, value.clone())).collect();
        let _ = sync_message(result(person(), controls.clone()));
        let _ = (sync_done(&controls), page(&controls), dirsync_page(&controls));
        if let Some(tag) = read_value(&value) {
            for id in [SEARCH_RESULT_ENTRY, INTERMEDIATE_RESPONSE] {
                let tag = StructureTag { id, ..tag.clone() };
                let _ = sync_message(ResultEntry::new(tag.clone()));
                let _ = entry(ResultEntry::new(tag));
            }
        }
    }
}
