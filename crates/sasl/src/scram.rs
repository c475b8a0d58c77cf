//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): what both sides share.

pub(crate) mod keys;
pub(crate) mod message;
pub mod secret;
pub(crate) mod server;
