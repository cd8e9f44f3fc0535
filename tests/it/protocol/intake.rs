//! Attributes that a request may have once, the user it names, and the words for requests refused before any
//! credential is read.

use portvakt_testkit::supplicant::{Profile, Supplicant};
use serde_json::Value;

use crate::common::{Daemon, Setup};
use crate::nas::{EapSession, Nas, PATIENCE, Request, Signature, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");
const STATION: &[u8] = b"02-00-00-00-00-01";

/// Refusals so far, in their order: reason and words of the detail.
#[derive(Default)]
struct Refused(Vec<(String, String)>);

impl Refused {
    fn expect(&mut self, reason: &str, words: &str) {
        self.0.push((reason.to_owned(), words.to_owned()));
    }

    fn ask(&mut self, nas: &Nas, request: &Request, reason: &str, words: &str) {
        assert!(nas.ask(request).is_reject(), "{words}");
        self.expect(reason, words);
    }

    /// Holds them against the audit log, and returns its lines.
    fn check(&self, daemon: &Daemon) -> Vec<Value> {
        let lines = daemon.attempts(self.0.len());
        assert_eq!(lines.len(), self.0.len());
        for (line, (reason, words)) in lines.iter().zip(&self.0) {
            assert_eq!(line["reason"], **reason, "{line}");
            let detail = line["detail"].as_str().unwrap_or_default();
            assert!(detail.contains(words), "{words:?}: {line}");
        }
        lines
    }
}

/// A device that says `inner` inside the tunnel, and `outer` to the access point.
fn device<'n>(daemon: &Daemon, nas: &'n Nas, inner: &str, outer: &str) -> EapSession<'n> {
    let profile = Profile::pap(daemon.authority(), inner, USER.1.as_bytes());
    EapSession::new(nas, Supplicant::new(profile), outer)
}

/// X1 (RFC 2865 §5.44).
#[test]
fn attribute_that_decides_is_refused_twice_and_named() {
    let methods = "methods = [\"eap\", \"pap\", \"mschapv2\", \"legacy-chap\"]";
    let setup = Setup::new().without_clients();
    let daemon = setup.client("any", "127.0.0.1", methods).start();
    let nas = daemon.nas();
    let mut refused = Refused::default();
    let pap = || nas.pap(USER.0, USER.1);
    let ms_chap = || nas.ms_chap_v2(USER.0, USER.1, &[1; 16]);
    for (request, name) in [
        (pap().user("ola"), "User-Name"),
        (pap().user(USER.0), "User-Name"),
        (pap().password(b"another-password"), "User-Password"),
        (
            pap().with(kind::STATE, b"1").with(kind::STATE, b"2"),
            "State",
        ),
        (
            nas.chap(USER.0, "x", &[3; 16]).with(60, &[4; 16]),
            "CHAP-Challenge",
        ),
        (
            nas.chap(USER.0, "x", &[3; 16]).with(3, &[4; 17]),
            "CHAP-Password",
        ),
        (ms_chap().microsoft(11, &[2; 16]), "MS-CHAP-Challenge"),
        (ms_chap().microsoft(25, &[2; 50]), "MS-CHAP2-Response"),
        (
            pap().with(89, b"\0").with(89, b"\0"),
            "Chargeable-User-Identity",
        ),
    ] {
        let words = format!("{name} is there twice");
        refused.ask(&nas, &request, "method-not-allowed", &words);
    }
    let two = nas.chap(USER.0, "x", &[3; 16]).password(USER.1.as_bytes());
    refused.ask(&nas, &two, "method-not-allowed", "more than one credential");
    refused.check(&daemon);
    assert_eq!(daemon.failures(USER.0), 0);
}

/// X1: the conversation goes on by one State, and by nobody else's.
#[test]
fn second_state_is_refused_with_an_eap_failure_and_the_owner_goes_on() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let twice = device.request().with(kind::STATE, &[7; 16]);
    let reply = nas.ask(&twice);
    assert!(reply.is_reject());
    assert_eq!(reply.eap().unwrap()[..2], [4, device.response[1]]);
    assert!(device.finish().is_accept());
}

/// X1: what a vendor repeats costs nobody the log-on.
#[test]
fn attributes_that_decide_nothing_may_be_repeated() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut request = nas.pap(USER.0, USER.1);
    for _ in 0..2 {
        request = request
            .with(kind::CALLING_STATION_ID, STATION)
            .with(kind::NAS_IDENTIFIER, b"vpn-1")
            .with(kind::OPERATOR_NAME, b"1campus.example")
            .with_integer(kind::NAS_PORT_TYPE, 5)
            .with_integer(kind::FRAMED_MTU, 1400);
    }
    assert!(nas.ask(&request).is_accept());
}

/// W37: refused before a credential is read, in words.
#[test]
fn request_that_brings_nothing_that_is_allowed_is_refused_in_words() {
    let setup = Setup::new().without_clients();
    let daemon = setup
        .client("eduroam", "127.0.0.1", "")
        .client("vpn", "127.0.0.2", "service = \"vpn\"\nmethods = [\"pap\"]")
        .start();
    let (mut refused, mut methods) = (Refused::default(), Vec::new());
    let (eduroam, vpn) = (daemon.nas(), daemon.nas_at("127.0.0.2"));
    let from_device = |nas: &Nas| nas.access_request().with(kind::CALLING_STATION_ID, STATION);
    let nobody = |nas: &Nas| nas.access_request().user(USER.0);
    for (nas, request, method, words) in [
        (
            &eduroam,
            eduroam.pap(USER.0, USER.1),
            "pap",
            "may not bring PAP: its methods are [\"eap\"]",
        ),
        (
            &eduroam,
            eduroam.chap(USER.0, "x", &[3; 16]),
            "chap",
            "may not bring CHAP",
        ),
        (
            &eduroam,
            eduroam.ms_chap(USER.0, "x", &[3; 8]),
            "mschap",
            "may not bring MS-CHAP:",
        ),
        (
            &vpn,
            vpn.ms_chap_v2(USER.0, "x", &[3; 16]),
            "mschapv2",
            "may not bring MS-CHAPv2",
        ),
        (
            &vpn,
            nobody(&vpn).eap(&[2, 1, 0, 6, 1, b'a']),
            "eap",
            "may not bring EAP: its methods are [\"pap\"]",
        ),
        (
            &eduroam,
            nobody(&eduroam),
            "none",
            "no EAP-Message, User-Password or answer",
        ),
        (
            &vpn,
            nobody(&vpn),
            "none",
            "no EAP-Message, User-Password or answer",
        ),
        (
            &vpn,
            nobody(&vpn).with_integer(6, 17),
            "none",
            "Authorize-Only",
        ),
        (
            &vpn,
            nobody(&vpn).with(2, &[1; 15]),
            "pap",
            "User-Password has an impossible length",
        ),
        (
            &eduroam,
            from_device(&eduroam)
                .user("020000000001")
                .password(b"020000000001"),
            "pap",
            "MAC authentication",
        ),
        (
            &vpn,
            from_device(&vpn).user("02-00-00-00-00-01"),
            "none",
            "MAC authentication",
        ),
    ] {
        refused.ask(nas, &request, "method-not-allowed", words);
        methods.push(method);
    }
    let by_pap = from_device(&vpn)
        .user("0200.0000.0001")
        .password(b"0200.0000.0001");
    refused.ask(&vpn, &by_pap, "unknown-user", "MAC authentication");
    methods.push("pap");
    let lines = refused.check(&daemon);
    let written: Vec<_> = lines
        .iter()
        .map(|line| line["method"].as_str().unwrap())
        .collect();
    assert_eq!(written, methods);
    assert_eq!(daemon.failures(USER.0), 0);
}

/// W08–W10: outside the tunnel and inside, by every way.
#[test]
fn refused_name_leaves_its_own_sentence() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut refused = Refused::default();
    let domain = "the Windows form DOMAIN\\name";
    for (name, reason, words) in [
        ("CAMPUS\\anna", "unknown-user", domain),
        (
            "anna@campus.example ",
            "realm-malformed",
            "a space in it: \"anna@campus.example \"",
        ),
        (
            "anna@campus.example\u{a0}",
            "realm-malformed",
            "anna@campus.example\\u{a0}",
        ),
        ("an na", "unknown-user", "a space in it: \"an na\""),
        ("anna@campus", "realm-malformed", "it has no dot"),
        (
            "anna@campus.example.",
            "realm-malformed",
            "it ends with a dot",
        ),
        (
            "host/pc.campus.example",
            "unknown-user",
            "that of a machine, host/",
        ),
        (
            "anna@ad.campus.example",
            "realm-unknown",
            "ad.campus.example is none of the realms",
        ),
    ] {
        refused.ask(&nas, &nas.pap(name, USER.1), reason, words);
        assert!(device(&daemon, &nas, USER.0, name).finish().is_reject());
        refused.expect(reason, words);
    }
    let missing = nas.access_request().password(USER.1.as_bytes());
    refused.ask(&nas, &missing, "unknown-user", "User-Name is missing");

    for (inner, reason, words) in [
        ("CAMPUS\\anna", "unknown-user", domain),
        (
            "anna@other.example",
            "identity-mismatch",
            "other.example inside the tunnel",
        ),
        ("an na@campus.example", "unknown-user", "a space in it"),
    ] {
        let outer = "anonymous@campus.example";
        assert!(device(&daemon, &nas, inner, outer).finish().is_reject());
        refused.expect(reason, words);
    }
    refused.check(&daemon);
}

/// W10: the name that Windows and RRAS send, of a domain that the realm says is its own.
#[test]
fn windows_domain_of_a_realm_names_its_people() {
    let realm = "[realm.\"campus.example\"]\nwindows-domains = [\"CAMPUS\"]\n";
    let daemon = Setup::new().more(realm).start();
    let nas = daemon.nas();
    for name in ["CAMPUS\\anna", "campus\\Anna"] {
        assert!(nas.log_on(name, USER.1).is_accept(), "{name}");
        let reply = device(&daemon, &nas, name, name).finish();
        assert!(reply.is_accept(), "{name}");
    }
    assert!(nas.log_on("OTHER\\anna", USER.1).is_reject());
    let explained = daemon.cli(&["explain", "CAMPUS\\anna"]);
    let text = String::from_utf8(explained.stdout).unwrap();
    assert!(text.starts_with("anna"), "{text}");
    let refused = daemon.cli(&["explain", "OTHER\\anna"]);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(
        text.contains("Windows form") && text.contains("audit log"),
        "{text}"
    );
}

/// strongSwan's eap-radius: behind NAT the port is another one each time.
#[test]
fn device_is_told_by_its_address_without_the_port() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for port in ["4500", "61022"] {
        let station = format!("10.77.0.100[{port}]");
        let request = nas.pap(USER.0, USER.1);
        let request = request.with(kind::CALLING_STATION_ID, station.as_bytes());
        assert!(nas.ask(&request).is_accept());
    }
    let lines = daemon.attempts(2);
    let ports: Vec<_> = lines
        .iter()
        .map(|line| line["calling_station_port"].as_u64())
        .collect();
    assert_eq!(ports, [Some(4500), Some(61022)]);
    for line in lines {
        assert_eq!(line["calling_station_id"], "10.77.0.100");
    }
}

#[test]
fn user_name_and_eap_identity_are_both_in_the_audit_log() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = device(&daemon, &nas, "anna@campus.example", "other@campus.example");
    assert!(device.finish().is_accept());
    let line = &daemon.attempts(1)[0];
    assert_eq!(line["outer_identity"], "other@campus.example");
    assert_eq!(line["eap_identity"], "anonymous@campus.example");
    assert_eq!(line["inner_identity"], "anna@campus.example");
}

/// W14: without a signature nothing proves that whoever asks knows the secret. The authenticators
/// are fixed, so what the password becomes is the same each time.
#[test]
fn password_under_another_secret_is_no_guess_where_nothing_is_signed() {
    let legacy =
        "service = \"vpn\"\nmethods = [\"pap\"]\nlegacy-message-authenticator-optional = true";
    let setup = Setup::new().without_clients();
    let daemon = setup.client("old-vpn", "127.0.0.1", legacy).start();
    let stranger = Nas::new(daemon.address(), "not the secret of this client");
    for turn in 0..6 {
        let request = stranger.access_request().authenticator([turn; 16]);
        let request = request.user(USER.0).password(b"whatever");
        stranger.send(&request.signature(Signature::Missing).octets());
        let reply = stranger.receive(PATIENCE).unwrap();
        assert_eq!(reply[0], 3, "an Access-Reject");
    }
    daemon.wait_for_log("the shared secret may differ");
    for line in daemon.attempts(6) {
        assert_eq!(line["reason"], "not-a-password");
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains("the shared secret may differ"), "{line}");
    }
    assert_eq!(daemon.failures(USER.0), 0);
    let nas = daemon.nas();
    let guess = nas.pap(USER.0, "wrong").signature(Signature::Missing);
    assert!(nas.ask(&guess).is_reject());
    assert_eq!(daemon.failures(USER.0), 1);
    let right = nas.pap(USER.0, USER.1).signature(Signature::Missing);
    assert!(nas.ask(&right).is_accept());
}

/// W14: a signature proves the secret, so what comes is what the client sent.
#[test]
fn signed_password_that_is_no_text_is_a_guess() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let request = nas
        .access_request()
        .user(USER.0)
        .password(&[1, 0x81, 7, 0xff]);
    assert!(nas.ask(&request).is_reject());
    assert_eq!(daemon.reasons(1), ["wrong-credential"]);
}

/// W13: OpenSSH's way to take as long for users that its host does not know.
#[test]
fn stand_in_of_sshd_is_no_guess() {
    const STAND_IN: &[u8] = b"\x08\n\r\x7fINCORRECT";
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut refused = Refused::default();
    for _ in 0..6 {
        let request = nas.access_request().user(USER.0).password(STAND_IN);
        refused.ask(
            &nas,
            &request,
            "not-a-password",
            "the user is unknown on that host",
        );
    }
    let profile = Profile::pap(daemon.authority(), "anna@campus.example", STAND_IN);
    let outer = "anonymous@campus.example";
    let reply = EapSession::new(&nas, Supplicant::new(profile), outer).finish();
    assert!(reply.is_reject());
    refused.expect("not-a-password", "the user is unknown on that host");
    refused.check(&daemon);
    assert_eq!(daemon.failures(USER.0), 0);
}
