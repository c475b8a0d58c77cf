//! Names: the authoritative DNS server.

pub mod tcp;
pub mod udp;
