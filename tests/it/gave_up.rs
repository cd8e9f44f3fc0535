//! Devices that stop in the middle: what the audit log makes of it.

use crate::common::{AccessPoint, Daemon, Reply, Setup, eventually};
use portvakt_auth::mschap::NtHash;
use portvakt_radius::Code;
use portvakt_testkit::supplicant::{Inner, Outcome, Outer, Profile, Supplicant, User};

const ANNA: &str = "correct-horse-battery";

fn device(daemon: &Daemon) -> Supplicant {
    let name = "anna@campus.example";
    Supplicant::new(Profile::pap(daemon.authority(), name, ANNA.as_bytes()))
}

/// E10: what was on offer, how far it came, and how large what got no answer was.
#[test]
fn conversation_that_stops_at_the_first_fragment_is_a_matter_of_the_mtu() {
    let setup = Setup::new().set("radius", "conversation-timeout", "\"5s\"");
    let daemon = setup.start();
    let mut device = device(&daemon);
    let mut access_point = AccessPoint::of(&daemon);
    let first = access_point.step(&device.identity_response(1), None);
    access_point.go_on(&mut device, first, 1);
    let line = daemon.attempt(1);
    assert_eq!(line["stage"], "server-fragments", "{line}");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("check the MTU"), "{line}");
    assert!(
        detail.ends_with("request 2 (EAP-TTLS, 1020 octets) got no answer"),
        "{line}"
    );
}

/// A device that never finishes fills no table, and each that gives way is told.
#[test]
fn device_that_begins_again_and_again_replaces_its_own_conversations() {
    let daemon = Setup::new().start();
    let mut access_point = AccessPoint::of(&daemon);
    let mut device = device(&daemon);
    for _ in 0..20 {
        access_point.step(&device.identity_response(1), None);
    }
    let lines = daemon.wait_for_audit(16, |line| line["result"] == "gave-up");
    for line in lines {
        assert_eq!(line["reason"], "gave-up", "{line}");
        assert_eq!(line["stage"], "method-negotiation", "{line}");
        let detail = line["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("replaced by a newer conversation"),
            "{line}"
        );
    }
    eventually(|| (daemon.metric("portvakt_conversations") == 4.0).then_some(())).unwrap();
    assert_eq!(access_point.converse(&mut device), Some(Outcome::Success));
}

/// EAP-TTLS with MSCHAPv2, where anna has an NT hash.
fn server_with_ms_chap_v2() -> Daemon {
    let nt_hash = NtHash::of_password(ANNA);
    let people = format!(
        "dn: uid=anna,dc=example\nuid: anna\neduPersonPrimaryAffiliation: employee\n\
         userPassword: {ANNA}\nsambaNTPassword: {}\n\n",
        *nt_hash.reveal()
    );
    Setup::new()
        .people(&people)
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set("eap", "ttls-inner", "[\"mschapv2\"]")
        .set("radius", "conversation-timeout", "\"5s\"")
        .start()
}

/// A guess that was refused inside the tunnel: MS-CHAP-Error is there, and not acknowledged.
fn refused_inside(daemon: &Daemon, access_point: &mut AccessPoint) -> Reply {
    let inner = Inner::MsChapV2(User {
        identity: "anna@campus.example".into(),
        password: "a guess".into(),
    });
    let mut device = Supplicant::new(Profile::new(daemon.authority(), Outer::Ttls, inner));
    let mut reply = access_point.step(&device.identity_response(1), None);
    while let Some(answer) = device.handle(&reply.eap) {
        if answer.len() == 6 && device.msk().is_some() {
            break;
        }
        reply = access_point.step(&answer, reply.state.as_deref());
        assert_eq!(reply.code, Code::AccessChallenge);
    }
    reply
}

/// The audit log has so many attempts and no more; a log-on behind them is the next.
fn assert_attempts(daemon: &Daemon, count: usize) {
    let reply = daemon.nas().log_on("anna", "not her password either");
    assert_eq!(reply.code(), crate::nas::Code::AccessReject);
    let lines = daemon.attempts(count + 1);
    assert_eq!(lines[count]["method"], "pap", "{lines:?}");
}

/// I3: a refusal is recorded when the device is told of it for good, and not again when nobody comes
/// back.
#[test]
fn device_that_hangs_up_on_a_refusal_was_recorded_with_its_reason() {
    let daemon = server_with_ms_chap_v2();
    refused_inside(&daemon, &mut AccessPoint::of(&daemon));
    let line = daemon.attempt(1);
    assert_eq!(line["result"], "reject", "{line}");
    assert_eq!(line["reason"], "wrong-credential", "{line}");
    assert_eq!(line["account"], "anna", "{line}");
    assert!(
        line["detail"].is_null() && line["stage"].is_null(),
        "{line}"
    );
    eventually(|| (daemon.metric("portvakt_conversations") == 0.0).then_some(())).unwrap();
    assert_attempts(&daemon, 1);
}

/// Nor is it a matter of TLS any more, though the device ends its tunnel by an alert.
#[test]
fn device_that_breaks_the_tunnel_after_a_refusal_is_told_with_its_reason_alone() {
    let daemon = server_with_ms_chap_v2();
    let mut access_point = AccessPoint::of(&daemon);
    let reply = refused_inside(&daemon, &mut access_point);
    let alert = [2, reply.eap[1], 0, 13, 21, 0, 21, 3, 3, 0, 2, 1, 0];
    let mut reply = access_point.step(&alert, reply.state.as_deref());
    if reply.code == Code::AccessChallenge {
        let acknowledgement = [2, reply.eap[1], 0, 6, 21, 0];
        reply = access_point.step(&acknowledgement, reply.state.as_deref());
    }
    assert_eq!(reply.code, Code::AccessReject);
    let line = daemon.attempt(1);
    assert_eq!(line["result"], "reject", "{line}");
    assert_eq!(line["reason"], "wrong-credential", "{line}");
    assert!(line["detail"].is_null(), "{line}");
    assert_attempts(&daemon, 1);
}
