//! Acts on an account, and their audit lines.

use super::{ANNA, KARI, act, done, failed, lock, log_on, me};
use crate::common::{Setup, text};

#[test]
fn unlock_opens_at_once_and_is_audited_with_who_and_why() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    assert!(!log_on(&daemon, "anna", ANNA));
    let words = ["account", "unlock", "s100001", "--why", "came to the desk"];
    assert!(done(&daemon, &words).contains("anna is unlocked"));
    assert!(log_on(&daemon, "anna", ANNA));
    let act = act(&daemon, "unlock");
    assert_eq!(act["who"], me());
    assert_eq!(act["account"], "anna");
    assert_eq!(act["why"], "came to the desk");
    assert_eq!(act["result"], "done");
}

#[test]
fn unlock_of_an_open_account_says_so() {
    let daemon = Setup::new().start();
    let said = done(&daemon, &["account", "unlock", "anna"]);
    assert!(said.contains("was not locked"), "{said}");
}

#[test]
fn lock_outlives_a_killed_server_and_can_be_ended_without_one() {
    let mut daemon = Setup::new().start();
    lock(&daemon, "anna");
    daemon.kill();
    daemon.restart();
    assert!(!log_on(&daemon, "anna", ANNA));
    daemon.terminate();
    done(
        &daemon,
        &["account", "unlock", "anna", "--why", "no server"],
    );
    assert_eq!(act(&daemon, "unlock")["who"], me());
    daemon.restart();
    assert!(log_on(&daemon, "anna", ANNA));
}

/// I2: also for a password that the server still remembers as proven.
#[test]
fn suspended_deactivated_and_restored_accounts_change_at_once() {
    let daemon = Setup::new().start();
    for what in ["suspend", "deactivate"] {
        assert!(log_on(&daemon, "anna", ANNA));
        done(&daemon, &["account", what, "anna", "--why", "report 4711"]);
        assert!(!log_on(&daemon, "anna", ANNA));
        let shown = done(&daemon, &["account", "show", "anna"]);
        assert!(
            shown.contains(&format!("report 4711 ({})", me())),
            "{shown}"
        );
        let line = act(&daemon, what);
        assert_eq!(
            (&line["account"], &line["why"]),
            (&"anna".into(), &"report 4711".into())
        );
        done(
            &daemon,
            &["account", "restore", "anna", "--why", "cleared up"],
        );
    }
    assert!(log_on(&daemon, "anna", ANNA));
    assert_eq!(act(&daemon, "restore")["why"], "cleared up");
}

#[test]
fn account_suspended_without_a_server_is_refused_by_the_next_one() {
    let mut setup = Setup::new();
    setup.prepare();
    done(&setup, &["account", "suspend", "anna", "--why", "report"]);
    let daemon = setup.start();
    assert!(!log_on(&daemon, "anna", ANNA));
    assert_eq!(daemon.attempt(1)["reason"], "suspended");
    assert_eq!(act(&daemon, "suspend")["who"], me());
}

#[test]
fn new_password_counts_at_once_and_the_old_one_no_more() {
    let daemon = Setup::new().start();
    assert!(log_on(&daemon, "anna", ANNA));
    let set = daemon.cli_with(&["account", "set-password", "anna"], "a-new-one-entirely\n");
    assert!(set.status.success(), "{}", text(&set));
    assert!(log_on(&daemon, "anna", "a-new-one-entirely"));
    assert!(!log_on(&daemon, "anna", ANNA));
    assert_eq!(act(&daemon, "set-password")["account"], "anna");
}

#[test]
fn temporary_password_does_not_open_the_network() {
    let daemon = Setup::new().start();
    let words = ["account", "set-password", "anna", "--temporary"];
    assert!(
        daemon
            .cli_with(&words, "sent-by-sms-0815\n")
            .status
            .success()
    );
    assert!(!log_on(&daemon, "anna", "sent-by-sms-0815"));
    assert_eq!(daemon.attempt(1)["reason"], "temporary-not-allowed");
    act(&daemon, "set-temporary-password");
}

#[test]
fn deleted_account_is_gone_at_once_and_after_a_restart() {
    let mut daemon = Setup::new().start();
    assert!(log_on(&daemon, "anna", ANNA));
    let words = [
        "account",
        "delete",
        "s100001",
        "--yes",
        "--why",
        "asked for",
    ];
    let said = done(&daemon, &words);
    assert!(said.contains("anna is deleted"), "{said}");
    assert!(!log_on(&daemon, "anna", ANNA));
    assert!(!log_on(&daemon, "s100001", ANNA));
    assert_eq!(daemon.attempt(2)["reason"], "unknown-user");
    let line = act(&daemon, "delete");
    assert_eq!(
        (&line["account"], &line["why"]),
        (&"anna".into(), &"asked for".into())
    );
    daemon.kill();
    daemon.restart();
    failed(&daemon, &["account", "show", "anna"]);
    assert!(log_on(&daemon, "kari", KARI));
}

#[test]
fn account_is_deleted_only_if_its_name_is_typed_again() {
    let daemon = Setup::new().start();
    let words = ["account", "delete", "anna"];
    for answer in ["", "yes\n", "ann\n"] {
        let refused = daemon.cli_with(&words, answer);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("nothing was deleted"));
    }
    assert!(log_on(&daemon, "anna", ANNA));
    assert!(daemon.cli_with(&words, "anna\n").status.success());
    assert!(!log_on(&daemon, "anna", ANNA));
    failed(&daemon, &["account", "delete", "anna", "--yes"]);
}

#[test]
fn empty_password_is_refused() {
    let daemon = Setup::new().start();
    let set = daemon.cli_with(&["account", "set-password", "anna"], "\n");
    assert_eq!(set.status.code(), Some(1), "{}", text(&set));
    assert!(log_on(&daemon, "anna", ANNA));
}

/// I3.
#[test]
fn audit_log_never_has_a_password_or_a_hash() {
    let daemon = Setup::new().start();
    log_on(&daemon, "anna", ANNA);
    log_on(&daemon, "anna", "a-guess-of-somebody");
    daemon.cli_with(&["account", "set-password", "kari"], "something-new-here\n");
    act(&daemon, "set-password");
    daemon.attempt(2);
    let folder = std::fs::read_dir(daemon.path("data/audit")).unwrap();
    let mut log: String = folder
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    log.push_str(&daemon.log());
    for secret in [
        ANNA,
        "a-guess-of-somebody",
        "something-new-here",
        "$argon2",
        crate::common::SECRET,
    ] {
        assert!(!log.contains(secret), "{secret} is in:\n{log}");
    }
}
