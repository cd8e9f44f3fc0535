//! Files of the registry against accounts: what they change, what is held back, who may let it go.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use portvakt_auth::{Account, AccountId, Kind, Refusal, standing};
use portvakt_registry::{Guarded, RowFault, hexadecimal};
use tempfile::TempDir;

use super::*;
use crate::accounts::{Channel, Role, Target};
use crate::config::Config;
use crate::state::State;

const CONFIG: &str = r#"
data = "data"
realms = ["campus.example"]
[[listen]]
address = "127.0.0.1:0"
[accounting]
listen = []
[[client]]
name = "test"
net = "127.0.0.0/8"
secret = "a-secret-between-tests"
methods = ["pap"]
[registry]
news-days = 7
[registry.guard]
locks = { count = 3 }
mobiles = { count = 2 }
"#;

/// A data folder with students `s0` to `s9`.
struct Office {
    accounts: Accounts,
    folder: TempDir,
}

fn actor(who: &str) -> Actor {
    Actor {
        who: who.to_owned(),
        role: Role::Administrator,
        channel: Channel::Socket,
    }
}

fn open(folder: &TempDir) -> Accounts {
    let file = folder.path().join("portvakt.toml");
    std::fs::write(&file, CONFIG).unwrap();
    let (config, _) = Config::load_file(&file, Timestamp::now()).unwrap();
    Accounts::new(State::open(&config).unwrap())
}

impl Office {
    fn new() -> Self {
        let folder = TempDir::with_prefix("portvakt").unwrap();
        let accounts = open(&folder);
        let students = (0..10).map(|each| {
            let id = AccountId::new(&format!("s{each}")).unwrap();
            Account::new(id, Kind::Student)
        });
        let directory = &accounts.state.directories[0].directory;
        directory.writer().unwrap().put(students.collect()).unwrap();
        Self { accounts, folder }
    }

    /// The same data folder after a restart.
    fn restarted(self) -> Self {
        self.state().close();
        let Self { accounts, folder } = self;
        drop(accounts);
        Self {
            accounts: open(&folder),
            folder,
        }
    }

    fn state(&self) -> &Arc<State> {
        &self.accounts.state
    }

    fn send(&self, text: &str, dry_run: bool) -> Result<RegistryImport, ActError> {
        let file = RegistryFile {
            octets: text.len() as u64,
            file: "students.csv".to_owned(),
            dry_run,
            must_be_full: false,
        };
        let cron = actor("cron");
        self.accounts
            .import_registry(&cron, &file, &mut text.as_bytes())
    }

    fn import(&self, text: &str) -> RegistryImport {
        self.send(text, false).unwrap()
    }

    fn applied(&self, text: &str) -> i64 {
        match self.import(text).outcome {
            ImportOutcome::Applied { import } => import,
            other => panic!("{other:?}"),
        }
    }

    fn held(&self, text: &str) -> String {
        let imported = self.import(text);
        assert!(matches!(imported.outcome, ImportOutcome::Held { .. }));
        imported.digest
    }

    /// The reason for which a student is refused.
    fn refusal(&self, name: &str) -> Option<Refusal> {
        let account = self.accounts.find(name).unwrap();
        let registry = self.state().registry.of(&account);
        let policy = self.state().policy.load();
        let rules = policy.sources.rules(&account.id);
        let now = self.state().clock.now().utc;
        standing(registry.subject(&account), "eduroam", rules, now).err()
    }

    fn audit(&self) -> String {
        self.accounts.flush_audit().unwrap();
        let folder = std::fs::read_dir(self.folder.path().join("data/audit")).unwrap();
        let files = folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        files.collect()
    }

    fn later(&self, days: i64) {
        let by = SignedDuration::from_hours(24 * days);
        self.state().clock.skip(by.unsigned_abs());
    }
}

fn flags(rows: &[(&str, bool)]) -> String {
    let rows = rows.iter().map(|(name, active)| {
        let active = if *active { "yes" } else { "no" };
        format!("{name};{active}\n")
    });
    format!("username;active\n{}", rows.collect::<String>())
}

fn full(rows: &str, number: u64, produced: Timestamp) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, rows.as_bytes());
    let digest = hexadecimal(&digest.as_ref().try_into().unwrap());
    format!("{rows}# rows={number} sha256={digest} produced={produced} full\n")
}

#[test]
fn status_follows_a_file_at_once_and_outlives_the_process() {
    let office = Office::new();
    assert_eq!(office.refusal("s0"), Some(Refusal::NotRegistered));
    office.applied(&flags(&[("s0", true), ("s1", true)]));
    assert_eq!(office.refusal("s0"), None);
    office.applied(&flags(&[("s0", false)]));
    assert_eq!(office.refusal("s0"), Some(Refusal::NotActive));
    let office = office.restarted();
    assert_eq!(office.refusal("s0"), Some(Refusal::NotActive));
    assert_eq!(office.refusal("s1"), None);
    office.applied(&flags(&[("s0", true)]));
    assert_eq!(office.refusal("s0"), None);
    assert!(office.audit().contains("registry-import"));
}

#[test]
fn dry_run_says_who_would_be_locked_and_changes_nothing() {
    let office = Office::new();
    office.applied(&flags(&[("s0", true), ("s1", true)]));
    let told = office.send(&flags(&[("s0", false)]), true).unwrap();
    assert_eq!(told.outcome, ImportOutcome::DryRun);
    assert_eq!(told.effect.locks.named[0].key, "s0");
    assert_eq!(told.effect.locks.named[0].refusal, Some(Refusal::NotActive));
    assert_eq!(office.refusal("s0"), None);
    assert_eq!(office.accounts.registry_imports(10).unwrap().len(), 1);
}

#[test]
fn file_with_a_mistake_changes_nothing_and_is_audited() {
    let office = Office::new();
    let error = office.send("username;active\ns0;yes\ns1;perhaps\n", false);
    let Err(ActError::RegistryFile { mistakes }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(mistakes.rows[0].fault, RowFault::Word);
    assert_eq!(office.refusal("s0"), Some(Refusal::NotRegistered));
    assert!(office.accounts.registry_imports(10).unwrap().is_empty());
    assert!(office.audit().contains("refused"));
}

/// Four locks where three are allowed: nothing of the file counts until two operators said so.
#[test]
fn file_beyond_the_guard_waits_for_two_different_operators() {
    let office = Office::new();
    let all = [
        ("s0", true),
        ("s1", true),
        ("s2", true),
        ("s3", true),
        ("s4", true),
    ];
    office.applied(&flags(&all));
    let four = flags(&[("s0", false), ("s1", false), ("s2", false), ("s3", false)]);
    let digest = office.held(&four);
    assert_eq!(office.refusal("s0"), None);
    // The same file again is the same one that waits.
    assert_eq!(office.held(&four), digest);
    let approve = |who| office.accounts.approve_registry(&actor(who), &digest);
    for _ in 0..2 {
        let waiting = approve("kari").unwrap().outcome;
        assert!(
            matches!(waiting, ImportOutcome::Held { approved_by, .. } if approved_by == ["kari"])
        );
        assert_eq!(office.refusal("s0"), None);
    }
    let unknown = office
        .accounts
        .approve_registry(&actor("ola"), &digest[..63]);
    assert!(matches!(unknown, Err(ActError::UnknownDigest { .. })));
    let applied = approve("ola").unwrap().outcome;
    assert!(
        matches!(applied, ImportOutcome::Applied { .. }),
        "{applied:?}"
    );
    assert_eq!(office.refusal("s3"), Some(Refusal::NotActive));
    assert!(matches!(
        approve("per"),
        Err(ActError::UnknownDigest { .. })
    ));
    // What was approved does not count towards the day.
    office.applied(&flags(&[("s4", false)]));
}

#[test]
fn small_files_do_no_more_in_a_day_than_one() {
    let office = Office::new();
    let all: Vec<_> = ["s0", "s1", "s2", "s3"].map(|name| (name, true)).to_vec();
    office.applied(&flags(&all));
    for name in ["s0", "s1", "s2"] {
        office.applied(&flags(&[(name, false)]));
    }
    let imported = office.import(&flags(&[("s3", false)]));
    assert!(matches!(imported.outcome, ImportOutcome::Held { .. }));
    assert_eq!(imported.exceeded[0].of, Guarded::Locks);
    assert_eq!(
        (imported.exceeded[0].file, imported.exceeded[0].day),
        (1, 3)
    );
    office.later(2);
    office.applied(&flags(&[("s3", false), ("s0", false)]));
}

#[test]
fn held_file_is_judged_anew_when_it_is_approved() {
    let office = Office::new();
    let all: Vec<_> = ["s0", "s1", "s2", "s3"].map(|name| (name, true)).to_vec();
    office.applied(&flags(&all));
    let four: Vec<_> = all.iter().map(|(name, _)| (*name, false)).collect();
    let digest = office.held(&flags(&four));
    // Newer news of one of them comes first.
    office.later(1);
    office.applied("username;active;mobile\ns0;yes;+4791234567\n");
    let approve = |who| {
        office
            .accounts
            .approve_registry(&actor(who), &digest)
            .unwrap()
    };
    approve("kari");
    let effect = approve("ola").effect;
    assert_eq!((effect.locks.count, effect.older), (3, 1));
    assert_eq!(office.refusal("s0"), None);
    assert_eq!(office.refusal("s1"), Some(Refusal::NotActive));
}

#[test]
fn import_is_undone_by_its_number_for_seven_days() {
    let office = Office::new();
    office.applied(&flags(&[("s0", true)]));
    let wrong = office.applied(&flags(&[("s0", false), ("s1", true)]));
    let undo = |office: &Office, import| {
        office
            .accounts
            .undo_registry(&actor("kari"), import, "wrong file")
    };
    undo(&office, wrong).unwrap();
    assert_eq!(office.refusal("s0"), None);
    assert_eq!(office.refusal("s1"), Some(Refusal::NotRegistered));
    assert_eq!(
        undo(&office, wrong),
        Err(ActError::NotUndoable { import: wrong })
    );
    assert_eq!(
        undo(&office, 99),
        Err(ActError::UnknownImport { import: 99 })
    );
    let old = office.applied(&flags(&[("s2", true)]));
    office.later(8);
    assert_eq!(
        undo(&office, old),
        Err(ActError::NotUndoable { import: old })
    );
    let office = office.restarted();
    assert_eq!(office.refusal("s0"), None);
}

#[test]
fn full_file_lets_others_vanish_and_an_older_one_is_refused() {
    let office = Office::new();
    let now = office.state().clock.now().utc;
    let hours_ago = |hours| now - SignedDuration::from_hours(hours);
    let both = flags(&[("s0", true), ("s1", true)]);
    office.applied(&full(&both, 2, hours_ago(5)));
    office.applied(&full(&flags(&[("s0", true)]), 1, hours_ago(3)));
    assert_eq!(office.refusal("s1"), Some(Refusal::NotRegistered));
    let old = office.send(&full(&both, 2, hours_ago(4)), false);
    let Err(ActError::RegistryFile { mistakes }) = old else {
        panic!("{old:?}");
    };
    assert!(matches!(mistakes.file, Some(FileFault::Older { .. })));
    assert_eq!(office.refusal("s1"), Some(Refusal::NotRegistered));
}

/// Two imports beside each other: one is judged upon the other.
#[test]
fn imports_at_the_same_time_lose_nothing() {
    let office = Office::new();
    std::thread::scope(|scope| {
        for name in ["s0", "s1", "s2", "s3", "s4", "s5"] {
            let office = &office;
            scope.spawn(move || office.applied(&flags(&[(name, true)])));
        }
    });
    for name in ["s0", "s1", "s2", "s3", "s4", "s5"] {
        assert_eq!(office.refusal(name), None, "{name}");
    }
    assert_eq!(office.restarted().state().registry.len(), 6);
}

#[test]
fn two_approvals_at_the_same_time_put_a_file_in_force_once() {
    let office = Office::new();
    let all: Vec<_> = ["s0", "s1", "s2", "s3"].map(|name| (name, true)).to_vec();
    office.applied(&flags(&all));
    let four: Vec<_> = all.iter().map(|(name, _)| (*name, false)).collect();
    let digest = office.held(&flags(&four));
    let applied: usize = std::thread::scope(|scope| {
        let threads = ["kari", "ola", "per"].map(|who| {
            let (office, digest) = (&office, &digest);
            scope.spawn(move || office.accounts.approve_registry(&actor(who), digest))
        });
        let done = threads.map(|thread| thread.join().unwrap());
        let is_applied = |done: &Result<RegistryImport, ActError>| {
            let outcome = done.as_ref().map(|imported| &imported.outcome);
            matches!(outcome, Ok(ImportOutcome::Applied { .. }))
        };
        done.iter().filter(|done| is_applied(done)).count()
    });
    assert_eq!(applied, 1);
    assert_eq!(office.refusal("s0"), Some(Refusal::NotActive));
}

/// What another node put in force is read by this one.
#[test]
fn change_of_another_node_is_followed() {
    let office = Office::new();
    office.applied(&flags(&[("s0", true)]));
    assert!(!office.state().follow_registry().unwrap());
    let store = &office.state().store;
    let upon = store.registry_version().unwrap();
    let at = office.state().clock.now().utc;
    let import = NewImport {
        digest: "d".to_owned(),
        file: "f".to_owned(),
        is_full: false,
        rows: 1,
        produced_at: at,
        has_trailer: false,
        taken_at: at,
        taken_by: "elsewhere".to_owned(),
        counts: Default::default(),
    };
    let gone = [("s0".to_owned(), Statement::gone())];
    let id = store.stage_import(&import, &gone).unwrap();
    let applying = Applying {
        upon,
        at,
        counts: Default::default(),
        by_approval: false,
    };
    assert!(store.apply_import(id, applying).unwrap());
    assert_eq!(office.refusal("s0"), None);
    assert!(office.state().follow_registry().unwrap());
    assert_eq!(office.refusal("s0"), Some(Refusal::NotRegistered));
}

#[test]
fn exemption_opens_until_its_day_and_outlives_the_process() {
    let office = Office::new();
    office.applied(&flags(&[("s0", false)]));
    let target = Target {
        user: "s0".to_owned(),
        why: "paid at the desk".to_owned(),
    };
    let policy = office.state().policy.load();
    let terms = &policy.sources.primary().rules.terms;
    let today = terms.local_date(office.state().clock.now().utc);
    let in_days = |days: i32| today.checked_add(jiff::Span::new().days(days)).unwrap();
    let kari = actor("kari");
    for unfit in [-1, 400] {
        let until = Some(in_days(unfit));
        let refused = office.accounts.exempt(&kari, &target, until);
        assert!(matches!(refused, Err(ActError::UntilNotFit { .. })));
    }
    let exempted = office
        .accounts
        .exempt(&kari, &target, Some(in_days(2)))
        .unwrap();
    assert_eq!(exempted.until, terms.start_of(in_days(3)));
    assert_eq!(office.refusal("s0"), None);
    assert!(
        !office.state().follow_registry().unwrap(),
        "known here already"
    );
    let person = office.accounts.known_person("s0").unwrap();
    assert_eq!(person.exemption.unwrap().reason, "paid at the desk");
    let office = office.restarted();
    assert_eq!(office.refusal("s0"), None);
    office.later(4);
    office.applied("# rows=0\n");
    assert_eq!(office.refusal("s0"), Some(Refusal::NotActive));
}

/// The next deadline locks those who have not paid, and no others.
#[test]
fn preview_names_students_whom_the_next_deadline_locks() {
    let office = Office::new();
    let policy = office.state().policy.load();
    let terms = &policy.sources.primary().rules.terms;
    let now = office.state().clock.now().utc;
    let (next, due) = terms.next_due(now).unwrap();
    let required = terms.required(now).unwrap();
    let registered = terms.local_date(now);
    office.applied(&format!(
        "username;term;fee;registered-at\n\
         s0;{required};paid;{registered}\n\
         s1;{next};paid;{registered}\n\
         s2;{next};open;\n"
    ));
    let preview = office.accounts.preview_terms().unwrap();
    assert_eq!((preview.term, preview.due), (next.to_string(), due));
    let locked: Vec<_> = preview
        .locked
        .iter()
        .map(|lock| lock.account.as_str())
        .collect();
    assert_eq!(locked, ["s0", "s2"]);
    assert_eq!(preview.students, 10);
}

/// The flag of nobody changes, but the silence over a deadline ends: that is counted too.
#[test]
fn end_of_a_silence_counts_as_what_it_locks() {
    let office = Office::new();
    let policy = office.state().policy.load();
    let terms = &policy.sources.primary().rules.terms;
    let now = office.state().clock.now().utc;
    let required = terms.required(now).unwrap();
    let today = terms.local_date(now);
    let rows: String = (0..4)
        .map(|each| format!("s{each};{required};paid;{today}\n"))
        .collect();
    office.applied(&format!("username;term;fee;registered-at\n{rows}"));
    let (_, due) = terms.next_due(now).unwrap();
    let days = due.duration_since(now).as_hours() / 24 + 20;
    office.later(days);
    assert_eq!(office.refusal("s0"), None, "silent");
    let imported = office.import("# rows=0\n");
    assert!(matches!(imported.outcome, ImportOutcome::Held { .. }));
    assert_eq!(imported.effect.locks.count, 4);
    assert_eq!(office.refusal("s0"), None);
}
