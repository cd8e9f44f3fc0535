//! A log-on by PAP whose password is remembered takes no memory from the allocator on the thread
//! that receives it, from the verified request to the answer on its way out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
mod nas;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{SECRET, Setup};
use jiff::Timestamp;
use nas::{Nas, kind, people};
use portvakt::access::FrontDoor;
use portvakt::config::Config;
use portvakt::listen::{Answer, Client, DropReason, Listeners, Options, RequestHandler};
use portvakt::server;
use portvakt_radius::VerifiedRequest;

const PEOPLE: usize = 20;
/// Log-ons until every buffer has been as full as it gets, and those that are counted.
const BEFORE: usize = 500;
const COUNTED: usize = 1000;

/// The front door, with a look at what each request allocates on its own thread.
struct Counting {
    door: FrontDoor,
    allocations: Mutex<Vec<u64>>,
}

impl RequestHandler for Counting {
    fn client(&self, peer: SocketAddr) -> Option<Arc<Client>> {
        self.door.client(peer)
    }

    fn access_request(&self, request: &VerifiedRequest<'_>, client: Arc<Client>, answer: Answer) {
        let handle = || self.door.access_request(request, client, answer);
        let counted = allocation_counter::measure(handle).count_total;
        self.allocations.lock().unwrap().push(counted);
    }

    fn status_server(&self, client: &Client) {
        self.door.status_server(client);
    }

    fn duplicate(&self, client: &Client) {
        self.door.duplicate(client);
    }

    fn dropped(&self, peer: SocketAddr, client: Option<&Client>, why: DropReason) {
        self.door.dropped(peer, client, why);
    }
}

fn log_on(nas: &Nas, index: usize) {
    let request = nas
        .pap(
            &format!("{}@campus.example", people::name(index)),
            &people::password(index),
        )
        .with(kind::CALLING_STATION_ID, b"02-00-00-00-00-01")
        .with(kind::NAS_IDENTIFIER, b"vpn-1.campus.example");
    assert!(nas.ask(&request).is_accept());
}

#[test]
fn a_remembered_log_on_by_pap_allocates_nothing() {
    let mut setup = Setup::new().people(&people::people(PEOPLE));
    setup.prepare();
    let (config, _) = Config::load_file(&setup.config(), Timestamp::now()).unwrap();
    let access = server::build(&config).unwrap();
    let counting = Arc::new(Counting {
        door: FrontDoor(Arc::clone(&access)),
        allocations: Mutex::new(Vec::with_capacity(BEFORE + COUNTED)),
    });
    let options = Options {
        sockets_per_address: 1,
        receive_buffer: 1 << 20,
        // What is forgotten leaves its memory to what is new: the fewer are remembered, the sooner
        // that begins.
        duplicate_lifetime: Duration::from_millis(1),
    };
    let listeners = Listeners::start(&config.listen, options, &counting).unwrap();
    let nas = Nas::new(listeners.addresses()[0], SECRET);
    (0..BEFORE + COUNTED).for_each(|turn| log_on(&nas, turn % PEOPLE));
    listeners.close();
    server::put_away(&access);

    let allocations = counting.allocations.lock().unwrap().split_off(BEFORE);
    let none = allocations.iter().filter(|count| **count == 0).count();
    let sum: u64 = allocations.iter().sum();
    println!("{sum} allocations in {COUNTED} log-ons; {none} of them had none");
    // The page of the audit log and the note for `explain` are new at times, once for many.
    assert!(none >= COUNTED * 98 / 100, "{allocations:?}");
}
