//! What a transfer will do, found out before the client is told to begin.

use super::files::{Files, at, path_of, place, refusal};
use ftp::listing::Format;
use ftp::{Action, FilesError, Pattern, Placing, Ready, Representation, Target, VirtualPath};
use store::{Content, Entry, EntryId, FilePath, Part, Right, StoreError};

/// What a name made for STOU begins with where the client has no wish.
const UNIQUE_BASE: &str = "upload";

/// What to do once the data connection stands.
pub enum Plan {
    /// Send a file.
    Send {
        /// Its bytes.
        content: Content,
        /// From which on.
        offset: u64,
        /// As text or as it is.
        representation: Representation,
    },
    /// Send a listing.
    List {
        /// The folder, or the single file.
        entry: Entry,
        /// The name of a single file.
        name: String,
        /// What may be done there.
        right: Right,
        /// Which of its entries.
        pattern: Option<Pattern>,
        /// How.
        format: Format,
    },
    /// Receive a file.
    Receive(Upload),
}

/// Where an upload goes, and what it begins with.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The folder it will be in.
    pub folder: Entry,
    /// Its name there.
    pub name: String,
    /// What is there already.
    pub start: Start,
    /// The length of the file that it replaces.
    pub replaces_bytes: u64,
    /// Whether there is one, when it begins.
    pub is_there: bool,
    /// Whether it may replace one.
    pub replaces: bool,
    /// As text or as it is.
    pub representation: Representation,
}

/// What an upload begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Empty,
    /// The first bytes of the file that is there.
    File(EntryId, u64),
    /// The first bytes of what came of a cut upload.
    Part(u64),
}

impl Files {
    /// Looks whether a transfer can begin.
    ///
    /// # Errors
    /// Why not.
    pub async fn plan(&self, action: &Action) -> Result<(Plan, Ready), FilesError> {
        match action {
            Action::Retrieve { path, offset, representation } => {
                self.plan_send(path, *offset, *representation).await
            }
            Action::List { what, format } => self.plan_list(what, format).await,
            Action::Store { placing, representation, make_parents } => {
                self.plan_receive(placing, *representation, *make_parents).await
            }
        }
    }

    async fn plan_send(
        &self,
        path: &VirtualPath,
        offset: u64,
        representation: Representation,
    ) -> Result<(Plan, Ready), FilesError> {
        let (entry, _) = self.entry(path).await?;
        if entry.is_folder() {
            return Err(FilesError::NotAFile);
        }
        let opened = self.store.open_file(self.access(), entry.area, entry.id).await;
        let content = opened.map_err(|error| refusal(&error))?.content;
        if offset > content.size_bytes() {
            return Err(FilesError::BehindEnd);
        }
        // What the line ends will add is not known beforehand.
        let size_bytes = (representation == Representation::Image).then_some(content.size_bytes());
        Ok((Plan::Send { content, offset, representation }, Ready { size_bytes, name: None }))
    }

    async fn plan_list(&self, what: &Target, format: &Format) -> Result<(Plan, Ready), FilesError> {
        let (path, pattern) = match what {
            Target::Path(path) => (path, None),
            Target::Matching { folder, pattern } => (folder, Some(pattern.clone())),
        };
        let (entry, right) = self.entry(path).await?;
        if !entry.is_folder() && (pattern.is_some() || matches!(format, Format::Facts(_))) {
            return Err(FilesError::NotAFolder);
        }
        let name = path.name().unwrap_or_default().to_string();
        Ok((Plan::List { entry, name, right, pattern, format: format.clone() }, Ready::default()))
    }

    async fn plan_receive(
        &self,
        placing: &Placing,
        representation: Representation,
        make_parents: bool,
    ) -> Result<(Plan, Ready), FilesError> {
        if !self.room.has_for(0) {
            return Err(FilesError::NoSpace);
        }
        let unique = match placing {
            Placing::Unique { hint, .. } => Some(unique_name(hint.as_deref())?),
            _ => None,
        };
        let path = match placing {
            Placing::Whole(path) | Placing::At { path, .. } | Placing::Append { path, .. } => path_of(path)?,
            Placing::Unique { folder, .. } => {
                let name = unique.as_deref().unwrap_or_default();
                path_of(folder)?.resolve(name).map_err(|error| refusal(&error))?
            }
        };
        if make_parents {
            self.make_parents(&path).await?;
        }
        let upload = self.look_up(path, placing.clone(), representation).await?;
        Ok((Plan::Receive(upload), Ready { size_bytes: None, name: unique }))
    }

    /// Makes the folders above a path, if they are not there.
    async fn make_parents(&self, path: &FilePath) -> Result<(), FilesError> {
        let (access, area, parent) = (self.access(), self.area(), path.parent());
        let wanted = parent.clone();
        let found = self.store.read(move |view| view.entry_at(access, area, &wanted)).await;
        if found.map_err(|error| refusal(&error))?.is_some() {
            return Ok(());
        }
        let made = self.store.write(move |tx| tx.make_folders(access, area, &parent).map(|_| ())).await;
        made.map_err(|error| refusal(&error))
    }

    async fn look_up(
        &self,
        path: FilePath,
        placing: Placing,
        representation: Representation,
    ) -> Result<Upload, FilesError> {
        let (access, area) = (self.access(), self.area());
        let read = self.store.read(move |view| {
            let (folder, name) = place(view, access, area, &path)?;
            if folder.id == EntryId::SHARES || view.file_right(access, folder.area)? != Right::Write {
                return Err(StoreError::Denied("nothing may be put there"));
            }
            let old = match at(view, access, area, &path) {
                Ok(old) if old.is_folder() => return Err(StoreError::NotAFile),
                Ok(old) => Some(old),
                Err(StoreError::Missing(_)) => None,
                Err(error) => return Err(error),
            };
            let part = match placing {
                Placing::At { .. } | Placing::Append { .. } => {
                    view.part_of(access, folder.area, folder.id, &name)?
                }
                Placing::Whole(_) | Placing::Unique { .. } => None,
            };
            let start = begin(&placing, old.as_ref(), part);
            let (is_there, replaces_bytes) = (old.is_some(), old.map_or(0, |old| old.size_bytes()));
            let replaces = !matches!(placing, Placing::Unique { .. });
            let upload =
                |start| Upload { folder, name, start, replaces_bytes, is_there, replaces, representation };
            Ok(start.map(upload))
        });
        match read.await {
            Ok(upload) => upload,
            Err(error) => Err(refusal(&error)),
        }
    }
}

/// What an upload begins with. A part beside a file is of an upload that went on behind that file's beginning, or
/// the file came later. Where there is a part it is the part: what the client has to add goes on with
/// that one, and behind the older file, which the upload was to replace, it would be neither's end.
fn begin(placing: &Placing, old: Option<&Entry>, part: Option<Part>) -> Result<Start, FilesError> {
    let (offset, told) = match placing {
        Placing::Whole(_) | Placing::Unique { .. } | Placing::At { offset: 0, .. } => {
            return Ok(Start::Empty);
        }
        Placing::Append { part: told, .. } => return append(*told, old, part),
        Placing::At { offset, part: told, .. } => (*offset, *told),
    };
    match (part, old) {
        (Some(part), _) if offset <= part.size_bytes => Ok(Start::Part(offset)),
        (Some(part), _) => Err(FilesError::PartKept(part.size_bytes)),
        (None, _) if told.is_some() => Err(FilesError::PartGone),
        (None, Some(old)) if offset <= old.size_bytes() => Ok(Start::File(old.id, offset)),
        (None, _) => Err(FilesError::BehindEnd),
    }
}

/// What APPE begins with. It says where it goes on by what SIZE told before, if at all.
fn append(told: Option<u64>, old: Option<&Entry>, part: Option<Part>) -> Result<Start, FilesError> {
    match (part, old) {
        (Some(part), _) if told == Some(part.size_bytes) => Ok(Start::Part(part.size_bytes)),
        (Some(part), _) if told.is_some() => Err(FilesError::PartKept(part.size_bytes)),
        (Some(part), None) => Ok(Start::Part(part.size_bytes)),
        // What was cut had been appended, too: the file is as good a beginning.
        (Some(part), Some(old)) if part.base_bytes == old.size_bytes() => {
            Ok(Start::File(old.id, old.size_bytes()))
        }
        (Some(part), Some(_)) => Err(FilesError::PartKept(part.size_bytes)),
        (None, _) if told.is_some() => Err(FilesError::PartGone),
        (None, Some(old)) => Ok(Start::File(old.id, old.size_bytes())),
        (None, None) => Ok(Start::Empty),
    }
}

/// A name that nothing has (RFC 959 §4.1.3, STOU).
fn unique_name(hint: Option<&str>) -> Result<String, FilesError> {
    let chance = crate::auth::random().map_err(|_| FilesError::Unavailable)?;
    let mut base = hint.unwrap_or(UNIQUE_BASE).to_string();
    // With what is added it must still be a name.
    base.truncate(base.floor_char_boundary(200));
    Ok(format!("{base}.{:016x}", u64::from_le_bytes(chance)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::ftp::VirtualPath;
    use store::{AreaId, EntryKind, ShareId};

    fn file(size_bytes: u64) -> Entry {
        Entry {
            area: AreaId::Share(ShareId(1)),
            id: EntryId(7),
            parent: EntryId::ROOT,
            name: "x".into(),
            kind: EntryKind::File { size_bytes, sha256: [0; 32] },
            modified_ms: 0,
            mode: 0o644,
        }
    }

    #[test]
    fn an_upload_goes_on_where_the_client_means() {
        let path = VirtualPath::root().resolve(b"x").unwrap();
        let at = |offset, part| Placing::At { path: path.clone(), offset, part };
        let append = |part| Placing::Append { path: path.clone(), part };
        let whole = || Placing::Whole(path.clone());
        let in_file = |offset| Ok(Start::File(EntryId(7), offset));
        let kept = |size_bytes, base_bytes| Some(Part { size_bytes, base_bytes, at_ms: 0 });
        let table = [
            (whole(), Some(10), kept(5, 0), Ok(Start::Empty)),
            (at(0, Some(5)), Some(10), kept(5, 0), Ok(Start::Empty)),
            (at(10, None), Some(10), None, in_file(10)),
            (at(4, None), Some(10), None, in_file(4)),
            (at(11, None), Some(10), None, Err(FilesError::BehindEnd)),
            (at(1, None), None, None, Err(FilesError::BehindEnd)),
            // A part goes before the file, whatever the client knows of.
            (at(5, Some(5)), Some(10), kept(5, 0), Ok(Start::Part(5))),
            (at(5, None), Some(10), kept(5, 0), Ok(Start::Part(5))),
            (at(4, None), Some(4), kept(5, 0), Ok(Start::Part(4))),
            (at(4, None), None, kept(5, 0), Ok(Start::Part(4))),
            (at(10, None), Some(10), kept(5, 0), Err(FilesError::PartKept(5))),
            (at(6, None), None, kept(5, 0), Err(FilesError::PartKept(5))),
            // It was ended, replaced or removed since SIZE told of it.
            (at(5, Some(5)), Some(10), None, Err(FilesError::PartGone)),
            (append(Some(5)), Some(10), None, Err(FilesError::PartGone)),
            (append(Some(5)), None, None, Err(FilesError::PartGone)),
            (append(Some(5)), Some(10), kept(6, 0), Err(FilesError::PartKept(6))),
            (append(Some(5)), Some(10), kept(5, 0), Ok(Start::Part(5))),
            (append(None), Some(10), kept(5, 0), Err(FilesError::PartKept(5))),
            (append(None), Some(10), kept(12, 10), in_file(10)),
            (append(Some(12)), Some(10), kept(12, 10), Ok(Start::Part(12))),
            (append(None), Some(10), None, in_file(10)),
            (append(None), None, kept(5, 0), Ok(Start::Part(5))),
            (append(None), None, None, Ok(Start::Empty)),
        ];
        for (placing, file_bytes, part, expected) in table {
            let old = file_bytes.map(file);
            assert_eq!(begin(&placing, old.as_ref(), part), expected, "{placing:?} {file_bytes:?} {part:?}");
        }
    }

    #[test]
    fn unique_names_differ_and_fit() {
        let hint = "ä".repeat(127);
        for hint in [None, Some("report"), Some(hint.as_str())] {
            let (a, b) = (unique_name(hint).unwrap(), unique_name(hint).unwrap());
            assert!(a != b && a.len() <= 255, "{a}");
        }
    }
}
