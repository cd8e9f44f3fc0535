//! Fragments that a network or an attacker has been at (E2): the conversation ends, nothing else does.

use portvakt_testkit::supplicant::{ClientCertificate, LogOn, Profile, Supplicant, User};

use crate::common::{Daemon, Setup};
use crate::nas::{EapSession, Nas};

const USER: (&str, &str) = ("anna", "correct-horse-battery");
/// One kind of log-on for each method that has fragments.
const METHODS: [&str; 4] = ["ttls/pap", "peap/eap-mschapv2", "tls", "teap/password"];
/// Offset of the flags in a response, and of the TLS data.
const FLAGS: usize = 5;
/// Responses of a log-on after the identity.
const STEPS: usize = 4;

type Alteration = fn(&mut Vec<u8>);

fn claim_ten_kilobytes(response: &mut Vec<u8>) {
    // L and M; the version stays.
    response[FLAGS] |= 0xc0;
    response.splice(FLAGS + 1..FLAGS + 1, 10_000_u32.to_be_bytes());
    set_length(response);
}

fn claim_four_gigabytes(response: &mut Vec<u8>) {
    claim_ten_kilobytes(response);
    response[FLAGS + 1..FLAGS + 5].fill(0xff);
}

fn turn_a_bit(response: &mut [u8]) {
    let last = response.len() - 1;
    response[last] ^= 0x10;
}

fn cut_in_half(response: &mut Vec<u8>) {
    response.truncate(FLAGS + 1 + (response.len() - FLAGS - 1) / 2);
    set_length(response);
}

fn double(response: &mut Vec<u8>) {
    response.extend_from_within(FLAGS + 1..);
    set_length(response);
}

fn set_length(response: &mut [u8]) {
    let length = u16::try_from(response.len()).unwrap();
    response[2..4].copy_from_slice(&length.to_be_bytes());
}

/// A server that offers all of them.
fn server() -> Daemon {
    let setup = Setup::new();
    setup.write("ca.pem", &setup.authority().certificate_pem());
    setup
        .set("lockout", "attempts", "1")
        .set("eap", "methods", "[\"tls\", \"ttls\", \"peap\", \"teap\"]")
        .set("eap", "teap-inner", "[\"password\"]")
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"email\"]")
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .start()
}

/// The user's device for a method.
fn device(daemon: &Daemon, method: &str) -> Profile {
    let user = User {
        identity: format!("{}@campus.example", USER.0),
        password: USER.1.to_owned(),
    };
    let mut kinds = LogOn::all(&user).into_iter();
    let kind = kinds.find(|kind| kind.name == method).unwrap();
    let certificate = ClientCertificate::of(&user.identity, 7);
    Profile {
        certificate: Some(daemon.authority().issue_client(&certificate)),
        ..Profile::new(daemon.authority(), kind.outer, kind.inner)
    }
}

fn begin<'n>(nas: &'n Nas, profile: &Profile) -> EapSession<'n> {
    let supplicant = Supplicant::new(profile.clone());
    EapSession::new(nas, supplicant, "anonymous@campus.example")
}

#[test]
fn altered_fragments_end_their_conversation_and_count_nothing() {
    let daemon = server();
    let nas = daemon.nas();
    for method in METHODS {
        let profile = device(&daemon, method);
        for step in 0..STEPS {
            alter_at(&nas, &profile, step, method);
        }
        assert_eq!(daemon.failures(USER.0), 0, "{method}");
        assert!(begin(&nas, &profile).finish().is_accept(), "{method}");
    }
}

/// One conversation for each alteration of the response after so many steps.
fn alter_at(nas: &Nas, profile: &Profile, step: usize, method: &str) {
    let alterations: [Alteration; 5] = [
        claim_ten_kilobytes,
        claim_four_gigabytes,
        |response| turn_a_bit(response),
        cut_in_half,
        double,
    ];
    for (which, alter) in alterations.iter().enumerate() {
        let mut device = begin(nas, profile);
        for _ in 0..=step {
            assert!(device.step().value(crate::nas::kind::STATE).is_some());
        }
        // An acknowledgement holds nothing that could be altered but its flags.
        if device.response.len() <= FLAGS + 1 {
            continue;
        }
        alter(&mut device.response);
        let end = device.finish();
        assert!(end.is_reject(), "{method}, step {step}, alteration {which}");
    }
}
