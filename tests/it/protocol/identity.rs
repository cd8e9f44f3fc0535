//! Identities of roaming users, and facts that strangers must not learn (I1, I6).

use crate::common::Setup;
use crate::nas::{Reply, kind};

/// I1: from a client that brings EAP only, which is the usual one.
#[test]
fn a_bare_password_from_an_eduroam_client_is_refused_unchecked() {
    let setup = Setup::new().without_clients();
    let daemon = setup.client("eduroam", "127.0.0.1", "").start();
    let nas = daemon.nas();
    let user = nas.access_request().user("anna@campus.example");
    let chap = user.clone().with(3, &[7; 17]);
    let ms_chap = user
        .clone()
        .with(kind::VENDOR_SPECIFIC, b"\0\0\x01\x37\x0b\x04\x01\x02");
    for request in [
        nas.pap("anna@campus.example", "correct-horse-battery"),
        nas.pap("anna@campus.example", "wrong"),
        chap.identifier(100),
        ms_chap.identifier(101),
        user.identifier(102),
    ] {
        assert!(nas.ask(&request).is_reject());
    }
    assert_eq!(daemon.reasons(5), ["method-not-allowed"; 5]);
    assert_eq!(daemon.failures("anna"), 0);
}

/// Users who would be refused for each state, and their right passwords.
const REFUSED: [(&str, &str); 7] = [
    ("ola", "forgot-to-pay-again"),
    ("mona", "never-registered-yet"),
    ("lars", "degree-in-my-pocket"),
    ("siri", "shared-too-many-films"),
    ("jonas", "lost-my-laptop-abroad"),
    ("ingrid", "same-as-last-decade"),
    ("emil", "sent-by-sms-4711"),
];

/// All that the wire shows of a Reject, but for authenticators.
fn shape(reject: &Reply) -> (Vec<u8>, usize, Option<Vec<u8>>) {
    assert!(reject.is_reject());
    let eap_code = reject
        .eap()
        .map(|packet| vec![packet[0], packet[2], packet[3]]);
    (reject.kinds(), reject.octets().len(), eap_code)
}

/// I6, P5: whatever state an account is in, a wrong password looks like an unknown user.
#[test]
fn a_wrong_password_tells_nothing_of_the_account() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let bare = shape(&nas.log_on("nobody", "wrong"));
    let tunnelled = shape(&daemon.device(&nas, "nobody", "wrong").finish());
    for (user, _) in REFUSED {
        assert_eq!(shape(&nas.log_on(user, "wrong")), bare, "{user}");
        let reject = daemon.device(&nas, user, "wrong").finish();
        assert_eq!(shape(&reject), tunnelled, "{user}");
    }
}

/// I6: a locked account answers the right password as any wrong one, and says why to nobody.
#[test]
fn a_lock_is_told_to_nobody() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let bare = shape(&nas.log_on("nobody", "wrong"));
    let (user, password) = REFUSED[0];
    for guess in 0..6 {
        assert_eq!(shape(&nas.log_on(user, &format!("wrong-{guess}"))), bare);
    }
    assert_eq!(shape(&nas.log_on(user, password)), bare);
    assert_eq!(shape(&nas.log_on(user, "wrong")), bare);
    let mut device = daemon.device(&nas, user, password);
    let tunnelled = shape(&daemon.device(&nas, "nobody", "wrong").finish());
    assert_eq!(shape(&device.finish()), tunnelled);
    let reasons = daemon.reasons(11);
    let locked = reasons.iter().filter(|reason| *reason == "locked-out");
    assert_eq!(locked.count(), 3, "{reasons:?}");
}

/// I6: with the right password the reason is the account's; it is written down each time.
#[test]
fn a_proven_password_meets_the_reason_of_its_account() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for (user, password) in REFUSED {
        assert!(nas.log_on(user, password).is_reject(), "{user}");
    }
    let expected = [
        "not-active",
        "not-registered",
        "left",
        "suspended",
        "deactivated",
        "password-expired",
        "temporary-not-allowed",
    ];
    assert_eq!(daemon.reasons(REFUSED.len()), expected);
}
