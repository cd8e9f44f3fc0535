//! When a Reject leaves, and what Accepts and Rejects hold (R6, R7, R12–R14).

use crate::common::Setup;
use crate::nas::{PATIENCE, Reply, SILENCE, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");
/// Never locked, so that it can be guessed at without end.
const TEST_ACCOUNT: &str = "eduroam-test";

/// R6: fifty rejects wait, and one thread of each kind still lets somebody in before them.
#[test]
fn a_waiting_reject_holds_no_thread() {
    let daemon = Setup::new()
        .set("radius", "reject-delay", "\"4s\"")
        .set("radius", "reject-jitter-percent", "0")
        .set("radius", "workers", "1")
        .set("passwords", "hash-threads", "1")
        .start();
    let nas = daemon.nas();
    for guess in 0..50 {
        nas.send(&nas.pap(TEST_ACCOUNT, &format!("wrong-{guess}")).octets());
    }
    nas.send(&nas.pap(USER.0, USER.1).octets());
    let codes: Vec<u8> = (0..51).map(|_| nas.receive(PATIENCE).unwrap()[0]).collect();
    assert_eq!(codes[0], 2, "the Accept comes first");
    assert!(codes[1..].iter().all(|&code| code == 3));
}

/// R6, R4: what the delay hides must not leak to whoever asks twice.
#[test]
fn a_copy_of_a_request_whose_reject_waits_meets_silence() {
    let daemon = Setup::new().set("radius", "reject-delay", "\"2s\"").start();
    let nas = daemon.nas();
    let octets = nas.pap(USER.0, "wrong").octets();
    nas.send(&octets);
    daemon.wait_for_audit(1, |line| line["result"] == "reject");
    nas.send(&octets);
    nas.status();
    let reject = nas.receive(PATIENCE).unwrap();
    assert_eq!(reject[0], 3);
    assert_eq!(nas.receive(SILENCE), None, "one answer, not two");
}

/// R7: what a Reject may hold, whatever it is for; the reason of a bare log-on is told only to
/// those who proved the password, that of EAP to nobody.
#[test]
fn rejects_hold_nothing_but_what_they_may() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for (user, password) in [
        (USER.0, "wrong"),
        ("nobody", "wrong"),
        ("ola", "forgot-to-pay-again"),
        ("ingrid", "same-as-last-decade"),
        ("emil", "sent-by-sms-4711"),
    ] {
        let bare = nas.ask(&nas.pap(user, password).with(kind::PROXY_STATE, b"p"));
        assert_holds_only(&bare, &[kind::REPLY_MESSAGE, kind::PROXY_STATE]);
        let is_told = bare.value(kind::REPLY_MESSAGE).is_some();
        assert_eq!(is_told, password != "wrong", "{user}");
        let mut device = daemon.device(&nas, user, password);
        assert_holds_only(&device.finish(), &[kind::EAP_MESSAGE]);
    }
}

fn assert_holds_only(reject: &Reply, allowed: &[u8]) {
    assert!(reject.is_reject());
    let kinds = reject.kinds();
    let is_allowed = |one: &u8| *one == kind::MESSAGE_AUTHENTICATOR || allowed.contains(one);
    assert!(kinds.iter().all(is_allowed), "{kinds:?}");
}

/// R12.
#[test]
fn no_nas_port_type_is_a_reason_to_refuse() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for value in [0_u32, 5, 15, 19, 27, 0xffff_ffff] {
        let request = nas.pap(USER.0, USER.1);
        let reply = nas.ask(&request.with_integer(kind::NAS_PORT_TYPE, value));
        assert!(reply.is_accept(), "{value}");
        let mut device = daemon
            .device(&nas, USER.0, USER.1)
            .with(kind::NAS_PORT_TYPE, &value.to_be_bytes());
        assert!(device.finish().is_accept(), "{value}");
    }
    let odd = nas.pap(USER.0, USER.1).with(kind::NAS_PORT_TYPE, b"\x13");
    assert!(nas.ask(&odd).is_accept());
}

/// R13: 13 is VLAN, 6 is 802, the name is a string, the tag is the same.
#[test]
fn the_vlan_is_told_to_clients_of_our_own_and_to_no_others() {
    let ours = "methods = [\"eap\", \"pap\"]\nsend-vlan = true";
    let daemon = Setup::new().client("ours", "127.0.0.7", ours).start();
    let (own, foreign) = (daemon.nas_at("127.0.0.7"), daemon.nas());
    let with_vlan = ("kari", "granite-and-heather");
    let bare = own.log_on(with_vlan.0, with_vlan.1);
    assert_eq!(vlan(&bare).as_deref(), Some("staff"));
    let mut device = daemon.device(&own, with_vlan.0, with_vlan.1);
    assert_eq!(vlan(&device.finish()).as_deref(), Some("staff"));
    assert_eq!(vlan(&foreign.log_on(with_vlan.0, with_vlan.1)), None);
    let mut device = daemon.device(&foreign, with_vlan.0, with_vlan.1);
    assert_eq!(vlan(&device.finish()), None);
    assert_eq!(vlan(&own.log_on(USER.0, USER.1)), None, "she has none");
}

/// The VLAN that the three tunnel attributes name together (RFC 3580 §3.31).
fn vlan(accept: &Reply) -> Option<String> {
    assert!(accept.is_accept());
    let tunnel_type = accept.value(kind::TUNNEL_TYPE)?;
    let medium = accept.value(kind::TUNNEL_MEDIUM_TYPE)?;
    let group = accept.value(kind::TUNNEL_PRIVATE_GROUP_ID)?;
    let [tag, type_value @ ..] = tunnel_type.as_slice() else {
        panic!("no tag");
    };
    assert_eq!(type_value, [0, 0, 13]);
    assert_eq!(medium, [&[*tag][..], &[0, 0, 6]].concat());
    // A first octet up to 0x1f is a tag (RFC 2868 §3.6); without one the others carry 0.
    let (group_tag, name) = match group.split_first() {
        Some((first, name)) if *first <= 0x1f => (*first, name),
        _ => (0, group.as_slice()),
    };
    assert_eq!(group_tag, *tag);
    Some(String::from_utf8(name.to_vec()).unwrap())
}

/// R14, E4: the first half of the MSK is what the access point receives with, the second what it
/// sends with.
#[test]
fn keys_are_those_of_the_device_under_salts_of_their_own() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut seen = Vec::new();
    for _ in 0..8 {
        let mut device = daemon.device(&nas, USER.0, USER.1);
        let keys = device.finish().mppe_keys().expect("keys");
        let msk = device.supplicant.msk().expect("a tunnel");
        assert_eq!(keys.receive, msk[..32]);
        assert_eq!(keys.send, msk[32..]);
        assert!(keys.salts.iter().all(|salt| salt[0] & 0x80 != 0));
        assert_ne!(keys.salts[0], keys.salts[1]);
        seen.extend(keys.salts);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 2, "salts are drawn anew for each answer");
}

/// A bare log-on has no keys to hand out.
#[test]
fn a_bare_accept_holds_no_keys() {
    let daemon = Setup::new().start();
    let accept = daemon.nas().log_on(USER.0, USER.1);
    assert!(accept.is_accept());
    assert_eq!(accept.value(kind::VENDOR_SPECIFIC), None);
}
