//! A log-on by PAP whose password is remembered takes no memory from the allocator on the thread
//! that receives it, from the verified request to the answer on its way out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "it/common/mod.rs"]
mod common;
#[path = "it/nas/mod.rs"]
mod nas;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{SECRET, Setup};
use jiff::Timestamp;
use nas::{Nas, PATIENCE, Request, kind, people};
use portvakt::access::Access;
use portvakt::config::Config;
use portvakt::dispatch::Dispatcher;
use portvakt::policy::Client;
use portvakt::state::State;
use portvakt::transport::{
    DropReason, Listen, Listeners, Options, Peer, Purpose, RequestHandler, Responder,
};
use portvakt_radius::{Code, VerifiedRequest};

const PEOPLE: usize = 4;
/// Log-ons until every buffer has been as full as it gets, and those that are counted.
const BEFORE: usize = 200;
const COUNTED: usize = 1000;
/// Requests at once in the beginning.
const AT_ONCE: u8 = 200;
/// After so many log-ons the audit log is written: so no more lines wait, however slowly its thread
/// gets its turns, and however many of them it has.
const FLUSH_EVERY: usize = 50;

/// The dispatcher, and the number of allocations of each request on its own thread.
struct Counting {
    dispatcher: Dispatcher,
    allocations: Mutex<Vec<u64>>,
}

impl RequestHandler for Counting {
    fn client(&self, peer: SocketAddr) -> Option<Arc<Client>> {
        self.dispatcher.client(peer)
    }

    fn serves(&self, code: Code) -> bool {
        self.dispatcher.serves(code)
    }

    fn request(&self, request: &VerifiedRequest<'_>, peer: Peer, responder: Responder) {
        let handle = || self.dispatcher.request(request, peer, responder);
        let counted = allocation_counter::measure(handle).count_total;
        self.allocations.lock().unwrap().push(counted);
    }

    fn status_server(&self, client: &Client) {
        self.dispatcher.status_server(client);
    }

    fn duplicate(&self, client: &Client) {
        self.dispatcher.duplicate(client);
    }

    fn dropped(&self, peer: SocketAddr, client: Option<&Client>, why: DropReason) {
        self.dispatcher.dropped(peer, client, why);
    }
}

fn request(nas: &Nas, index: usize) -> Request {
    nas.pap(
        &format!("{}@campus.example", people::name(index)),
        &people::password(index),
    )
    .with(kind::CALLING_STATION_ID, b"02-00-00-00-00-01")
    .with(kind::NAS_IDENTIFIER, b"vpn-1.campus.example")
}

/// So many log-ons, one after the other.
fn log_on(nas: &Nas, access: &Access, count: usize) {
    for turn in 0..count {
        assert!(nas.ask(&request(nas, turn % PEOPLE)).is_accept());
        if turn % FLUSH_EVERY == 0 {
            access.state.audit.flush(PATIENCE).unwrap();
        }
    }
}

/// Many at once, so that whatever remembers requests has been longer than it will be again.
fn crowd(nas: &Nas) {
    let requests: Vec<_> = (0..AT_ONCE)
        .map(|turn| request(nas, usize::from(turn) % PEOPLE))
        .collect();
    for request in &requests {
        nas.send(&request.octets());
    }
    for _ in &requests {
        nas.receive(PATIENCE).expect("an answer");
    }
}

#[test]
fn a_remembered_log_on_by_pap_allocates_nothing() {
    let mut setup = Setup::new().people(&people::people(PEOPLE));
    setup.prepare();
    let (config, _) = Config::load_file(&setup.config(), Timestamp::now()).unwrap();
    let state = State::open(&config).unwrap();
    let access = Access::start(Arc::clone(&state), &config).unwrap();
    let counting = Arc::new(Counting {
        dispatcher: Dispatcher(Arc::clone(&access)),
        allocations: Mutex::new(Vec::with_capacity(BEFORE + COUNTED + usize::from(AT_ONCE))),
    });
    let options = Options {
        sockets_per_address: 1,
        receive_buffer: 1 << 20,
        // Each request forgets the one before it, however fast they come, and takes over its memory:
        // the cache never grows.
        duplicate_lifetime: Duration::from_nanos(1),
    };
    let listen = Listen {
        address: config.listen[0],
        purpose: Purpose::Authentication,
    };
    let listeners = Listeners::start(&[listen], options, &counting).unwrap();
    let nas = Nas::new(listeners.addresses()[0].address, SECRET);
    log_on(&nas, &access, BEFORE);
    crowd(&nas);
    log_on(&nas, &access, COUNTED);
    listeners.close();
    access.close();
    state.close();

    let allocations = counting.allocations.lock().unwrap();
    let counted = &allocations[allocations.len() - COUNTED..];
    let sum: u64 = counted.iter().sum();
    assert_eq!(sum, 0, "{counted:?}");
}
