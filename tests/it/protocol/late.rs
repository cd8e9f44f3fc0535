//! Refusals that are told inside a tunnel leave as late as a Reject (R6, P5), and what happens while
//! they wait. That every method's first one is late, and no other, is shown without a clock:
//! `crates/eap/tests/hostile/late.rs`.

use std::time::{Duration, Instant};

use portvakt_auth::mschap::NtHash;
use portvakt_testkit::supplicant::{Inner, Outer, Profile, Supplicant, TeapDevice, User};

use crate::common::{Daemon, Setup};
use crate::nas::{Code, EapSession, Nas, PATIENCE, Reply};

const USER: &str = "kari@campus.example";
const PASSWORD: &str = "heather-and-granite";

fn setup(delay: &str) -> Setup {
    let nt_hash = NtHash::of_password(PASSWORD);
    let people = format!(
        "dn: uid=kari,dc=example\nuid: kari\neduPersonPrimaryAffiliation: employee\n\
         userPassword: {PASSWORD}\nsambaNTPassword: {}\n\n",
        *nt_hash.reveal()
    );
    Setup::new()
        .set("radius", "reject-delay", delay)
        .set("radius", "reject-jitter-percent", "0")
        .set("eap", "methods", "[\"ttls\", \"peap\", \"teap\"]")
        .set("eap", "ttls-inner", "[\"mschapv2\", \"eap-mschapv2\"]")
        .set("eap", "peap-inner", "[\"eap-mschapv2\", \"eap-gtc\"]")
        .set("eap", "teap-inner", "[\"password\"]")
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .people(&people)
}

fn user(password: &str) -> User {
    User {
        identity: USER.to_owned(),
        password: password.to_owned(),
    }
}

fn session<'n>(daemon: &Daemon, nas: &'n Nas, outer: Outer, inner: Inner) -> EapSession<'n> {
    let profile = Profile::new(daemon.authority(), outer, inner);
    EapSession::new(nas, Supplicant::new(profile), "anonymous@campus.example")
}

#[test]
fn refusal_inside_a_tunnel_waits_as_long_as_a_reject() {
    const DELAY: Duration = Duration::from_millis(400);
    let daemon = setup("\"400ms\"").start();
    let wrong = || user("wrong");
    for (outer, inner) in [
        (Outer::Ttls, Inner::MsChapV2(wrong())),
        (Outer::Ttls, Inner::eap_ms_chap_v2(wrong())),
        (Outer::Peap, Inner::eap_ms_chap_v2(wrong())),
        (Outer::Peap, Inner::eap_gtc(wrong())),
        (Outer::Teap, Inner::Teap(TeapDevice::new(wrong()))),
    ] {
        let nas = daemon.nas();
        let mut session = session(&daemon, &nas, outer, inner);
        let mut late = Vec::new();
        loop {
            let began = Instant::now();
            let reply = session.step();
            late.push(began.elapsed() >= DELAY);
            if reply.is_reject() {
                break;
            }
        }
        // The Reject comes last, when all is told.
        let (_reject, told) = late.split_last().unwrap();
        assert!(told.contains(&true), "{outer:?}: {late:?}");
    }
}

/// A user who mistypes once.
fn hasty<'n>(daemon: &Daemon, nas: &'n Nas) -> EapSession<'n> {
    let inner = Inner::Insistent {
        user: user("wrong"),
        tries: vec![PASSWORD.to_owned()],
        new_password: None,
    };
    session(daemon, nas, Outer::Peap, inner)
}

/// How many round trips it takes until the wrong password has come.
fn round_trips_to_the_password() -> usize {
    let daemon = setup("\"0s\"").set("eap", "mschapv2-retries", "1").start();
    let nas = daemon.nas();
    let mut session = hasty(&daemon, &nas);
    while daemon.failures("kari") == 0 {
        session.step();
    }
    session.round_trips
}

/// R4, E3: a NAS or a proxy that sends the response again under another authenticator hears nothing
/// until the answer to the first leaves, then the same; and the log-on goes on.
#[test]
fn request_that_comes_while_a_refusal_waits_breaks_nothing() {
    let daemon = setup("\"3s\"").set("eap", "mschapv2-retries", "1").start();
    let nas = daemon.nas();
    let mut session = hasty(&daemon, &nas);
    for _ in 1..round_trips_to_the_password() {
        session.step();
    }
    let (first, again) = (session.request().octets(), session.request().octets());
    nas.send(&first);
    nas.send(&again);
    let [reply, other] = [(); 2].map(|()| {
        let answer = nas.receive(PATIENCE).expect("an answer");
        let is_to_first = answer[1] == first[1];
        let request = if is_to_first { &first } else { &again };
        Reply::read(&answer, request, nas.secret())
    });
    assert_eq!(reply.code(), Code::AccessChallenge);
    assert_eq!(reply.eap(), other.eap());
    session.take(&reply);
    assert!(session.finish().is_accept());
    let duplicates = "portvakt_requests_total{client=\"test\",result=\"duplicate\"}";
    assert_eq!(daemon.metric(duplicates), 1.0);
}
