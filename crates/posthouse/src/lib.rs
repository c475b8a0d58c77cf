//! The server: configuration, listeners, TLS, clock, the drivers that join protocols to the store,
//! and the command line. The binary is a thin `main` over this.

pub mod clock;
pub mod config;
pub mod driver;
pub mod files;
pub mod http;
pub mod imap;
pub mod listen;
pub mod metrics;
pub mod search_cache;
pub mod tls;
