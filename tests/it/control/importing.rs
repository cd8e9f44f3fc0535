//! LDIF files: what is taken, what is refused, and with which words.

use super::{act, done, failed, log_on, person};
use crate::common::{DEMO_PEOPLE, Setup, eventually, text};

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

/// `correct-horse-battery`, salted and hashed once.
const SSHA: &str = "{SSHA}B4g2XJDGuQ+JSbM+X1l65fO/32NzYWx0c2FsdA==";

/// The imported hash is of the present password, not of an earlier one.
#[test]
fn older_hash_is_upgraded_after_a_log_on_and_comes_back_by_no_import() {
    let daemon = Setup::new().start();
    let ldif = daemon.write("older.ldif", &person("nils", SSHA));
    let words = ["account", "import", ldif.to_str().unwrap()];
    done(&daemon, &words);
    let shown = || done(&daemon, &["account", "show", "nils"]);
    let before = shown();
    assert!(before.contains("kept as SHA-1"), "{before}");
    assert!(!log_on(&daemon, "nils", "not-the-password"));
    assert!(log_on(&daemon, "nils", "correct-horse-battery"));
    let after = before.replace("SHA-1", "Argon2");
    let upgraded = || (shown() == after).then_some(());
    assert!(eventually(upgraded).is_some(), "{}", shown());
    let said = done(&daemon, &words);
    assert_eq!(said.trim(), "0 new, 0 changed, 1 unchanged, 0 left out");
    assert_eq!(shown(), after);
    assert!(log_on(&daemon, "nils", "correct-horse-battery"));
}

#[test]
fn older_hash_stays_where_that_is_configured() {
    let daemon = Setup::new()
        .set("passwords", "upgrade-hashes", "false")
        .start();
    let people = ["nils", "per"].map(|name| person(name, SSHA));
    let ldif = daemon.write("older.ldif", &people.concat());
    done(&daemon, &["account", "import", ldif.to_str().unwrap()]);
    assert!(log_on(&daemon, "nils", "correct-horse-battery"));
    // Of several log-ons none has led to it.
    assert!(log_on(&daemon, "per", "correct-horse-battery"));
    let shown = done(&daemon, &["account", "show", "nils"]);
    assert!(shown.contains("kept as SHA-1"), "{shown}");
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
    let hashed = crate::common::run_with(&mut command, "made-on-the-command-line\n");
    assert!(hashed.status.success(), "{}", text(&hashed));
    let hash = String::from_utf8(hashed.stdout).unwrap();
    assert!(hash.starts_with("{ARGON2}$argon2id$"), "{hash}");
    let ldif = daemon.write("hashed.ldif", &person("nils", hash.trim()));
    done(&daemon, &["account", "import", ldif.to_str().unwrap()]);
    assert!(log_on(&daemon, "nils", "made-on-the-command-line"));
}

/// The source locks a password: whoever knew it is out, and nobody gets in by the mark itself.
#[test]
fn password_that_the_source_locks_opens_nothing_any_more_until_it_is_lifted() {
    let daemon = Setup::new().start();
    let import = |stored: &str| {
        let ldif = daemon.write("people.ldif", &person("nils", stored));
        let words = [
            "account",
            "import",
            "--hash-cleartext",
            ldif.to_str().unwrap(),
        ];
        let imported = daemon.cli(&words);
        assert!(imported.status.success(), "{}", text(&imported));
        text(&imported)
    };
    import(SSHA);
    assert!(log_on(&daemon, "nils", "correct-horse-battery"));
    for mark in ["{crypt}*Locked", "*", "!", "*LK*"] {
        let said = import(mark);
        assert!(
            said.contains("1 with a password locked by the source"),
            "{said}"
        );
        for guess in ["correct-horse-battery", mark] {
            assert!(!log_on(&daemon, "nils", guess), "{mark}: {guess}");
        }
    }
    let refused = daemon.wait_for_audit(8, |line| {
        line["account"] == "nils" && line["reason"] == "barred"
    });
    assert!(
        refused[0]["detail"]
            .to_string()
            .contains("locked by the source"),
        "{refused:?}"
    );
    let why = done(&daemon, &["explain", "nils"]);
    assert!(why.contains("password locked by the source"), "{why}");
    import(SSHA);
    assert!(log_on(&daemon, "nils", "correct-horse-battery"));
}

#[test]
fn hash_of_another_system_is_never_taken_for_the_password_itself() {
    let daemon = Setup::new().start();
    let django = "pbkdf2_sha256$1000$abcdef$Uvdx1t1zHPqgu827uX6WshKFLXatHu7XniqQA5BeuLNA=";
    let ldif = daemon.write("django.ldif", &person("nils", django));
    let words = [
        "account",
        "import",
        "--hash-cleartext",
        ldif.to_str().unwrap(),
    ];
    let complaint = failed(&daemon, &words);
    assert!(complaint.contains("Django's PBKDF2"), "{complaint}");
    assert!(!log_on(&daemon, "nils", django));
}

#[test]
fn account_of_a_record_that_is_left_out_is_said_to_stay_open() {
    let daemon = Setup::new().start();
    let write = |stored: &str| {
        let people =
            ["nils", "per"].map(|name| person(name, if name == "nils" { stored } else { SSHA }));
        daemon.write("people.ldif", &people.concat())
    };
    done(
        &daemon,
        &["account", "import", write(SSHA).to_str().unwrap()],
    );
    let ldif = write("{MD5}rL0Y20zC+Fzt72VPzMSk2A==");
    let words = ["account", "import", "--keep-going", ldif.to_str().unwrap()];
    let complaint = failed(&daemon, &words);
    assert!(
        complaint.contains("nils stays as it was: open"),
        "{complaint}"
    );
    assert!(complaint.contains("{MD5}"), "{complaint}");
}

#[test]
fn file_without_accounts_is_a_failure() {
    let daemon = Setup::new().start();
    let ldif = daemon.write(
        "units.ldif",
        "dn: ou=people,dc=campus,dc=example\nou: people\n",
    );
    let complaint = failed(&daemon, &["account", "import", ldif.to_str().unwrap()]);
    assert!(complaint.contains("1 entry has no uid"), "{complaint}");
}
