//! `cargo xtask tidy` and `cargo xtask rfcs`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use xtask::{Tree, index, tidy};

const USAGE: &str = "usage: cargo xtask COMMAND

  tidy    check the rules of the house; prints what breaks them
  rules   list the rules and why they are there
  rfcs    print rfc/index.tsv as a markdown table
";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let result = match command.as_deref() {
        Some("tidy") => tidy(),
        Some("rules") => print(&tidy::list()).map(|()| ExitCode::SUCCESS),
        Some("rfcs") => rfcs(),
        _ => {
            let _ = io::stderr().write_all(USAGE.as_bytes());
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "xtask: {error}");
        ExitCode::from(2)
    })
}

fn tidy() -> io::Result<ExitCode> {
    let findings = tidy::run(&Tree::load(root())?);
    print(&tidy::report(&findings))?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rfcs() -> io::Result<ExitCode> {
    let tree = Tree::load_files(root())?;
    print(&index::markdown(&index::parse(tree.text(index::PATH)).0))?;
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// The root of the repository: this crate lives two folders below it.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
