//! A network access server for tests. Its packets are built and read by the crate `radius`, and
//! what that crate leaves undone (Message-Authenticator, MPPE keys) is done here on RustCrypto
//! alone, so that no mistake of our own codec can cancel itself out.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test uses the part of it that it needs"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod daemon;
mod eap;
mod ms_chap;
pub mod people;
mod reply;
mod request;

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

pub use eap::EapSession;
pub use people::ssha;
pub use radius::core::code::Code;
pub use reply::Reply;
pub use request::{Request, Signature, sign};

/// How long an answer that must come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How long silence is listened to where nothing is sent behind it.
pub const SILENCE: Duration = Duration::from_millis(150);

/// Attribute numbers that the tests speak of, as the RFCs give them.
pub mod kind {
    pub const USER_NAME: u8 = 1;
    pub const REPLY_MESSAGE: u8 = 18;
    pub const STATE: u8 = 24;
    pub const CLASS: u8 = 25;
    pub const VENDOR_SPECIFIC: u8 = 26;
    pub const SESSION_TIMEOUT: u8 = 27;
    pub const CALLING_STATION_ID: u8 = 31;
    pub const NAS_IDENTIFIER: u8 = 32;
    pub const PROXY_STATE: u8 = 33;
    pub const NAS_PORT_TYPE: u8 = 61;
    pub const FRAMED_MTU: u8 = 12;
    pub const TUNNEL_TYPE: u8 = 64;
    pub const TUNNEL_MEDIUM_TYPE: u8 = 65;
    pub const EAP_MESSAGE: u8 = 79;
    pub const MESSAGE_AUTHENTICATOR: u8 = 80;
    pub const TUNNEL_PRIVATE_GROUP_ID: u8 = 81;
    pub const ERROR_CAUSE: u8 = 101;
    pub const OPERATOR_NAME: u8 = 126;
}

/// One NAS: a source port, a secret, and the next identifier.
pub struct Nas {
    socket: UdpSocket,
    secret: Vec<u8>,
    next_identifier: Cell<u8>,
}

impl Nas {
    /// A NAS on this machine's loopback address.
    pub fn new(server: SocketAddr, secret: &str) -> Self {
        let loopback = match server {
            SocketAddr::V4(_) => "127.0.0.1",
            SocketAddr::V6(_) => "::1",
        };
        Self::at(loopback, server, secret)
    }

    /// A NAS whose packets come from `source`. An answer from another address than `server` does
    /// not reach it (R8).
    pub fn at(source: &str, server: SocketAddr, secret: &str) -> Self {
        let source: IpAddr = source.parse().unwrap();
        let socket = UdpSocket::bind((source, 0)).unwrap();
        socket.connect(server).unwrap();
        Self {
            socket,
            secret: secret.as_bytes().to_vec(),
            next_identifier: Cell::new(0),
        }
    }

    /// The secret it shares with the server.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// An Access-Request with the next identifier and an authenticator of its own.
    pub fn access_request(&self) -> Request {
        self.request(Code::AccessRequest)
    }

    /// A request of any code.
    pub fn request(&self, code: Code) -> Request {
        let identifier = self.next_identifier.get();
        self.next_identifier.set(identifier.wrapping_add(1));
        Request::new(code, identifier, &self.secret)
    }

    /// A bare log-on.
    pub fn pap(&self, user: &str, password: &str) -> Request {
        self.access_request()
            .user(user)
            .password(password.as_bytes())
    }

    /// Sends a datagram, whatever it is.
    pub fn send(&self, datagram: &[u8]) {
        // A server that is gone is told by the next send; that is silence to a NAS.
        let _ = self.socket.send(datagram);
    }

    /// The next datagram within `patience`.
    pub fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        let give_up = Instant::now() + patience;
        let mut buffer = [0; 4096];
        loop {
            let left = give_up.checked_duration_since(Instant::now())?;
            let timeout = Some(left.max(Duration::from_millis(1)));
            self.socket.set_read_timeout(timeout).unwrap();
            if let Ok(length) = self.socket.recv(&mut buffer) {
                return Some(buffer[..length].to_vec());
            }
        }
    }

    /// The replies that are there by now, without waiting.
    pub fn receive_now(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        self.socket.set_nonblocking(true).unwrap();
        let length = self.socket.recv(&mut buffer);
        self.socket.set_nonblocking(false).unwrap();
        length.ok().map(|length| buffer[..length].to_vec())
    }

    /// Sends a request once and waits for its answer, which must be authentic.
    pub fn ask(&self, request: &Request) -> Reply {
        let octets = request.octets();
        self.send(&octets);
        let reply = self.receive(PATIENCE).expect("an answer");
        Reply::read(&reply, &octets, &self.secret)
    }

    /// As [`ask`](Self::ask), each NAS a request of its own, before any answer is waited for.
    pub fn ask_together<'a>(asked: impl Iterator<Item = (&'a Self, &'a Request)>) -> Vec<Reply> {
        let sent: Vec<_> = asked
            .map(|(nas, request)| (nas, request.octets()))
            .collect();
        for (nas, octets) in &sent {
            nas.send(octets);
        }
        let read = |(nas, octets): &(&Self, Vec<u8>)| {
            let reply = nas.receive(PATIENCE).expect("an answer");
            Reply::read(&reply, octets, &nas.secret)
        };
        sent.iter().map(read).collect()
    }

    /// Logs on by PAP.
    pub fn log_on(&self, user: &str, password: &str) -> Reply {
        self.ask(&self.pap(user, password))
    }

    /// Asks whether the server lives, which it must.
    pub fn status(&self) {
        let reply = self.ask(&self.request(Code::StatusServer));
        assert_eq!(reply.code(), Code::AccessAccept);
    }

    /// Sends a datagram that must not be answered: the Status-Server behind it is answered first.
    ///
    /// Both go to the same socket of the server, which takes them in order.
    pub fn expect_silence(&self, datagram: &[u8]) {
        let identifier = datagram.get(1).copied().unwrap_or(0);
        self.send(datagram);
        let status = Request::new(Code::StatusServer, identifier, &self.secret);
        let reply = self.ask(&status);
        assert_eq!(reply.code(), Code::AccessAccept);
        assert_eq!(self.receive(SILENCE), None, "a second answer");
    }
}
