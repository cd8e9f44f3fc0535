//! FreeRADIUS' radclient.

use super::nas::setup;
use crate::common::{Daemon, SECRET, run_with, text};

fn radclient(daemon: &Daemon, attributes: &str, secret: &str, patience: &str) -> String {
    let mut command = std::process::Command::new("radclient");
    command.args(["-x", "-r", "1", "-t", patience]).args([
        &daemon.accounting_address().to_string(),
        "acct",
        secret,
    ]);
    text(&run_with(&mut command, attributes))
}

/// AC1, RFC 2869, RFC 6911.
#[test]
fn peer_radclient_accounts_for_a_session() {
    let daemon = setup().start();
    let common = "Acct-Session-Id = \"8F\"\nUser-Name = \"anna\"\nNAS-Identifier = \"vpn-1\"\n\
                  Calling-Station-Id = \"10.77.0.100[4500]\"\n";
    for more in [
        "Acct-Status-Type = Start",
        "Acct-Status-Type = Interim-Update\nFramed-IP-Address = 192.0.2.7\n\
         Framed-IPv6-Prefix = 2001:db8:1::/64\nFramed-IPv6-Address = 2001:db8:2::9\n\
         Acct-Input-Octets = 5\nAcct-Input-Gigawords = 3",
        "Acct-Status-Type = Stop\nAcct-Terminate-Cause = User-Request\nAcct-Session-Time = 60\n\
         Message-Authenticator = 0x00",
    ] {
        let said = radclient(&daemon, &format!("{common}{more}\n"), SECRET, "10");
        assert!(said.contains("Received Accounting-Response"), "{said}");
    }
    for address in ["192.0.2.7", "2001:db8:1::1", "2001:db8:2::9"] {
        let sessions = daemon.sessions(&["--ip", address]);
        assert_eq!(sessions.len(), 1, "{address}");
        let session = &sessions[0];
        assert_eq!(session["input_octets"], (3_u64 << 32) + 5);
        assert_eq!(session["terminate_cause"], "User-Request");
        assert_eq!(session["device"], "10.77.0.100[4500]");
    }
}

#[test]
fn peer_radclient_with_another_secret_meets_silence() {
    let daemon = setup().start();
    let start = "Acct-Status-Type = Start\nAcct-Session-Id = \"8F\"\n";
    let said = radclient(&daemon, start, "another-secret", "1");
    assert!(said.contains("No reply from server"), "{said}");
    assert!(daemon.sessions(&[]).is_empty());
    assert_eq!(daemon.drops("authenticator-wrong"), 1.0);
}
