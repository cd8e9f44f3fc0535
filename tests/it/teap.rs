//! TEAP through the whole server: password, MS-CHAPv2, machine and user, coming back.

use crate::common::{AccessPoint, Daemon, SECRET, Setup};
use crate::nas::{EapSession, Nas, kind};
use portvakt_auth::mschap::NtHash;
use portvakt_testkit::supplicant::{
    ClientCertificate, Device, Inner, Outcome, Outer, Profile, Supplicant, TeapDevice, User,
};

const USER: &str = "kari";
const PASSWORD: &str = "heather-and-granite";
const MACHINE: &str = "pc17.campus.example";
const MACHINE_PASSWORD: &str = "what-only-the-machine-knows";

fn people() -> String {
    let person = |name: &str, kind: &str, password: &str, vlan: &str| {
        let nt_hash = NtHash::of_password(password);
        format!(
            "dn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: {kind}\n\
             userPassword: {password}\nsambaNTPassword: {}\nportvaktVlan: {vlan}\n\n",
            *nt_hash.reveal()
        )
    };
    let user = person(USER, "employee", PASSWORD, "people");
    let machine = person(MACHINE, "machine", MACHINE_PASSWORD, "machines");
    format!("{user}{machine}")
}

/// A server that offers TEAP with `inner` inside to both, and asks for `identities`.
fn server(inner: &str, identities: &str) -> Daemon {
    setup(inner, identities)
        .set("eap", "teap-machine-inner", inner)
        .start()
}

fn setup(inner: &str, identities: &str) -> Setup {
    Setup::new()
        .without_clients()
        .client(
            "test",
            "127.0.0.0/8",
            "methods = [\"eap\", \"pap\"]\nsend-vlan = true",
        )
        .set("eap", "methods", "[\"teap\"]")
        .set("eap", "teap-inner", inner)
        .set("eap", "teap-identities", identities)
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set("accounts.attributes", "vlan", "\"portvaktVlan\"")
        .people(&people())
}

fn user(identity: &str, password: &str) -> User {
    User {
        identity: identity.to_owned(),
        password: password.to_owned(),
    }
}

/// Kari at her machine, which calls itself as Windows does.
fn device(password: &str, machine_password: &str) -> TeapDevice {
    TeapDevice {
        machine: Some(user(&format!("host/{MACHINE}"), machine_password)),
        ..TeapDevice::new(user("kari@campus.example", password))
    }
}

fn profile(daemon: &Daemon, device: TeapDevice) -> Profile {
    Profile::new(daemon.authority(), Outer::Teap, Inner::Teap(device))
}

fn is_let_in(daemon: &Daemon, device: TeapDevice) -> bool {
    let mut supplicant = Supplicant::new(profile(daemon, device));
    AccessPoint::of(daemon).converse(&mut supplicant) == Some(Outcome::Success)
}

const BOTH: &str = "[\"user\", \"machine\"]";

/// E7: in full, then on the session of that.
#[test]
fn a_password_opens_by_every_inner_method_and_is_resumed() {
    for (inner, method) in [
        ("password", "teap/password"),
        ("eap-mschapv2", "teap/eap-mschapv2"),
    ] {
        let daemon = server(&format!("[\"{inner}\"]"), "[\"user\"]");
        let kari = Device::new(profile(&daemon, device(PASSWORD, MACHINE_PASSWORD)));
        for (number, resumed) in [(1, false), (2, true), (3, true)] {
            let mut supplicant = kari.supplicant();
            let outcome = AccessPoint::of(&daemon).converse(&mut supplicant);
            assert_eq!(outcome, Some(Outcome::Success), "{method}");
            assert_eq!(supplicant.is_resumed(), resumed, "{method}");
            let line = daemon.attempt(number);
            assert_eq!(line["method"], method, "{line}");
            assert_eq!(line["account"], USER, "{line}");
            assert!(line["machine_account"].is_null(), "{line}");
        }
        assert!(!is_let_in(&daemon, device("wrong", MACHINE_PASSWORD)));
        assert_eq!(daemon.attempt(4)["reason"], "wrong-credential");
    }
}

/// I3: the log names both, and the user decides what is granted.
#[test]
fn machine_and_user_are_both_judged_and_the_user_decides() {
    for inner in ["[\"password\"]", "[\"eap-mschapv2\"]"] {
        let daemon = server(inner, BOTH);
        let supplicant = Supplicant::new(profile(&daemon, device(PASSWORD, MACHINE_PASSWORD)));
        let nas = Nas::new(daemon.address(), SECRET);
        let mut session = EapSession::new(&nas, supplicant, "anonymous@campus.example");
        let reply = session.finish();
        assert!(reply.is_accept(), "{inner}");
        let vlan = reply.value(kind::TUNNEL_PRIVATE_GROUP_ID).unwrap();
        assert!(vlan.ends_with(b"people"), "{vlan:?}");
        let line = daemon.attempt(1);
        assert_eq!(line["result"], "accept", "{line}");
        assert_eq!(line["account"], USER, "{line}");
        assert_eq!(line["machine_account"], MACHINE, "{line}");
        assert_eq!(line["inner_identity"], "kari@campus.example", "{line}");
        let keys = reply.mppe_keys().unwrap();
        let msk = session.supplicant.msk().unwrap();
        assert_eq!(
            (keys.receive.as_slice(), keys.send.as_slice()),
            msk.split_at(32)
        );
    }
}

#[test]
fn the_refusal_of_one_is_final() {
    let daemon = server("[\"password\"]", BOTH);
    assert!(!is_let_in(&daemon, device(PASSWORD, "wrong")));
    let line = daemon.attempt(1);
    assert_eq!(line["reason"], "wrong-credential", "{line}");
    assert_eq!(line["account"], MACHINE, "{line}");
    assert_eq!(line["inner_identity"], format!("host/{MACHINE}"), "{line}");
    assert!(!is_let_in(&daemon, device("wrong", MACHINE_PASSWORD)));
    let line = daemon.attempt(2);
    assert_eq!(line["reason"], "wrong-credential", "{line}");
    assert_eq!(line["account"], USER, "{line}");
    assert_eq!(line["machine_account"], MACHINE, "{line}");
    // Each counted on the account that it was about.
    let suspended = daemon.cli(&["account", "suspend", MACHINE]);
    assert!(
        suspended.status.success(),
        "{}",
        crate::common::text(&suspended)
    );
    assert!(!is_let_in(&daemon, device(PASSWORD, MACHINE_PASSWORD)));
    assert_eq!(daemon.attempt(3)["reason"], "suspended");
}

/// A right user on a machine that has no name of its own.
#[test]
fn a_device_without_a_machine_identity_is_told_apart() {
    let daemon = server("[\"password\"]", BOTH);
    let unnamed = TeapDevice::new(user("kari@campus.example", PASSWORD));
    assert!(!is_let_in(&daemon, unnamed));
    let line = daemon.attempt(1);
    assert_eq!(line["reason"], "method-not-allowed", "{line}");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("no machine identity"), "{line}");
}

#[test]
fn six_wrong_answers_lock_the_machine_alone() {
    let daemon = server("[\"password\"]", BOTH);
    for _ in 0..6 {
        assert!(!is_let_in(&daemon, device(PASSWORD, "wrong")));
    }
    assert!(!is_let_in(&daemon, device(PASSWORD, MACHINE_PASSWORD)));
    assert_eq!(daemon.attempt(7)["reason"], "locked-out");
    assert!(AccessPoint::of(&daemon).log_on(USER, PASSWORD));
}

/// Refused with this reason, on this account.
fn assert_refused(daemon: &Daemon, device: TeapDevice, number: usize, expected: (&str, &str)) {
    assert!(!is_let_in(daemon, device), "{expected:?}");
    let line = daemon.attempt(number);
    let (reason, account) = (&line["reason"], &line["account"]);
    assert_eq!(
        (reason.as_str(), account.as_str().unwrap_or_default()),
        (Some(expected.0), expected.1),
        "{line}"
    );
}

/// Asking for user and machine keeps private devices out.
#[test]
fn nobody_is_their_own_machine_nor_anybody_elses() {
    for inner in ["[\"password\"]", "[\"eap-mschapv2\"]"] {
        let daemon = server(inner, BOTH);
        let with = |machine: User| TeapDevice {
            machine: Some(machine),
            ..device(PASSWORD, "")
        };
        let bare = with(user("kari@campus.example", PASSWORD));
        assert_refused(&daemon, bare, 1, ("wrong-identity-type", ""));
        let dressed = with(user("host/kari@campus.example", PASSWORD));
        assert_refused(&daemon, dressed, 2, ("wrong-identity-type", USER));
        // Its own name without host/ is no name of a machine that gives a password.
        let undressed = with(user(MACHINE, MACHINE_PASSWORD));
        assert_refused(&daemon, undressed, 3, ("wrong-identity-type", ""));
        let twice = TeapDevice {
            user: user(MACHINE, MACHINE_PASSWORD),
            ..device(PASSWORD, MACHINE_PASSWORD)
        };
        assert_refused(&daemon, twice, 4, ("wrong-identity-type", MACHINE));
        let line = daemon.attempt(4);
        assert_eq!(line["machine_account"], MACHINE, "{line}");
        assert!(is_let_in(&daemon, device(PASSWORD, MACHINE_PASSWORD)));
        // It was no guess: the password was right each time, or was not looked at.
        assert!(AccessPoint::of(&daemon).log_on(USER, PASSWORD));
    }
}

#[test]
fn machine_alone_is_a_machine_too_and_comes_back_as_one() {
    let daemon = server("[\"password\"]", "[\"machine\"]");
    let person = TeapDevice {
        machine: Some(user("host/kari@campus.example", PASSWORD)),
        ..device(PASSWORD, "")
    };
    assert_refused(&daemon, person, 1, ("wrong-identity-type", USER));
    let machine = Device::new(profile(&daemon, device(PASSWORD, MACHINE_PASSWORD)));
    for (number, is_resumed) in [(2, false), (3, true)] {
        let mut supplicant = machine.supplicant();
        let outcome = AccessPoint::of(&daemon).converse(&mut supplicant);
        assert_eq!(outcome, Some(Outcome::Success));
        assert_eq!(supplicant.is_resumed(), is_resumed);
        let line = daemon.attempt(number);
        assert_eq!(line["account"], MACHINE, "{line}");
        assert!(line["machine_account"].is_null(), "{line}");
    }
}

/// Unless told otherwise, a machine shows a certificate and its user gives a password.
#[test]
fn machine_shows_a_certificate_and_its_user_gives_a_password() {
    let daemon = setup("[\"password\"]", BOTH)
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"dns\", \"email\"]")
        .start();
    let with = |name: &str, accepts: Vec<u8>| {
        let authority = daemon.authority();
        let is_person = name.contains('@');
        let certificate = authority.issue_client(&ClientCertificate {
            dns: (!is_person).then(|| name.to_owned()),
            email: is_person.then(|| name.to_owned()),
            ..ClientCertificate::of("", 7)
        });
        let device = TeapDevice {
            accepts,
            ..device(PASSWORD, MACHINE_PASSWORD)
        };
        let mut supplicant = Supplicant::new(Profile {
            certificate: Some(certificate),
            ..profile(&daemon, device)
        });
        AccessPoint::of(&daemon).converse(&mut supplicant) == Some(Outcome::Success)
    };
    assert!(with(MACHINE, vec![13]));
    let line = daemon.attempt(1);
    assert_eq!(line["account"], USER, "{line}");
    assert_eq!(line["machine_account"], MACHINE, "{line}");
    let person = "kari@campus.example";
    assert!(!with(person, vec![13]), "a person's certificate");
    let line = daemon.attempt(2);
    assert_eq!(line["reason"], "wrong-identity-type", "{line}");
    assert_eq!(line["account"], USER, "{line}");
    assert!(!with(MACHINE, vec![26]), "a machine's password");
    assert_eq!(daemon.attempt(3)["reason"], "method-not-allowed");
}

#[test]
fn machines_need_authorities_or_other_inner_methods() {
    let setup = setup("[\"password\"]", BOTH);
    setup.write_config();
    let check = setup.cli(&["check"]);
    assert!(!check.status.success());
    let said = crate::common::text(&check);
    assert!(
        said.contains("unless teap-machine-inner says otherwise"),
        "{said}"
    );
}
