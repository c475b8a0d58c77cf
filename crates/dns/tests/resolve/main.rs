//! The resolver against servers that are scripted: zones signed here, answers changed on their way, a clock that
//! the test moves.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

mod evidence;
mod forward;
mod hostile;
mod oracle;
mod plain;
#[path = "../shared/toy.rs"]
mod toy;
mod verdicts;
mod world;
#[path = "../shared/zones.rs"]
mod zones;
