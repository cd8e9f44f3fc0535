//! Log-ons with a real domain controller: Samba's. What the test server that speaks as Active
//! Directory does can't show, for it was made by whoever made this.

use portvakt_testkit::supplicant::{Device, Outcome, Profile};

use crate::common::{AccessPoint, Daemon, Setup, eventually, text};
use crate::ldap::controller::{CONTEXT, Controller, Right};
use crate::ldap::people::PASSWORD;
use crate::ldap::writing::{NEW, log_on, reason, set_password};

fn start(controller: &Controller, lines: &str) -> Daemon {
    start_with(Setup::new(), controller, lines)
}

fn start_with(setup: Setup, controller: &Controller, lines: &str) -> Daemon {
    setup.people("").more(&controller.table(lines)).start()
}

/// With a mirror that is told of changes.
fn mirrored(controller: &Controller, way: &str) -> Daemon {
    let daemon = start(
        controller,
        &format!("mirror = {way:?}\npoll-every = \"1s\""),
    );
    let current = "portvakt_mirror_state{directory=\"campus\",state=\"current\"}";
    let is_current = eventually(|| (daemon.metric(current) > 0.0).then_some(()));
    assert!(
        is_current.is_some(),
        "{}\n{}",
        daemon.metrics(),
        daemon.log()
    );
    daemon
}

/// 2020-01-01 in 100 ns since 1601.
const YEARS_AGO: &str = "132223104000000000";

#[test]
fn peer_samba_says_why_and_tells_it_of_a_right_password_only() {
    let controller = Controller::new();
    for name in ["bo", "gone", "closed", "first"] {
        controller.add(name);
    }
    controller.add_at(
        "CN=Berg\\, Åse,OU=People",
        "aase",
        "displayName:: w4VzZSBCZXJn\n",
    );
    controller.replace("gone", "accountExpires", YEARS_AGO);
    controller.replace("closed", "userAccountControl", "514");
    controller.replace("first", "pwdLastSet", "0");
    let daemon = start(&controller, "");
    log_on(&daemon, "bo", PASSWORD);
    log_on(&daemon, "BO@campus.example", PASSWORD);
    log_on(&daemon, "aase", PASSWORD);
    for (name, expected) in [
        ("gone", "left"),
        ("closed", "deactivated"),
        ("first", "temporary-not-allowed"),
        ("nobody", "unknown-user"),
    ] {
        let wrong = match name {
            "nobody" => "unknown-user",
            _ => "wrong-credential",
        };
        assert_eq!(reason(&daemon, name, "surely-wrong"), wrong, "{name}");
        assert_eq!(reason(&daemon, name, PASSWORD), expected, "{name}");
    }
    daemon.guess_wrong("bo", 6);
    assert_eq!(reason(&daemon, "bo", PASSWORD), "locked-out");
}

#[test]
fn peer_samba_has_groups_within_groups_and_commas_in_names() {
    let controller = Controller::new();
    for name in ["bo", "none"] {
        controller.add(name);
    }
    controller.change(&format!(
        "dn: CN=Inner\\, all (1),OU=People,{CONTEXT}\nchangetype: add\nobjectClass: group\n\
         sAMAccountName: inner\nmember: CN=bo,OU=People,{CONTEXT}\n\n\
         dn: CN=Outer,OU=People,{CONTEXT}\nchangetype: add\nobjectClass: group\n\
         sAMAccountName: outer\nmember: CN=Inner\\, all (1),OU=People,{CONTEXT}\n"
    ));
    let group = format!(
        "[[directory.campus.group]]\ndn = \"CN=Outer,OU=People,{CONTEXT}\"\n\
         services = [\"eduroam\"]\n"
    );
    let daemon = start(&controller, &group);
    log_on(&daemon, "bo", PASSWORD);
    assert_eq!(reason(&daemon, "none", PASSWORD), "service-not-allowed");
}

/// By DirSync and by polling alike: nobody is refused who has the right password, nothing is counted,
/// and what has left the base is nobody's.
#[test]
fn peer_samba_moves_and_renames_somebody_and_the_mirror_follows() {
    let controller = Controller::new();
    controller.grant(Right::Replicate);
    controller.change(&format!(
        "dn: OU=Staff,OU=People,{CONTEXT}\nchangetype: add\nobjectClass: organizationalUnit\n"
    ));
    for way in ["dirsync", "poll"] {
        let names = ["moved", "renamed", "left"].map(|name| format!("{name}-{way}"));
        names.iter().for_each(|name| controller.add(name));
        let daemon = mirrored(&controller, way);
        names
            .iter()
            .for_each(|name| log_on(&daemon, name, PASSWORD));
        let at = |name: &str| format!("CN={name},OU=People");
        controller.rename(
            &at(&names[0]),
            &format!("CN={}", names[0]),
            "OU=Staff,OU=People",
        );
        controller.rename(
            &at(&names[1]),
            &format!("CN=Other\\, {}", names[1]),
            "OU=People",
        );
        let seen = || daemon.metric("portvakt_mirror_changes_total{directory=\"campus\"}");
        assert!(
            eventually(|| (seen() >= 2.0).then_some(())).is_some(),
            "{way}: {}",
            daemon.log()
        );
        for name in &names {
            assert_eq!(reason(&daemon, name, PASSWORD), "", "{way}: {name}");
        }
        controller.rename(&at(&names[2]), &format!("CN={}", names[2]), "OU=Services");
        if way == "dirsync" {
            let is_gone = || (reason(&daemon, &names[2], PASSWORD) == "unknown-user").then_some(());
            assert!(eventually(is_gone).is_some(), "{}", daemon.log());
        }
    }
}

/// Of the people beneath it nobody tells.
#[test]
fn peer_samba_renames_a_container_and_nobody_beneath_it_is_refused_or_counted() {
    let controller = Controller::new();
    controller.grant(Right::Replicate);
    let unit = |name: &str| {
        controller.change(&format!(
            "dn: OU={name},OU=People,{CONTEXT}\nchangetype: add\n\
             objectClass: organizationalUnit\n"
        ));
    };
    for way in ["dirsync", "poll"] {
        unit(&format!("Physics-{way}"));
        let names = ["one", "two", "gone"].map(|name| format!("{name}-{way}"));
        for name in &names {
            controller.add_at(&format!("CN={name},OU=Physics-{way},OU=People"), name, "");
        }
        let setup = Setup::new().set("passwords", "remember-proofs", "\"0s\"");
        let lines = format!("mirror = {way:?}\npoll-every = \"1h\"");
        let daemon = start_with(setup, &controller, &lines);
        names
            .iter()
            .for_each(|name| log_on(&daemon, name, PASSWORD));
        let is_complete = || {
            let sample = "portvakt_mirror_accounts{directory=\"campus\"}";
            (daemon.metric(sample) >= 3.0).then_some(())
        };
        assert!(eventually(is_complete).is_some(), "{}", daemon.log());
        let before = format!("OU=Physics-{way},OU=People");
        controller.rename(&before, &format!("OU=Physics2-{way}"), "OU=People");
        controller.change(&format!(
            "dn: CN={},OU=Physics2-{way},OU=People,{CONTEXT}\nchangetype: delete\n",
            names[2]
        ));
        assert_eq!(reason(&daemon, &names[0], PASSWORD), "");
        // Gone: not even counted.
        for _ in 0..7 {
            assert_eq!(reason(&daemon, &names[2], PASSWORD), "unknown-user");
        }
        // A wrong password is wrong, and six of them lock, wherever the entry is.
        for _ in 0..5 {
            assert_eq!(reason(&daemon, &names[0], "wrong"), "wrong-credential");
        }
        assert_eq!(reason(&daemon, &names[0], PASSWORD), "");
        for count in 0..6 {
            let guess = format!("wrong-{count}");
            assert_eq!(reason(&daemon, &names[1], &guess), "wrong-credential");
        }
        assert_eq!(reason(&daemon, &names[1], PASSWORD), "locked-out");
        // And all was read anew for it.
        let loads = || daemon.metric("portvakt_mirror_loads_total{directory=\"campus\"}");
        assert!(
            eventually(|| (loads() >= 2.0).then_some(())).is_some(),
            "{}",
            daemon.log()
        );
    }
}

/// One user's sAMAccountName may be the user part of another's principal name.
#[test]
fn peer_samba_has_names_crossed_and_the_whole_name_counts() {
    let controller = Controller::new();
    // Each is taken once only, so one stands aside for a moment.
    controller.add("swapa");
    controller.replace("swapa", "userPrincipalName", "aside@campus.example");
    controller.add("swapb");
    controller.replace("swapb", "userPrincipalName", "swapa@campus.example");
    controller.replace("swapa", "userPrincipalName", "swapb@campus.example");
    controller.reset("swapb", "the-password-of-swapb");
    for lines in ["", "mirror = \"poll\""] {
        let daemon = start(&controller, lines);
        log_on(&daemon, "swapa@campus.example", "the-password-of-swapb");
        log_on(&daemon, "swapb@campus.example", PASSWORD);
        assert_eq!(reason(&daemon, "swapa", PASSWORD), "directory-unavailable");
        let is_told = |line: &serde_json::Value| {
            let detail = line["detail"].as_str().unwrap_or_default();
            detail.contains("CN=swapa,OU=People") && detail.contains("CN=swapb,OU=People")
        };
        daemon.wait_for_audit(1, is_told);
    }
}

#[test]
fn peer_samba_takes_a_password_by_the_right_to_reset_it_and_says_which_is_missing() {
    let controller = Controller::new();
    ["bo", "chgme"].iter().for_each(|name| controller.add(name));
    let daemon = start(&controller, "write = true");
    log_on(&daemon, "bo", PASSWORD);
    let (success, said) = set_password(&daemon, "chgme", NEW, &[]);
    let missing = "bind-dn may not write unicodePwd there (the right Reset Password";
    assert!(!success && said.contains(missing), "{said}");
    controller.grant(Right::Reset);
    let (success, said) = set_password(&daemon, "chgme", "short", &[]);
    assert!(!success, "{said}");
    let (success, said) = set_password(&daemon, "chgme", NEW, &[]);
    assert!(success, "{said}");
    assert!(controller.lets_in("chgme", NEW));
    assert_eq!(reason(&daemon, "chgme", NEW), "");
    let (success, said) =
        set_password(&daemon, "chgme", "a-temporary-password-Ø", &["--temporary"]);
    assert!(success, "{said}");
    let temporary = reason(&daemon, "chgme", "a-temporary-password-Ø");
    assert_eq!(temporary, "temporary-not-allowed");
    let shown = text(&daemon.cli(&["account", "show", "chgme", "--raw"]));
    assert!(
        shown.contains("pwdLastSet") && !shown.contains("TRUE"),
        "{shown}"
    );
}

/// Its own lock is told to whoever asks why; nobody who guesses learns of it.
#[test]
fn peer_samba_locks_an_account_itself_and_explain_says_so() {
    let controller = Controller::new();
    controller.add("bo");
    controller.change(&format!(
        "dn: {CONTEXT}\nchangetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: 3\n"
    ));
    let setup = Setup::new().set("passwords", "remember-proofs", "\"0s\"");
    let daemon = start_with(setup, &controller, "");
    log_on(&daemon, "bo", PASSWORD);
    for _ in 0..3 {
        assert!(!controller.lets_in("bo", "surely-wrong"));
    }
    for password in ["surely-wrong", PASSWORD] {
        assert_eq!(reason(&daemon, "bo", password), "locked-out");
    }
    let said = text(&daemon.cli(&["explain", "bo"]));
    assert!(
        said.contains("once the directory's own lock is over"),
        "{said}"
    );
    assert!(said.contains("locked there since 20"), "{said}");
    assert!(said.contains("no failed log-ons counted"), "{said}");
}

/// The domain lets the password before in for an hour; here it opens nothing, and counts for nothing.
#[test]
fn peer_samba_still_takes_the_previous_password_and_it_opens_nothing() {
    const OLD: &str = "the-password-that-was-stolen";

    let controller = Controller::new();
    controller.grant(Right::Reset);
    controller.add("chgme");
    let daemon = start(&controller, "write = true");
    log_on(&daemon, "chgme", PASSWORD);
    assert!(set_password(&daemon, "chgme", OLD, &[]).0);
    assert_eq!(reason(&daemon, "chgme", OLD), "");
    let (success, said) = set_password(&daemon, "chgme", NEW, &[]);
    assert!(success, "{said}");
    assert!(
        controller.lets_in("chgme", OLD),
        "the domain does not take it any more"
    );
    for _ in 0..7 {
        assert_eq!(reason(&daemon, "chgme", OLD), "previous-password");
    }
    assert_eq!(reason(&daemon, "chgme", NEW), "");
    assert_eq!(reason(&daemon, "chgme", OLD), "previous-password");
    // Within the hour nothing is built on the new one either.
    let identity = "chgme@campus.example";
    let device = Device::new(Profile::pap(daemon.authority(), identity, NEW.as_bytes()));
    for _ in 0..2 {
        let mut supplicant = device.supplicant();
        let outcome = AccessPoint::of(&daemon).converse(&mut supplicant);
        assert_eq!(outcome, Some(Outcome::Success));
        assert!(!supplicant.is_resumed());
    }
}
