//! The log-ons that are counted.

use portvakt_auth::mschap::NtHash;

use crate::common::{Daemon, Setup};
use crate::nas::{Code, Nas, people};

/// How many people log on in turn.
const PEOPLE: usize = 50;
const CHALLENGE: [u8; 16] = [0x5b; 16];

/// One kind of log-on.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// So many that what differs from run to run vanishes.
    pub(crate) log_ons: u64,
    log_on: fn(&Daemon, &Nas, usize),
}

impl Case {
    pub(crate) const ALL: [Case; 4] = [
        Case {
            name: "status",
            log_ons: 4000,
            log_on: |_, nas, _| nas.status(),
        },
        Case {
            name: "pap-remembered",
            log_ons: 3000,
            log_on: pap,
        },
        Case {
            name: "mschapv2",
            log_ons: 2000,
            log_on: ms_chap_v2,
        },
        Case {
            name: "ttls-pap-tls12",
            log_ons: 200,
            log_on: ttls_pap,
        },
    ];

    pub(crate) fn run(&self, daemon: &Daemon) {
        let nas = daemon.nas();
        for turn in 0..usize::try_from(self.log_ons).unwrap() {
            (self.log_on)(daemon, &nas, turn % PEOPLE);
        }
    }
}

/// A server with one receiving thread, whose people can log on in each way.
pub(crate) fn setup() -> Setup {
    let with_nt_hash = |index| {
        let password = people::password(index);
        let nt_hash = NtHash::of_password(&password);
        format!(
            "{}\nsambaNTPassword: {}",
            people::ssha(&password),
            *nt_hash.reveal()
        )
    };
    Setup::new()
        .without_clients()
        .client(
            "test",
            "127.0.0.0/8",
            "methods = [\"eap\", \"pap\", \"mschapv2\"]",
        )
        .set("radius", "workers", "1")
        .set("eap", "tls-versions", "[\"1.2\"]")
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .people(&people::people_with(PEOPLE, with_nt_hash))
}

/// Everybody once in each way: passwords are remembered after it, and memory is there.
pub(crate) fn warm_up(daemon: &Daemon) {
    let nas = daemon.nas();
    for person in 0..PEOPLE {
        pap(daemon, &nas, person);
        ms_chap_v2(daemon, &nas, person);
    }
    ttls_pap(daemon, &nas, 0);
}

fn pap(_: &Daemon, nas: &Nas, person: usize) {
    let reply = nas.log_on(&people::name(person), &people::password(person));
    assert_eq!(reply.code(), Code::AccessAccept);
}

fn ms_chap_v2(_: &Daemon, nas: &Nas, person: usize) {
    let (name, password) = (people::name(person), people::password(person));
    let reply = nas.ask(&nas.ms_chap_v2(&name, &password, &CHALLENGE));
    assert!(reply.is_accept());
}

/// A full handshake, by a device that has never been here.
fn ttls_pap(daemon: &Daemon, nas: &Nas, person: usize) {
    let (name, password) = (people::name(person), people::password(person));
    assert!(daemon.device(nas, &name, &password).finish().is_accept());
}
