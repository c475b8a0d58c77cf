//! The runtime that the server runs on.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// Worker threads beyond the number of cores: a read that has to wait for the disk is done where it
/// is needed, and must not keep a core from other work.
const SPARE_WORKERS: usize = 1;

/// A multi-threaded runtime.
///
/// # Errors
/// If threads cannot be had.
pub fn build() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread().worker_threads(cores + SPARE_WORKERS).enable_all().build()
}
