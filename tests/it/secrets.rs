//! NT hashes and CHAP secrets as the operator meets them: who gets one, who keeps one, what is said.

use crate::common::{Daemon, Setup, text};
use portvakt_auth::mschap::NtHash;
use serde_json::Value;

const PASSWORD: &str = "heather-and-granite";

/// A user with an NT hash beside the password, one without, and a printer.
fn people() -> String {
    let nt_hash = NtHash::of_password(PASSWORD);
    let person = |name: &str, rest: &str| {
        format!(
            "dn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: employee\n\
             userPassword: {PASSWORD}\n{rest}\n"
        )
    };
    let with = format!("sambaNTPassword: {}\n", *nt_hash.reveal());
    person("kari", &with)
        + &person("plain", "")
        + "dn: uid=printer,dc=example\nuid: printer\neduPersonPrimaryAffiliation: service\n\
           portvaktChapSecret: paper-jam\n"
}

fn setup() -> Setup {
    Setup::new()
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set(
            "accounts.attributes",
            "legacy-chap-secret",
            "\"portvaktChapSecret\"",
        )
        .people(&people())
}

fn done(setup: &Setup, words: &[&str]) -> String {
    done_with(setup, words, "")
}

fn done_with(setup: &Setup, words: &[&str], input: &str) -> String {
    let output = setup.cli_with(words, input);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn has_nt_hash(setup: &Setup, user: &str) -> bool {
    let shown = done(setup, &["account", "show", user, "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["has_nt_hash"].as_bool().unwrap()
}

fn set_password(setup: &Setup, user: &str) -> String {
    let words = ["account", "set-password", user];
    done_with(setup, &words, "a-new-one-entirely\n")
}

/// Tries PEAP with MSCHAPv2, as Windows does.
fn peap(daemon: &Daemon, user: &str, password: &str) -> bool {
    let device = crate::common::EapolTest::ttls_pap(user, password)
        .line("eap", "PEAP")
        .line("phase2", "\"auth=MSCHAPV2\"");
    device.run(daemon).is_accept()
}

fn with_peap(setup: Setup) -> Daemon {
    setup.set("eap", "methods", "[\"peap\", \"ttls\"]").start()
}

#[test]
fn new_password_takes_the_nt_hash_away_and_says_so() {
    let mut setup = setup();
    setup.prepare();
    assert!(has_nt_hash(&setup, "kari"));
    let said = set_password(&setup, "kari");
    assert!(
        said.contains("the NT hash of the old one is gone"),
        "{said}"
    );
    assert!(!has_nt_hash(&setup, "kari"));
    let said = set_password(&setup, "plain");
    assert!(!said.contains("NT hash"), "{said}");
}

#[test]
fn peer_new_password_gets_an_nt_hash_where_the_configuration_asks_for_it() {
    let daemon = with_peap(setup().set("accounts", "write-nt-hashes-danger", "true"));
    let said = set_password(&daemon, "plain");
    assert!(said.contains("with an NT hash"), "{said}");
    assert!(has_nt_hash(&daemon, "plain"));
    assert!(peap(&daemon, "plain", "a-new-one-entirely"));
    assert!(!peap(&daemon, "plain", PASSWORD));
}

#[test]
fn import_makes_nt_hashes_of_clear_text_only_where_the_configuration_asks_for_it() {
    for (setting, expected) in [("false", false), ("true", true)] {
        let mut setup = setup().set("accounts", "write-nt-hashes-danger", setting);
        setup.prepare();
        assert_eq!(has_nt_hash(&setup, "plain"), expected);
    }
}

#[test]
fn command_line_alone_can_not_make_a_server_keep_nt_hashes() {
    let mut daemon = setup().start();
    daemon.change("accounts", "write-nt-hashes-danger", "true");
    let other = daemon.write("other.toml", &daemon.config_text());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portvakt"));
    command.args(["account", "set-password", "plain", "--config"]);
    let set = crate::common::run_with(command.arg(other), "a-new-one-entirely\n");
    assert!(set.status.success(), "{}", crate::common::text(&set));
    assert!(!has_nt_hash(&daemon, "plain"));
}

#[test]
fn peer_account_without_an_nt_hash_has_its_own_sentence_in_audit_log_and_explain() {
    let daemon = with_peap(setup());
    assert!(peap(&daemon, "kari", PASSWORD));
    assert!(!peap(&daemon, "plain", PASSWORD));
    let line = daemon.attempt(2);
    assert_eq!(line["reason"], "method-not-allowed");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("no NT hash"), "{detail}");
    let told = || {
        let said = done(&daemon, &["explain", "plain"]);
        Some(said).filter(|said| said.contains("method-not-allowed"))
    };
    let said = crate::common::eventually(told).unwrap();
    assert!(said.contains(detail), "{said}");
    assert!(said.contains("nt hash    none"), "{said}");
    assert!(
        said.contains("import it with its sambaNTPassword"),
        "{said}"
    );
    let said = done(&daemon, &["explain", "kari"]);
    assert!(said.contains("nt hash    kept"), "{said}");
}

#[test]
fn explain_says_how_to_mend_a_missing_nt_hash_as_this_server_is_configured() {
    let bare = |setup: Setup| {
        let mut setup = setup.set("accounts.attributes", "nt-hash", "\"notThere\"");
        setup.prepare();
        done(&setup, &["explain", "plain"])
    };
    assert!(bare(setup()).contains("import it with its notThere"));
    let writes = setup().set("accounts", "write-nt-hashes-danger", "true");
    let writes = writes.people(&people().replace(PASSWORD, "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="));
    assert!(bare(writes).contains("set its password anew"));
    let mut neither = Setup::new();
    neither.prepare();
    let said = done(&neither, &["explain", "anna"]);
    assert!(said.contains("keeps no NT hashes"), "{said}");
}

#[test]
fn chap_secret_is_kept_for_a_machine_and_never_shown() {
    let mut setup = setup();
    setup.prepare();
    let shown = done(&setup, &["account", "show", "printer"]);
    assert!(shown.contains("chap secret    kept, sealed"), "{shown}");
    let json = done(&setup, &["account", "show", "printer", "--json"]);
    assert!(!json.contains("paper-jam") && !json.contains("cGFwZXItamFt"));
    let shown = done(&setup, &["account", "show", "plain"]);
    assert!(!shown.contains("chap secret"), "{shown}");
}

#[test]
fn chap_secret_of_a_person_is_refused_with_file_line_and_reason() {
    let mut setup = setup();
    setup.prepare();
    let ldif = "dn: x\nuid: ola\neduPersonPrimaryAffiliation: student\n\
                portvaktChapSecret: my-own-password\n";
    let path = setup.write("ola.ldif", ldif);
    let refused = setup.cli(&["account", "import", path.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused);
    assert!(
        said.contains("ola.ldif:4: portvaktChapSecret: only a service account"),
        "{said}"
    );
    assert!(!said.contains("my-own-password"), "{said}");
}

#[test]
fn server_does_not_start_without_the_key_that_sealed_its_nt_hashes() {
    let mut setup = setup();
    setup.prepare();
    std::fs::remove_file(setup.path("data/sealing.key")).unwrap();
    let shown = setup.cli(&["account", "list"]);
    assert_eq!(shown.status.code(), Some(1));
    let said = text(&shown);
    assert!(said.contains("sealing.key is missing"), "{said}");
}

#[test]
fn key_named_in_the_configuration_is_the_one_that_seals() {
    let mut setup = setup().set("accounts", "sealing-key-file", "\"elsewhere.key\"");
    setup.write(
        "elsewhere.key",
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
    );
    setup.prepare();
    assert!(has_nt_hash(&setup, "kari"));
    assert!(!setup.path("data/sealing.key").exists());
    setup.write(
        "elsewhere.key",
        "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=\n",
    );
    let refused = setup.cli(&["account", "list"]);
    assert!(
        text(&refused).contains("sealed with another"),
        "{}",
        text(&refused)
    );
}
