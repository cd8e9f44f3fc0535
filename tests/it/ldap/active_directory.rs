//! Log-ons with a mirror of what speaks as Active Directory does; see the head of
//! `tests/common/active_directory.rs` for what that is, and what it is not.

use crate::common::{Daemon, Setup, eventually};
use crate::ldap::domain::{ActiveDirectory, PASSWORD, SERVICE_PASSWORD};

fn start(directory: &ActiveDirectory, lines: &str) -> Daemon {
    let setup = Setup::new().people("");
    let file = setup.write("ad-password", SERVICE_PASSWORD);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let table = directory.directory_table(&file.display().to_string(), lines);
    let daemon = setup.more(&table).start();
    let current = "portvakt_mirror_state{directory=\"campus\",state=\"current\"}";
    let is_so = eventually(|| (daemon.metric(current) > 0.0).then_some(()));
    assert!(is_so.is_some(), "{}\n{}", daemon.metrics(), daemon.log());
    daemon
}

/// Why a log-on was refused; nothing if it was not.
fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    let before = daemon.audit_lines().len();
    daemon.radclient(user, password);
    let attempt = daemon.attempt(before + 1);
    attempt["reason"].as_str().unwrap_or_default().to_owned()
}

fn becomes(daemon: &Daemon, user: &str, expected: &str) {
    let is_so = || (reason(daemon, user, PASSWORD) == expected).then_some(());
    assert!(eventually(is_so).is_some(), "{}", daemon.log());
}

/// With the right that DirSync asks for, and without it, when the mirror is polled.
#[test]
fn changes_of_a_domain_arrive_by_dirsync_and_by_polling() {
    for may_replicate in [true, false] {
        let directory = ActiveDirectory::with(2_500, may_replicate);
        let daemon = start(&directory, "mirror = \"auto\"\npoll-every = \"1s\"");
        assert_eq!(
            daemon.metric("portvakt_mirror_accounts{directory=\"campus\"}"),
            2_500.0
        );
        assert!(
            daemon.radclient("u2499", PASSWORD).is_accept(),
            "{}",
            daemon.log()
        );
        // 2020-01-01, in 100 ns since 1601.
        directory.replace("u0001", "accountExpires", "132223104000000000");
        becomes(&daemon, "u0001", "left");
        assert_eq!(reason(&daemon, "new", PASSWORD), "unknown-user");
        directory.add("new");
        let accepted = eventually(|| daemon.radclient("new", PASSWORD).is_accept().then_some(()));
        assert!(accepted.is_some(), "{}", daemon.log());
        directory.delete("u0002");
        if may_replicate {
            becomes(&daemon, "u0002", "unknown-user");
        }
        assert_eq!(
            daemon.metric("portvakt_mirror_loads_total{directory=\"campus\"}"),
            1.0
        );
    }
}

#[test]
fn domain_says_in_its_codes_why_a_mirrored_account_is_refused() {
    let directory = ActiveDirectory::with(3, true);
    let daemon = start(&directory, "mirror = \"dirsync\"\npoll-every = \"1s\"");
    assert_eq!(reason(&daemon, "u0000", "wrong"), "wrong-credential");
    directory.refuse("u0001", "533");
    assert_eq!(reason(&daemon, "u0001", PASSWORD), "deactivated");
    // The same by what the entry says, without asking.
    directory.replace("u0002", "userAccountControl", "514");
    becomes(&daemon, "u0002", "deactivated");
}

#[test]
fn dirsync_without_its_right_is_said() {
    let directory = ActiveDirectory::with(3, false);
    let setup = Setup::new().people("");
    let file = setup.write("ad-password", SERVICE_PASSWORD);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let table = directory.directory_table(&file.display().to_string(), "mirror = \"dirsync\"");
    let daemon = setup.more(&table).start();
    let said = || {
        daemon
            .health()
            .1
            .contains("INSUFF_ACCESS_RIGHTS")
            .then_some(())
    };
    assert!(eventually(said).is_some(), "{}", daemon.health().1);
    // Each is asked for instead.
    assert!(
        daemon.radclient("u0001", PASSWORD).is_accept(),
        "{}",
        daemon.log()
    );
}
