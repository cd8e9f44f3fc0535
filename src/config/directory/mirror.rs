//! Whether all accounts of a directory are kept in memory, and how: `mirror` and its companions.

use std::time::Duration;

use portvakt_ldap::replica::SyncMethod;
use portvakt_ldap::settings::ReplicaSettings;

use super::super::problem::Problem;
use super::super::section::Section;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// `mirror`, `mirror-max-age`, `poll-every`, `reconcile-every`; `None` is no mirror. `is_searched`
/// is whether groups must be looked for, person by person.
pub(super) fn mirror(section: &mut Section<'_>, is_searched: bool) -> Option<ReplicaSettings> {
    let words = [
        ("off", None),
        ("auto", Some(SyncMethod::Auto)),
        ("sync", Some(SyncMethod::Sync)),
        ("dirsync", Some(SyncMethod::DirSync)),
        ("poll", Some(SyncMethod::Poll)),
    ];
    let place = section.key_place("mirror");
    let method = section.word("mirror", &words, None);
    let max_age = section.duration("mirror-max-age", DAY, MINUTE..=30 * DAY);
    let poll_every = section.duration("poll-every", 30 * SECOND, SECOND..=HOUR);
    let has_reconcile = section.has("reconcile-every");
    let reconcile_every = section.duration("reconcile-every", DAY, MINUTE..=7 * DAY);
    if method.is_some() && is_searched {
        let problem = Problem::Conflict("groups that are searched for".to_owned());
        let advice = "a mirror knows the groups of memberOf alone: set membership = \
                      \"member-of\", or mirror = \"off\"";
        section.report().problem(&place, problem, advice);
    }
    method.map(|method| ReplicaSettings {
        method,
        max_age,
        poll_every,
        reconcile_every: has_reconcile.then_some(reconcile_every),
    })
}
