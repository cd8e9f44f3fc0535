//! Codes by text message and windows of IT support, from the command to the next log-on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use super::{act, done, failed, log_on, person};
use crate::common::{Daemon, Setup, text};

const OLD: &str = "moss-and-granite-77";
const NEW: &str = "heather-and-basalt-78";

fn people() -> String {
    let person = person("mari", OLD);
    format!(
        "{}mobile: 912 34 567\n\n",
        person.trim_end_matches('\n').to_owned() + "\n"
    )
}

fn setup() -> Setup {
    Setup::new().people(&people())
}

/// The code of the only message in the outbox.
fn code_in_outbox(setup: &Setup) -> String {
    let mut files = std::fs::read_dir(setup.path("data/outbox")).unwrap();
    let text = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    assert!(files.next().is_none());
    let code = text
        .split_whitespace()
        .find(|word| word.len() == 16 && word.contains('-'));
    code.unwrap_or_else(|| panic!("no code in:\n{text}"))
        .trim_end_matches('.')
        .to_owned()
}

fn redeem(daemon: &Daemon, more: &[&str], code: &str, new: &str) -> std::process::Output {
    let words = [&["account", "reset", "redeem", "mari"], more].concat();
    daemon.cli_with(&words, &format!("{code}\n{new}\n"))
}

#[test]
fn code_by_message_sets_a_password_that_opens_the_network() {
    let daemon = setup().start();
    let said = done(
        &daemon,
        &["account", "reset", "send", "mari", "--why", "called"],
    );
    assert!(said.contains("+47 9xx xx x67: handed-over"), "{said}");
    let code = code_in_outbox(&daemon);
    assert!(log_on(&daemon, "mari", OLD));
    assert!(!log_on(&daemon, "mari", &code));
    let wrong = redeem(&daemon, &[], "0000-0000-00000", NEW);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong));
    let short = redeem(&daemon, &[], &code, "short");
    assert!(text(&short).contains("fewer than 15"), "{}", text(&short));
    let done_so = redeem(&daemon, &[], &code, NEW);
    assert!(done_so.status.success(), "{}", text(&done_so));
    assert!(log_on(&daemon, "mari", NEW));
    assert!(!log_on(&daemon, "mari", OLD));
    let again = redeem(&daemon, &[], &code, OLD);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert_eq!(
        act(&daemon, "send-temporary-password")["result"],
        "handed-over"
    );
    act(&daemon, "choose-password-by-message");
    let log = daemon
        .audit_lines()
        .iter()
        .map(ToString::to_string)
        .collect::<String>();
    assert!(!log.contains(&code) && !log.contains("91234567"), "{log}");
}

/// I2 and the second channel: what locked the account is mended.
#[test]
fn activation_code_outlives_a_kill_and_ends_the_lock() {
    let mut daemon = setup().start();
    let said = done(
        &daemon,
        &["account", "reset", "open", "mari", "--why", "passport seen"],
    );
    let code = said
        .split_whitespace()
        .find(|word| word.matches('-').count() == 2);
    let code = code.unwrap().trim_end_matches(',').to_owned();
    super::lock(&daemon, "mari");
    daemon.kill();
    daemon.restart();
    assert!(!log_on(&daemon, "mari", OLD));
    // Of a window, not of a message.
    assert_eq!(redeem(&daemon, &[], &code, NEW).status.code(), Some(1));
    let set = redeem(&daemon, &["--window"], &code, NEW);
    assert!(set.status.success(), "{}", text(&set));
    assert!(log_on(&daemon, "mari", NEW));
    let shown = done(&daemon, &["account", "reset", "show", "mari"]);
    assert!(shown.contains("support    not open"), "{shown}");
}

/// A gateway that takes a message and never answers: nobody else waits for it.
#[test]
fn hanging_gateway_delays_no_log_on_and_its_message_is_of_unknown_outcome() {
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gateway.local_addr().unwrap().port();
    let daemon = setup()
        .more(&format!(
            "[sms]\nsend-by = \"campus\"\n[sms.gateway.campus]\n\
             url = \"http://127.0.0.1:{port}/\"\ntimeout = \"5s\"\n\
             fields = {{ to = \"{{number}}\", text = \"{{text}}\" }}\n"
        ))
        .start();
    let mut socket = UnixStream::connect(daemon.path("data/control.sock")).unwrap();
    let mut answers = BufReader::new(socket.try_clone().unwrap()).lines();
    for name in ["mari", "nobody-of-this-name"] {
        let request = format!(
            r#"{{"act":"request-code","name":"{name}","kind":"temporary-password","source":"192.0.2.7"}}"#
        );
        writeln!(socket, "{request}").unwrap();
        let answer = answers.next().unwrap().unwrap();
        assert_eq!(
            answer, r#"{"answer":"code-asked","available":true}"#,
            "{name}"
        );
    }
    let (hanging, _) = gateway.accept().unwrap();
    assert!(log_on(&daemon, "mari", OLD));
    let line = act(&daemon, "send-temporary-password");
    assert_eq!(
        (&line["account"], &line["result"]),
        (&"mari".into(), &"unknown".into())
    );
    drop(hanging);
    let listed = done(&daemon, &["messages", "list"]);
    assert!(listed.contains("campus unknown"), "{listed}");
    done(&daemon, &["messages", "off", "--why", "gateway hangs"]);
    let refused = failed(&daemon, &["account", "reset", "send", "mari"]);
    assert!(refused.contains("switched off"), "{refused}");
}

#[test]
fn check_counts_the_parts_of_messages_and_finds_mistakes_of_gateways() {
    let mut setup = setup();
    setup.prepare();
    let checked = done(&setup, &["check"]);
    assert!(
        checked.contains("temporary password, nb: 1 part"),
        "{checked}"
    );
    let wrong = setup.more(
        "[sms]\nsend-by = \"campsu\"\nbudget-per-account = [\"3/2d\"]\n[sms.temporary-password]\n\
         nb = \"no code\"\n[sms.gateway.campus]\nfields = { to = \"{phone}\" }\nauth = \"bearer\"\n\
         [resets]\npin = true\n",
    );
    wrong.write_config();
    let checked = wrong.cli(&["check"]);
    assert_eq!(checked.status.code(), Some(2));
    let said = text(&checked);
    for part in [
        "sms.send-by",
        "sms.budget-per-account",
        "sms.temporary-password.nb",
        "sms.gateway.campus.url",
        "{phone}",
        "sms.gateway.campus.auth",
        "resets.pin-pepper-file",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
