//! The table against a model that keeps a list of everything that happened.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Clone, Copy, Debug)]
enum Event {
    Admit,
    Accept(usize),
    Fail(usize, u64),
    NotCounted(usize),
    Drop(usize),
    Unlock,
    Forget,
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let index = 0..8_usize;
    let event = prop_oneof![
        6 => Just(Event::Admit),
        1 => index.clone().prop_map(Event::Accept),
        6 => (index.clone(), 0..4_u64).prop_map(|(index, tag)| Event::Fail(index, tag)),
        1 => index.clone().prop_map(Event::NotCounted),
        1 => index.prop_map(Event::Drop),
        1 => Just(Event::Unlock),
        1 => Just(Event::Forget),
        2 => (0..20_u64).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 0..120)
}

/// Counts failures since the last reset, from the whole history.
#[derive(Default)]
struct Model {
    failures: Vec<(Tick, u64)>,
    locked_until: Option<Tick>,
    checking: usize,
}

impl Model {
    /// Drops what has run out or is forgotten.
    fn settle_down(&mut self, rules: &Lockout, now: Tick) {
        let ran_out = self.locked_until.is_some_and(|until| until <= now);
        let last = self.failures.last().map(|(tick, _)| *tick);
        let forgotten = self.locked_until.is_none()
            && last.is_some_and(|last| now.since(last) >= rules.forget_after);
        if ran_out || forgotten {
            self.failures.clear();
            self.locked_until = None;
        }
    }

    fn admits(&self, rules: &Lockout) -> Result<(), Denied> {
        match self.locked_until {
            Some(until) => Err(Denied::Locked { until }),
            None if self.failures.len() + self.checking < rules.attempts.into() => Ok(()),
            None => Err(Denied::Busy),
        }
    }

    fn fail(&mut self, tag: u64, rules: &Lockout, now: Tick) {
        let known = self.failures.iter().any(|(_, counted)| *counted == tag);
        if known && rules.same_wrong_password == SameWrongPassword::Once {
            return;
        }
        self.failures.push((now, tag));
        if self.failures.len() == usize::from(rules.attempts) {
            self.locked_until = Some(now.plus(rules.duration));
        }
    }
}

fn compare(rules: Lockout, events: Vec<Event>) -> Result<(), TestCaseError> {
    let (table, account, id) = (LockTable::new(1), account("s123456"), student());
    let mut model = Model::default();
    let mut checking: Vec<Admission> = Vec::new();
    // What a store holds that replays every change.
    let mut stored: HashMap<AccountId, LockRecord> = HashMap::new();
    let mut now = at(0);
    for event in events {
        model.settle_down(&rules, now);
        let settle = |index: usize, checking: &mut Vec<Admission>, end| {
            let admission = checking.remove(index % checking.len());
            settle(admission, end, now)
        };
        let mut changes = Vec::new();
        match event {
            Event::Wait(minutes) => now = now.plus(Duration::from_secs(minutes * 60)),
            Event::Admit => {
                let admitted = table.admit(&account, guess(0), &rules, now);
                prop_assert_eq!(
                    admitted.as_ref().map(|_| ()).map_err(|denied| *denied),
                    model.admits(&rules)
                );
                model.checking += usize::from(admitted.is_ok());
                checking.extend(admitted);
            }
            Event::Unlock => {
                changes.extend(table.unlock(&id));
                (model.failures, model.locked_until) = (Vec::new(), None);
            }
            Event::Forget => changes.extend(table.forget_expired(|_| &rules, now, |_| false)),
            _ if checking.is_empty() => {}
            Event::Accept(index) => {
                changes.extend(settle(index, &mut checking, End::Accepted).change);
                model.checking -= 1;
                model.failures.clear();
            }
            Event::Fail(index, tag) => {
                let settled = settle(index, &mut checking, End::Failed { tag });
                model.checking -= 1;
                model.fail(tag, &rules, now);
                prop_assert_eq!(usize::from(settled.failures), model.failures.len());
                prop_assert_eq!(settled.locked_until, model.locked_until);
                changes.extend(settled.change);
            }
            Event::NotCounted(index) => {
                let settled = settle(index, &mut checking, End::NotCounted);
                model.checking -= 1;
                prop_assert_eq!(settled.change, None);
            }
            Event::Drop(index) => {
                drop(checking.remove(index % checking.len()));
                model.checking -= 1;
            }
        }
        for change in changes {
            match change {
                LockChange::Put(record) => stored.insert(record.id.clone(), record),
                LockChange::Cleared { id, .. } => stored.remove(&id),
            };
        }
        model.settle_down(&rules, now);
        prop_assert_eq!(table.locked_until(&id, now), model.locked_until);
        prop_assert_eq!(table.lock_record(&id), stored.get(&id).cloned());
        prop_assert!(model.failures.len() + model.checking <= rules.attempts.into());
        prop_assert!(table.len() == 1 || checking.is_empty() && stored.is_empty());
    }
    checking.clear();
    let _ = table.unlock(&id);
    prop_assert!(table.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn table_does_what_the_model_does(events in events(), attempts in 1..7_u8, once: bool) {
        let same_wrong_password =
            if once { SameWrongPassword::Once } else { SameWrongPassword::Each };
        compare(Lockout { attempts, same_wrong_password, ..Lockout::default() }, events)?;
    }
}
