//! Properties of names, data, messages and master files, with naive oracles and the crate `domain` as a second
//! opinion.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

mod messages;
mod names;
mod texts;
