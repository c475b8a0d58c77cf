//! A master file on its way into a zone: read by the command as the person who runs it.

use super::book::pack_records;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::Name;
use dns::master::{self, Include};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a file was not taken.
#[derive(Debug)]
pub struct ImportError(String);

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ImportError {}

/// Files of one folder.
struct Folder(PathBuf);

impl Include for Folder {
    fn open(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let folder = self.0.canonicalize().map_err(|error| error.to_string())?;
        let file = folder.join(path).canonicalize().map_err(|error| error.to_string())?;
        // Also behind symbolic links: what lies elsewhere is not the zone's.
        if !file.starts_with(&folder) {
            return Err("it is outside of the zone's folder".into());
        }
        std::fs::read(&file).map_err(|error| error.to_string())
    }
}

/// A zone's name from the command line.
///
/// # Errors
/// [`ImportError`].
pub fn zone_name(zone: &str) -> Result<Name, ImportError> {
    Name::parse(zone.as_bytes(), Some(&Name::root())).map_err(|error| ImportError(format!("{zone}: {error}")))
}

/// Reads a master file into what [`super::request::DnsRequest::Import`] carries.
///
/// - `file`: for messages, and for the folder that `$INCLUDE` may reach; `-` has none.
///
/// # Errors
/// The file, the line and what is wrong there.
pub fn read(zone: &str, text: &[u8], file: &Path) -> Result<String, ImportError> {
    let apex = zone_name(zone)?;
    let shown = file.display().to_string();
    let read = match file.to_str() {
        Some("-") => master::read(&apex, "standard input", text, &mut master::NoInclude),
        _ => {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mut folder = Folder(folder.unwrap_or(Path::new(".")).to_path_buf());
            master::read(&apex, &shown, text, &mut folder)
        }
    };
    let zone = read.map_err(|error| ImportError(error.to_string()))?;
    let records: Vec<dns::Record> = zone.records().collect();
    Ok(STANDARD.encode(pack_records(records.iter())))
}
