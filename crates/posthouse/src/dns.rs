//! Names: the authoritative DNS server, its zones, and the records that mail needs.

pub mod book;
pub mod certificate;
pub mod dkim;
pub mod facts;
pub mod import;
pub mod keyring;
pub mod mail_records;
pub mod request;
pub mod settings;
pub mod tcp;
pub mod udp;
pub mod zones;
