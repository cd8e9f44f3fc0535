//! Many datagrams for one system call: recvmmsg(2) and sendmmsg(2), which no crate offers with
//! memory that is used again and the local address both ways (R8).
//!
//! All of the unsafe code of the house is here. Each call is told of memory by pointers that are
//! made right before it, from borrows that outlast it; nothing keeps one.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::ptr::{from_mut, null_mut};

use super::socket::LARGEST_PACKET;
use crate::transport::peer::Endpoints;

/// The most datagrams of one call.
pub(in crate::transport) const BATCH: usize = 16;

/// A control message as cmsg(3) lays it out: header, then `T` at the next 8 octets, padded to them.
#[repr(C)]
struct Control<T> {
    header: libc::cmsghdr,
    info: T,
}

/// Addresses of a datagram as the kernel writes and reads them; which family's counts is the
/// socket's to say.
struct Envelope {
    peer_v4: libc::sockaddr_in,
    peer_v6: libc::sockaddr_in6,
    local_v4: Control<libc::in_pktinfo>,
    local_v6: Control<libc::in6_pktinfo>,
}

/// Room for one datagram that comes in.
pub(in crate::transport) struct Slot {
    envelope: Envelope,
    octets: [u8; LARGEST_PACKET],
    length: usize,
}

/// A datagram that goes out.
#[derive(Clone, Copy)]
pub(in crate::transport) struct Outbound<'a> {
    /// What is in it.
    pub octets: &'a [u8],
    /// Where it goes.
    pub endpoints: Endpoints,
}

impl Slot {
    pub(in crate::transport) fn new() -> Self {
        Self {
            envelope: Envelope::new(),
            octets: [0; LARGEST_PACKET],
            length: 0,
        }
    }

    /// The datagram; what is longer than the longest packet was cut, which the packet's own Length
    /// then tells.
    pub(in crate::transport) fn datagram(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// Where it came from, and, if it was asked for, where it was sent to.
    pub(in crate::transport) fn endpoints(&self, is_v6: bool) -> Endpoints {
        self.envelope.endpoints(is_v6)
    }
}

/// Waits for a datagram as long as the socket's timeout says, then takes it and those that are
/// there already. Returns how many slots are filled, from the first on.
///
/// `tells_local` where the socket was told to say which address a datagram was sent to.
///
/// # Errors
/// What the kernel says; `WouldBlock` where none came.
pub(in crate::transport) fn receive(
    socket: &UdpSocket,
    slots: &mut [Slot],
    is_v6: bool,
    tells_local: bool,
) -> io::Result<usize> {
    let mut pieces = [NO_PIECE; BATCH];
    let mut headers = no_headers();
    for ((slot, piece), header) in slots.iter_mut().zip(&mut pieces).zip(&mut headers) {
        piece.iov_base = slot.octets.as_mut_ptr().cast();
        piece.iov_len = slot.octets.len();
        slot.envelope.forget_local();
        slot.envelope.point(&mut header.msg_hdr, is_v6, tells_local);
        header.msg_hdr.msg_iov = piece;
        header.msg_hdr.msg_iovlen = 1;
    }
    let count = u32::try_from(slots.len().min(BATCH)).unwrap_or(0);
    let (socket, headers_at) = (socket.as_raw_fd(), headers.as_mut_ptr());
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: `count` headers are there, and each points to pieces, octets and envelope of its own
    // with their true lengths, all of them borrowed for longer than this call.
    let received =
        unsafe { libc::recvmmsg(socket, headers_at, count, libc::MSG_WAITFORONE, null_mut()) };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (slot, header) in slots.iter_mut().zip(&headers).take(received) {
        slot.length = header.msg_len as usize;
    }
    Ok(received)
}

/// Sends at most [`BATCH`] datagrams and returns how many of them, from the first on, the kernel
/// took.
///
/// # Errors
/// What the kernel says of the first of them.
pub(in crate::transport) fn send<'a>(
    socket: &UdpSocket,
    batch: impl Iterator<Item = Outbound<'a>>,
) -> io::Result<usize> {
    let mut envelopes: [Envelope; BATCH] = std::array::from_fn(|_| Envelope::new());
    let mut pieces = [NO_PIECE; BATCH];
    let mut headers = no_headers();
    let mut count = 0;
    let parts = envelopes.iter_mut().zip(&mut pieces).zip(&mut headers);
    for (((envelope, piece), header), outbound) in parts.zip(batch) {
        piece.iov_base = outbound.octets.as_ptr().cast_mut().cast();
        piece.iov_len = outbound.octets.len();
        let tells_local = envelope.address(outbound.endpoints);
        envelope.point(
            &mut header.msg_hdr,
            outbound.endpoints.peer.is_ipv6(),
            tells_local,
        );
        header.msg_hdr.msg_iov = piece;
        header.msg_hdr.msg_iovlen = 1;
        count += 1;
    }
    let (socket, headers) = (socket.as_raw_fd(), headers.as_mut_ptr());
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: as in `receive`, with `count` of them filled in; what the headers point to is only read, but for `msg_len`.
    let sent = unsafe { libc::sendmmsg(socket, headers, count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

const NO_PIECE: libc::iovec = libc::iovec {
    iov_base: null_mut(),
    iov_len: 0,
};

fn no_headers() -> [libc::mmsghdr; BATCH] {
    #[expect(
        unsafe_code,
        reason = "some platforms have padding that can't be named"
    )]
    // SAFETY: numbers and pointers, of which zero is one.
    unsafe {
        std::mem::zeroed()
    }
}

impl Envelope {
    fn new() -> Self {
        #[expect(
            unsafe_code,
            reason = "some platforms have padding that can't be named"
        )]
        // SAFETY: numbers all, of which zero is one.
        unsafe {
            std::mem::zeroed()
        }
    }

    /// Has the header point to this envelope.
    fn point(&mut self, header: &mut libc::msghdr, is_v6: bool, tells_local: bool) {
        let peer = match is_v6 {
            false => (
                from_mut(&mut self.peer_v4).cast(),
                size_of::<libc::sockaddr_in>(),
            ),
            true => (
                from_mut(&mut self.peer_v6).cast(),
                size_of::<libc::sockaddr_in6>(),
            ),
        };
        (header.msg_name, header.msg_namelen) = (peer.0, u32::try_from(peer.1).unwrap_or(0));
        if tells_local {
            let local = match is_v6 {
                false => (
                    from_mut(&mut self.local_v4).cast(),
                    size_of_val(&self.local_v4),
                ),
                true => (
                    from_mut(&mut self.local_v6).cast(),
                    size_of_val(&self.local_v6),
                ),
            };
            (header.msg_control, header.msg_controllen) = (local.0, local.1 as _);
        }
    }

    /// Writes where a datagram goes, and says whether also from where.
    fn address(&mut self, endpoints: Endpoints) -> bool {
        match endpoints.peer {
            SocketAddr::V4(peer) => self.peer_v4 = sockaddr_v4(peer),
            SocketAddr::V6(peer) => self.peer_v6 = sockaddr_v6(peer),
        }
        match endpoints.local {
            Some(IpAddr::V4(local)) => self.local_v4.say(local),
            Some(IpAddr::V6(local)) => self.local_v6.say(local),
            None => {}
        }
        endpoints.local.is_some()
    }

    fn forget_local(&mut self) {
        self.local_v4.header.cmsg_len = 0;
        self.local_v6.header.cmsg_len = 0;
    }

    fn endpoints(&self, is_v6: bool) -> Endpoints {
        match is_v6 {
            false => Endpoints {
                peer: SocketAddr::V4(socket_address_v4(&self.peer_v4)),
                local: self.local_v4.local().map(IpAddr::V4),
            },
            true => Endpoints {
                peer: SocketAddr::V6(socket_address_v6(&self.peer_v6)),
                local: self.local_v6.local().map(IpAddr::V6),
            },
        }
    }
}

impl<T> Control<T> {
    /// CMSG_LEN: without the padding at the end.
    const LENGTH: usize = size_of::<libc::cmsghdr>() + size_of::<T>();

    fn set_header(&mut self, level: i32, kind: i32) {
        self.header.cmsg_len = Self::LENGTH as _;
        (self.header.cmsg_level, self.header.cmsg_type) = (level, kind);
    }

    fn is(&self, level: i32, kind: i32) -> bool {
        self.header.cmsg_len >= Self::LENGTH as _
            && (self.header.cmsg_level, self.header.cmsg_type) == (level, kind)
    }
}

impl Control<libc::in_pktinfo> {
    fn say(&mut self, local: Ipv4Addr) {
        self.set_header(libc::IPPROTO_IP, libc::IP_PKTINFO);
        self.info.ipi_spec_dst.s_addr = u32::from_ne_bytes(local.octets());
    }

    fn local(&self) -> Option<Ipv4Addr> {
        let is = self.is(libc::IPPROTO_IP, libc::IP_PKTINFO);
        is.then(|| self.info.ipi_addr.s_addr.to_ne_bytes().into())
    }
}

impl Control<libc::in6_pktinfo> {
    fn say(&mut self, local: Ipv6Addr) {
        self.set_header(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
        self.info.ipi6_addr.s6_addr = local.octets();
    }

    fn local(&self) -> Option<Ipv6Addr> {
        let is = self.is(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
        is.then(|| self.info.ipi6_addr.s6_addr.into())
    }
}

fn family(family: i32) -> libc::sa_family_t {
    libc::sa_family_t::try_from(family).unwrap_or_default()
}

fn sockaddr_v4(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: family(libc::AF_INET),
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.ip().octets()),
        },
        sin_zero: [0; 8],
    }
}

fn sockaddr_v6(address: SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: family(libc::AF_INET6),
        sin6_port: address.port().to_be(),
        sin6_flowinfo: address.flowinfo(),
        sin6_addr: libc::in6_addr {
            s6_addr: address.ip().octets(),
        },
        sin6_scope_id: address.scope_id(),
    }
}

fn socket_address_v4(address: &libc::sockaddr_in) -> SocketAddrV4 {
    let ip = Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
    SocketAddrV4::new(ip, u16::from_be(address.sin_port))
}

fn socket_address_v6(address: &libc::sockaddr_in6) -> SocketAddrV6 {
    SocketAddrV6::new(
        address.sin6_addr.s6_addr.into(),
        u16::from_be(address.sin6_port),
        address.sin6_flowinfo,
        address.sin6_scope_id,
    )
}
