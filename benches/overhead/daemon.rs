//! The same log-on at the real server, over loopback.

use std::fs;
use std::time::Duration;

use portvakt_eap::TlsVersions;
use portvakt_testkit::supplicant::{Device, Supplicant};

use super::Case;
use super::common::{Daemon, Setup};
use super::nas::{Code, EapSession, Nas, people};
use super::stopwatch::median;

/// Devices that come at once, in step, so that the server finds the next packet when it has answered
/// the last; and how often they do.
const DEVICES: usize = 16;
const BATCHES: usize = 25;
/// For a profiler that looks on: `PORTVAKT_LONG=1`.
const BATCHES_IF_LONG: usize = 1000;

/// Medians of the batches, microseconds for one log-on.
pub(crate) struct Cost {
    pub(crate) log_on: f64,
    /// The share of the threads that write the audit log and the store.
    pub(crate) writers: f64,
    /// So many Status-Server packets as the log-on had round trips.
    pub(crate) radius: f64,
    pub(crate) round_trips: usize,
}

pub(crate) fn measure(case: &Case<'_>) -> Cost {
    let hall = Hall::open(case);
    let batches = match std::env::var_os("PORTVAKT_LONG") {
        Some(_) => BATCHES_IF_LONG,
        None => BATCHES,
    };
    let (mut log_ons, mut writers, mut statuses) = (Vec::new(), Vec::new(), Vec::new());
    let mut round_trips = hall.everybody_logs_on();
    for _ in 0..batches {
        let log_on = hall.cost_of(|| round_trips = hall.everybody_logs_on());
        log_ons.push(log_on.receiving + log_on.writing);
        writers.push(log_on.writing);
        let status = hall.cost_of(|| hall.everybody_asks_for_status());
        statuses.push(status.receiving);
    }
    Cost {
        log_on: median(&mut log_ons),
        writers: median(&mut writers),
        radius: median(&mut statuses) * round_trips as f64,
        round_trips,
    }
}

/// A server and the devices that come to it.
struct Hall {
    daemon: Daemon,
    nases: Vec<Nas>,
    devices: Vec<Device>,
    resumed: bool,
}

impl Hall {
    fn open(case: &Case<'_>) -> Self {
        let version = match case.versions {
            TlsVersions::Tls12Only => "[\"1.2\"]",
            _ => "[\"1.3\"]",
        };
        let setup = Setup::new()
            .people(&people::people(DEVICES))
            .set("passwords", "upgrade-hashes", "false")
            .set("eap", "tls-versions", version);
        setup.write_certificates(case.identity);
        let daemon = setup.set("radius", "workers", "1").start();
        let device = |index| {
            let mut profile = daemon.profile(&people::name(index), &people::password(index));
            profile.trusted = case.authority.certificate();
            Device::new(profile)
        };
        let devices = (0..DEVICES).map(device).collect();
        let nases = (0..DEVICES).map(|_| daemon.nas()).collect();
        Self {
            daemon,
            nases,
            devices,
            resumed: case.resumed,
        }
    }

    fn supplicant(&self, device: &Device) -> Supplicant {
        match self.resumed {
            true => device.supplicant(),
            false => Supplicant::new(device.profile().clone()),
        }
    }

    /// One log-on of every device; returns its round trips.
    fn everybody_logs_on(&self) -> usize {
        let begin = |(nas, device)| {
            EapSession::new(nas, self.supplicant(device), "anonymous@campus.example")
        };
        let mut sessions: Vec<_> = self.nases.iter().zip(&self.devices).map(begin).collect();
        loop {
            let replies = EapSession::step_together(&mut sessions);
            assert!(!replies.iter().any(super::nas::Reply::is_reject));
            if replies.iter().all(super::nas::Reply::is_accept) {
                return sessions[0].round_trips;
            }
        }
    }

    fn everybody_asks_for_status(&self) {
        let requests: Vec<_> = self
            .nases
            .iter()
            .map(|nas| nas.request(Code::StatusServer))
            .collect();
        Nas::ask_together(self.nases.iter().zip(&requests));
    }

    /// The server's time for each device while `all` of them come, in microseconds.
    fn cost_of(&self, all: impl FnOnce()) -> Spent<f64> {
        let before = self.settled();
        all();
        let after = self.settled();
        let each = |before: u64, after: u64| (after - before) as f64 / 1e3 / DEVICES as f64;
        Spent {
            receiving: each(before.receiving, after.receiving),
            writing: each(before.writing, after.writing),
        }
    }

    /// The server's CPU time once it is idle.
    fn settled(&self) -> Spent<u64> {
        let mut before = self.spent();
        loop {
            std::thread::sleep(Duration::from_millis(2));
            let now = self.spent();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    /// Nanoseconds that its threads have run; housekeeping, which costs the same without any log-on,
    /// is left out.
    fn spent(&self) -> Spent<u64> {
        let mut spent = Spent::default();
        for task in fs::read_dir(format!("/proc/{}/task", self.daemon.id())).unwrap() {
            let file = |name| fs::read_to_string(task.as_ref().unwrap().path().join(name)).unwrap();
            let ran: u64 = file("schedstat")
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            match file("comm").trim_end() {
                "radius-0" => spent.receiving += ran,
                "audit" | "store" => spent.writing += ran,
                _ => {}
            }
        }
        spent
    }
}

/// Time of the thread that receives, and of those that write down.
#[derive(Clone, Copy, Default, PartialEq)]
struct Spent<T> {
    receiving: T,
    writing: T,
}
