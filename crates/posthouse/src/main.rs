//! The `posthouse` program.

use anyhow::anyhow;
use posthouse::cli::Cli;
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    Cli::read().run().map_err(|error| anyhow!(error))
}
