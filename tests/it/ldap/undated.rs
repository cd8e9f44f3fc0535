//! A directory that checks passwords and shows nothing of when they change: nothing is built on one
//! that was right.

use portvakt_testkit::supplicant::{Device, Outcome, Profile};

use crate::common::{AccessPoint, Daemon, Setup, Slapd, eventually, text};
use crate::ldap::people::{PASSWORD, everybody, hash};

fn site(hidden: &str) -> (Slapd, Daemon) {
    let slapd = Slapd::with(&everybody());
    slapd.configure(&format!(
        "dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n\
         olcAccess: {{0}}to attrs={hidden} by * none\n"
    ));
    let table = slapd.directory_table("verify = \"bind\"\ngrace = \"10m\"\ntimeout = \"1s\"");
    let daemon = Setup::new().people("").more(&table).start();
    let accepted = || daemon.radclient("bo", PASSWORD).is_accept().then_some(());
    assert!(eventually(accepted).is_some(), "{}", daemon.log());
    (slapd, daemon)
}

fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    let before = daemon.audit_lines().len();
    daemon.radclient(user, password);
    let attempt = daemon.attempt(before + 1);
    attempt["reason"].as_str().unwrap_or_default().to_owned()
}

/// Whether the log-on of a device succeeds, and whether it resumes a session.
fn comes_back(daemon: &Daemon, device: &Device) -> (bool, bool) {
    let mut supplicant = device.supplicant();
    let outcome = AccessPoint::of(daemon).converse(&mut supplicant);
    (outcome == Some(Outcome::Success), supplicant.is_resumed())
}

fn device(daemon: &Daemon) -> Device {
    let identity = "bo@campus.example";
    Device::new(Profile::pap(
        daemon.authority(),
        identity,
        PASSWORD.as_bytes(),
    ))
}

#[test]
fn password_that_can_not_be_dated_is_checked_each_time_and_resumes_nothing() {
    let (mut slapd, daemon) = site("entryCSN,modifyTimestamp,pwdChangedTime");
    let device = device(&daemon);
    assert_eq!(comes_back(&daemon, &device), (true, false));
    assert_eq!(comes_back(&daemon, &device), (true, false));
    let warning = "nothing says when passwords change";
    assert_eq!(daemon.log().matches(warning).count(), 1, "{}", daemon.log());
    let shown = text(&daemon.cli(&["account", "show", "bo", "--raw"]));
    assert!(shown.contains("it is not remembered"), "{shown}");
    slapd.change(&format!(
        "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: userPassword\nuserPassword: {}\n",
        hash("another-password")
    ));
    assert_eq!(reason(&daemon, "bo", PASSWORD), "previous-password");
    assert_eq!(comes_back(&daemon, &device), (false, false));
    slapd.kill();
    assert_eq!(reason(&daemon, "bo", PASSWORD), "directory-unavailable");
}

/// A change of the entry is enough.
#[test]
fn password_with_a_stamp_is_remembered_and_resumes() {
    let (mut slapd, daemon) = site("entryCSN,pwdChangedTime");
    let device = device(&daemon);
    assert_eq!(comes_back(&daemon, &device), (true, false));
    assert_eq!(comes_back(&daemon, &device), (true, true));
    slapd.kill();
    assert_eq!(reason(&daemon, "bo", PASSWORD), "");
}
