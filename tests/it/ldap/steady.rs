//! Two servers that fail in turn while people go on logging on: nobody wrongly let in, nobody wrongly
//! counted. It prints what became of the log-ons of each phase.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use portvakt_radius::Code;
use portvakt_testkit::supplicant::Authority;

use crate::common::{AccessPoint, Daemon, SERVICE_DN, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, person};
use crate::ldap::wire::Way;

/// Access points that ask at the same time, each for people of its own.
const ACCESS_POINTS: usize = 4;
/// One log-on in so many is of somebody who must not get in: fewer in all than lock an account.
const ODD_ONE_IN: usize = 80;
/// The users of the load: with a wrong password; with two entries for one name; with an entry that lacks what the
/// configuration wants; of no entry.
const ODD: [&str; 4] = ["wrong", "twin", "lacking", "nobody"];

/// Outcomes of the log-ons of one phase.
#[derive(Default)]
struct Figures {
    /// Let in.
    accepted: usize,
    /// Refused, as they must be.
    refused: usize,
    /// Refused, although name and password were right: there was no directory to ask.
    shed: usize,
    /// Left without an answer.
    unanswered: usize,
    slowest: Duration,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.shed += other.shed;
        self.unanswered += other.unanswered;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Everybody that the access points ask for, and a pointer to another directory among them, which
/// each search comes across.
fn people() -> String {
    let mut all = vec![
        "dn: ou=elsewhere,ou=people,dc=campus,dc=example\nobjectClass: referral\n\
         objectClass: extensibleObject\nou: elsewhere\n\
         ref: ldap://127.0.0.1:1/ou=people,dc=campus,dc=example\n"
            .to_owned(),
    ];
    for number in 0..ACCESS_POINTS {
        for name in ["right", "wrong", "twin"] {
            all.push(person(&format!("{name}{number}"), "employee", ""));
        }
        let twin = person(&format!("twin{number}"), "employee", "");
        all.push(twin.replace("dn: uid=", "dn: cn=other "));
        all.push(lacking(number));
    }
    all.join("\n")
}

/// A user whose entry has no affiliation.
fn lacking(number: usize) -> String {
    let whole = person(&format!("lacking{number}"), "employee", "");
    whole.replace("eduPersonPrimaryAffiliation: employee\n", "")
}

/// Logs people on until told to stop.
fn ask(daemon: &Daemon, number: usize, stop: &AtomicBool) -> Figures {
    let mut access_point = AccessPoint::of(daemon);
    let mut figures = Figures::default();
    for turn in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let odd = ODD[(turn / ODD_ONE_IN + number) % ODD.len()];
        let is_odd = turn % ODD_ONE_IN == 7;
        let user = format!("{}{number}", if is_odd { odd } else { "right" });
        let is_wrong = is_odd && odd == "wrong";
        let began = Instant::now();
        access_point.ask_for(&user, if is_wrong { "wrong" } else { PASSWORD });
        let answer = access_point.receive_within(Duration::from_secs(10));
        figures.slowest = figures.slowest.max(began.elapsed());
        match answer.map(|reply| reply.code == Code::AccessAccept) {
            Some(true) => {
                assert!(!is_odd, "{user} was let in");
                figures.accepted += 1;
            }
            Some(false) if is_odd => figures.refused += 1,
            Some(false) => figures.shed += 1,
            None => figures.unanswered += 1,
        }
        sleep(Duration::from_millis(5));
    }
    figures
}

/// The load of one phase, while something happens.
fn phase(daemon: &Daemon, name: &str, happens: impl FnOnce()) -> Figures {
    let stop = AtomicBool::new(false);
    let mut all = Figures::default();
    std::thread::scope(|scope| {
        let stop = &stop;
        let asking: Vec<_> = (0..ACCESS_POINTS)
            .map(|number| scope.spawn(move || ask(daemon, number, stop)))
            .collect();
        happens();
        stop.store(true, Ordering::Relaxed);
        let figures = asking.into_iter().map(|thread| thread.join().unwrap());
        figures.for_each(|figures| all.add(&figures));
    });
    println!(
        "{name}: {} answered: {} let in, {} refused, {} shed; {} not answered; the slowest {:?}",
        all.accepted + all.refused + all.shed,
        all.accepted,
        all.refused,
        all.shed,
        all.unanswered,
        all.slowest
    );
    all
}

/// Why people of a sort were refused, and how often.
fn reasons(daemon: &Daemon, sort: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in daemon.audit_lines() {
        let name = line["outer_identity"].as_str().unwrap_or_default();
        if line["event"] == "attempt" && name.starts_with(sort) {
            let reason = line["reason"].as_str().unwrap_or("accepted").to_owned();
            *counts.entry(reason).or_default() += 1;
        }
    }
    counts
}

/// How long a trouble lasts: `whole` with `PORTVAKT_LONG=1`.
fn long(whole: Duration) -> Duration {
    match std::env::var_os("PORTVAKT_LONG") {
        Some(_) => whole,
        None => Duration::from_millis(500),
    }
}

/// Two servers of one directory, the first behind something that can cut answers in two.
struct Pair {
    first: Slapd,
    second: Slapd,
    way: Way,
}

impl Pair {
    fn new() -> Self {
        let (first, second) = (Slapd::with(&people()), Slapd::with(&people()));
        let way = Way::to(&first.ldaps());
        let pair = Self { first, second, way };
        // The directory's own lock would hide what is asked here.
        let patient = "dn: cn=policy,dc=campus,dc=example\nchangetype: modify\n\
                       replace: pwdMaxFailure\npwdMaxFailure: 1000\n";
        pair.first.change(patient);
        pair.second.change(patient);
        // Each has an authority of its own; both are known.
        let [one, other] = [&pair.first, &pair.second].map(|slapd| slapd.authority());
        let authorities = one.certificate_pem() + &other.certificate_pem();
        pair.first.write("authorities.pem", &authorities);
        pair
    }

    fn daemon(&self, verify: &str) -> Daemon {
        let servers = [self.way.address("ldaps"), self.second.ldaps()];
        let lines = format!("verify = {verify:?}\ntimeout = \"1s\"");
        let table = self.first.table_for(&[&servers[0], &servers[1]], &lines);
        let setup = Setup::new().people("");
        let setup = setup.more(&table.replace("ca.pem", "authorities.pem"));
        let setup = setup.set("passwords", "remember-proofs", "\"0s\"");
        setup.set("lockout", "attempts", "100").start()
    }

    /// Restarts the first with a new certificate, of somebody else or of its own authority.
    fn renew_first(&mut self, other: Option<Authority>) {
        let authority = other.as_ref().unwrap_or(self.first.authority());
        self.first.put_certificate(&authority.issue_server());
        self.first.kill();
        self.first.start();
    }

    /// From now on each answer of the first to our account has one entry at most.
    fn limit_first(&self) {
        self.first.configure(&format!(
            "dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nreplace: olcLimits\n\
             olcLimits: dn.exact=\"{SERVICE_DN}\" size=1\n"
        ));
    }
}

/// Each trouble that leaves one server to ask; nobody needs to be refused for long.
fn one_in_trouble(pair: &mut Pair, daemon: &Daemon) -> Vec<Figures> {
    let short = long(Duration::from_secs(3));
    let mut all = vec![phase(daemon, "nothing happens", || sleep(2 * short))];
    all.push(phase(daemon, "the first is killed, and restarted", || {
        pair.first.kill();
        sleep(short);
        pair.first.start();
        sleep(short);
    }));
    all.push(phase(daemon, "the first is stopped, and goes on", || {
        pair.first.pause();
        sleep(long(Duration::from_secs(60)));
        pair.first.resume();
        sleep(short);
    }));
    all.push(phase(daemon, "the first has a wrong certificate", || {
        pair.renew_first(Some(Authority::new("Somebody else")));
        sleep(short);
        pair.renew_first(None);
        sleep(short);
    }));
    all.push(phase(daemon, "answers of the first are cut in two", || {
        pair.way.cut(true);
        sleep(short);
        pair.way.cut(false);
        sleep(short);
    }));
    all.push(phase(daemon, "the first limits its answers", || {
        pair.limit_first();
        sleep(short);
    }));
    all
}

/// Each trouble that leaves no server for a while.
fn both_in_trouble(pair: &mut Pair, daemon: &Daemon) -> Vec<Figures> {
    let short = long(Duration::from_secs(3));
    let stopped = phase(daemon, "both are stopped, and go on", || {
        pair.first.pause();
        pair.second.pause();
        sleep(short);
        pair.first.resume();
        pair.second.resume();
        sleep(short);
    });
    let killed = phase(daemon, "both are killed, then the second is up", || {
        pair.first.kill();
        pair.second.kill();
        sleep(short);
        pair.second.start();
        sleep(short);
    });
    vec![stopped, killed]
}

/// Whether nobody of a sort was answered by anything but this, or that the directory is in trouble.
fn only(daemon: &Daemon, sort: &str, fair: &str) {
    let reasons = reasons(daemon, sort);
    println!("{sort}: {reasons:?}");
    let fair = [fair, "directory-unavailable", "overloaded"];
    assert!(reasons.contains_key(fair[0]), "{sort}: {reasons:?}");
    let is_fair = |reason: &String| fair.contains(&reason.as_str());
    assert!(reasons.keys().all(is_fair), "{sort}: {reasons:?}");
}

/// The troubles did reach the server.
fn seen(daemon: &Daemon) {
    let page = daemon.metrics();
    for kind in ["connect", "tls", "timeout", "broken", "answer"] {
        let label = format!("kind=\"{kind}\"");
        let mut samples = page.lines().filter(|line| {
            line.starts_with("portvakt_directory_failures_total{") && line.contains(&label)
        });
        assert!(samples.any(|line| !line.ends_with(" 0")), "{kind}:\n{page}");
    }
}

fn fails_in_turn(verify: &str) {
    let mut pair = Pair::new();
    let daemon = pair.daemon(verify);
    let is_back = || {
        let mut access_point = AccessPoint::of(&daemon);
        let accepted = eventually(|| access_point.log_on("right0", PASSWORD).then_some(()));
        assert!(accepted.is_some(), "{}", daemon.log());
    };
    is_back();
    println!("verify = {verify:?}");
    let one = one_in_trouble(&mut pair, &daemon);
    let both = both_in_trouble(&mut pair, &daemon);
    is_back();
    assert!(
        one.iter()
            .chain(&both)
            .all(|figures| figures.unanswered == 0)
    );
    assert!(one.iter().all(|figures| figures.accepted > 0));
    seen(&daemon);
    only(&daemon, "right", "accepted");
    only(&daemon, "wrong", "wrong-credential");
    only(&daemon, "twin", "directory-unavailable");
    only(&daemon, "lacking", "directory-unavailable");
    only(&daemon, "nobody", "unknown-user");
}

/// P3, P4. With `PORTVAKT_LONG=1` a minute of silence, and three seconds of all else.
#[test]
fn long_failing_directories_read_by_hash_let_in_and_count_nobody_wrongly() {
    fails_in_turn("hash");
}

/// P3, P4.
#[test]
fn long_failing_directories_asked_by_bind_let_in_and_count_nobody_wrongly() {
    fails_in_turn("bind");
}
