use super::{CLOCKS_APART, STATE_AT_MOST, TicketKeys, Tickets};
use crate::packet::EapType;
use crate::tls::resumption::Recheck;
use crate::tls::sessions::Scope;
use crate::tls::{ClientCertificates, StaleLists};
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const NOON: Duration = Duration::from_secs(1_790_000_000);
const TLS: Scope = Scope {
    method: EapType::TLS,
    client_authorities: Some([7; 32]),
};

#[derive(Debug)]
struct StoppedClock(Duration);

impl TimeProvider for StoppedClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0))
    }
}

fn keys(octets: &[u8]) -> TicketKeys {
    let keys: Vec<_> = octets.iter().map(|octet| [*octet; 32]).collect();
    TicketKeys::new(&keys).unwrap()
}

fn tickets(keys: TicketKeys, scope: Scope, now: Duration) -> Tickets {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    let authorities = made.cert.pem();
    let certificates = ClientCertificates::new(authorities.as_bytes(), &[], StaleLists::Refuse);
    let recheck = Recheck {
        verifier: certificates.unwrap().verifier,
        time: Arc::new(StoppedClock(now)),
    };
    Tickets::new(keys, scope, HOUR, recheck, true)
}

fn at(now: Duration) -> Tickets {
    tickets(keys(&[1]), TLS, now)
}

#[test]
fn there_is_no_ticket_without_a_key() {
    assert!(TicketKeys::new(&[]).is_none());
}

#[test]
fn a_rotated_key_still_opens_and_a_foreign_one_does_not() {
    let old = tickets(keys(&[1]), TLS, NOON).encrypt(b"state").unwrap();
    let rotated = tickets(keys(&[2, 1]), TLS, NOON);
    assert_eq!(rotated.decrypt(&old).unwrap(), b"state");
    let new = rotated.encrypt(b"state").unwrap();
    assert_eq!(
        tickets(keys(&[2]), TLS, NOON).decrypt(&new).unwrap(),
        b"state"
    );
    assert!(at(NOON).decrypt(&new).is_none(), "the newest key seals");
    assert!(tickets(keys(&[3]), TLS, NOON).decrypt(&new).is_none());
}

#[test]
fn a_ticket_altered_anywhere_or_cut_does_not_open() {
    let ticket = at(NOON).encrypt(b"state").unwrap();
    for place in 0..ticket.len() {
        let mut altered = ticket.clone();
        altered[place] ^= 1;
        assert!(at(NOON).decrypt(&altered).is_none(), "octet {place}");
        assert!(
            at(NOON).decrypt(&ticket[..place]).is_none(),
            "cut at {place}"
        );
    }
}

/// E7, E8: a ticket opens only what asks for the same proof.
#[test]
fn a_ticket_of_another_method_or_other_authorities_does_not_open() {
    let ticket = at(NOON).encrypt(b"state").unwrap();
    let other_method = Scope {
        method: EapType::TTLS,
        ..TLS
    };
    let other_authorities = Scope {
        client_authorities: Some([8; 32]),
        ..TLS
    };
    for scope in [other_method, other_authorities] {
        assert!(tickets(keys(&[1]), scope, NOON).decrypt(&ticket).is_none());
    }
}

#[test]
fn a_ticket_ends_with_its_time_which_another_one_does_not_postpone() {
    let ticket = at(NOON).encrypt(b"state").unwrap();
    let later = at(NOON + HOUR - Duration::from_secs(1));
    assert!(later.decrypt(&ticket).is_some());
    let next = later.encrypt(b"next state").unwrap();
    for ticket in [ticket, next] {
        assert!(at(NOON + HOUR).decrypt(&ticket).is_none());
    }
}

#[test]
fn a_ticket_from_the_future_does_not_open() {
    let ticket = at(NOON).encrypt(b"state").unwrap();
    assert!(at(NOON - CLOCKS_APART).decrypt(&ticket).is_some());
    let earlier = at(NOON - CLOCKS_APART - Duration::from_secs(1));
    assert!(earlier.decrypt(&ticket).is_none());
}

#[test]
fn a_state_that_is_too_long_gets_no_ticket() {
    assert!(at(NOON).encrypt(&[0; STATE_AT_MOST]).is_some());
    assert!(at(NOON).encrypt(&[0; STATE_AT_MOST + 1]).is_none());
}

#[test]
fn debug_output_shows_no_key() {
    assert_eq!(format!("{:?}", at(NOON)), "Tickets(TicketKeys(1))");
}
