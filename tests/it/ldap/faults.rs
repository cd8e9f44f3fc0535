//! Faults of directories: no log-on is wrongly accepted, none wrongly
//! counted as failed.

use crate::common::{Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody, hash, person};

fn setup() -> Setup {
    Setup::new()
        .people("")
        .set("passwords", "remember-proofs", "\"0s\"")
}

fn start(slapd: &Slapd, lines: &str) -> Daemon {
    setup().more(&slapd.directory_table(lines)).start()
}

/// Waits for the first log-on that succeeds.
fn wait_for_accept(daemon: &Daemon, user: &str) {
    let accepted = eventually(|| daemon.radclient(user, PASSWORD).is_accept().then_some(()));
    assert!(accepted.is_some(), "{}", daemon.log());
}

/// The last attempt's reason and detail, once there are so many.
fn refusal(daemon: &Daemon, count: usize) -> (String, String) {
    let attempt = daemon.attempt(count);
    let text = |key: &str| attempt[key].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("detail"))
}

/// P4: the server starts, answers, counts nothing, and is there again when the directory is.
#[test]
fn directory_that_is_down_at_the_start_keeps_nothing_from_starting() {
    for verify in ["hash", "bind"] {
        let mut slapd = Slapd::with(&everybody());
        slapd.kill();
        let daemon = start(&slapd, &format!("verify = {verify:?}\ntimeout = \"1s\""));
        for attempt in 1..=7 {
            assert!(daemon.radclient("bo", PASSWORD).is_reject());
            let (reason, detail) = refusal(&daemon, attempt);
            assert_eq!(reason, "directory-unavailable");
            assert!(detail.contains("no connection"), "{detail}");
        }
        let (status, health) = daemon.health();
        assert_eq!(status, 503, "{health}");
        assert!(health.contains("ldaps://127.0.0.1"), "{health}");
        slapd.start();
        wait_for_accept(&daemon, "bo");
        assert_eq!(daemon.health().0, 200);
    }
}

#[test]
fn directory_that_is_killed_and_comes_back_is_asked_again() {
    for verify in ["hash", "bind"] {
        let mut slapd = Slapd::with(&everybody());
        let daemon = start(&slapd, &format!("verify = {verify:?}\ntimeout = \"1s\""));
        wait_for_accept(&daemon, "bo");
        slapd.kill();
        let before = daemon.audit_lines().len();
        for _ in 0..7 {
            assert!(daemon.radclient("bo", PASSWORD).is_reject());
        }
        assert_eq!(refusal(&daemon, before + 7).0, "directory-unavailable");
        slapd.start();
        wait_for_accept(&daemon, "bo");
    }
}

/// P4: a directory that says nothing costs its own log-ons their answer, and nobody a thread.
#[test]
fn directory_that_falls_silent_is_given_up_by_the_deadline() {
    for verify in ["hash", "bind"] {
        let slapd = Slapd::with(&everybody());
        let daemon = start(&slapd, &format!("verify = {verify:?}\ntimeout = \"1s\""));
        wait_for_accept(&daemon, "bo");
        slapd.pause();
        let before = daemon.audit_lines().len();
        for _ in 0..7 {
            let answer = daemon.radclient("bo", PASSWORD);
            assert!(answer.is_reject(), "{}", answer.output);
        }
        assert_eq!(refusal(&daemon, before + 7).0, "directory-unavailable");
        slapd.resume();
        wait_for_accept(&daemon, "bo");
    }
}

#[test]
fn second_server_answers_within_the_same_log_on() {
    for verify in ["hash", "bind"] {
        let mut first = Slapd::with(&everybody());
        let second = Slapd::with(&everybody());
        // Each has a certificate of its own authority; both must be known.
        let authorities = ["ca.pem"].map(|name| {
            let read = |slapd: &Slapd| std::fs::read_to_string(slapd.path(name)).unwrap();
            read(&first) + &read(&second)
        });
        std::fs::write(first.path("ca.pem"), &authorities[0]).unwrap();
        let servers = [first.ldaps(), second.ldaps()];
        let servers = [&*servers[0], &*servers[1]];
        let table = first.table_for(&servers, &format!("verify = {verify:?}"));
        let daemon = setup().more(&table).start();
        wait_for_accept(&daemon, "bo");
        first.pause();
        assert!(
            daemon.radclient("bo", PASSWORD).is_accept(),
            "{}",
            daemon.log()
        );
        first.resume();
        first.kill();
        assert!(
            daemon.radclient("bo", PASSWORD).is_accept(),
            "{}",
            daemon.log()
        );
        first.start();
        let up = format!(
            "portvakt_directory_up{{directory=\"campus\",server=\"{}\"}}",
            servers[0]
        );
        let is_up = || (daemon.metric(&up) > 0.0).then_some(());
        assert!(
            eventually(is_up).is_some(),
            "no fail-back:\n{}",
            daemon.metrics()
        );
        drop(second);
        assert!(
            daemon.radclient("bo", PASSWORD).is_accept(),
            "{}",
            daemon.log()
        );
    }
}

/// P3: no password goes to a server that is not the directory.
#[test]
fn server_with_another_name_or_authority_is_not_asked() {
    let slapd = Slapd::with(&everybody());
    let other = Slapd::with("");
    let right = slapd.directory_table("timeout = \"1s\"");
    let another_name = right.replace("radius.campus.example", "ldap.campus.example");
    let own = slapd.path("ca.pem").display().to_string();
    let another_authority = right.replace(&own, &other.path("ca.pem").display().to_string());
    for table in [another_name, another_authority] {
        let daemon = setup().more(&table).start();
        assert!(daemon.radclient("bo", PASSWORD).is_reject());
        let (reason, detail) = refusal(&daemon, 1);
        assert_eq!(reason, "directory-unavailable");
        assert!(detail.contains("can't be secured"), "{detail}");
    }
}

/// The complaint about a certificate, with advice: Debian's usual ones first.
#[test]
fn certificate_that_is_not_taken_is_told_with_its_remedy() {
    const OWN: &str = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=radius.campus.example \
                       -addext subjectAltName=DNS:radius.campus.example";
    // Without extensions openssl makes one of version 1.
    const FIRST: &str = "openssl req -newkey rsa:2048 -nodes -subj /CN=radius.campus.example \
                         -keyout server.key -out server.csr && openssl x509 -req -days 30 -in server.csr \
                         -CA authority.pem -CAkey authority.key -CAcreateserial -out server.pem";
    let own = format!("{OWN} -keyout server.key -out server.pem && cp server.pem ca.pem");
    let first = format!(
        "{OWN} -keyout authority.key -out authority.pem && cp authority.pem ca.pem && {FIRST}"
    );
    let stranger = format!("{OWN} -keyout authority.key -out ca.pem");
    for (made, expected) in [
        (own, "is a certificate authority's own"),
        (first, "is of X.509 version 1"),
        (stranger, "is signed by none of ca-file"),
    ] {
        let mut slapd = Slapd::with(&everybody());
        slapd.kill();
        let mut command = std::process::Command::new("sh");
        command
            .args(["-e", "-c", &made])
            .current_dir(slapd.path("."));
        let done = crate::common::run_with(&mut command, "");
        assert!(done.status.success(), "{}", crate::common::text(&done));
        slapd.start();
        let daemon = setup()
            .more(&slapd.directory_table("timeout = \"1s\""))
            .start();
        let told = || {
            daemon.radclient("bo", PASSWORD);
            daemon.log().contains(expected).then_some(())
        };
        assert!(eventually(told).is_some(), "{expected}: {}", daemon.log());
    }
}

#[test]
fn start_tls_secures_what_begins_in_the_clear() {
    let slapd = Slapd::with(&everybody());
    let table = slapd.table_for(&[&slapd.ldap()], "verify = \"bind\"");
    let daemon = setup().more(&table).start();
    wait_for_accept(&daemon, "bo");
    let another_name = table.replace("radius.campus.example", "ldap.campus.example");
    let daemon = setup().more(&another_name).start();
    assert!(daemon.radclient("bo", PASSWORD).is_reject());
}

/// P2: two entries for one name are an error, and nobody is let in.
#[test]
fn name_of_two_entries_lets_nobody_in() {
    let twins = person("twin", "employee", "").replace("ou=people", "ou=groups")
        + "\n"
        + &person("twin", "employee", "");
    let slapd = Slapd::with(&twins);
    let table = slapd.directory_table("").replace("ou=people,", "");
    let daemon = setup().more(&table).start();
    assert!(daemon.radclient("twin", PASSWORD).is_reject());
    let (reason, detail) = refusal(&daemon, 1);
    assert_eq!(reason, "directory-unavailable");
    assert!(detail.contains("two entries"), "{detail}");
}

#[test]
fn size_limit_of_the_server_lets_nobody_in_by_half_an_answer() {
    let limited = "sizelimit 1\n";
    let twins = person("twin", "employee", "").replace("ou=people", "ou=groups")
        + "\n"
        + &person("twin", "employee", "");
    let slapd = Slapd::set_up(&twins, limited);
    // Limits of the account would lift it: ask as nobody who has any.
    let table = slapd.directory_table("").replace("ou=people,", "");
    let daemon = setup().more(&table).start();
    assert!(daemon.radclient("twin", PASSWORD).is_reject());
    assert_eq!(refusal(&daemon, 1).0, "directory-unavailable");
}

#[test]
fn base_that_is_not_there_and_password_that_is_wrong_are_said() {
    let slapd = Slapd::with(&everybody());
    let right = slapd.directory_table("timeout = \"1s\"");
    let cases = [
        (
            right.replace("ou=people", "ou=persons"),
            "the base is not there",
        ),
        (
            right.replace("dc=example\"\nbind-password", "dc=none\"\nbind-password"),
            "bind-dn",
        ),
    ];
    for (table, expected) in cases {
        let daemon = setup().more(&table).start();
        assert!(daemon.radclient("bo", PASSWORD).is_reject());
        let (reason, detail) = refusal(&daemon, 1);
        assert_eq!(reason, "directory-unavailable");
        assert!(detail.contains(expected), "{detail}");
    }
}

/// A server that points elsewhere is not followed: who answers there was never configured.
#[test]
fn referral_is_not_followed_and_is_said() {
    let elsewhere = "dn: ou=elsewhere,dc=campus,dc=example
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=people,dc=campus,dc=example
";
    let slapd = Slapd::with(&format!("{}\n{elsewhere}", everybody()));
    let people_too = slapd.directory_table("").replace("ou=people,", "");
    let daemon = setup().more(&people_too).start();
    assert!(
        daemon.radclient("bo", PASSWORD).is_accept(),
        "{}",
        daemon.log()
    );
    let only_there = slapd
        .directory_table("")
        .replace("ou=people", "ou=elsewhere");
    let daemon = setup().more(&only_there).start();
    assert!(daemon.radclient("bo", PASSWORD).is_reject());
    let (reason, detail) = refusal(&daemon, 1);
    assert_eq!(reason, "directory-unavailable");
    assert!(detail.contains("refers to another"), "{detail}");
}

/// An entry that can't be understood lets nobody in, and says why.
#[test]
fn entry_with_a_fault_lets_nobody_in_and_says_which() {
    let people = [
        person("faulty", "janitor", ""),
        person("kept", "employee", "").replace("{ARGON2}", "{UNHEARD}"),
    ]
    .join("\n");
    let slapd = Slapd::with(&people);
    let daemon = start(&slapd, "");
    for (count, (user, expected)) in [("faulty", "janitor"), ("kept", "userPassword")]
        .into_iter()
        .enumerate()
    {
        assert!(daemon.radclient(user, PASSWORD).is_reject());
        let (reason, detail) = refusal(&daemon, count + 1);
        assert_eq!(reason, "directory-unavailable");
        assert!(detail.contains(expected), "{detail}");
    }
}

/// Either opens, as at slapd's own door, and a guess at both is one guess. Four are a fault.
#[test]
fn any_of_several_passwords_opens_and_a_wrong_one_counts_once() {
    let hashes = |count: usize| -> String {
        let hash = |n| {
            format!(
                "userPassword: {}\n",
                crate::ldap::people::hash(&format!("password-{n}"))
            )
        };
        (2..=count).map(hash).collect()
    };
    let people = [
        person("two", "employee", &hashes(2)),
        person("four", "employee", &hashes(4)),
    ];
    let slapd = Slapd::with(&people.join("\n"));
    let daemon = Setup::new()
        .people("")
        .more(&slapd.directory_table(""))
        .start();
    wait_for_accept(&daemon, "two");
    let mut count = daemon.audit_lines().len();
    let mut reason = |user: &str, password: &str| {
        daemon.radclient(user, password);
        count += 1;
        refusal(&daemon, count).0
    };
    for _ in 0..2 {
        assert_eq!(reason("two", "password-2"), "");
        assert_eq!(reason("two", PASSWORD), "");
    }
    for _ in 0..5 {
        assert_eq!(reason("two", "wrong"), "wrong-credential");
    }
    assert_eq!(reason("two", "password-2"), "");
    for guess in 0..6 {
        assert_eq!(reason("two", &format!("wrong-{guess}")), "wrong-credential");
    }
    assert_eq!(reason("two", PASSWORD), "locked-out");
    assert_eq!(reason("four", PASSWORD), "directory-unavailable");
}

/// Our lock comes first, so guessing at our door does not spend the directory's own patience.
#[test]
fn thousand_guesses_reach_the_directory_six_times() {
    let slapd = Slapd::with(&everybody());
    let daemon = start(&slapd, "verify = \"bind\"");
    let guess = |number: usize| {
        let daemon = &daemon;
        move || daemon.radclient("victim", &format!("guess-{number}"))
    };
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..40).map(|number| scope.spawn(guess(number))).collect();
        for guess in guesses {
            assert!(guess.join().unwrap().is_reject());
        }
    });
    assert_eq!(slapd.values("victim", "pwdFailureTime").len(), 6);
}

/// RFC 8265: one bind for one attempt, by the password's UTF-8.
#[test]
fn peer_password_in_latin_1_reaches_the_directory_once_and_as_utf_8() {
    let bjorn = person("bjorn", "employee", "");
    let slapd = Slapd::with(&bjorn.replace(&hash(PASSWORD), &hash("blåbærsyltetøy")));
    let daemon = start(&slapd, "verify = \"bind\"");
    assert!(
        daemon
            .radclient("bjorn", r"bl\345b\346rsyltet\370y")
            .is_accept()
    );
    assert!(daemon.radclient("bjorn", r"feil bl\345b\346r").is_reject());
    assert_eq!(refusal(&daemon, 2).0, "wrong-credential");
    assert_eq!(slapd.values("bjorn", "pwdFailureTime").len(), 1);
}

#[test]
fn state_that_only_the_directory_knows_is_told_in_our_words() {
    let slapd = Slapd::with(&everybody());
    let daemon = start(&slapd, "verify = \"bind\"");
    let set = |attribute: &str, value: &str| {
        slapd.change(&format!(
            "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
             replace: {attribute}\n{attribute}: {value}\n"
        ));
    };
    wait_for_accept(&daemon, "bo");
    let before = daemon.audit_lines().len();
    set("pwdReset", "TRUE");
    assert!(daemon.radclient("bo", PASSWORD).is_reject());
    assert_eq!(refusal(&daemon, before + 1).0, "temporary-not-allowed");
    set("pwdReset", "FALSE");
    set("pwdAccountLockedTime", "000001010000Z");
    assert!(daemon.radclient("bo", PASSWORD).is_reject());
    assert_eq!(refusal(&daemon, before + 2).0, "locked-out");
}

#[test]
fn operator_sees_what_was_read_and_how_it_was_understood() {
    let people = [
        person("bo", "employee", "pwdChangedTime: 20260815080000Z\n"),
        person("faulty", "janitor", ""),
    ]
    .join("\n");
    let slapd = Slapd::with(&people);
    let daemon = start(&slapd, "");
    wait_for_accept(&daemon, "bo");
    let raw = |user: &str| {
        let shown = daemon.cli(&["account", "show", user, "--raw"]);
        (shown.status.success(), crate::common::text(&shown))
    };
    let (success, shown) = raw("bo");
    assert!(success, "{shown}");
    for expected in [
        "uid=bo,ou=people",
        "user name",
        "employee",
        "(Argon2)",
        "password set",
    ] {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    assert!(!shown.contains("$argon2"), "{shown}");
    let (success, shown) = raw("faulty");
    assert!(!success && shown.contains("janitor"), "{shown}");
    let (success, shown) = raw("nobody");
    assert!(!success && shown.contains("nobody of this name"), "{shown}");
    let shown = crate::common::text(&daemon.cli(&["account", "show", "bo"]));
    assert!(shown.contains("kept as Argon2"), "{shown}");
}
