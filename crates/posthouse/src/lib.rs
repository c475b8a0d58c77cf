//! The server: configuration, listeners, TLS, clock, the drivers that join protocols to the store,
//! and the command line. The binary is a thin `main` over this.

pub mod admin;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod delivery;
pub mod demo;
pub mod dns;
pub mod driver;
pub mod files;
pub mod ftp;
mod ftp_client;
pub mod http;
pub mod imap;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod pop3;
pub mod resolver;
pub mod room;
pub mod runtime;
pub mod search_cache;
pub mod server;
pub mod smtp;
pub mod submission;
pub mod tls;
pub mod trace;
