//! The real program, from outside: its own processes, real sockets, and other people's clients.
//!
//! Each test starts a server of its own on free ports with its data in a folder of its own, so they
//! run side by side. Nothing here reaches into the program; what is looked at is what a client, an
//! operator or a supervisor can see.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

mod accounts;
mod cli;
mod crash;
mod dane;
mod dns;
mod dns_hostile;
mod dns_peers;
mod dns_strangers;
mod dns_zones;
mod dnssec;
mod dnsviz;
mod files;
mod ftp;
mod ftp_access;
mod ftp_careful;
mod ftp_clients;
mod ftp_cut;
mod ftp_program;
mod ftp_suite;
mod imap;
mod journey;
mod listener;
mod lmtp;
mod objects;
mod operation;
mod pop3;
mod postgres;
mod programs;
mod relay;
mod resolver;
#[path = "../../../store/tests/it/s3.rs"]
mod s3;
mod server;
mod smtp;
mod smuggling;
mod submission;
mod talk;
mod tls;
mod transcripts;
mod wait;
mod world;
