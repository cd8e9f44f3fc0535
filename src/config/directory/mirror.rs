//! Whether all accounts of a directory are kept in memory, and how: `mirror` and its companions.

use std::time::Duration;

use super::super::problem::Problem;
use super::super::section::Section;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How a mirror of a directory is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MirrorSettings {
    /// In which way.
    pub way: MirrorWay,
    /// How long it is in use after the directory's last word.
    pub max_age: Duration,
    /// How often the directory is asked for changes that it does not tell of by itself.
    pub poll_every: Duration,
    /// How often everything is read anew; `None` leaves it to the way.
    pub reconcile_every: Option<Duration>,
}

/// The way in which a mirror is kept current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorWay {
    /// What the directory has, the best first.
    Auto,
    /// Content synchronisation (RFC 4533).
    Sync,
    /// Active Directory's DirSync.
    DirSync,
    /// Asking for what has changed since.
    Poll,
}

/// `mirror`, `mirror-max-age`, `poll-every`, `reconcile-every`; `None` is no mirror. `is_searched`
/// is whether groups must be looked for, person by person.
pub(super) fn mirror(section: &mut Section<'_>, is_searched: bool) -> Option<MirrorSettings> {
    let words = [
        ("off", None),
        ("auto", Some(MirrorWay::Auto)),
        ("sync", Some(MirrorWay::Sync)),
        ("dirsync", Some(MirrorWay::DirSync)),
        ("poll", Some(MirrorWay::Poll)),
    ];
    let place = section.key_place("mirror");
    let way = section.word("mirror", &words, None);
    let max_age = section.duration("mirror-max-age", DAY, MINUTE..=30 * DAY);
    let poll_every = section.duration("poll-every", 30 * SECOND, SECOND..=HOUR);
    let has_reconcile = section.has("reconcile-every");
    let reconcile_every = section.duration("reconcile-every", DAY, MINUTE..=7 * DAY);
    if way.is_some() && is_searched {
        let problem = Problem::Conflict("groups that are searched for".to_owned());
        let advice = "a mirror knows the groups of memberOf alone: set membership = \
                      \"member-of\", or mirror = \"off\"";
        section.report().problem(&place, problem, advice);
    }
    way.map(|way| MirrorSettings {
        way,
        max_age,
        poll_every,
        reconcile_every: has_reconcile.then_some(reconcile_every),
    })
}
