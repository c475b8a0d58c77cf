//! Scripted dialogues: what a client sends and what the server must answer, line by line.
//!
//! A script reads like the examples of the RFCs and is replayed twice: against a session in memory
//! under a clock that the script moves, with every client line cut at every byte, and over sockets
//! against the real server. See [`Script`] for the form, [`check_folder`] for the usual way in.

mod memory;
mod replay;
mod script;

pub use memory::{MemoryPeer, Reaction, World};
pub use replay::{Cut, Mismatch, Peer, check_folder, replay};
pub use script::{Script, Step};
