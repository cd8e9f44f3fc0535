//! UDP sockets that answer from the address they were asked on (R8), several to a port.
//!
//! One controller is one source port, so plain `SO_REUSEPORT` would put all its packets on one
//! socket. A classic BPF filter spreads them by the Identifier octet instead, which also sends a
//! retransmission to the socket that saw the first copy.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

/// The most octets of a RADIUS packet (RFC 2865 §3), and so of a receive buffer.
pub const LARGEST_PACKET: usize = 4096;

/// How long a receive waits before the caller gets a chance to notice that it should stop.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(200);

/// One UDP socket of a listening address.
#[derive(Debug)]
pub(super) struct Endpoint {
    socket: UdpSocket,
    address: SocketAddr,
}

/// Where a datagram came from and where it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The sender's address and port; the answer goes there.
    pub peer: SocketAddr,
    /// The local address the datagram was sent to; the answer leaves from it. `None` where the
    /// socket is bound to one address anyway.
    pub local: Option<IpAddr>,
}

/// Opens `count` sockets on `address`, among which the kernel spreads packets by Identifier.
///
/// Port 0 picks a free port, the same for all. `receive_buffer` is asked of the kernel in octets;
/// it may give less (`net.core.rmem_max`).
///
/// # Errors
/// What the kernel says: address in use, no such local address, no permission for the port.
pub(super) fn bind(
    address: SocketAddr,
    count: usize,
    receive_buffer: usize,
) -> io::Result<Vec<Endpoint>> {
    // A port that another program (or a second Portvakt) holds must be an error, though our own
    // sockets share it: SO_REUSEPORT alone would silently split the traffic between the two.
    let address = probe(address)?;
    let endpoints = (0..count.max(1))
        .map(|_| Endpoint::open(address, receive_buffer))
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
fn spread_by_identifier(first: &Endpoint, count: usize) -> io::Result<()> {
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

impl Endpoint {
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

    /// The bound address, with the port that was chosen.
    #[must_use]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits up to a fifth of a second for a datagram and puts it into `buffer`.
    ///
    /// `None` when none came. A datagram longer than the buffer is cut, which the packet's own
    /// Length then tells.
    ///
    /// # Errors
    /// What the kernel says; the caller counts it and goes on.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, Path)>> {
        let received = if self.address.ip().is_unspecified() {
            self.receive_with_local_address(buffer)
        } else {
            self.socket
                .recv_from(buffer)
                .map(|(length, peer)| (length, Path { peer, local: None }))
        };
        match received {
            Ok(received) => Ok(Some(received)),
            Err(error) if is_no_datagram(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn receive_with_local_address(&self, buffer: &mut [u8]) -> io::Result<(usize, Path)> {
        let mut control = cmsg_space!(libc::in6_pktinfo);
        let mut slices = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::empty(),
        )?;
        let peer = message
            .address
            .as_ref()
            .and_then(socket_address)
            .ok_or_else(|| io::Error::other("a datagram without a sender"))?;
        let local = message
            .cmsgs()
            .ok()
            .and_then(|mut all| all.find_map(local_address));
        Ok((message.bytes, Path { peer, local }))
    }

    /// Sends `datagram` back along `path`.
    ///
    /// # Errors
    /// What the kernel says: no route, or a full queue.
    pub(super) fn send(&self, datagram: &[u8], path: Path) -> io::Result<()> {
        let Some(local) = path.local else {
            return self.socket.send_to(datagram, path.peer).map(drop);
        };
        let slices = [IoSlice::new(datagram)];
        let to = SockaddrStorage::from(path.peer);
        let send = |control: &[ControlMessage<'_>]| {
            sendmsg(
                self.socket.as_raw_fd(),
                &slices,
                control,
                MsgFlags::empty(),
                Some(&to),
            )
        };
        match local {
            IpAddr::V4(address) => send(&[ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from_ne_bytes(address.octets()),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            })]),
            IpAddr::V6(address) => send(&[ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: address.octets(),
                },
                ipi6_ifindex: 0,
            })]),
        }?;
        Ok(())
    }
}

fn is_no_datagram(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| {
        storage
            .as_sockaddr_in6()
            .map(|address| SocketAddr::V6((*address).into()))
    })
}

fn local_address(message: ControlMessageOwned) -> Option<IpAddr> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::from(info.ipi6_addr.s6_addr)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_port(host: &str) -> SocketAddr {
        format!("{host}:0").parse().unwrap()
    }

    fn receive(endpoints: &[Endpoint]) -> (usize, Path) {
        let mut buffer = [0; LARGEST_PACKET];
        for _ in 0..20 {
            for endpoint in endpoints {
                if let Some(received) = endpoint.receive(&mut buffer).unwrap() {
                    return received;
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
            let endpoints = bind(any_port(bound), 2, 1 << 16).unwrap();
            let port = endpoints[0].address().port();
            let asked: SocketAddr = format!("{asked}:{port}").parse().unwrap();
            let client = UdpSocket::bind(any_port(if asked.is_ipv4() {
                "127.0.0.1"
            } else {
                "[::1]"
            }))
            .unwrap();
            client.send_to(&[1, 7, 0, 20], asked).unwrap();
            let (length, path) = receive(&endpoints);
            assert_eq!(length, 4);
            assert_eq!(path.peer, client.local_addr().unwrap());
            endpoints[1].send(b"answer", path).unwrap();
            let mut answer = [0; 16];
            let (length, from) = client.recv_from(&mut answer).unwrap();
            assert_eq!((&answer[..length], from), (&b"answer"[..], asked));
        }
    }

    #[test]
    fn one_sender_is_spread_over_the_sockets_by_identifier() {
        let endpoints = bind(any_port("127.0.0.1"), 2, 1 << 16).unwrap();
        let client = UdpSocket::bind(any_port("127.0.0.1")).unwrap();
        for identifier in 0..32_u8 {
            client
                .send_to(&[1, identifier], endpoints[0].address())
                .unwrap();
        }
        for (index, endpoint) in endpoints.iter().enumerate() {
            let mut buffer = [0; 16];
            for _ in 0..16 {
                endpoint
                    .receive(&mut buffer)
                    .unwrap()
                    .expect("half of the datagrams");
                assert_eq!(usize::from(buffer[1]) % 2, index);
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
