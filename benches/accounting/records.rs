//! Records as an access point sends them, made beforehand, and the sender.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portvakt_radius::{AttributeType, RequestWriter, SharedSecret};

use crate::common::SECRET;

/// Records under way at once, each port's under identifiers of its own.
const IN_FLIGHT: usize = 256;
const PORTS: usize = 4;
/// After so long a record is sent again.
const PATIENCE: Duration = Duration::from_secs(2);

static SENT_AGAIN: AtomicUsize = AtomicUsize::new(0);

/// How many records had no answer in time.
pub(crate) fn sent_again() -> usize {
    SENT_AGAIN.load(Ordering::Relaxed)
}

/// Starts, Interim-Updates twice, Stops; each round in the order of the sessions.
pub(crate) struct Records {
    pub(crate) rounds: [Vec<Vec<u8>>; 4],
}

impl Records {
    pub(crate) fn of(sessions: Range<usize>) -> Self {
        let secret = SharedSecret::new(SECRET.as_bytes()).unwrap();
        let round = |status, minutes| {
            let numbers = sessions.clone();
            let record = |number| record(number, status, minutes, &secret);
            numbers.map(record).collect()
        };
        Self {
            rounds: [round(1, 0), round(3, 10), round(3, 20), round(2, 25)],
        }
    }
}

pub(crate) fn station(number: usize) -> String {
    let octets = number.to_be_bytes();
    let [.., a, b, c, d] = octets;
    format!("02-00-{a:02X}-{b:02X}-{c:02X}-{d:02X}")
}

pub(crate) fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap())
}

fn record(number: usize, status: u32, minutes: u32, secret: &SharedSecret) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let identifier = u8::try_from(number / PORTS % (IN_FLIGHT / PORTS)).unwrap();
    let mut writer = RequestWriter::accounting_request(identifier, &mut buffer).unwrap();
    let station = station(number);
    let session = format!("{number:016X}");
    let address = address(number).octets();
    let texts: [(AttributeType, &[u8]); 8] = [
        (AttributeType::USER_NAME, b"anonymous@campus.example"),
        (
            AttributeType::NAS_IDENTIFIER,
            b"ap-library-3.campus.example",
        ),
        (AttributeType::NAS_IP_ADDRESS, &[10, 20, 0, 7]),
        (AttributeType::CALLING_STATION_ID, station.as_bytes()),
        (
            AttributeType::CALLED_STATION_ID,
            b"02-00-00-00-00-99:eduroam",
        ),
        (AttributeType::ACCT_SESSION_ID, session.as_bytes()),
        (AttributeType::FRAMED_IP_ADDRESS, &address),
        (AttributeType::NAS_PORT_ID, b"wlan0"),
    ];
    for (kind, value) in texts {
        writer.push(kind, value).unwrap();
    }
    for (kind, value) in [
        (AttributeType::ACCT_STATUS_TYPE, status),
        (AttributeType::ACCT_SESSION_TIME, minutes * 60),
        (AttributeType::ACCT_INPUT_OCTETS, minutes * 100_000),
        (AttributeType::ACCT_OUTPUT_OCTETS, minutes * 900_000),
        (AttributeType::NAS_PORT_TYPE, 19),
    ] {
        writer.push_integer(kind, value).unwrap();
    }
    writer.finish(secret).unwrap().to_vec()
}

/// One port of the equipment, and the records that go through it in turn: of each identifier one is
/// under way at a time.
struct Port<'r> {
    socket: UdpSocket,
    /// By identifier.
    lanes: Vec<Lane<'r>>,
}

/// Records of one identifier: those that wait, the next one last, and the one under way with its time.
#[derive(Clone, Default)]
struct Lane<'r> {
    waiting: Vec<&'r [u8]>,
    under_way: Option<(&'r [u8], Instant)>,
}

/// Sends all records, each until it is answered; how long each waited.
pub(crate) fn drive(server: SocketAddr, records: &[Vec<u8>]) -> Vec<Duration> {
    let threads = std::thread::scope(|scope| {
        let ports: Vec<_> = (0..PORTS)
            .map(|port| {
                let of_port = records.iter().skip(port).step_by(PORTS);
                let of_port: Vec<_> = of_port.map(Vec::as_slice).collect();
                scope.spawn(move || Port::new(server, &of_port).run())
            })
            .collect();
        let ports = ports.into_iter().map(|port| port.join().unwrap());
        ports.collect::<Vec<_>>()
    });
    threads.concat()
}

impl<'r> Port<'r> {
    fn new(server: SocketAddr, records: &[&'r [u8]]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        let mut lanes = vec![Lane::default(); IN_FLIGHT / PORTS];
        for record in records.iter().rev() {
            lanes[usize::from(record[1])].waiting.push(*record);
        }
        Self { socket, lanes }
    }

    fn run(mut self) -> Vec<Duration> {
        let mut waits = Vec::new();
        let mut left: usize = self.lanes.iter().map(|lane| lane.waiting.len()).sum();
        (0..self.lanes.len()).for_each(|lane| self.next(lane));
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 4096];
        while left > 0 {
            let Ok(length) = self.socket.recv(&mut buffer) else {
                self.send_again();
                continue;
            };
            assert!(length >= 20 && buffer[0] == 5, "no Accounting-Response");
            let lane = usize::from(buffer[1]);
            if let Some((_, sent)) = self.lanes[lane].under_way.take() {
                waits.push(sent.elapsed());
                left -= 1;
                self.next(lane);
            }
        }
        waits
    }

    fn next(&mut self, lane: usize) {
        let Lane { waiting, under_way } = &mut self.lanes[lane];
        *under_way = waiting.pop().map(|record| (record, Instant::now()));
        if let Some((record, _)) = under_way {
            self.socket.send(record).unwrap();
        }
    }

    fn send_again(&self) {
        for (record, _) in self.lanes.iter().filter_map(|lane| lane.under_way) {
            SENT_AGAIN.fetch_add(1, Ordering::Relaxed);
            self.socket.send(record).unwrap();
        }
    }
}
