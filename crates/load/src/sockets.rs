//! UDP sockets of one worker and the RADIUS Identifiers in use on each: 256 a socket, so many
//! log-ons at once need several.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

/// The most sockets of a worker: 65,536 requests under way.
const MAX_SOCKETS: usize = 256;

/// The sockets of one worker.
pub(crate) struct Sockets {
    server: SocketAddr,
    source: SocketAddr,
    poll: Poll,
    events: Events,
    sockets: Vec<Socket>,
    free: usize,
    /// Index of the socket to use next.
    next: usize,
}

/// One socket, and the log-on that uses each of its identifiers.
struct Socket {
    socket: UdpSocket,
    owners: Vec<Option<usize>>,
    free: usize,
    next: u8,
}

/// Socket and identifier of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId {
    /// Index of the socket.
    pub socket: usize,
    /// RADIUS Identifier.
    pub identifier: u8,
}

impl Sockets {
    /// Opens `count` sockets bound to `source`, to be used in turn; more are opened on demand.
    pub(crate) fn new(
        server: SocketAddr,
        source: Option<IpAddr>,
        count: usize,
    ) -> io::Result<Self> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut sockets = Self {
            server,
            source: SocketAddr::new(source.unwrap_or(any), 0),
            poll: Poll::new()?,
            events: Events::with_capacity(64),
            sockets: Vec::new(),
            free: 0,
            next: 0,
        };
        for _ in 0..count.min(MAX_SOCKETS) {
            sockets.open()?;
        }
        Ok(sockets)
    }

    /// Reserves an identifier for `owner`; `None` if all 65,536 are in use.
    pub(crate) fn reserve(&mut self, owner: usize) -> io::Result<Option<RequestId>> {
        if self.free == 0 {
            if self.sockets.len() >= MAX_SOCKETS {
                return Ok(None);
            }
            self.open()?;
        }
        let id = self.in_turn().and_then(|index| {
            let identifier = self.sockets.get_mut(index)?.reserve(owner)?;
            self.next = index + 1;
            Some(RequestId {
                socket: index,
                identifier,
            })
        });
        self.free -= usize::from(id.is_some());
        Ok(id)
    }

    /// The next socket that has a free identifier.
    fn in_turn(&self) -> Option<usize> {
        let all = self.sockets.iter().enumerate();
        let mut turn = all.clone().skip(self.next).chain(all);
        let (index, _) = turn.find(|(_, socket)| socket.free > 0)?;
        Some(index)
    }

    /// Frees an identifier.
    pub(crate) fn release(&mut self, id: RequestId) {
        if let Some(socket) = self.sockets.get_mut(id.socket)
            && let Some(owner) = socket.owners.get_mut(usize::from(id.identifier))
            && owner.take().is_some()
        {
            socket.free += 1;
            self.free += 1;
        }
    }

    /// The log-on that waits for a reply under this identifier.
    pub(crate) fn owner(&self, id: RequestId) -> Option<usize> {
        let socket = self.sockets.get(id.socket)?;
        *socket.owners.get(usize::from(id.identifier))?
    }

    /// Sends. A full send queue drops the packet, as a network does; it is retransmitted later.
    pub(crate) fn send(&self, id: RequestId, datagram: &[u8]) -> io::Result<()> {
        let Some(socket) = self.sockets.get(id.socket) else {
            return Ok(());
        };
        match socket.socket.send(datagram) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits up to `timeout` for replies; returns the indices of readable sockets.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<Vec<usize>> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(()) => Ok(self.events.iter().map(|event| event.token().0).collect()),
        }
    }

    /// Reads the next reply of a socket, if there is one.
    pub(crate) fn receive(&self, socket: usize, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(socket) = self.sockets.get(socket) else {
            return Ok(None);
        };
        match socket.socket.recv(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let mut socket = UdpSocket::bind(self.source)?;
        socket.connect(self.server)?;
        let token = Token(self.sockets.len());
        let registry = self.poll.registry();
        registry.register(&mut socket, token, Interest::READABLE)?;
        self.sockets.push(Socket {
            socket,
            owners: vec![None; 256],
            free: 256,
            next: 0,
        });
        self.free += 256;
        Ok(())
    }
}

impl Socket {
    /// Reserves the free identifier that was used longest ago.
    fn reserve(&mut self, owner: usize) -> Option<u8> {
        let candidates = (0..=u8::MAX).map(|step| self.next.wrapping_add(step));
        let is_free = |id: &u8| self.owners.get(usize::from(*id)) == Some(&None);
        let identifier = candidates.into_iter().find(is_free)?;
        *self.owners.get_mut(usize::from(identifier))? = Some(owner);
        self.free -= 1;
        self.next = identifier.wrapping_add(1);
        Some(identifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_257th_request_under_way_gets_another_socket() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::new(server.local_addr().unwrap(), None, 1).unwrap();
        let ids: Vec<_> = (0..257)
            .map(|n| sockets.reserve(n).unwrap().unwrap())
            .collect();
        assert_eq!((ids[255].socket, ids[256].socket), (0, 1));
        assert_eq!(sockets.owner(ids[256]), Some(256));
        sockets.release(ids[256]);
        assert_eq!(sockets.owner(ids[256]), None);
        let again = sockets.reserve(7).unwrap().unwrap();
        assert_ne!(again.identifier, ids[256].identifier);
    }

    #[test]
    fn sockets_take_turns() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::new(server.local_addr().unwrap(), None, 3).unwrap();
        let order: Vec<_> = (0..4)
            .map(|n| sockets.reserve(n).unwrap().unwrap())
            .collect();
        let order: Vec<_> = order.iter().map(|id| id.socket).collect();
        assert_eq!(order, [0, 1, 2, 0]);
    }

    #[test]
    fn replies_come_back_on_the_socket_that_asked() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::new(server.local_addr().unwrap(), None, 1).unwrap();
        let id = sockets.reserve(1).unwrap().unwrap();
        sockets.send(id, b"ask").unwrap();
        let mut buffer = [0; 16];
        let (_, peer) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"answer", peer).unwrap();
        let mut ready = Vec::new();
        while ready.is_empty() {
            ready = sockets.wait(Duration::from_secs(5)).unwrap();
        }
        assert_eq!(ready, [id.socket]);
        let length = sockets.receive(id.socket, &mut buffer).unwrap();
        assert_eq!(length, Some(6));
        assert_eq!(sockets.receive(id.socket, &mut buffer).unwrap(), None);
    }
}
