//! The operator's commands, against a running server and against its data folder alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::{AccessPoint, DEMO_PEOPLE, Daemon, Setup, text};
use serde_json::Value;

const ANNA: &str = "correct-horse-battery";
const KARI: &str = "granite-and-heather";

fn log_on(daemon: &Daemon, user: &str, password: &str) -> bool {
    AccessPoint::of(daemon).log_on(user, password)
}

fn lock(daemon: &Daemon, user: &str) {
    for guess in 0..6 {
        assert!(!log_on(daemon, user, &format!("wrong-{guess}")));
    }
}

/// Runs a command that must succeed; what it printed.
fn done(setup: &Setup, words: &[&str]) -> String {
    let output = setup.cli(words);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail, not crash; what it complained.
fn failed(setup: &Setup, words: &[&str]) -> String {
    let output = setup.cli(words);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    String::from_utf8(output.stderr).unwrap()
}

/// The line that tells of one administrative act.
fn act(daemon: &Daemon, what: &str) -> Value {
    let lines = daemon.wait_for_audit(1, |line| line["event"] == "act" && line["what"] == what);
    lines.last().unwrap().clone()
}

fn me() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap();
    user.unwrap().name
}

fn line_of<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

fn person(name: &str, password: &str) -> String {
    format!(
        "dn: uid={name},dc=campus,dc=example\nobjectClass: inetOrgPerson\nuid: {name}\n\
         eduPersonPrimaryAffiliation: employee\nuserPassword: {password}\n\n"
    )
}

// -- Looking ------------------------------------------------------------------------------------

#[test]
fn list_shows_every_account_with_its_state_with_and_without_a_server() {
    let mut setup = Setup::new();
    setup.prepare();
    let idle = done(&setup, &["account", "list"]);
    for (name, state) in [
        ("anna", " open "),
        ("ola", " not-active "),
        ("siri", " suspended "),
        ("jonas", " deactivated "),
        ("ingrid", " password-expired "),
    ] {
        assert!(line_of(&idle, name).contains(state), "{idle}");
    }
    let daemon = setup.start();
    assert_eq!(done(&daemon, &["account", "list"]), idle);
}

#[test]
fn list_can_be_narrowed_to_locked_and_to_closed_accounts() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    let locked = done(&daemon, &["account", "list", "--only", "locked"]);
    assert_eq!(locked.lines().count(), 1);
    assert!(
        line_of(&locked, "anna").contains(" locked-out "),
        "{locked}"
    );
    let closed = done(&daemon, &["account", "list", "--only", "closed"]);
    assert!(
        !closed.contains("anna") && !closed.contains("kari"),
        "{closed}"
    );
    assert!(
        closed.contains("ola") && closed.contains("lars"),
        "{closed}"
    );
}

#[test]
fn list_knows_whom_the_service_is_for() {
    let mut setup = Setup::new().more("[service.eduroam]\nkinds = [\"employee\"]\n");
    setup.prepare();
    let listed = done(&setup, &["account", "list"]);
    assert!(line_of(&listed, "anna").contains(" service-not-allowed "));
    assert!(line_of(&listed, "kari").contains(" open "), "{listed}");
}

#[test]
fn list_says_how_many_more_there_are() {
    let mut setup = Setup::new();
    setup.prepare();
    let listed = done(&setup, &["account", "list", "--limit", "3"]);
    assert_eq!(listed.lines().count(), 4);
    assert!(listed.contains("more; --limit shows them"), "{listed}");
}

#[test]
fn show_tells_all_but_the_hash() {
    let daemon = Setup::new().start();
    for words in [
        &["account", "show", "S100001@campus.example"][..],
        &["account", "show", "anna", "--json"],
    ] {
        let shown = done(&daemon, words);
        for known in ["Anna Berg", "anna.berg@campus.example", "s100001", "argon2"] {
            let known = known.to_lowercase();
            assert!(shown.to_lowercase().contains(&known), "{known}:\n{shown}");
        }
        assert!(!shown.contains("$argon2"), "{shown}");
    }
    let json: Value =
        serde_json::from_str(&done(&daemon, &["account", "show", "anna", "--json"])).unwrap();
    assert_eq!(json["account"]["id"], "anna");
}

#[test]
fn unknown_account_is_one_sentence_with_advice() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["account", "show", "nobody"]);
    assert!(
        complaint.contains("there is no account nobody"),
        "{complaint}"
    );
    assert!(complaint.contains("portvakt account list"), "{complaint}");
}

#[test]
fn account_of_a_foreign_realm_is_not_taken_for_our_own() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["account", "suspend", "anna@other.example"]);
    assert!(complaint.contains("not one of our realms"), "{complaint}");
    assert!(log_on(&daemon, "anna", ANNA));
}

// -- The socket ---------------------------------------------------------------------------------

#[test]
fn socket_is_for_its_owner_alone_and_goes_with_the_server() {
    let mut daemon = Setup::new().start();
    let socket = daemon.path("data/control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    daemon.terminate();
    assert!(!socket.exists());
}

#[test]
fn socket_that_a_killed_server_left_behind_is_no_obstacle() {
    let mut daemon = Setup::new().start();
    daemon.kill();
    assert!(daemon.path("data/control.sock").exists());
    done(&daemon, &["account", "show", "anna"]);
    daemon.restart();
    done(&daemon, &["account", "show", "anna"]);
}

#[test]
fn second_server_on_the_same_data_is_one_sentence() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["serve"]);
    let said: Vec<_> = complaint
        .lines()
        .filter(|l| l.starts_with("portvakt:"))
        .collect();
    assert_eq!(said.len(), 1, "{complaint}");
    assert!(said[0].contains("in use"), "{complaint}");
    assert!(log_on(&daemon, "anna", ANNA));
}

// -- Changing -----------------------------------------------------------------------------------

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
        common::SECRET,
    ] {
        assert!(!log.contains(secret), "{secret} is in:\n{log}");
    }
}

// -- Importing ----------------------------------------------------------------------------------

#[test]
fn imported_account_can_log_on_at_once() {
    let daemon = Setup::new().start();
    let ldif = daemon.write("new.ldif", &person("nils", "fresh-from-the-file"));
    let ldif = ldif.to_str().unwrap();
    let said = done(&daemon, &["account", "import", "--hash-cleartext", ldif]);
    assert_eq!(said.trim(), "1 new, 0 changed, 0 unchanged, 0 left out");
    assert!(log_on(&daemon, "nils", "fresh-from-the-file"));
    assert_eq!(act(&daemon, "import")["why"], ldif);
}

#[test]
fn student_who_has_paid_is_let_in_after_the_import() {
    let daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    let paid = DEMO_PEOPLE.replace("2020-autumn", "2099-autumn");
    let ldif = daemon.write("paid.ldif", &paid);
    done(
        &daemon,
        &[
            "account",
            "import",
            "--hash-cleartext",
            ldif.to_str().unwrap(),
        ],
    );
    assert!(log_on(&daemon, "ola", "forgot-to-pay-again"));
}

#[test]
fn old_file_does_not_bring_an_old_password_back_and_says_so() {
    let daemon = Setup::new().start();
    let ldif = daemon.write("old.ldif", &person("nils", "as-it-was-in-spring"));
    let ldif = ldif.to_str().unwrap();
    let words = ["account", "import", "--hash-cleartext", ldif];
    done(&daemon, &words);
    let set = ["account", "set-password", "nils"];
    let set = daemon.cli_with(&set, "as-it-is-in-autumn\n");
    assert!(set.status.success(), "{}", text(&set));
    let again = daemon.cli(&words);
    assert!(again.status.success(), "{}", text(&again));
    let said = text(&again);
    assert!(
        said.contains("old.ldif:1: the account has a password that was set later"),
        "{said}"
    );
    assert!(
        said.contains("0 new, 0 changed, 1 unchanged, 0 left out"),
        "{said}"
    );
    assert!(log_on(&daemon, "nils", "as-it-is-in-autumn"));
    assert!(!log_on(&daemon, "nils", "as-it-was-in-spring"));
    let lines = daemon.wait_for_audit(2, |line| line["what"] == "import" && line["why"] == ldif);
    let result = lines[1]["result"].to_string();
    assert!(result.contains("1 older passwords left out"), "{result}");
}

#[test]
fn import_reads_standard_input() {
    let mut setup = Setup::new();
    setup.prepare();
    let words = ["account", "import", "--hash-cleartext", "-"];
    let imported = setup.cli_with(&words, &person("nils", "through-a-pipe"));
    assert!(imported.status.success(), "{}", text(&imported));
    done(&setup, &["account", "show", "nils"]);
}

const BROKEN: &str = "dn: uid=good,dc=campus,dc=example\n\
    objectClass: inetOrgPerson\n\
    uid: good\n\
    eduPersonPrimaryAffiliation: employee\n\
    userPassword: good-and-long-enough\n\
    \n\
    dn: uid=bad,dc=campus,dc=example\n\
    objectClass: inetOrgPerson\n\
    uid: bad\n\
    eduPersonPrimaryAffiliation: employee\n\
    pwdChangedTime: the day before yesterday\n\
    userPassword: bad-but-long-enough\n";

#[test]
fn broken_line_is_told_with_file_line_attribute_and_reason_and_nothing_is_imported() {
    let daemon = Setup::new().start();
    let ldif = daemon.write("broken.ldif", BROKEN);
    let ldif = ldif.to_str().unwrap();
    let words = ["account", "import", "--hash-cleartext", ldif];
    let complaint = failed(&daemon, &words);
    assert!(complaint.contains(&format!("{ldif}:11")), "{complaint}");
    assert!(complaint.contains("pwdChangedTime"), "{complaint}");
    assert!(complaint.contains("generalized time"), "{complaint}");
    failed(&daemon, &["account", "show", "good"]);
    let result = act(&daemon, "import")["result"].to_string();
    assert!(result.contains("nothing imported"), "{result}");
}

#[test]
fn keep_going_imports_what_is_whole_and_still_tells_of_the_rest() {
    let daemon = Setup::new().start();
    let ldif = daemon.write("broken.ldif", BROKEN);
    let ldif = ldif.to_str().unwrap();
    let words = [
        "account",
        "import",
        "--hash-cleartext",
        "--keep-going",
        ldif,
    ];
    let complaint = failed(&daemon, &words);
    assert!(complaint.contains(&format!("{ldif}:11")), "{complaint}");
    assert!(log_on(&daemon, "good", "good-and-long-enough"));
    failed(&daemon, &["account", "show", "bad"]);
}

#[test]
fn password_in_clear_text_is_refused_unless_asked_for_and_never_shown() {
    let daemon = Setup::new().start();
    let ldif = daemon.write("clear.ldif", &person("nils", "plain-for-all-to-see"));
    let complaint = failed(&daemon, &["account", "import", ldif.to_str().unwrap()]);
    assert!(complaint.contains(":5"), "{complaint}");
    assert!(complaint.contains("userPassword"), "{complaint}");
    assert!(complaint.contains("--hash-cleartext"), "{complaint}");
    assert!(!complaint.contains("plain-for-all-to-see"), "{complaint}");
}

#[test]
fn missing_ldif_file_is_one_sentence() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["account", "import", "/nowhere/at-all.ldif"]);
    assert!(complaint.contains("/nowhere/at-all.ldif"), "{complaint}");
}

#[test]
fn output_of_hash_can_be_imported() {
    let daemon = Setup::new().start();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portvakt"));
    command.args(["hash", "--memory", "8192", "--iterations", "1"]);
    let hashed = common::run_with(&mut command, "made-on-the-command-line\n");
    assert!(hashed.status.success(), "{}", text(&hashed));
    let hash = String::from_utf8(hashed.stdout).unwrap();
    assert!(hash.starts_with("{ARGON2}$argon2id$"), "{hash}");
    let ldif = daemon.write("hashed.ldif", &person("nils", hash.trim()));
    done(&daemon, &["account", "import", ldif.to_str().unwrap()]);
    assert!(log_on(&daemon, "nils", "made-on-the-command-line"));
}

// -- Explaining ---------------------------------------------------------------------------------

/// What `explain` says once it knows of an attempt: an answer does not wait for its row.
fn explained(daemon: &Daemon, user: &str, attempt: &str) -> String {
    let told = || Some(done(daemon, &["explain", user])).filter(|said| said.contains(attempt));
    common::eventually(told).unwrap_or_else(|| panic!("never told of {attempt}"))
}

#[test]
fn explain_tells_reason_last_attempts_and_next_step() {
    let daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    assert!(!log_on(&daemon, "ola", "wrong"));
    let said = explained(&daemon, "ola@campus.example", "wrong-credential");
    for words in [
        "ola (Ola Nordmann) is refused by eduroam: not-active",
        "next step  Pay the semester fee",
        "1 of 6 failed log-ons",
        "wrong-credential",
        "02-00-00-00-00-09",
    ] {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
    let newest = said.find("wrong-credential");
    assert!(newest < said.rfind("not-active"), "{said}");
}

#[test]
fn explain_of_a_locked_account_says_until_when() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    let said = done(&daemon, &["explain", "anna"]);
    assert!(said.contains("is refused by eduroam: locked-out"), "{said}");
    assert!(said.contains("after failed log-ons, until 2"), "{said}");
    let json = done(&daemon, &["explain", "anna", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["refusal"], "locked-out");
    assert_eq!(json["lock"]["of"], 6);
    assert!(json["lock"]["locked_until"].is_string());
}

#[test]
fn explain_of_an_open_account_says_that_it_is_open() {
    let daemon = Setup::new().start();
    assert!(log_on(&daemon, "kari", KARI));
    let said = explained(&daemon, "kari", "accept");
    assert!(said.contains("may come in by eduroam"), "{said}");
}

#[test]
fn explain_without_a_server_still_knows_the_last_attempts() {
    let mut daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    daemon.terminate();
    let said = done(&daemon, &["explain", "ola"]);
    assert!(said.contains("last attempts, newest first"), "{said}");
}

#[test]
fn explain_looks_at_the_service_it_is_asked_about() {
    let daemon = Setup::new().start();
    let said = done(&daemon, &["explain", "backup-node"]);
    assert!(said.contains("service-not-allowed"), "{said}");
    let said = done(&daemon, &["explain", "backup-node", "--service", "vpn"]);
    assert!(said.contains("may come in by vpn"), "{said}");
}
