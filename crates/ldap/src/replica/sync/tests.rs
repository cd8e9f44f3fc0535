//! Each message on its own; whole histories are in `model`.

mod model;

use super::*;

fn id(number: u8) -> EntryId {
    EntryId::from_octets(&[number; 16]).unwrap()
}

fn cookie(text: &str) -> Option<Cookie> {
    Some(text.as_bytes().into())
}

fn entry(state: EntryState<&'static str>, number: u8) -> Message<&'static str> {
    Message::Entry {
        state,
        id: id(number),
        cookie: None,
    }
}

fn present(done: bool) -> Message<&'static str> {
    Message::RefreshPresent {
        cookie: cookie("c"),
        done,
    }
}

fn delete(done: bool) -> Message<&'static str> {
    Message::RefreshDelete {
        cookie: cookie("c"),
        done,
    }
}

fn run(session: &mut Session, messages: Vec<Message<&'static str>>) -> Vec<Step<&'static str>> {
    messages
        .into_iter()
        .flat_map(|message| session.handle(message))
        .collect()
}

fn end() -> [Step<&'static str>; 2] {
    [Step::Complete, Step::Remember(b"c"[..].into())]
}

#[test]
fn first_load_puts_everything_and_removes_nothing() {
    for last in [present(true), delete(true)] {
        let mut session = Session::begin();
        let steps = run(
            &mut session,
            vec![
                entry(EntryState::Add("a"), 1),
                entry(EntryState::Add("b"), 2),
                last,
            ],
        );
        let [complete, remember] = end();
        let expected = [
            Step::Put(id(1), "a"),
            Step::Put(id(2), "b"),
            complete,
            remember,
        ];
        assert_eq!(steps, expected);
        assert!(session.is_persisting());
    }
}

#[test]
fn present_phase_removes_what_it_does_not_name() {
    let mut session = Session::resume();
    let ids = Message::IdSet {
        cookie: None,
        deleted: false,
        ids: vec![id(3), id(4)],
    };
    let steps = run(
        &mut session,
        vec![
            entry(EntryState::Present, 1),
            entry(EntryState::Add("b"), 2),
            ids,
            present(true),
        ],
    );
    let named = [1, 2, 3, 4].map(id).into_iter().collect();
    assert_eq!(steps.first(), Some(&Step::Put(id(2), "b")));
    assert_eq!(steps.get(1), Some(&Step::RetainOnly(named)));
    assert_eq!(steps.get(2..), Some(&end()[..]));
}

#[test]
fn delete_phase_removes_only_what_it_names() {
    let mut session = Session::resume();
    let ids = Message::IdSet {
        cookie: None,
        deleted: true,
        ids: vec![id(3)],
    };
    let steps = run(
        &mut session,
        vec![entry(EntryState::Delete, 1), ids, delete(true)],
    );
    assert_eq!(
        steps.get(..2),
        Some(&[Step::Remove(id(1)), Step::Remove(id(3))][..])
    );
    assert_eq!(steps.get(2..), Some(&end()[..]));
}

#[test]
fn present_phase_may_be_followed_by_a_delete_phase() {
    let mut session = Session::resume();
    let first = run(
        &mut session,
        vec![entry(EntryState::Present, 1), present(false)],
    );
    assert_eq!(first, [Step::RetainOnly([id(1)].into_iter().collect())]);
    assert!(!session.is_persisting());
    let second = run(
        &mut session,
        vec![entry(EntryState::Delete, 1), delete(true)],
    );
    assert_eq!(second.first(), Some(&Step::Remove(id(1))));
    assert_eq!(second.get(1..), Some(&end()[..]));
}

#[test]
fn entry_deleted_in_a_present_phase_is_not_retained() {
    let mut session = Session::resume();
    let steps = run(
        &mut session,
        vec![
            entry(EntryState::Present, 1),
            entry(EntryState::Delete, 1),
            present(true),
        ],
    );
    assert_eq!(steps.get(1), Some(&Step::RetainOnly(Ids::default())));
}

#[test]
fn cookie_in_the_middle_of_a_refresh_is_held_back_to_its_end() {
    let mut session = Session::resume();
    let early = Message::Entry {
        state: EntryState::Add("a"),
        id: id(1),
        cookie: cookie("early"),
    };
    assert_eq!(run(&mut session, vec![early]), [Step::Put(id(1), "a")]);
    let last = Message::RefreshDelete {
        cookie: None,
        done: true,
    };
    let remembered = Step::Remember(b"early"[..].into());
    assert_eq!(run(&mut session, vec![last]), [Step::Complete, remembered]);
}

#[test]
fn changes_after_the_refresh_take_effect_one_by_one_with_their_cookies() {
    let mut session = Session::resume();
    let _ = run(&mut session, vec![delete(true)]);
    let change = Message::Entry {
        state: EntryState::Modify("b"),
        id: id(1),
        cookie: cookie("d"),
    };
    let remembered = Step::Remember(b"d"[..].into());
    assert_eq!(session.handle(change), [Step::Put(id(1), "b"), remembered]);
    let remembered = Step::Remember(b"e"[..].into());
    let new = Message::<&str>::NewCookie(b"e"[..].into());
    assert_eq!(session.handle(new), [remembered]);
}

#[test]
fn search_that_ends_in_its_refresh_is_complete_as_its_last_message_says() {
    let done = |deletes| Message::Done {
        cookie: cookie("c"),
        deletes,
    };
    let [complete, remember] = end();
    let steps = run(&mut Session::resume(), vec![done(true)]);
    assert_eq!(steps, [complete.clone(), remember.clone()]);
    let steps = run(
        &mut Session::resume(),
        vec![entry(EntryState::Present, 1), done(false)],
    );
    let retained = Step::RetainOnly([id(1)].into_iter().collect());
    assert_eq!(steps, [retained, complete, remember]);
}

#[test]
fn server_that_no_longer_knows_the_cookie_makes_us_begin_again() {
    let mut session = Session::resume();
    assert_eq!(
        run(&mut session, vec![Message::RefreshRequired]),
        [Step::Reload]
    );
}
