//! Names: the authoritative DNS server.

pub mod udp;
