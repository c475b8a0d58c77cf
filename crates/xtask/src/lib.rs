//! The developer's tools: the rules of the house as a test, and tables for the documentation.
//!
//! `cargo xtask tidy` checks what the compiler and clippy cannot see: which crate may know what,
//! that every command has its file, transcript and RFC, and that long functions get no longer.
//! The rules read one in-memory [`Tree`], so that each is proven by trees that break it.

pub mod index;
pub mod manifest;
pub mod metadata;
pub mod source;
pub mod tidy;
pub mod tree;

pub use tree::Tree;
