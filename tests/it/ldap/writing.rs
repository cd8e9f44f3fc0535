//! Helpers of the tests of writing: an operator who sets passwords, and a log-on that says its reason.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Daemon, Radclient, Setup, Slapd, eventually, text};
use crate::ldap::page::blocks;
use crate::ldap::people::PASSWORD;

pub(crate) const NEW: &str = "another-horse-and-battery";

/// Lets our account write what the page's block says, and `more` attributes.
pub(crate) fn allow(slapd: &Slapd, block: usize, more: &str) {
    let rules = &blocks("Writing", "ldif")[block];
    assert!(rules.contains("userPassword"), "{rules}");
    let rules = rules
        .replace("cn=portvakt,ou=services,", "cn=portvakt,")
        .replace("portvaktSuspended", &format!("portvaktSuspended{more}"));
    slapd.configure(&rules);
}

/// A server over it that has let Anna in.
pub(crate) fn start(setup: Setup, slapd: &Slapd, lines: &str) -> Daemon {
    let table = slapd.directory_table(&format!("write = true\n{lines}"));
    let daemon = setup.people("").more(&table).start();
    log_on(&daemon, "anna", PASSWORD);
    daemon
}

pub(crate) fn log_on(daemon: &Daemon, user: &str, password: &str) {
    let accepted = eventually(|| daemon.radclient(user, password).is_accept().then_some(()));
    assert!(accepted.is_some(), "{}", daemon.log());
}

/// Why a log-on was refused; nothing if it was not.
pub(crate) fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    static LOG_ONS: AtomicUsize = AtomicUsize::new(0);

    let device = format!("device-{}", LOG_ONS.fetch_add(1, Ordering::Relaxed));
    let request = Radclient::pap(user, password);
    let line = format!("Calling-Station-Id = \"{device}\"");
    request.attribute(&line).run(daemon);
    let lines = daemon.wait_for_audit(1, |line| line["calling_station_id"] == device);
    lines[0]["reason"].as_str().unwrap_or_default().to_owned()
}

/// The command's output, and whether it succeeded.
pub(crate) fn set_password(
    daemon: &Daemon,
    user: &str,
    new: &str,
    more: &[&str],
) -> (bool, String) {
    let words = [&["account", "set-password", user], more].concat();
    let done = daemon.cli_with(&words, &format!("{new}\n"));
    (done.status.success(), text(&done))
}
