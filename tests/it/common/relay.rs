//! A network between access point and server that can be told what to do with each datagram.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::PATIENCE;

/// Stands where the access point takes the server to be, until it is dropped.
pub struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Hands each request to `pass`, and its answer back; `None` is silence.
    pub fn start(mut pass: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        front
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let address = front.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut datagram = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, device)) = front.recv_from(&mut datagram) else {
                    continue;
                };
                if let Some(answer) = pass(&datagram[..length]) {
                    front.send_to(&answer, device).unwrap();
                }
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// The address that requests go to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A server behind the relay, asked from one port, as retransmissions are known by that.
pub struct Upstream(UdpSocket);

impl Upstream {
    /// One that asks `server`.
    pub fn of(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// Sends a request so many times; its first answer, without those to earlier ones.
    pub fn ask(&self, request: &[u8], copies: usize) -> Option<Vec<u8>> {
        for _ in 0..copies {
            self.0.send(request).unwrap();
        }
        let mut answer = vec![0; 4096];
        loop {
            let length = self.0.recv(&mut answer).ok()?;
            if answer[1] == request[1] {
                answer.truncate(length);
                return Some(answer);
            }
        }
    }
}
