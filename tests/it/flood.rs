//! Datagrams without sense, in any number: the server goes on, and does not grow.

use portvakt_testkit::supplicant::Random;

use crate::common::{Daemon, Setup};
use crate::nas::{Nas, kind, people, sign};

/// Between two questions whether the server lives; few enough for any receive queue.
const VOLLEY: usize = 64;
/// Growth allowed to the server's memory; most of it is the duplicate cache.
const GROWTH_KIB: u64 = 256 * 1024;

/// Resident memory of the server.
fn resident_kib(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// All datagrams of the client that came to an end, whichever.
fn taken(daemon: &Daemon) -> f64 {
    let page = daemon.metrics();
    let samples = page.lines();
    let samples = samples.filter(|line| line.starts_with("portvakt_requests_total{"));
    let counts = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    counts.sum()
}

/// The datagrams of a flood.
struct Source<'n> {
    nas: &'n Nas,
    random: Random,
    valid: Vec<Vec<u8>>,
}

impl<'n> Source<'n> {
    fn new(daemon: &Daemon, nas: &'n Nas) -> Self {
        let mut device = daemon.device(nas, &people::name(1), "wrong");
        let first = device.request();
        device.step();
        let hello = device.request();
        let wrong = nas.pap(&people::name(2), "wrong");
        let proxied = (0..8).fold(nas.pap(&people::name(3), "wrong"), |request, hop| {
            request.with(kind::PROXY_STATE, &[hop; 40])
        });
        let status = nas.request(crate::nas::Code::StatusServer);
        let valid = [first, hello, wrong, proxied, status];
        Self {
            nas,
            random: Random::new(1812),
            valid: valid.iter().map(crate::nas::Request::octets).collect(),
        }
    }

    fn next(&mut self) -> Vec<u8> {
        match self.random.below(2) {
            0 => self.noise(),
            _ => self.mutant(),
        }
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.random.below(300);
        (0..length).map(|_| self.random.octet()).collect()
    }

    /// A sound packet with a few octets changed; one in sixteen is signed after that, and so gets
    /// past the door.
    fn mutant(&mut self) -> Vec<u8> {
        let choice = self.random.below(self.valid.len());
        let mut octets = self.valid[choice].clone();
        for _ in 0..=self.random.below(4) {
            self.random.alter(&mut octets);
        }
        if self.random.below(16) == 0 {
            // A new authenticator: not taken for a copy.
            (4..20.min(octets.len())).for_each(|index| octets[index] = self.random.octet());
            sign(&mut octets, self.nas.secret());
        }
        octets
    }
}

/// A million in the full run.
#[test]
fn long_million_random_datagrams_leave_the_server_answering() {
    let is_long = std::env::var_os("PORTVAKT_LONG").is_some();
    let volleys = if is_long { 1_000_000 } else { 50_000 } / VOLLEY;
    let daemon = Setup::new().people(&people::people(10)).start();
    let (nas, watch) = (daemon.nas(), daemon.nas());
    let mut source = Source::new(&daemon, &nas);
    // What a busy server has anyway: threads' memory, caches, buffers.
    (0..200).for_each(|_| volley(&mut source, &watch));
    let (before, taken_before) = (resident_kib(&daemon), taken(&daemon));
    for _ in 0..volleys {
        volley(&mut source, &watch);
    }
    let (after, taken) = (resident_kib(&daemon), taken(&daemon) - taken_before);
    let sent = volleys * VOLLEY;
    println!("{sent} sent, {taken} taken; resident memory {before} KiB, then {after} KiB");
    assert!(taken > 0.99 * sent as f64, "the flood did not arrive");
    assert!(
        after < before + GROWTH_KIB,
        "{before} KiB, then {after} KiB"
    );
    let right = people::password(9);
    assert!(watch.log_on(&people::name(9), &right).is_accept());
    assert!(
        daemon
            .device(&watch, &people::name(9), &right)
            .finish()
            .is_accept()
    );
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

/// Some datagrams, and a question to each of the two sockets.
fn volley(source: &mut Source<'_>, watch: &Nas) {
    for _ in 0..VOLLEY {
        let datagram = source.next();
        source.nas.send(&datagram);
    }
    watch.status();
    watch.status();
    while source.nas.receive_now().is_some() {}
}
