//! Datagrams with the local address that they came to or leave from: recvmsg(2) and sendmsg(2) with
//! IP_PKTINFO or IPV6_PKTINFO (R8).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg,
};

use crate::transport::Endpoints;

/// Memory for one control message: header and `in6_pktinfo` take 40 octets.
#[repr(align(8))]
struct Control([u8; 64]);

/// Waits for a datagram as long as the socket's timeout says. Returns its length in `buffer`, which
/// cuts a longer one, and the ends of its way.
///
/// # Errors
/// The kernel's error; `WouldBlock` if no datagram came.
pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, Endpoints)> {
    let mut pieces = [IoSliceMut::new(buffer)];
    let mut control = Control([0; 64]);
    let received = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut pieces,
        Some(&mut control.0),
        MsgFlags::empty(),
    )?;
    let peer = received.address.as_ref().and_then(socket_address);
    let endpoints = Endpoints {
        peer: peer.ok_or_else(|| io::Error::other("a datagram without a source address"))?,
        local: received
            .cmsgs()?
            .find_map(|message| local_address(&message)),
    };
    Ok((received.bytes, endpoints))
}

/// Sends a datagram.
///
/// # Errors
/// The kernel's error.
pub(super) fn send(socket: &UdpSocket, datagram: &[u8], endpoints: Endpoints) -> io::Result<()> {
    let peer = SockaddrStorage::from(endpoints.peer);
    let pieces = [IoSlice::new(datagram)];
    let send = |control: &[ControlMessage<'_>]| {
        let flags = MsgFlags::empty();
        sendmsg(socket.as_raw_fd(), &pieces, control, flags, Some(&peer))
    };
    let sent = match endpoints.local {
        None => send(&[]),
        Some(IpAddr::V4(local)) => send(&[ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr {
                s_addr: u32::from_ne_bytes(local.octets()),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        })]),
        Some(IpAddr::V6(local)) => send(&[ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr {
                s6_addr: local.octets(),
            },
            ipi6_ifindex: 0,
        })]),
    };
    sent.map(drop).map_err(io::Error::from)
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from(*v4));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6)))
}

fn local_address(message: &ControlMessageOwned) -> Option<IpAddr> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::from(info.ipi6_addr.s6_addr)),
        _ => None,
    }
}
