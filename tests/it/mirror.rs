//! The mirror of a directory, kept by a real OpenLDAP in both ways that it has, and by a test server
//! that speaks as Active Directory does.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{
    ROOT_DN, ROOT_PASSWORD, Recipe, SERVICE_DN, SERVICE_PASSWORD, SUFFIX, Slapd, crowd,
};
use jiff::Timestamp;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope};
use portvakt_auth::account::{Account, Kind};
use portvakt_directory::account_facts::AccountFacts;
use portvakt_directory::attributes::{AttributeMap, AttributeNames, AttributeRole};
use portvakt_directory::entry::Entry;
use portvakt_directory::{AccountReplica as _, EntryFault, ReplicaState};
use portvakt_ldap::replica::{
    Connect, EntrySource, OpenConnection, Replica, ReplicaConfig, ReplicaLookup, ReplicaWorker,
    SyncMethod,
};
use portvakt_ldap::{Faults, Flow};
use tempfile::TempDir;

/// Of two passwords, whatever they are.
const SSHA_OF_ONE: &str = "{SSHA}8PJeAwHjTeQzlWxYH8nXzBUDEAc5HRCb";
const SSHA_OF_ANOTHER: &str = "{SSHA}mpMbZh1V4pDgEzmUmvYVhpVvfJFgmDXT";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// No test asserts how long something takes; this is when it has not come at all.
const NEVER: Duration = Duration::from_secs(60);

struct OpenLdap(String);

impl EntrySource for OpenLdap {
    fn connect(&self) -> Connect<'_> {
        Box::pin(async { Ok(connect(&self.0, SERVICE_DN, SERVICE_PASSWORD).await?) })
    }

    fn understand(
        &self,
        entry: &Entry,
        known: Option<&Account>,
    ) -> Result<Option<Account>, EntryFault> {
        let map = AttributeMap {
            default_kind: Some(Kind::Employee),
            names: AttributeNames::default().with(AttributeRole::Alias, "employeeNumber"),
            ..AttributeMap::default()
        };
        let now = Timestamp::now();
        let draft = AccountFacts::read(entry, &map, false, now);
        let draft = draft.map_err(EntryFault::Attributes)?;
        Ok(draft.map(|draft| draft.merge(known, now)))
    }
}

async fn connect(url: &str, dn: &str, password: &str) -> Result<OpenConnection, ldap3::LdapError> {
    let settings = LdapConnSettings::new().set_conn_timeout(Duration::from_secs(1));
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, url).await?;
    let driver = tokio::spawn(async move { drop(connection.drive().await) });
    ldap.with_timeout(Duration::from_secs(2));
    ldap.simple_bind(dn, password).await?.success()?;
    Ok(OpenConnection {
        ldap,
        driver,
        faults: Faults::default(),
        flow: Flow::default(),
    })
}

fn crowded(people: usize) -> Slapd {
    Slapd::with(&crowd(people, SSHA_OF_ONE))
}

/// One whose overlay syncprov has these lines.
fn synchronised(sync: &str) -> Slapd {
    let recipe = Recipe {
        sync,
        ..Recipe::default()
    };
    Slapd::of(&recipe, &crowd(100, SSHA_OF_ONE))
}

/// One that gives only some of its entries.
fn limited() -> Slapd {
    let recipe = Recipe {
        size_limit: "10",
        ..Recipe::default()
    };
    Slapd::of(&recipe, &crowd(100, SSHA_OF_ONE))
}

/// Does something in the directory, as its administrator.
fn administer(slapd: &Slapd, act: impl AsyncFnOnce(&mut Ldap)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut connection = connect(&slapd.ldap(), ROOT_DN, ROOT_PASSWORD)
            .await
            .unwrap();
        act(&mut connection.ldap).await;
        let _ = connection.ldap.unbind().await;
    });
}

fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{SUFFIX}")
}

fn add(slapd: &Slapd, uid: &str) {
    administer(slapd, async |ldap| {
        let one = |name, value| (name, [value].into_iter().collect());
        let attributes = vec![
            one("objectClass", "inetOrgPerson"),
            one("uid", uid),
            one("cn", uid),
            one("sn", uid),
        ];
        ldap.add(&dn(uid), attributes)
            .await
            .unwrap()
            .success()
            .unwrap();
    });
}

fn replace(slapd: &Slapd, uid: &str, attribute: &str, value: &str) {
    administer(slapd, async |ldap| {
        let change = vec![Mod::Replace(attribute, [value].into_iter().collect())];
        ldap.modify(&dn(uid), change)
            .await
            .unwrap()
            .success()
            .unwrap();
    });
}

fn delete(slapd: &Slapd, uid: &str) {
    administer(slapd, async |ldap| {
        ldap.delete(&dn(uid)).await.unwrap().success().unwrap();
    });
}

fn config(method: SyncMethod, journal: Option<PathBuf>) -> ReplicaConfig {
    ReplicaConfig {
        name: "campus".to_owned(),
        method,
        is_active_directory: false,
        base: SUFFIX.to_owned(),
        scope: Scope::Subtree,
        filter: "(objectClass=inetOrgPerson)".to_owned(),
        attributes: [
            "uid",
            "displayName",
            "mail",
            "userPassword",
            "employeeNumber",
        ]
        .map(String::from)
        .into(),
        id_attribute: "entryUUID",
        poll_every: Duration::from_millis(50),
        reconcile_every: DAY,
        keep_alive: Duration::from_millis(200),
        operation_timeout: Duration::from_millis(500),
        journal,
        fingerprint: "test".to_owned(),
    }
}

/// A mirror and whoever keeps it.
struct Kept {
    replica: Arc<Replica>,
    /// The accounts whose change was told, in this order.
    shown: Arc<Mutex<Vec<String>>>,
    worker: Option<ReplicaWorker>,
}

impl Kept {
    fn start(source: impl EntrySource, config: ReplicaConfig, max_age: Duration) -> Self {
        let replica = Arc::new(Replica::new(max_age));
        let shown = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&shown);
        replica.on_change(Box::new(move |id| {
            list.lock().unwrap().push(id.to_string())
        }));
        let worker = ReplicaWorker::start(Arc::clone(&replica), Arc::new(source), config).unwrap();
        Self {
            replica,
            shown,
            worker: Some(worker),
        }
    }

    fn of(slapd: &Slapd, config: ReplicaConfig) -> Self {
        Self::start(source(slapd), config, DAY)
    }

    /// As `of`, once all accounts are there.
    fn loaded(slapd: &Slapd, config: ReplicaConfig) -> Self {
        let kept = Self::of(slapd, config);
        kept.becomes(ReplicaState::Current);
        kept
    }

    fn find(&self, name: &str) -> ReplicaLookup {
        self.replica.find(name)
    }

    fn has(&self, name: &str) -> bool {
        matches!(self.find(name), ReplicaLookup::Account(_))
    }

    fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + NEVER;
        while !is_so(self) {
            let status = self.replica.status();
            assert!(Instant::now() < deadline, "never {what}: {status:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn becomes(&self, state: ReplicaState) {
        self.until(&format!("{state:?}"), |kept| {
            kept.replica.status().state == state
        });
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    fn end(mut self) {
        drop(self.worker.take());
    }
}

fn source(slapd: &Slapd) -> OpenLdap {
    OpenLdap(slapd.ldap())
}

fn in_folder(folder: &TempDir) -> Option<PathBuf> {
    Some(folder.path().join("mirror"))
}

#[test]
fn peer_slapd_fills_the_mirror_and_its_changes_arrive() {
    let slapd = crowded(20_000);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Auto, None));
    assert_eq!(kept.replica.status().accounts, 20_000);
    assert_eq!(kept.find("nobody"), ReplicaLookup::Nobody);
    let ReplicaLookup::Account(account) = kept.find("u012345") else {
        panic!("u012345 is not there")
    };
    assert_eq!(account.mail.as_deref(), Some("u012345@campus.example"));
    add(&slapd, "new");
    kept.until("there", |kept| kept.has("new"));
    replace(&slapd, "new", "employeeNumber", "alias");
    kept.until("under its alias", |kept| kept.has("alias"));
    delete(&slapd, "new");
    kept.until("gone", |kept| kept.find("new") == ReplicaLookup::Nobody);
    assert_eq!(kept.find("alias"), ReplicaLookup::Nobody);
}

#[test]
fn peer_slapd_renames_an_entry_and_its_old_name_is_nobodys() {
    let slapd = crowded(3);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, None));
    administer(&slapd, async |ldap| {
        let renamed = ldap
            .modifydn(&dn("u000001"), "uid=married", true, None)
            .await;
        renamed.unwrap().success().unwrap();
    });
    kept.until("renamed", |kept| kept.has("married"));
    // The new name is in the table before the old one is out.
    kept.until("nobody's", |kept| {
        kept.find("u000001") == ReplicaLookup::Nobody
    });
    assert_eq!(kept.replica.status().accounts, 3);
}

#[test]
fn peer_slapd_changes_a_password_and_whoever_remembers_the_old_one_is_told() {
    let slapd = crowded(3);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, None));
    let version = |kept: &Kept| match kept.find("u000001") {
        ReplicaLookup::Account(account) => account.credential_version,
        other => panic!("{other:?}"),
    };
    let before = version(&kept);
    replace(&slapd, "u000001", "displayName", "Somebody Else");
    replace(&slapd, "u000001", "userPassword", SSHA_OF_ANOTHER);
    kept.until("told", |kept| kept.shown() == ["u000001"]);
    assert_ne!(version(&kept), before);
    let ReplicaLookup::Account(account) = kept.find("u000001") else {
        panic!("gone")
    };
    assert_eq!(
        account.previous.len(),
        1,
        "the old password is refused without being counted"
    );
    delete(&slapd, "u000002");
    kept.until("told", |kept| kept.shown() == ["u000001", "u000002"]);
}

/// P2.
#[test]
fn peer_slapd_has_two_entries_of_one_name_until_one_goes() {
    let slapd = crowded(3);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, None));
    replace(&slapd, "u000001", "employeeNumber", "u000002");
    kept.until("ambiguous", |kept| {
        kept.find("u000002") == ReplicaLookup::Ambiguous
    });
    assert!(kept.has("u000001"));
    delete(&slapd, "u000001");
    kept.until("healed", |kept| kept.has("u000002"));
}

/// With a session log deletions are named, without one they show by what is not named.
#[test]
fn peer_slapd_changes_while_we_are_away_arrive_when_we_are_back() {
    for overlay in ["syncprov-sessionlog 1000", ""] {
        let folder = TempDir::new().unwrap();
        let slapd = synchronised(overlay);
        Kept::loaded(&slapd, config(SyncMethod::Sync, in_folder(&folder))).end();
        delete(&slapd, "u000001");
        replace(&slapd, "u000002", "employeeNumber", "alias");
        add(&slapd, "new");
        let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, in_folder(&folder)));
        assert_eq!(
            kept.replica.status().loads,
            0,
            "it has gone on, not begun anew"
        );
        assert_eq!(kept.find("u000001"), ReplicaLookup::Nobody, "{overlay}");
        assert!(kept.has("alias") && kept.has("new") && kept.has("u000003"));
        assert_eq!(kept.replica.status().accounts, 100);
        let mut shown = kept.shown();
        shown.sort_unstable();
        assert_eq!(shown, ["u000001", "u000002"], "{overlay}");
    }
}

#[test]
fn peer_slapd_is_restarted_and_its_changes_go_on() {
    let mut slapd = crowded(100);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, None));
    slapd.terminate();
    kept.becomes(ReplicaState::Away);
    slapd.start();
    kept.becomes(ReplicaState::Current);
    delete(&slapd, "u000001");
    kept.until("gone", |kept| kept.find("u000001") == ReplicaLookup::Nobody);
    assert_eq!(kept.replica.status().loads, 1);
}

#[test]
fn peer_slapd_is_killed_and_known_accounts_go_on_up_to_the_age() {
    let folder = TempDir::new().unwrap();
    let mut slapd = crowded(100);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, in_folder(&folder)));
    slapd.kill();
    kept.becomes(ReplicaState::Away);
    assert!(kept.has("u000001"));
    assert_eq!(kept.find("stranger"), ReplicaLookup::Unsure);
    assert!(kept.replica.status().failure.is_some());
    kept.end();
    // A restart of ours while it is away.
    let kept = Kept::of(&slapd, config(SyncMethod::Sync, in_folder(&folder)));
    assert!(kept.has("u000001"));
    kept.end();
    let short = Duration::from_millis(1);
    let kept = Kept::start(
        source(&slapd),
        config(SyncMethod::Sync, in_folder(&folder)),
        short,
    );
    kept.becomes(ReplicaState::TooOld);
    assert_eq!(kept.find("u000001"), ReplicaLookup::Unsure);
    slapd.start();
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, in_folder(&folder)));
    assert!(kept.has("u000001"));
}

#[test]
fn peer_slapd_that_hangs_is_noticed() {
    let slapd = crowded(100);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, None));
    slapd.pause();
    kept.becomes(ReplicaState::Away);
    assert!(kept.has("u000001"));
    slapd.resume();
    kept.becomes(ReplicaState::Current);
}

#[test]
fn peer_slapd_with_another_database_makes_us_begin_anew() {
    let folder = TempDir::new().unwrap();
    let slapd = crowded(100);
    Kept::loaded(&slapd, config(SyncMethod::Sync, in_folder(&folder))).end();
    drop(slapd);
    let slapd = crowded(50);
    let kept = Kept::of(&slapd, config(SyncMethod::Sync, in_folder(&folder)));
    kept.until("like the new one", |kept| {
        let status = kept.replica.status();
        status.state == ReplicaState::Current && status.accounts == 50
    });
    assert!(kept.shown().len() >= 50, "whoever is gone is told of");
}

#[test]
fn peer_slapd_that_gives_only_some_entries_is_never_taken_for_the_whole() {
    let slapd = limited();
    for method in [SyncMethod::Sync, SyncMethod::Poll] {
        let kept = Kept::of(&slapd, config(method, None));
        kept.until("failed", |kept| kept.replica.status().failure.is_some());
        let status = kept.replica.status();
        assert!(status.failure.unwrap().contains("limits"));
        assert_eq!(status.state, ReplicaState::Loading);
        assert_eq!(kept.find("u000001"), ReplicaLookup::Unsure);
    }
}

#[test]
fn peer_slapd_that_is_polled_fills_the_mirror_and_its_changes_arrive() {
    let slapd = crowded(2_500);
    let config = ReplicaConfig {
        reconcile_every: Duration::from_secs(1),
        ..config(SyncMethod::Poll, None)
    };
    let kept = Kept::loaded(&slapd, config);
    assert_eq!(kept.replica.status().accounts, 2_500);
    add(&slapd, "new");
    kept.until("there", |kept| kept.has("new"));
    replace(&slapd, "new", "userPassword", SSHA_OF_ANOTHER);
    kept.until("told", |kept| kept.shown() == ["new"]);
    delete(&slapd, "new");
    kept.until("gone", |kept| kept.find("new") == ReplicaLookup::Nobody);
    assert_eq!(kept.replica.status().accounts, 2_500);
}

#[test]
fn whole_reload_beside_what_is_in_use_is_never_seen_half() {
    let slapd = crowded(5_000);
    let config = ReplicaConfig {
        reconcile_every: Duration::from_millis(50),
        ..config(SyncMethod::Sync, None)
    };
    let kept = Kept::loaded(&slapd, config);
    let mut number = 0;
    while kept.replica.status().loads < 5 {
        number = (number + 1) % 5_000;
        assert!(kept.has(&format!("u{number:06}")));
    }
    assert!(kept.shown().is_empty(), "nothing has changed");
}

#[test]
fn entry_that_cannot_be_understood_keeps_nobody_out_but_itself() {
    let slapd = crowded(3);
    let kept = Kept::loaded(&slapd, config(SyncMethod::Sync, None));
    replace(&slapd, "u000001", "userPassword", "{UNKNOWN}scheme");
    kept.until("told", |kept| kept.shown() == ["u000001"]);
    assert_eq!(
        kept.find("u000001"),
        ReplicaLookup::Unsure,
        "the directory itself is asked why"
    );
    assert_eq!(kept.replica.status().not_understood, 1);
    assert!(kept.has("u000002"));
    replace(&slapd, "u000001", "userPassword", SSHA_OF_ONE);
    kept.until("healed", |kept| kept.has("u000001"));
    assert_eq!(kept.replica.status().not_understood, 0);
}
