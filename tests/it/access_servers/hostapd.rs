//! hostapd as a switch, with a device of wpa_supplicant: log-on, accounting, and the end of the session
//! when its account is closed.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::start_in;
use crate::common::{Daemon, Namespace, Program, SECRET, Setup, text};

const DISCONNECT_SECRET: &str = "of disconnecting alone";

/// A port of a switch, and a device behind it, in a namespace of their own beside the server.
struct Switch {
    daemon: Daemon,
    device: Program,
    /// Ended before the namespace.
    hostapd: Program,
    _own: Namespace,
}

impl Switch {
    /// Lets the device of kari log on.
    fn start(profile: &str) -> Self {
        let own = Namespace::new();
        own.run(
            "ip link add nas0 type veth peer name dev0 && ip link set nas0 up && \
             ip link set dev0 up",
        );
        let client = format!(
            "service = \"wired\"\ndisconnect = \"{profile}\"\n\
             disconnect-secret = \"{DISCONNECT_SECRET}\"\n"
        );
        let setup = Setup::new()
            .without_clients()
            .client("switch", "127.0.0.0/8", &client)
            .set("accounting", "listen", "[\"127.0.0.1:0\"]");
        let daemon = start_in(&own, setup);
        let configuration = daemon.write("hostapd.conf", &hostapd_conf(&daemon));
        let mut command = own.command("hostapd");
        command.arg("-dd").arg(configuration);
        let hostapd = Program::start(&mut command, &daemon.path("hostapd.log"));
        hostapd.wait_for_log("AP-ENABLED");
        let authority = daemon.path("ca.pem").display().to_string();
        let configuration = daemon.write("supplicant.conf", &supplicant_conf(&authority));
        let mut command = own.command("wpa_supplicant");
        command
            .args(["-d", "-Dwired", "-idev0", "-c"])
            .arg(configuration);
        let device = Program::start(&mut command, &daemon.path("supplicant.log"));
        device.wait_for_log("CTRL-EVENT-EAP-SUCCESS");
        Self {
            daemon,
            device,
            hostapd,
            _own: own,
        }
    }

    /// The audit lines of sessions that have begun or ended.
    fn wait_for_session(&self, what: &str) -> serde_json::Value {
        let is_it = |line: &serde_json::Value| line["event"] == "session" && line["what"] == what;
        self.daemon.wait_for_audit(1, is_it).remove(0)
    }
}

fn hostapd_conf(daemon: &Daemon) -> String {
    format!(
        "interface=nas0\ndriver=wired\nieee8021x=1\nuse_pae_group_addr=0\n\
         own_ip_addr=127.0.0.1\nnas_identifier=switch-1.campus.example\n\
         auth_server_addr=127.0.0.1\nauth_server_port={}\nauth_server_shared_secret={SECRET}\n\
         acct_server_addr=127.0.0.1\nacct_server_port={}\nacct_server_shared_secret={SECRET}\n\
         radius_acct_interim_interval=1\n\
         radius_das_port=3799\nradius_das_client=127.0.0.1 {DISCONNECT_SECRET}\n\
         radius_das_time_window=300\nradius_das_require_event_timestamp=1\n\
         radius_das_require_message_authenticator=1\n",
        daemon.address().port(),
        daemon.accounting_address().port(),
    )
}

fn supplicant_conf(authority: &str) -> String {
    format!(
        "ap_scan=0\nnetwork={{\n key_mgmt=IEEE8021X\n eapol_flags=0\n eap=TTLS\n\
         \x20identity=\"kari@campus.example\"\n\
         \x20anonymous_identity=\"anonymous@campus.example\"\n\
         \x20password=\"granite-and-heather\"\n phase2=\"auth=PAP\"\n\
         \x20ca_cert=\"{authority}\"\n}}\n"
    )
}

/// DA1, AC6: the outer name is anonymous, so that the account is known by Class alone.
#[test]
fn peer_hostapd_ends_the_session_of_a_suspended_account() {
    let switch = Switch::start("standard");
    let daemon = &switch.daemon;
    let began = switch.wait_for_session("begin");
    assert_eq!(began["account"], "kari");
    assert_eq!(began["user_name"], "anonymous@campus.example");
    // The first Interim-Update: Start has none.
    switch.hostapd.wait_for_log("(Acct-Session-Time)");
    let suspended = Instant::now();
    let done = daemon.cli(&["account", "suspend", "kari", "--why", "a lost laptop"]);
    assert!(done.status.success(), "{}", text(&done));
    let is_disconnect = |line: &serde_json::Value| line["event"] == "disconnect";
    let ended = daemon.wait_for_audit(1, is_disconnect).remove(0);
    let acked_after = suspended.elapsed();
    assert_eq!(ended["outcome"], "acked", "{ended}");
    assert_eq!(ended["reason"], "suspended");
    assert_eq!(ended["session_id"], began["session_id"]);
    let stopped = switch.wait_for_session("end");
    assert_eq!(stopped["ended_by"], "stopped");
    eprintln!(
        "ACK after {acked_after:?}, Stop after {:?}",
        suspended.elapsed()
    );
    // Nobody tells a device on a wire. It is refused when it comes again.
    switch.device.signal(Signal::SIGHUP);
    switch.device.wait_for_log("CTRL-EVENT-EAP-FAILURE");
    let is_refused = |line: &serde_json::Value| line["reason"] == "suspended";
    let is_refused = |line: &serde_json::Value| line["event"] == "attempt" && is_refused(line);
    daemon.wait_for_audit(1, is_refused);
}
