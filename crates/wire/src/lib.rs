//! Framing of lines, literals, counted chunks and dot-stuffed bodies, each with limits; the clock
//! value that sessions are given; and the vocabulary in which a session and its driver talk.
//!
//! A protocol crate builds on this and on nothing that could reach a socket, a file, a clock or a
//! random source. It is handed bytes and a [`Now`], and gives back bytes to send and at most one
//! question at a time ([`Outputs`]). The driver (crate `posthouse`) answers and calls again.
//!
//! # Standards
//! Line ends and dot-stuffing: RFC 5321 §2.3.8, §4.1.1.4, §4.5.2; RFC 1939 §3. Chunks: RFC 3030 §2.
//! Literals: RFC 9051 §4.3, RFC 7888.
//!
//! # Hostile input
//! Everything here is fed by strangers. No reader stores more than its named limit, whatever the
//! order or the size of the pieces in which bytes arrive, and the result never depends on where
//! the pieces were cut: the tests run every case split at every byte.

pub mod budget;
pub mod counted;
pub mod dot;
pub mod input;
pub mod line;
pub mod literal;
pub mod now;
pub mod session;
pub mod text;

pub use budget::{Budget, Share};
pub use input::Input;
pub use now::Now;
pub use session::{Outputs, Session};
