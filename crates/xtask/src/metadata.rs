//! What `cargo metadata` says of the packages that are built into this machine's binary.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A package from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence expression, if its manifest has one.
    pub licence: Option<String>,
}

/// The packages from outside that the workspace is built from, dev-dependencies included, without
/// a look at the network.
///
/// # Errors
/// What cargo said, when it failed; most often that packages were never downloaded.
pub fn read(root: &Path) -> Result<Vec<Package>, String> {
    let platform = host()?;
    let arguments = ["metadata", "--offline", "--format-version", "1", "--filter-platform", &platform];
    let output = run(Command::new("cargo").current_dir(root).args(arguments))?;
    let value: Value = serde_json::from_str(&output).map_err(|error| error.to_string())?;
    let packages = value["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    // A package without a source is one of ours.
    Ok(packages.iter().filter(|package| !package["source"].is_null()).map(package).collect())
}

fn package(value: &Value) -> Package {
    let text = |key: &str| value[key].as_str().map(str::to_string);
    Package {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        licence: text("license"),
    }
}

/// The target triple of this machine; without it cargo would want the packages of every platform.
fn host() -> Result<String, String> {
    let output = run(Command::new("rustc").arg("-vV"))?;
    let line = output.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_string).ok_or_else(|| "rustc does not say its host".to_string())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_string())
}
