//! Tells the audit log when this server begins to count without its database, and when that is back.

use jiff::Timestamp;
use portvakt_store::StoreHealth;

use crate::audit::{Act, AuditEvent};
use crate::state::State;

/// The last known state of the database that decides about locks.
#[derive(Default)]
pub(super) struct DatabaseWatch {
    alone_since: Option<Timestamp>,
}

impl DatabaseWatch {
    /// Looks at the store, and records what has changed.
    pub(super) fn look(&mut self, state: &State) {
        if let Some((what, result)) = self.change(&state.store.health()) {
            state.audit.record(&AuditEvent::Act(Act {
                time: state.clock.now().utc,
                who: "portvakt",
                what,
                account: None,
                why: None,
                result: &result,
            }));
        }
    }

    /// Name and result of what has changed.
    fn change(&mut self, health: &StoreHealth) -> Option<(&'static str, String)> {
        let before = std::mem::replace(&mut self.alone_since, health.alone_since);
        match (before, health.alone_since) {
            (before, Some(since)) if before != Some(since) => {
                let cause = health.last_error.as_deref().unwrap_or("no answer");
                Some(("count-alone", format!("since {since}: {cause}")))
            }
            (Some(since), None) => Some((
                "count-with-database",
                format!("after being alone since {since}; the journal is merged"),
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let mut watch = DatabaseWatch::default();
        let alone = StoreHealth {
            alone_since: Some(Timestamp::UNIX_EPOCH),
            last_error: Some("connection lost".to_owned()),
            ..StoreHealth::default()
        };
        assert_eq!(watch.change(&StoreHealth::default()), None);
        let (what, result) = watch.change(&alone).unwrap();
        assert_eq!(what, "count-alone");
        assert!(result.ends_with("connection lost"), "{result}");
        assert_eq!(watch.change(&alone), None);
        let (what, _) = watch.change(&StoreHealth::default()).unwrap();
        assert_eq!(what, "count-with-database");
        assert_eq!(watch.change(&StoreHealth::default()), None);
    }
}
