//! Passwords as devices send them: one password in several encodings is one password (RFC 8265), one
//! attempt, and one wrong one.

use base64ct::{Base64, Encoding as _};
use portvakt_testkit::supplicant::{Inner, Outer, Profile, Supplicant, TeapDevice, User};
use sha1::{Digest as _, Sha1};

use crate::common::{Daemon, Setup, text};
use crate::nas::{EapSession, Nas, Reply};

const COMPOSED: &str = "blåbærsyltetøy";
const DECOMPOSED: &str = "bla\u{30a}bærsyltetøy";
const LATIN_1: &[u8] = b"bl\xe5b\xe6rsyltet\xf8y";

/// Each spelling of one password, by its UTF-8.
fn spellings() -> [&'static [u8]; 3] {
    [COMPOSED.as_bytes(), DECOMPOSED.as_bytes(), LATIN_1]
}

/// Bjorn, with this as userPassword.
fn bjorn(password: &[u8]) -> String {
    format!(
        "dn: uid=bjorn,dc=example\nuid: bjorn\neduPersonPrimaryAffiliation: employee\n\
         userPassword:: {}\n",
        Base64::encode_string(password)
    )
}

fn ask(nas: &Nas, password: &[u8]) -> Reply {
    nas.ask(&nas.access_request().user("bjorn").password(password))
}

fn through_the_tunnel(daemon: &Daemon, nas: &Nas, password: &[u8]) -> Reply {
    let profile = Profile::pap(daemon.authority(), "bjorn@campus.example", password);
    let supplicant = Supplicant::new(profile);
    EapSession::new(nas, supplicant, "anonymous@campus.example").finish()
}

/// W11.
#[test]
fn right_password_opens_however_it_is_spelled() {
    for kept in spellings() {
        let daemon = Setup::new().people(&bjorn(kept)).start();
        let nas = daemon.nas();
        for sent in spellings() {
            assert!(ask(&nas, sent).is_accept(), "{kept:?}, {sent:?}");
            let reply = through_the_tunnel(&daemon, &nas, sent);
            assert!(reply.is_accept(), "{kept:?}, {sent:?}");
        }
        assert_eq!(daemon.failures("bjorn"), 0);
    }
}

/// W11: by the other methods that bring the password itself.
#[test]
fn right_password_opens_decomposed_by_gtc_and_teap() {
    let daemon = Setup::new()
        .people(&bjorn(COMPOSED.as_bytes()))
        .set("eap", "methods", "[\"peap\", \"teap\"]")
        .set("eap", "peap-inner", "[\"eap-gtc\"]")
        .set("eap", "teap-inner", "[\"password\"]")
        .start();
    let nas = daemon.nas();
    let user = || User {
        identity: "bjorn@campus.example".to_owned(),
        password: DECOMPOSED.to_owned(),
    };
    for (outer, inner) in [
        (Outer::Peap, Inner::eap_gtc(user())),
        (Outer::Teap, Inner::Teap(TeapDevice::new(user()))),
    ] {
        let supplicant = Supplicant::new(Profile::new(daemon.authority(), outer, inner));
        let mut session = EapSession::new(&nas, supplicant, "anonymous@campus.example");
        assert!(session.finish().is_accept(), "{outer:?}");
    }
}

/// W11: nor is it hashed anew for each, and what is remembered is no wider than what was right.
#[test]
fn spelling_that_is_remembered_opens_no_other_password() {
    let daemon = Setup::new().people(&bjorn(COMPOSED.as_bytes())).start();
    let nas = daemon.nas();
    assert!(ask(&nas, LATIN_1).is_accept());
    for other in ["blabærsyltetøy", "BLÅBÆRSYLTETØY", "blåbærsyltetøy "] {
        assert!(ask(&nas, other.as_bytes()).is_reject(), "{other}");
    }
    assert_eq!(daemon.failures("bjorn"), 3);
}

/// W11: a hash that some other system made of octets in Latin-1 opens to who sends those.
#[test]
fn hash_of_other_octets_opens_to_those_octets() {
    let salt = b"saltsalt";
    let digest = Sha1::new()
        .chain_update(LATIN_1)
        .chain_update(salt)
        .finalize();
    let hash = format!(
        "{{SSHA}}{}",
        Base64::encode_string(&[&digest[..], salt].concat())
    );
    let setup = Setup::new().set("passwords", "upgrade-hashes", "false");
    let daemon = setup.people(&bjorn(hash.as_bytes())).start();
    assert!(ask(&daemon.nas(), LATIN_1).is_accept());
}

/// W11: two readings are two comparisons and one attempt.
#[test]
fn wrong_password_is_one_failure_in_whatever_encoding() {
    let daemon = Setup::new().people(&bjorn(COMPOSED.as_bytes())).start();
    let nas = daemon.nas();
    for guess in 0..5 {
        let wrong = [b"feil bl\xe5b\xe6r ", &[b'0' + guess][..]].concat();
        assert!(ask(&nas, &wrong).is_reject());
        assert_eq!(daemon.failures("bjorn"), u64::from(guess) + 1);
    }
    assert!(ask(&nas, b"feil bl\xe5b\xe6r 5").is_reject());
    assert!(ask(&nas, LATIN_1).is_reject());
    assert_eq!(daemon.reasons(7)[5..], ["wrong-credential", "locked-out"]);
    for line in &daemon.attempts(7)[..6] {
        let detail = line["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("not UTF-8"), "{line}");
    }
}

/// W11: nor is it another one, where the same wrong password counts once.
#[test]
fn same_wrong_password_is_the_same_in_every_spelling() {
    let daemon = Setup::new()
        .people(&bjorn(b"correct horse battery"))
        .set("lockout", "same-wrong-password", "\"once\"")
        .start();
    let nas = daemon.nas();
    for sent in spellings() {
        assert!(ask(&nas, sent).is_reject());
    }
    assert_eq!(daemon.failures("bjorn"), 1);
    assert!(ask(&nas, "blåbærsyltetøj".as_bytes()).is_reject());
    assert_eq!(daemon.failures("bjorn"), 2);
}

/// W11: what nobody types is told.
#[test]
fn control_character_in_a_wrong_password_is_told() {
    let daemon = Setup::new().people(&bjorn(COMPOSED.as_bytes())).start();
    let nas = daemon.nas();
    assert!(ask(&nas, &[COMPOSED.as_bytes(), b"\x03"].concat()).is_reject());
    assert!(through_the_tunnel(&daemon, &nas, b"tab\tulator").is_reject());
    for line in daemon.attempts(2) {
        assert_eq!(line["reason"], "wrong-credential");
        let detail = line["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("control character"), "{line}");
    }
}

/// W11: a new password is kept composed, whatever terminal it was typed at.
#[test]
fn new_password_is_kept_composed() {
    let daemon = Setup::new()
        .people(&bjorn(b"correct horse battery"))
        .start();
    let line = format!("vafler og {DECOMPOSED}\n");
    let done = daemon.cli_with(
        &["account", "set-password", "bjorn", "--why", "test"],
        &line,
    );
    assert!(done.status.success(), "{}", text(&done));
    let composed = format!("vafler og {COMPOSED}");
    assert!(ask(&daemon.nas(), composed.as_bytes()).is_accept());
}
