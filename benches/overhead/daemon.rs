//! The same log-on at the real server, over loopback.

use std::fs;

use portvakt_eap::TlsVersions;
use portvakt_testkit::supplicant::{Device, Supplicant};

use super::Case;
use super::common::{Daemon, Setup};
use super::nas::{Code, EapSession, Nas, people};
use super::stopwatch::median;

/// Devices that come at once, in step, so that the server finds the next packet when it has answered
/// the last; and how often they do.
const DEVICES: usize = 16;
const BATCHES: usize = 15;

/// Medians of the batches, microseconds for one log-on.
pub(crate) struct Cost {
    pub(crate) log_on: f64,
    /// So many Status-Server packets as the log-on had round trips.
    pub(crate) radius: f64,
    pub(crate) round_trips: usize,
}

pub(crate) fn measure(case: &Case<'_>) -> Cost {
    let hall = Hall::open(case);
    let (mut log_ons, mut statuses) = (Vec::new(), Vec::new());
    let mut round_trips = hall.everybody_logs_on();
    for _ in 0..BATCHES {
        log_ons.push(hall.cost_of(|| round_trips = hall.everybody_logs_on()));
        statuses.push(hall.cost_of(|| hall.everybody_asks_for_status()));
    }
    Cost {
        log_on: median(&mut log_ons),
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
        let setup =
            Setup::new()
                .people(&people::people(DEVICES))
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

    /// What the server spends for each device while `all` of them come, in microseconds.
    fn cost_of(&self, all: impl FnOnce()) -> f64 {
        let before = self.settled();
        all();
        (self.settled() - before) as f64 / 1e3 / DEVICES as f64
    }

    /// Nanoseconds that the server has run, once it has nothing left to do.
    fn settled(&self) -> u64 {
        let mut before = self.ran();
        loop {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let now = self.ran();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    fn ran(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.daemon.id())).unwrap();
        let of_task = |task: fs::DirEntry| {
            let line = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let ran = line.split(' ').next().and_then(|ran| ran.parse().ok());
            ran.unwrap_or(0)
        };
        tasks.map(|task| of_task(task.unwrap())).sum::<u64>()
    }
}
