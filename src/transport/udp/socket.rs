//! UDP sockets that answer from the address they were asked on (R8), several to a port.
//!
//! One controller is one source port, so plain `SO_REUSEPORT` would put all its packets on one
//! socket. A classic BPF filter spreads them by the Identifier octet instead, which also sends a
//! retransmission to the socket that saw the first copy.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::datagram;
use crate::transport::peer::Endpoints;

/// The most octets of a RADIUS packet (RFC 2865 §3), and so of a receive buffer.
pub const LARGEST_PACKET: usize = 4096;

/// How long a receive waits before the caller gets a chance to notice that it should stop.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(200);

/// One UDP socket of a listening address.
#[derive(Debug)]
pub(in crate::transport) struct ServerSocket {
    socket: UdpSocket,
    address: SocketAddr,
}

/// Takes sockets of the process before, which are bound and spread as [`bind`] does it. All of them are
/// used, however many are wanted now: what is queued in one that is closed would be lost.
pub(in crate::transport) fn take_over(sockets: Vec<UdpSocket>) -> io::Result<Vec<ServerSocket>> {
    let taken = sockets.into_iter().map(|socket| {
        let address = socket.local_addr()?;
        socket.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
        Ok(ServerSocket { socket, address })
    });
    taken.collect()
}

/// Opens `count` sockets on `address`, among which the kernel spreads packets by Identifier.
///
/// Port 0 picks a free port, the same for all. `receive_buffer` is asked of the kernel in octets;
/// it may give less (`net.core.rmem_max`).
///
/// # Errors
/// The kernel's error: address in use, no such local address, no permission for the port.
pub(in crate::transport) fn bind(
    address: SocketAddr,
    count: usize,
    receive_buffer: usize,
) -> io::Result<Vec<ServerSocket>> {
    // A port that another program (or a second Portvakt) holds must be an error, though our own
    // sockets share it: SO_REUSEPORT alone would silently split the traffic between the two.
    let address = probe(address)?;
    let endpoints = (0..count.max(1))
        .map(|_| ServerSocket::open(address, receive_buffer))
        .collect::<io::Result<Vec<_>>>()?;
    if let (Some(first), true) = (endpoints.first(), endpoints.len() > 1) {
        spread_by_identifier(first, endpoints.len())?;
    }
    Ok(endpoints)
}

/// Binds the address once without sharing it and lets it go, to learn whether it is free.
fn probe(address: SocketAddr) -> io::Result<SocketAddr> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::other("the socket has no IP address"))
}

/// Attaches `return identifier % count` to the port's group of sockets.
fn spread_by_identifier(first: &ServerSocket, count: usize) -> io::Result<()> {
    const LOAD_OCTET: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    const MODULO: u16 = 0x94; // BPF_ALU | BPF_MOD | BPF_K
    const RETURN_A: u16 = 0x16; // BPF_RET | BPF_A
    const IDENTIFIER_OFFSET: u32 = 1;
    let step = |code, k| libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    };
    let count = u32::try_from(count).map_err(io::Error::other)?;
    let mut program = [
        step(LOAD_OCTET, IDENTIFIER_OFFSET),
        step(MODULO, count),
        step(RETURN_A, 0),
    ];
    let program = libc::sock_fprog {
        len: 3,
        filter: program.as_mut_ptr(),
    };
    setsockopt(&first.socket, sockopt::AttachReusePortCbpf, &program)?;
    Ok(())
}

impl ServerSocket {
    fn open(address: SocketAddr, receive_buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_port(true)?;
        socket.set_recv_buffer_size(receive_buffer)?;
        socket.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
        if address.ip().is_unspecified() {
            match address {
                SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
                SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
            }
        }
        socket.bind(&address.into())?;
        Ok(Self {
            socket: socket.into(),
            address,
        })
    }

    /// Another handle of the socket, for the process that takes over.
    pub(in crate::transport) fn handle(&self) -> io::Result<UdpSocket> {
        self.socket.try_clone()
    }

    /// The bound address, with the port that was chosen.
    #[must_use]
    pub(in crate::transport) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits up to a fifth of a second for a datagram; `None` where none came. What is longer than
    /// `buffer` is cut, which the packet's own Length then tells.
    ///
    /// # Errors
    /// The kernel's error; the caller counts it and goes on.
    pub(in crate::transport) fn receive<'b>(
        &self,
        buffer: &'b mut [u8],
    ) -> io::Result<Option<(&'b [u8], Endpoints)>> {
        match datagram::receive(&self.socket, buffer) {
            Ok((length, endpoints)) => {
                Ok(Some((buffer.get(..length).unwrap_or_default(), endpoints)))
            }
            Err(error) if is_no_datagram(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a datagram.
    ///
    /// One that the kernel does not take is lost as any other on the wire: the client asks again, and
    /// the duplicate cache has the answer.
    pub(in crate::transport) fn send(&self, datagram: &[u8], endpoints: Endpoints) {
        if let Err(error) = datagram::send(&self.socket, datagram, endpoints) {
            tracing::debug!(address = %self.address, %error, "answer not sent");
        }
    }
}

fn is_no_datagram(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_port(host: &str) -> SocketAddr {
        format!("{host}:0").parse().unwrap()
    }

    fn receive(sockets: &[ServerSocket]) -> (Vec<u8>, Endpoints) {
        let mut buffer = [0; LARGEST_PACKET];
        for _ in 0..20 {
            for socket in sockets {
                if let Some((datagram, endpoints)) = socket.receive(&mut buffer).unwrap() {
                    return (datagram.to_vec(), endpoints);
                }
            }
        }
        panic!("no datagram came");
    }

    /// R8: 127.0.0.2 asked, 127.0.0.2 answers, though the socket is bound to 0.0.0.0.
    #[test]
    fn answer_leaves_from_the_address_that_was_asked() {
        for (bound, asked) in [
            ("0.0.0.0", "127.0.0.2"),
            ("[::]", "[::1]"),
            ("127.0.0.3", "127.0.0.3"),
        ] {
            let sockets = bind(any_port(bound), 2, 1 << 16).unwrap();
            let port = sockets[0].address().port();
            let asked: SocketAddr = format!("{asked}:{port}").parse().unwrap();
            let client = UdpSocket::bind(any_port(if asked.is_ipv4() {
                "127.0.0.1"
            } else {
                "[::1]"
            }))
            .unwrap();
            client.send_to(&[1, 7, 0, 20], asked).unwrap();
            let (datagram, endpoints) = receive(&sockets);
            assert_eq!(datagram, [1, 7, 0, 20]);
            assert_eq!(endpoints.peer, client.local_addr().unwrap());
            sockets[1].send(b"first", endpoints);
            sockets[1].send(b"second", endpoints);
            for expected in [&b"first"[..], b"second"] {
                let mut answer = [0; 16];
                let (length, from) = client.recv_from(&mut answer).unwrap();
                assert_eq!((&answer[..length], from), (expected, asked));
            }
        }
    }

    #[test]
    fn datagrams_come_in_their_order_and_then_none() {
        for host in ["127.0.0.1", "0.0.0.0", "[::1]", "[::]"] {
            let sockets = bind(any_port(host), 1, 1 << 16).unwrap();
            let local = if host.starts_with('[') {
                "[::1]"
            } else {
                "127.0.0.1"
            };
            let client = UdpSocket::bind(any_port(local)).unwrap();
            let mut asked: SocketAddr = any_port(local);
            asked.set_port(sockets[0].address().port());
            let sent: Vec<_> = (0..5_u8)
                .map(|number| vec![number; 20 + usize::from(number)])
                .collect();
            for datagram in &sent {
                client.send_to(datagram, asked).unwrap();
            }
            for datagram in &sent {
                assert_eq!(receive(&sockets).0, *datagram, "{host}");
            }
            assert_eq!(sockets[0].receive(&mut [0; 64]).unwrap(), None);
        }
    }

    #[test]
    fn an_answer_that_the_kernel_refuses_does_not_hold_up_the_others() {
        let sockets = bind(any_port("127.0.0.1"), 1, 1 << 16).unwrap();
        let client = UdpSocket::bind(any_port("127.0.0.1")).unwrap();
        let endpoints = |peer| Endpoints { peer, local: None };
        sockets[0].send(b"lost", endpoints("127.0.0.1:0".parse().unwrap()));
        sockets[0].send(b"answer", endpoints(client.local_addr().unwrap()));
        let mut answer = [0; 16];
        let length = client.recv(&mut answer).unwrap();
        assert_eq!(&answer[..length], b"answer");
    }

    #[test]
    fn one_sender_is_spread_over_the_sockets_by_identifier() {
        let sockets = bind(any_port("127.0.0.1"), 2, 1 << 16).unwrap();
        let client = UdpSocket::bind(any_port("127.0.0.1")).unwrap();
        for identifier in 0..32_u8 {
            client
                .send_to(&[1, identifier], sockets[0].address())
                .unwrap();
        }
        for (index, socket) in sockets.iter().enumerate() {
            let mut buffer = [0; 64];
            for _ in 0..16 {
                let (datagram, _) = socket.receive(&mut buffer).unwrap().unwrap();
                assert_eq!(usize::from(datagram[1]) % 2, index);
            }
        }
    }

    #[test]
    fn a_port_that_somebody_holds_is_refused() {
        let first = bind(any_port("127.0.0.1"), 2, 1 << 16).unwrap();
        let error = bind(first[0].address(), 2, 1 << 16).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
