//! Requests of a VPN concentrator outside EAP beyond a first answer: another try, a new
//! password, CHAP. The real program, asked by a NAS that is not its own code.

use crate::common::{Daemon, Setup};
use portvakt_auth::mschap::NtHash;

const OLD: &str = "heather-and-granite";
const NEW: &str = "moss-and-basalt-2026";
const CHALLENGE: [u8; 16] = [0x5b; 16];

fn people() -> String {
    let nt_hash = NtHash::of_password(OLD);
    let person = |name: &str, more: &str| {
        format!(
            "dn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: employee\n\
             userPassword: {OLD}\nsambaNTPassword: {}\n{more}\n",
            *nt_hash.reveal()
        )
    };
    person("kari", "")
        + &person("expired", "pwdChangedTime: 20200101000000Z\n")
        + &person("elsewhere", "portvaktService: eduroam\n")
}

fn vpn(client: &str) -> Setup {
    Setup::new()
        .without_clients()
        .client(
            "vpn",
            "127.0.0.0/8",
            &format!("service = \"vpn\"\n{client}"),
        )
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set("passwords", "change-by-mschapv2", "true")
        .people(&people())
}

fn start() -> Daemon {
    vpn("methods = [\"pap\", \"mschapv2\"]").start()
}

fn sixteen(challenge: Vec<u8>) -> [u8; 16] {
    challenge.try_into().unwrap()
}

/// The device answers the challenge of the error, and the concentrator sends that along.
#[test]
fn expired_password_is_changed_and_the_new_one_opens() {
    let daemon = start();
    let nas = daemon.nas();
    let refused = nas.ask(&nas.ms_chap_v2("expired", OLD, &CHALLENGE));
    let error = refused.ms_chap_error().unwrap();
    assert!(
        refused.is_reject() && error.starts_with("E=648 R=0 C="),
        "{error}"
    );
    assert!(error.ends_with(" V=3"), "{error}");
    let challenge = sixteen(refused.next_challenge());

    let changed = nas.ask(&nas.ms_chap_v2_change("expired", [OLD, NEW], &challenge));
    assert!(changed.is_accept());
    assert!(changed.proves_ms_chap_v2("expired", NEW, &challenge));
    assert!(
        nas.ask(&nas.ms_chap_v2("expired", NEW, &CHALLENGE))
            .is_accept()
    );
    assert!(nas.log_on("expired", NEW).is_accept());
    assert!(
        nas.ask(&nas.ms_chap_v2("expired", OLD, &CHALLENGE))
            .is_reject()
    );
    let reasons = [
        "password-expired",
        "accept",
        "accept",
        "accept",
        "previous-password",
    ];
    assert_eq!(daemon.reasons(5), reasons);
    let acts = daemon.wait_for_audit(1, |line| line["event"] == "act" && line["who"] == "expired");
    assert_eq!(acts[0]["what"], "change-password");
}

/// MS-CHAP leaves the domain out of what it hashes (RFC 2759 §8.2), so only the name is another.
#[test]
fn name_of_a_windows_domain_answers_by_ms_chap() {
    let realm = "[realm.\"campus.example\"]\nwindows-domains = [\"CAMPUS\"]\n";
    let daemon = vpn("methods = [\"mschapv2\", \"legacy-mschap\"]")
        .more(realm)
        .start();
    let nas = daemon.nas();
    let answered = nas.ask(&nas.ms_chap_v2("CAMPUS\\kari", OLD, &CHALLENGE));
    assert!(answered.is_accept());
    assert!(answered.proves_ms_chap_v2("kari", OLD, &CHALLENGE));
    assert!(
        nas.ask(&nas.ms_chap("campus\\kari", OLD, &[1; 8]))
            .is_accept()
    );
    assert!(
        nas.ask(&nas.ms_chap_v2("OTHER\\kari", OLD, &CHALLENGE))
            .is_reject()
    );
    let refused = &daemon.attempts(3)[2];
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("the Windows form"), "{refused}");
}

/// A repeated, overheard change does nothing: it is under an earlier password.
#[test]
fn change_that_is_sent_again_is_refused_and_not_counted() {
    let daemon = start();
    let nas = daemon.nas();
    let change = || nas.ms_chap_v2_change("expired", [OLD, NEW], &CHALLENGE);
    assert!(nas.ask(&change()).is_accept());
    let again = nas.ask(&change());
    assert!(again.ms_chap_error().unwrap().starts_with("E=691 R=0 "));
    assert_eq!(daemon.reasons(2)[1], "previous-password");
    assert_eq!(daemon.failures("expired"), 0);
    assert!(nas.log_on("expired", NEW).is_accept());
}

#[test]
fn change_with_a_wrong_old_password_counts_and_changes_nothing() {
    let daemon = start();
    let nas = daemon.nas();
    for _ in 0..6 {
        let refused = nas.ask(&nas.ms_chap_v2_change("expired", ["wrong", NEW], &CHALLENGE));
        assert!(refused.ms_chap_error().unwrap().starts_with("E=691 R=0 "));
    }
    let locked = nas.ask(&nas.ms_chap_v2_change("expired", [OLD, NEW], &CHALLENGE));
    assert!(locked.ms_chap_error().unwrap().starts_with("E=691 R=0 "));
    let reasons = daemon.reasons(7);
    assert_eq!(reasons[..6], ["wrong-credential"; 6]);
    assert_eq!(reasons[6], "locked-out");
    let unknown = nas.ask(&nas.ms_chap_v2_change("nobody", [OLD, NEW], &CHALLENGE));
    assert!(unknown.ms_chap_error().unwrap().starts_with("E=691 R=0 "));
}

#[test]
fn change_that_nobody_may_make_here_is_refused_and_not_counted() {
    let off = vpn("methods = [\"mschapv2\"]").set("passwords", "change-by-mschapv2", "false");
    for (daemon, user, reason) in [
        (start(), "kari", "method-not-allowed"),
        (start(), "elsewhere", "service-not-allowed"),
        (off.start(), "expired", "password-expired"),
    ] {
        let nas = daemon.nas();
        let refused = nas.ask(&nas.ms_chap_v2_change(user, [OLD, NEW], &CHALLENGE));
        assert!(refused.is_reject());
        assert_eq!(daemon.reasons(1), [reason]);
        assert_eq!(daemon.failures(user), 0);
        assert!(nas.ask(&nas.ms_chap_v2(user, NEW, &CHALLENGE)).is_reject());
        assert_eq!(daemon.reasons(2)[1], "wrong-credential");
    }
}

#[test]
fn unfit_new_password_is_refused_and_the_old_one_stays() {
    let daemon = start();
    let nas = daemon.nas();
    let long = "x".repeat(129);
    for new in ["short", OLD, "tab\tulator", &long, ""] {
        let refused = nas.ask(&nas.ms_chap_v2_change("expired", [OLD, new], &CHALLENGE));
        let error = refused.ms_chap_error().unwrap();
        assert!(error.starts_with("E=709 R=0 "), "{new:?}: {error}");
    }
    assert_eq!(daemon.failures("expired"), 0);
    let changed = nas.ask(&nas.ms_chap_v2_change("expired", [OLD, NEW], &CHALLENGE));
    assert!(changed.is_accept());
}

/// Two at once, each with the right old password: one new password, not half of each.
#[test]
fn of_two_changes_at_once_one_is_made() {
    let daemon = start();
    let reply = |new: &str| {
        let nas = daemon.nas();
        nas.ask(&nas.ms_chap_v2_change("expired", [OLD, new], &CHALLENGE))
            .is_accept()
    };
    let both = std::thread::scope(|scope| {
        let first = scope.spawn(|| reply("first-of-the-two"));
        let second = scope.spawn(|| reply("second-of-the-two"));
        [first.join().unwrap(), second.join().unwrap()]
    });
    assert_ne!(both[0], both[1]);
    let nas = daemon.nas();
    let opens =
        ["first-of-the-two", "second-of-the-two"].map(|new| nas.log_on("expired", new).is_accept());
    assert_eq!(opens, both);
}

/// I6: what is wrong with an account is told to who has its password, and to nobody else.
#[test]
fn reason_is_told_after_the_proof_and_not_before() {
    let daemon = start();
    let suspended = daemon.cli(&["account", "suspend", "kari", "--why", "abuse"]);
    assert!(suspended.status.success());
    let nas = daemon.nas();
    for (user, error) in [
        ("kari", "E=647 "),
        ("elsewhere", "E=649 "),
        ("expired", "E=648 "),
    ] {
        let proven = nas.ask(&nas.ms_chap_v2(user, OLD, &CHALLENGE));
        assert!(proven.ms_chap_error().unwrap().starts_with(error), "{user}");
        let guess = nas.ask(&nas.ms_chap_v2(user, "wrong", &CHALLENGE));
        assert!(
            guess.ms_chap_error().unwrap().starts_with("E=691 "),
            "{user}"
        );
    }
}

/// The concentrator hands on the challenge of the error; its answer is a log-on like any other.
#[test]
fn wrong_password_may_be_mended_where_the_client_is_told_so() {
    let daemon = vpn("methods = [\"mschapv2\", \"legacy-mschap\"]\nmschap-retry = true").start();
    let nas = daemon.nas();
    let refused = nas.ask(&nas.ms_chap_v2("kari", "wrong", &CHALLENGE));
    assert!(refused.ms_chap_error().unwrap().starts_with("E=691 R=1 C="));
    let challenge = sixteen(refused.next_challenge());
    assert_ne!(challenge, CHALLENGE);
    let mended = nas.ask(&nas.ms_chap_v2("kari", OLD, &challenge));
    assert!(mended.proves_ms_chap_v2("kari", OLD, &challenge));
    assert_eq!(daemon.reasons(2), ["wrong-credential", "accept"]);

    let refused = nas.ask(&nas.ms_chap("kari", "wrong", &[1; 8]));
    assert!(refused.ms_chap_error().unwrap().starts_with("E=691 R=1 C="));
    let challenge = refused.next_challenge().try_into().unwrap();
    assert!(nas.ask(&nas.ms_chap("kari", OLD, &challenge)).is_accept());
}

/// I6: neither a lock nor an unknown name shows in the error.
#[test]
fn every_try_counts_and_the_lock_does_not_show() {
    for (client, retry) in [("mschap-retry = true", "R=1"), ("", "R=0")] {
        let daemon = vpn(&format!("methods = [\"mschapv2\"]\n{client}")).start();
        let nas = daemon.nas();
        let expected = format!("E=691 {retry} C=");
        for user in [
            "nobody", "kari", "kari", "kari", "kari", "kari", "kari", "kari",
        ] {
            let refused = nas.ask(&nas.ms_chap_v2(user, "wrong", &CHALLENGE));
            assert!(
                refused.ms_chap_error().unwrap().starts_with(&expected),
                "{user}"
            );
        }
        let right = nas.ask(&nas.ms_chap_v2("kari", OLD, &CHALLENGE));
        assert!(right.ms_chap_error().unwrap().starts_with(&expected));
        assert_eq!(daemon.reasons(9)[7..], ["locked-out", "locked-out"]);
    }
}

fn with_chap_secret(mut setup: Setup) -> Daemon {
    setup.give_chap_secret("kari", "of-the-printer");
    setup.start()
}

#[test]
fn chap_opens_with_the_secret_of_the_device_and_counts_what_is_wrong() {
    let daemon = with_chap_secret(vpn("methods = [\"legacy-chap\"]"));
    let nas = daemon.nas();
    assert!(
        nas.ask(&nas.chap("kari", "of-the-printer", &[3; 16]))
            .is_accept()
    );
    assert_eq!(daemon.attempts(1)[0]["method"], "chap");
    // Its owner's password is another matter.
    for _ in 0..6 {
        let refused = nas.ask(&nas.chap("kari", OLD, &[3; 16]));
        assert!(refused.is_reject() && refused.ms_chap_error().is_none());
    }
    assert!(
        nas.ask(&nas.chap("kari", "of-the-printer", &[3; 16]))
            .is_reject()
    );
    let reasons = daemon.reasons(8);
    assert_eq!(reasons[1..7], ["wrong-credential"; 6]);
    assert_eq!(reasons[7], "locked-out");
}

#[test]
fn chap_is_refused_where_it_is_off_and_explained_where_there_is_no_secret() {
    let daemon = with_chap_secret(vpn("methods = [\"pap\", \"mschapv2\"]"));
    let nas = daemon.nas();
    assert!(
        nas.ask(&nas.chap("kari", "of-the-printer", &[3; 16]))
            .is_reject()
    );
    assert_eq!(daemon.reasons(1), ["method-not-allowed"]);
    let daemon = vpn("methods = [\"legacy-chap\"]").start();
    let nas = daemon.nas();
    for user in ["kari", "nobody"] {
        assert!(nas.ask(&nas.chap(user, "any", &[3; 16])).is_reject());
    }
    let lines = daemon.attempts(2);
    assert_eq!(lines[0]["reason"], "method-not-allowed");
    assert!(lines[0]["detail"].as_str().unwrap().contains("clear text"));
    assert_eq!(lines[1]["reason"], "unknown-user");
    assert_eq!(daemon.failures("kari"), 0);
}
