//! Sockets towards the server, as access points have one each. Each has 256 identifiers, so many
//! log-ons need many of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

/// The most sockets of a worker: 65,536 requests under way.
const LANES_AT_MOST: usize = 256;

/// The sockets of one worker.
pub(crate) struct Lanes {
    server: SocketAddr,
    source: SocketAddr,
    poll: Poll,
    events: Events,
    lanes: Vec<Lane>,
    free: usize,
    /// Whose turn it is.
    next: usize,
}

/// One socket and who uses its identifiers.
struct Lane {
    socket: UdpSocket,
    holders: Vec<Option<usize>>,
    free: usize,
    next: u8,
}

/// A socket and an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Which socket.
    pub lane: usize,
    /// RADIUS Identifier.
    pub identifier: u8,
}

impl Lanes {
    /// So many sockets, which take turns, from `source` where one is given. Further ones are opened
    /// as they are needed.
    pub(crate) fn new(
        server: SocketAddr,
        source: Option<IpAddr>,
        count: usize,
    ) -> io::Result<Self> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut lanes = Self {
            server,
            source: SocketAddr::new(source.unwrap_or(any), 0),
            poll: Poll::new()?,
            events: Events::with_capacity(64),
            lanes: Vec::new(),
            free: 0,
            next: 0,
        };
        for _ in 0..count.min(LANES_AT_MOST) {
            lanes.open()?;
        }
        Ok(lanes)
    }

    /// An identifier for `holder`; `None` where 65,536 are in use.
    pub(crate) fn take(&mut self, holder: usize) -> io::Result<Option<Ticket>> {
        if self.free == 0 {
            if self.lanes.len() >= LANES_AT_MOST {
                return Ok(None);
            }
            self.open()?;
        }
        let ticket = self.in_turn().and_then(|index| {
            let identifier = self.lanes.get_mut(index)?.take(holder)?;
            self.next = index + 1;
            Some(Ticket {
                lane: index,
                identifier,
            })
        });
        self.free -= usize::from(ticket.is_some());
        Ok(ticket)
    }

    /// The next socket that has a free identifier.
    fn in_turn(&self) -> Option<usize> {
        let all = self.lanes.iter().enumerate();
        let mut turn = all.clone().skip(self.next).chain(all);
        let (index, _) = turn.find(|(_, lane)| lane.free > 0)?;
        Some(index)
    }

    /// Gives an identifier back.
    pub(crate) fn give_back(&mut self, ticket: Ticket) {
        if let Some(lane) = self.lanes.get_mut(ticket.lane)
            && let Some(holder) = lane.holders.get_mut(usize::from(ticket.identifier))
            && holder.take().is_some()
        {
            lane.free += 1;
            self.free += 1;
        }
    }

    /// Who waits for an answer under this identifier.
    pub(crate) fn holder(&self, ticket: Ticket) -> Option<usize> {
        let lane = self.lanes.get(ticket.lane)?;
        *lane.holders.get(usize::from(ticket.identifier))?
    }

    /// Sends. A full queue loses the packet, as a network does; it is sent again in time.
    pub(crate) fn send(&self, ticket: Ticket, datagram: &[u8]) -> io::Result<()> {
        let Some(lane) = self.lanes.get(ticket.lane) else {
            return Ok(());
        };
        match lane.socket.send(datagram) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits for replies, `patience` at most; returns the sockets that have some.
    pub(crate) fn wait(&mut self, patience: Duration) -> io::Result<Vec<usize>> {
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(()) => Ok(self.events.iter().map(|event| event.token().0).collect()),
        }
    }

    /// The next reply of a socket, if there is one.
    pub(crate) fn receive(&self, lane: usize, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(lane) = self.lanes.get(lane) else {
            return Ok(None);
        };
        match lane.socket.recv(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let mut socket = UdpSocket::bind(self.source)?;
        socket.connect(self.server)?;
        let token = Token(self.lanes.len());
        let registry = self.poll.registry();
        registry.register(&mut socket, token, Interest::READABLE)?;
        self.lanes.push(Lane {
            socket,
            holders: vec![None; 256],
            free: 256,
            next: 0,
        });
        self.free += 256;
        Ok(())
    }
}

impl Lane {
    /// The identifier that was used longest ago, of those that are free.
    fn take(&mut self, holder: usize) -> Option<u8> {
        let candidates = (0..=u8::MAX).map(|step| self.next.wrapping_add(step));
        let is_free = |id: &u8| self.holders.get(usize::from(*id)) == Some(&None);
        let identifier = candidates.into_iter().find(is_free)?;
        *self.holders.get_mut(usize::from(identifier))? = Some(holder);
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
        let mut lanes = Lanes::new(server.local_addr().unwrap(), None, 1).unwrap();
        let tickets: Vec<_> = (0..257).map(|n| lanes.take(n).unwrap().unwrap()).collect();
        assert_eq!((tickets[255].lane, tickets[256].lane), (0, 1));
        assert_eq!(lanes.holder(tickets[256]), Some(256));
        lanes.give_back(tickets[256]);
        assert_eq!(lanes.holder(tickets[256]), None);
        let again = lanes.take(7).unwrap().unwrap();
        assert_ne!(again.identifier, tickets[256].identifier);
    }

    #[test]
    fn sockets_take_turns() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut lanes = Lanes::new(server.local_addr().unwrap(), None, 3).unwrap();
        let order: Vec<_> = (0..4).map(|n| lanes.take(n).unwrap().unwrap()).collect();
        let order: Vec<_> = order.iter().map(|ticket| ticket.lane).collect();
        assert_eq!(order, [0, 1, 2, 0]);
    }

    #[test]
    fn replies_come_back_on_the_socket_that_asked() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut lanes = Lanes::new(server.local_addr().unwrap(), None, 1).unwrap();
        let ticket = lanes.take(1).unwrap().unwrap();
        lanes.send(ticket, b"ask").unwrap();
        let mut buffer = [0; 16];
        let (_, peer) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"answer", peer).unwrap();
        let mut ready = Vec::new();
        while ready.is_empty() {
            ready = lanes.wait(Duration::from_secs(5)).unwrap();
        }
        assert_eq!(ready, [ticket.lane]);
        let length = lanes.receive(ticket.lane, &mut buffer).unwrap();
        assert_eq!(length, Some(6));
        assert_eq!(lanes.receive(ticket.lane, &mut buffer).unwrap(), None);
    }
}
