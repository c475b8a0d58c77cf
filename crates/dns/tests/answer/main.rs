//! Answers: zones of the RFCs, raw queries, random zones against a naive resolver.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

mod allocation;
mod ask;
mod edns;
mod naive;
mod plain;
mod raw;
mod secret;
mod signed;
#[path = "../shared/toy.rs"]
mod toy;
#[path = "../shared/zones.rs"]
mod zones;
