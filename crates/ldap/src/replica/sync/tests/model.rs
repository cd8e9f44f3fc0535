//! A server that may answer in every way RFC 4533 allows, and a copy that is cut off, set back and
//! started anew at random points: in the end both have the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::super::*;

type Content = BTreeMap<EntryId, u32>;

fn id(number: u8) -> EntryId {
    EntryId::from_octets(&[number; 16]).unwrap()
}

/// Events, in the order of the list.
#[derive(Clone, Debug)]
enum Event {
    /// An entry is written: added or modified.
    Write(u8),
    /// An entry is deleted.
    Erase(u8),
    /// The copy connects, and is cut off after so many messages of the refresh.
    Connect {
        answer: LookupResult,
        cut_after: usize,
    },
    /// Our process ends; the next has what was on disk.
    Crash,
}

/// How the server brings a copy up to date.
#[derive(Clone, Copy, Debug)]
enum LookupResult {
    /// All that is there is named.
    Present,
    /// As `Present`, in sets of ids.
    PresentSets,
    /// Deletions are named.
    Deletes,
    /// As `Deletes`, in sets of ids.
    DeleteSets,
    /// A present phase, then a delete phase.
    Both,
    /// The cookie is too old.
    Required,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let answer = prop_oneof![
        Just(LookupResult::Present),
        Just(LookupResult::PresentSets),
        Just(LookupResult::Deletes),
        Just(LookupResult::DeleteSets),
        Just(LookupResult::Both),
        Just(LookupResult::Required),
    ];
    let event = prop_oneof![
        6 => (0..12_u8).prop_map(Event::Write),
        3 => (0..12_u8).prop_map(Event::Erase),
        3 => (answer, prop_oneof![0..30_usize, Just(usize::MAX)])
            .prop_map(|(answer, cut_after)| Event::Connect { answer, cut_after }),
        1 => Just(Event::Crash),
    ];
    proptest::collection::vec(event, 0..60)
}

/// The directory and all it ever was; a cookie is a moment of its history.
#[derive(Default)]
struct Server {
    content: Content,
    /// The entry changed at each moment.
    history: Vec<EntryId>,
}

impl Server {
    fn write(&mut self, id: EntryId) -> Message<u32> {
        let value = u32::try_from(self.history.len()).unwrap();
        let state = match self.content.insert(id, value) {
            None => EntryState::Add(value),
            Some(_) => EntryState::Modify(value),
        };
        self.history.push(id);
        self.shown(id, state)
    }

    fn erase(&mut self, id: EntryId) -> Option<Message<u32>> {
        self.content.remove(&id)?;
        self.history.push(id);
        Some(self.shown(id, EntryState::Delete))
    }

    fn shown(&self, id: EntryId, state: EntryState<u32>) -> Message<u32> {
        Message::Entry {
            state,
            id,
            cookie: Some(self.cookie()),
        }
    }

    fn cookie(&self) -> Cookie {
        self.history.len().to_be_bytes().as_slice().into()
    }

    fn refresh(&self, cookie: Option<&Cookie>, answer: LookupResult) -> Vec<Message<u32>> {
        let Some(cookie) = cookie else {
            let mut messages: Vec<_> = self.content.keys().map(|id| self.whole(*id)).collect();
            messages.push(self.end_of_presents(true));
            return messages;
        };
        let since = usize::from_be_bytes(cookie.as_ref().try_into().unwrap());
        let changed: Ids = self.history[since..].iter().copied().collect();
        match answer {
            LookupResult::Present => self.presents(&changed, false, true),
            LookupResult::PresentSets => self.presents(&changed, true, true),
            LookupResult::Deletes => self.deletes(&changed, false),
            LookupResult::DeleteSets => self.deletes(&changed, true),
            LookupResult::Both => {
                let mut messages = self.presents(&changed, false, false);
                messages.extend(self.deletes(&changed, true));
                messages
            }
            LookupResult::Required => vec![Message::RefreshRequired],
        }
    }

    fn whole(&self, id: EntryId) -> Message<u32> {
        Message::Entry {
            state: EntryState::Add(self.content[&id]),
            id,
            cookie: None,
        }
    }

    fn end_of_presents(&self, done: bool) -> Message<u32> {
        Message::RefreshPresent {
            cookie: Some(self.cookie()),
            done,
        }
    }

    fn presents(&self, changed: &Ids, sets: bool, done: bool) -> Vec<Message<u32>> {
        let (new, same): (Vec<EntryId>, Vec<EntryId>) =
            self.content.keys().partition(|id| changed.contains(id));
        let mut messages: Vec<_> = new.into_iter().map(|id| self.whole(id)).collect();
        if sets {
            messages.push(id_set(false, same));
        } else {
            messages.extend(same.into_iter().map(|id| Message::Entry {
                state: EntryState::Present,
                id,
                // A server may be as careless as this; the copy may not.
                cookie: Some(self.cookie()),
            }));
        }
        messages.push(self.end_of_presents(done));
        messages
    }

    fn deletes(&self, changed: &Ids, sets: bool) -> Vec<Message<u32>> {
        let (there, gone): (Vec<EntryId>, Vec<EntryId>) =
            changed.iter().partition(|id| self.content.contains_key(id));
        let mut messages: Vec<_> = there.into_iter().map(|id| self.whole(id)).collect();
        if sets {
            messages.push(id_set(true, gone));
        } else {
            messages.extend(gone.into_iter().map(|id| Message::Entry {
                state: EntryState::Delete,
                id,
                cookie: None,
            }));
        }
        messages.push(Message::RefreshDelete {
            cookie: Some(self.cookie()),
            done: true,
        });
        messages
    }
}

fn id_set(deleted: bool, ids: Vec<EntryId>) -> Message<u32> {
    Message::IdSet {
        cookie: None,
        deleted,
        ids,
    }
}

/// A saved copy, to continue from.
#[derive(Clone, Default)]
struct Saved {
    content: Content,
    cookie: Option<Cookie>,
}

/// The copy, driven as the engine drives it.
#[derive(Default)]
struct Copy {
    /// The content that look-ups read.
    serving: Content,
    cookie: Option<Cookie>,
    /// The content built beside it.
    building: Option<Content>,
    session: Option<Session>,
    on_disk: Saved,
}

impl Copy {
    fn connect(&mut self, server: &Server, answer: LookupResult, cut_after: usize) {
        let resumed = self.cookie.is_some();
        self.building = (!resumed).then(Content::new);
        self.session = Some(if resumed {
            Session::resume()
        } else {
            Session::begin()
        });
        let messages = server.refresh(self.cookie.as_ref(), answer);
        let is_cut = cut_after < messages.len();
        for message in messages.into_iter().take(cut_after) {
            self.take(message);
        }
        if is_cut {
            self.session = None;
        }
    }

    fn take(&mut self, message: Message<u32>) {
        let Some(session) = &mut self.session else {
            return;
        };
        for step in session.handle(message) {
            self.make(step);
        }
    }

    fn make(&mut self, step: Step<u32>) {
        let target = self.building.as_mut().unwrap_or(&mut self.serving);
        match step {
            Step::Put(id, value) => drop(target.insert(id, value)),
            Step::Remove(id) => drop(target.remove(&id)),
            Step::RetainOnly(ids) => target.retain(|id, _| ids.contains(id)),
            Step::Complete => {
                if let Some(built) = self.building.take() {
                    self.serving = built;
                }
            }
            Step::Remember(cookie) => {
                self.cookie = Some(cookie);
                self.on_disk.content = self.serving.clone();
                self.on_disk.cookie = self.cookie.clone();
            }
            Step::Reload => {
                self.cookie = None;
                self.session = None;
            }
        }
    }

    fn crash(&mut self) {
        let on_disk = self.on_disk.clone();
        *self = Copy {
            serving: on_disk.content.clone(),
            cookie: on_disk.cookie.clone(),
            on_disk,
            ..Copy::default()
        };
    }
}

fn follow(events: &[Event]) -> Result<(), TestCaseError> {
    let mut server = Server::default();
    let mut copy = Copy::default();
    for event in events {
        match event {
            Event::Write(number) => {
                let message = server.write(id(*number));
                copy.take(message);
            }
            Event::Erase(number) => {
                let message = server.erase(id(*number));
                message.into_iter().for_each(|message| copy.take(message));
            }
            Event::Connect { answer, cut_after } => copy.connect(&server, *answer, *cut_after),
            Event::Crash => copy.crash(),
        }
        if copy.session.as_ref().is_some_and(Session::is_persisting) {
            prop_assert_eq!(&copy.serving, &server.content);
        }
    }
    copy.connect(&server, LookupResult::Deletes, usize::MAX);
    prop_assert_eq!(&copy.serving, &server.content);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn copy_has_what_the_server_has_whatever_happened_between_them(events in events()) {
        follow(&events)?;
    }
}
