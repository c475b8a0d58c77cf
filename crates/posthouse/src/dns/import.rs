//! A master file on its way into a zone: read by the command as the person who runs it.

use super::book::pack_records;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::master::{self, Include};
use dns::{Name, ZoneData};
use std::fmt;
use std::io::{self, Read};
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

/// A file of `$INCLUDE` has at most this many bytes: it is held in memory while it is read.
const INCLUDE_LEN_MAX_BYTES: u64 = 64 << 20;
/// The file itself is read in pieces of this many bytes.
const PIECE_LEN_BYTES: usize = 256 << 10;

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
        let (mut text, wrong) = (Vec::new(), |error: io::Error| error.to_string());
        let open = std::fs::File::open(&file).map_err(wrong)?;
        open.take(INCLUDE_LEN_MAX_BYTES + 1).read_to_end(&mut text).map_err(wrong)?;
        if text.len() as u64 > INCLUDE_LEN_MAX_BYTES {
            return Err(format!("it has more than {INCLUDE_LEN_MAX_BYTES} bytes"));
        }
        Ok(text)
    }
}

/// A zone's name from the command line.
///
/// # Errors
/// [`ImportError`].
pub fn zone_name(zone: &str) -> Result<Name, ImportError> {
    Name::parse(zone.as_bytes(), Some(&Name::root())).map_err(|error| ImportError(format!("{zone}: {error}")))
}

/// Reads a master file into what [`super::request::DnsRequest::Import`] carries. Of the file itself no more is held in
/// memory than a piece.
///
/// - `file`: for messages, and for the folder that `$INCLUDE` may reach; `-` has none.
///
/// # Errors
/// The file, the line and what is wrong there.
pub fn read(zone: &str, text: impl Read, file: &Path) -> Result<String, ImportError> {
    let apex = zone_name(zone)?;
    let zone = match file.to_str() {
        Some("-") => read_pieces(&apex, "standard input", text, &mut master::NoInclude),
        _ => {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mut folder = Folder(folder.unwrap_or(Path::new(".")).to_path_buf());
            read_pieces(&apex, &file.display().to_string(), text, &mut folder)
        }
    }?;
    let records: Vec<dns::Record> = zone.records().collect();
    Ok(STANDARD.encode(pack_records(records.iter())))
}

fn read_pieces(
    apex: &Name,
    shown: &str,
    mut text: impl Read,
    include: &mut dyn Include,
) -> Result<ZoneData, ImportError> {
    let mut reader = master::Reader::new(apex, shown);
    let mut piece = vec![0; PIECE_LEN_BYTES];
    let wrong = |error: master::MasterError| ImportError(error.to_string());
    loop {
        match text.read(&mut piece) {
            Ok(0) => return reader.finish(include).map_err(wrong),
            Ok(len) => reader.push(&piece[..len], include).map_err(wrong)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ImportError(format!("{shown}: {error}"))),
        }
    }
}
