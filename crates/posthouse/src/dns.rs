//! Names: the authoritative DNS server, its zones, and the records that mail needs.

pub mod acl;
pub mod book;
pub mod certificate;
pub mod client;
pub mod dkim;
pub mod engine;
pub mod facts;
pub mod import;
pub mod keyring;
pub mod mail_records;
pub mod names;
pub mod notify;
pub mod reply;
pub mod request;
pub mod secondary;
pub mod secret;
pub mod server;
pub mod settings;
pub mod snapshot;
pub mod special;
pub mod tcp;
pub mod udp;
pub mod zones;
