//! Several servers on one database: six answers in all.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::common::{Daemon, Namespace, Radclient, Setup, eventually};
use crate::nas::{Nas, Reply, people};

/// The sealing key that all nodes have.
const KEY: &str = "c2l4dGVlbiBvY3RldHMgYW5kIHNpeHRlZW4gbW9yZSE=";
/// Accounts that are guessed at.
const ACCOUNTS: usize = 20;
/// How long a NAS waits before it sends a request again.
const RESEND: Duration = Duration::from_secs(3);

/// Node number `index` on a database; the first brings [`ACCOUNTS`] people.
fn node(index: usize, url: &str) -> Setup {
    let ldif = match index {
        0 => people::people(ACCOUNTS),
        _ => String::new(),
    };
    let setup = Setup::new()
        .people(&ldif)
        .set("node", "name", &format!("\"node-{index}\""))
        .set("store", "url", &format!("\"{url}\""))
        .set("accounts", "sealing-key-file", "\"sealing-key\"");
    setup.write("sealing-key", KEY);
    setup
}

/// Starts so many nodes on one database.
fn nodes(url: &str, count: usize) -> Vec<Daemon> {
    (0..count).map(|index| node(index, url).start()).collect()
}

/// Sends a request until it is answered, as a NAS does; `None` after three times.
fn persist(nas: &Nas, user: &str, password: &str) -> Option<Reply> {
    let request = nas.pap(user, password);
    let octets = request.octets();
    for _ in 0..3 {
        nas.send(&octets);
        if let Some(answer) = nas.receive(RESEND) {
            return Some(Reply::read(&answer, &octets, nas.secret()));
        }
    }
    None
}

/// The accounts, and how often each was told to be wrong by any of these nodes.
fn told_wrong(nodes: &[Daemon]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for line in nodes.iter().flat_map(Daemon::audit_lines) {
        if line["event"] == "attempt" && line["reason"] == "wrong-credential" {
            let account = line["account"].as_str().unwrap().to_owned();
            *told.entry(account).or_default() += 1;
        }
    }
    told
}

/// Three thousand guesses at twenty accounts, from thirty NASes, each asking all nodes in turn.
#[test]
fn three_nodes_tell_six_of_three_thousand_guesses_at_twenty_accounts() {
    let cluster = Cluster::start("--fsync=on");
    let nodes = nodes(&cluster.database(), 3);
    thread::scope(|scope| {
        for nas in 0..30 {
            let nodes = &nodes;
            scope.spawn(move || {
                let lines: Vec<_> = nodes.iter().map(Daemon::nas).collect();
                for guess in 0..100 {
                    let user = people::name((nas + guess) % ACCOUNTS);
                    let password = format!("wrong-{nas}-{guess}");
                    let reply = persist(&lines[guess % lines.len()], &user, &password);
                    assert!(reply.expect("an answer").is_reject());
                }
            });
        }
    });
    let told = told_wrong(&nodes);
    assert_eq!(told.len(), ACCOUNTS);
    assert!(told.values().all(|&count| count == 6), "{told:?}");
    for (index, node) in nodes.iter().enumerate() {
        let nas = node.nas();
        for person in 0..ACCOUNTS {
            let reply = nas.log_on(&people::name(person), &people::password(person));
            assert!(reply.is_reject(), "node {index} lets {person} in");
        }
    }
}

/// Failures that were told, by account, and when to disturb.
#[derive(Default)]
struct Tally {
    told: BTreeMap<String, u64>,
    answers: usize,
}

/// Has ten NASes guess so often at each account, at all of `nodes` in turn, while `disturb` runs.
fn guess_amid(nodes: &[Daemon], times: usize, tally: &Mutex<Tally>, disturb: impl FnOnce()) {
    static NEXT: Mutex<usize> = Mutex::new(0);
    thread::scope(|scope| {
        for nas in 0..10 {
            scope.spawn(move || {
                let lines: Vec<_> = nodes.iter().map(Daemon::nas).collect();
                let persons = (0..ACCOUNTS).filter(|person| person % 10 == nas);
                let guesses =
                    persons.flat_map(|person| (0..times).map(move |guess| (person, guess)));
                for (person, guess) in guesses {
                    let user = people::name(person);
                    let number = {
                        let mut next = NEXT.lock().unwrap();
                        *next += 1;
                        *next
                    };
                    let line = &lines[(person + guess) % lines.len()];
                    let reply = persist(line, &user, &format!("wrong-{number}"));
                    let mut tally = tally.lock().unwrap();
                    tally.answers += 1;
                    if let Some(reply) = reply {
                        assert!(reply.is_reject());
                        *tally.told.entry(user).or_default() += 1;
                    }
                }
            });
        }
        disturb();
    });
}

/// Waits until so many guesses were answered or given up.
fn wait_for_answers(tally: &Mutex<Tally>, count: usize) {
    let enough = || (tally.lock().unwrap().answers >= count).then_some(());
    assert!(eventually(enough).is_some());
}

/// The database crashes amid the guesses and comes back, then a node is killed amid them.
#[test]
fn failures_told_around_an_outage_are_counted_afterwards() {
    let mut cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let database = url.rsplit('/').next().unwrap();
    let nodes = nodes(&url, 3);
    let tally = Mutex::new(Tally::default());
    guess_amid(&nodes, 2, &tally, || {
        wait_for_answers(&tally, ACCOUNTS / 2);
        cluster.crash();
        wait_for_answers(&tally, ACCOUNTS + ACCOUNTS / 2);
        cluster.restart();
    });
    for node in &nodes {
        let is_healthy = || (node.metric("portvakt_store_healthy") == 1.0).then_some(());
        assert!(eventually(is_healthy).is_some(), "{}", node.log());
    }
    let before = tally.lock().unwrap().answers;
    let doomed = Pid::from_raw(i32::try_from(nodes[2].id()).unwrap());
    guess_amid(&nodes, 2, &tally, || {
        wait_for_answers(&tally, before + ACCOUNTS / 2);
        kill(doomed, Signal::SIGKILL).unwrap();
    });
    assert_counted(&cluster, database, tally);
}

/// The database stands still for half a minute, with its connections open.
#[test]
fn long_pause_of_the_database_loses_no_told_failure() {
    let cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let database = url.rsplit('/').next().unwrap();
    let nodes = nodes(&url, 3);
    let tally = Mutex::new(Tally::default());
    guess_amid(&nodes, 4, &tally, || {
        wait_for_answers(&tally, ACCOUNTS / 2);
        cluster.pause();
        thread::sleep(Duration::from_secs(30));
        cluster.resume();
    });
    for node in &nodes {
        let is_back = || (node.metric("portvakt_store_alone") == 0.0).then_some(());
        assert!(eventually(is_back).is_some(), "{}", node.log());
    }
    assert_counted(&cluster, database, tally);
}

/// Every failure that was told is in the database.
fn assert_counted(cluster: &Cluster, database: &str, tally: Mutex<Tally>) {
    let told = tally.into_inner().unwrap().told;
    assert!(!told.is_empty());
    for (user, &count) in &told {
        let sql = format!("SELECT failures FROM locks WHERE account = '{user}'");
        let counted = cluster.sql(database, &sql);
        let counted: u64 = counted.parse().unwrap_or(0);
        assert!(
            counted >= count,
            "{user}: {count} were told, {counted} are counted"
        );
    }
}

/// A database and two nodes, each on a machine of its own, with a cable from each node to it.
struct Campus {
    nodes: Vec<(Daemon, Namespace)>,
    cluster: Cluster,
    at_database: Namespace,
    #[expect(dead_code, reason = "the file is read while the database runs")]
    rules: TempDir,
}

impl Campus {
    const NAME: &str = "campus";

    fn start() -> Self {
        let at_database = Namespace::new();
        let rules = TempDir::with_prefix("portvakt-hba").unwrap();
        fs::set_permissions(rules.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = rules.path().join("pg_hba.conf");
        fs::write(
            &path,
            "local all all trust\nhost all all 10.88.0.0/16 trust\n",
        )
        .unwrap();
        let settings = [
            "--fsync=on".to_owned(),
            "--listen_addresses=*".to_owned(),
            format!("--hba_file={}", path.display()),
        ];
        let settings = settings.each_ref().map(String::as_str);
        let cluster = Cluster::start_by(&at_database.words(), &settings);
        cluster.sql("postgres", &format!("CREATE DATABASE {}", Self::NAME));
        let nodes = (0..2).map(|index| {
            let own = Namespace::new();
            let (here, there) = (format!("10.88.{index}.1/24"), format!("10.88.{index}.2/24"));
            let cable = Self::cable(index);
            at_database.connect((&cable, &here), &own, ("up0", &there));
            let name = Self::NAME;
            let url = format!("postgres://portvakt@10.88.{index}.1/{name}?sslmode=disable");
            let mut words = own.words();
            words.push(OsString::from(env!("CARGO_BIN_EXE_portvakt")));
            let mut setup = node(index, &cluster.url("portvakt", name)).server(words);
            setup.prepare();
            setup.change("store", "url", &format!("\"{url}\""));
            (setup.start(), own)
        });
        let nodes = nodes.collect();
        Self {
            nodes,
            cluster,
            at_database,
            rules,
        }
    }

    fn cable(index: usize) -> String {
        format!("node{index}")
    }

    fn set_cable(&self, index: usize, state: &str) {
        let cable = Self::cable(index);
        self.at_database
            .run(&format!("ip link set {cable} {state}"));
    }

    /// A log-on at a node; whether it was let in.
    fn log_on(&self, index: usize, person: usize, password: &str) -> bool {
        let (daemon, own) = &self.nodes[index];
        let answer = Radclient::pap(&people::name(person), password).run_in(own, daemon);
        assert!(
            answer.is_accept() || answer.is_reject(),
            "{}",
            answer.output
        );
        answer.is_accept()
    }

    fn guess(&self, index: usize, person: usize, times: usize) {
        for guess in 0..times {
            assert!(!self.log_on(index, person, &format!("wrong-{index}-{person}-{guess}")));
        }
    }

    /// Failures of an account, and whether it is locked, as the database has them.
    fn lock(&self, person: usize) -> (u64, bool) {
        let sql = format!(
            "SELECT failures, locked_until_ms IS NOT NULL FROM locks WHERE account = '{}'",
            people::name(person)
        );
        let row = self.cluster.sql(Self::NAME, &sql);
        let (failures, locked) = row.split_once('|').unwrap_or(("0", "f"));
        (failures.parse().unwrap(), locked == "t")
    }
}

/// Failures on both sides of a cut cable add up to a lock, and a lock of either side stays, although
/// the other side has let the person in meanwhile.
#[test]
fn peer_node_that_was_cut_off_comes_back_to_the_stricter_state() {
    let campus = Campus::start();
    campus.guess(0, 0, 2);
    campus.guess(1, 0, 1);
    assert_eq!(campus.lock(0), (3, false));

    campus.set_cable(0, "down");
    campus.guess(0, 0, 2);
    campus.guess(0, 1, 6);
    assert!(!campus.log_on(0, 1, &people::password(1)));
    assert!(
        campus.log_on(0, 2, &people::password(2)),
        "those who are known"
    );
    campus.guess(1, 0, 1);
    assert!(campus.log_on(1, 1, &people::password(1)));
    assert_eq!(campus.lock(0), (4, false));
    assert_eq!(campus.lock(1), (0, false));

    campus.set_cable(0, "up");
    campus.nodes[0]
        .0
        .wait_for_log("the database takes outcomes of log-ons again");
    assert_eq!((campus.lock(0), campus.lock(1)), ((6, true), (6, true)));
    for node in 0..2 {
        assert!(!campus.log_on(node, 0, &people::password(0)));
        assert!(campus.log_on(node, 2, &people::password(2)));
        let is_refused = || (!campus.log_on(node, 1, &people::password(1))).then_some(());
        assert!(
            eventually(is_refused).is_some(),
            "node {node} hears of the lock"
        );
    }
}
