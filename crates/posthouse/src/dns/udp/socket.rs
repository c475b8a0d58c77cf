//! Datagram sockets for names, and what differs between the address families.

use super::LOOK_UP_EVERY;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, SockaddrIn, SockaddrIn6, SockaddrLike, setsockopt, sockopt,
};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};

/// What the kernel may hold for us while a batch is answered, in bytes.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// What may wait to leave, in bytes.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// The sockets of one address, one per thread.
#[derive(Debug)]
pub struct Sockets {
    /// Where they are bound.
    pub address: SocketAddr,
    /// The sockets.
    pub sockets: Vec<UdpSocket>,
}

/// Opens `count` sockets on one address.
///
/// # Errors
/// Why the address cannot be had.
pub fn open(address: SocketAddr, count: usize) -> io::Result<Sockets> {
    // Alone at first: sockets that may share a port would share it with another program too.
    drop(UdpSocket::bind(address)?);
    let first = open_one(address)?;
    // With port 0 the kernel chose one.
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(open_one(address)?);
    }
    Ok(Sockets { address, sockets })
}

fn open_one(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    socket.set_read_timeout(Some(LOOK_UP_EVERY))?;
    // The kernel gives as much as net.core.rmem_max allows; less is no reason not to serve.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    if address.ip().is_unspecified() {
        // An answer must leave from the address that was asked, or the client does not know it.
        match address {
            SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
    }
    ignore_path_mtu(&socket, address);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Forged ICMP messages could make us send fragments, which can be forged in turn (RFC 9715 §3.1).
fn ignore_path_mtu(socket: &Socket, address: SocketAddr) {
    let done = match address {
        SocketAddr::V4(_) => set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::OMIT),
        SocketAddr::V6(_) => set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::OMIT),
    };
    if let Err(error) = done {
        tracing::debug!(%error, "the kernel goes on to discover path MTUs for DNS");
    }
}

/// An address family: its address, and the address of ours that was asked.
pub trait Family: 'static {
    /// A peer's address.
    type Address: SockaddrLike + Copy + Send + 'static;
    /// Which of our addresses was asked.
    type Local: Copy + Send + 'static;
    /// Which of our addresses, for comparison.
    type From: Ord + Copy;
    /// Whose address, for comparison.
    type To: Ord + Copy;

    /// The peer's address for the rest of the program.
    fn peer(address: &Self::Address) -> SocketAddr;
    /// Reads our address.
    fn local(message: &ControlMessageOwned) -> Option<Self::Local>;
    /// Tells the kernel from which address to send.
    fn control(local: &Self::Local) -> ControlMessage<'_>;
    /// From which of our addresses a datagram goes, and to whom.
    fn way(local: Option<&Self::Local>, peer: &Self::Address) -> (Self::From, Self::To);
}

/// IPv4.
#[derive(Debug)]
pub struct V4;

impl Family for V4 {
    type Address = SockaddrIn;
    type Local = libc::in_pktinfo;
    type From = Option<u32>;
    type To = (Ipv4Addr, u16);

    fn peer(address: &SockaddrIn) -> SocketAddr {
        SocketAddrV4::new(address.ip(), address.port()).into()
    }

    fn local(message: &ControlMessageOwned) -> Option<libc::in_pktinfo> {
        match message {
            // The route decides which interface it leaves by.
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(libc::in_pktinfo { ipi_ifindex: 0, ..*info }),
            _ => None,
        }
    }

    fn control(local: &libc::in_pktinfo) -> ControlMessage<'_> {
        ControlMessage::Ipv4PacketInfo(local)
    }

    fn way(local: Option<&libc::in_pktinfo>, peer: &SockaddrIn) -> (Self::From, Self::To) {
        (local.map(|local| local.ipi_spec_dst.s_addr), (peer.ip(), peer.port()))
    }
}

/// IPv6.
#[derive(Debug)]
pub struct V6;

impl Family for V6 {
    type Address = SockaddrIn6;
    type Local = libc::in6_pktinfo;
    type From = Option<([u8; 16], u32)>;
    type To = (Ipv6Addr, u16, u32);

    fn peer(address: &SockaddrIn6) -> SocketAddr {
        let ip = address.ip();
        SocketAddrV6::new(ip, address.port(), address.flowinfo(), address.scope_id()).into()
    }

    fn local(message: &ControlMessageOwned) -> Option<libc::in6_pktinfo> {
        let ControlMessageOwned::Ipv6PacketInfo(info) = message else { return None };
        let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
        // A link-local address means nothing without its interface (RFC 4007 §6).
        let index = if address.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
        Some(libc::in6_pktinfo { ipi6_ifindex: index, ..*info })
    }

    fn control(local: &libc::in6_pktinfo) -> ControlMessage<'_> {
        ControlMessage::Ipv6PacketInfo(local)
    }

    fn way(local: Option<&libc::in6_pktinfo>, peer: &SockaddrIn6) -> (Self::From, Self::To) {
        let from = local.map(|local| (local.ipi6_addr.s6_addr, local.ipi6_ifindex));
        (from, (peer.ip(), peer.port(), peer.scope_id()))
    }
}
