//! Answers a session's questions about files out of the store.

use super::cut::Cut;
use super::halt::Halt;
use super::pump::Threads;
use super::slots::{Slot, Slots};
use crate::clock::Clock;
use crate::metrics::metrics;
use crate::room::Room;
use ftp::listing::{Entry as Shown, Kind, Rights};
use ftp::{ByteRange, FilesAnswer, FilesAsk, FilesError, HashAlgorithm, Target, VirtualPath};
use store::{
    Access, AccountId, AreaId, DigestAlgorithm, Entry, EntryId, FilePath, Missing, Right, Store, StoreError,
    Tx, View,
};

/// Entries read from the store at once, for listings.
pub const PAGE_ENTRIES: u32 = 1000;

/// Whose files, and where they lie.
#[derive(Clone)]
pub struct Files {
    /// The store.
    pub store: Store,
    /// Space on the disk.
    pub room: Room,
    /// For digests that have to be computed.
    pub threads: Threads,
    /// What else the account has under way.
    pub slots: Slots,
    /// The time of day.
    pub clock: Clock,
    /// Whose area it is.
    pub account: AccountId,
}

/// What the store says no with, in the words of the protocol.
pub fn refusal(error: &StoreError) -> FilesError {
    match error {
        StoreError::Missing(_) => FilesError::NotFound,
        StoreError::Exists(_) => FilesError::Exists,
        StoreError::NotAFile => FilesError::NotAFile,
        StoreError::NotAFolder => FilesError::NotAFolder,
        StoreError::NotEmpty => FilesError::NotEmpty,
        StoreError::Denied(_) => FilesError::Denied,
        StoreError::Invalid(_) => FilesError::NameNotAllowed,
        StoreError::OverQuota { .. } => FilesError::OverQuota,
        StoreError::Full => FilesError::NoSpace,
        error => {
            metrics().store_failures.inc();
            tracing::error!(%error, service = "ftp", "the store failed");
            FilesError::Unavailable
        }
    }
}

/// The path of a file in the store.
///
/// # Errors
/// [`FilesError::NameNotAllowed`] for names that the store does not keep.
pub fn path_of(path: &VirtualPath) -> Result<FilePath, FilesError> {
    FilePath::parse(path.as_str()).map_err(|error| refusal(&error))
}

/// What the client is shown of an entry.
pub fn shown(entry: &Entry, right: Right) -> Shown {
    // The folder of shared folders has no row, and roots can be neither removed nor renamed.
    let may_write = right == Right::Write && entry.id != EntryId::SHARES;
    let area = match entry.area {
        AreaId::Account(account) => u128::from(account.get().unsigned_abs()) << 1,
        AreaId::Share(share) => u128::from(share.0.unsigned_abs()) << 1 | 1,
    };
    Shown {
        kind: if entry.is_folder() { Kind::Folder } else { Kind::File },
        size_bytes: entry.size_bytes(),
        modified_ms: entry.modified_ms,
        mode: entry.mode,
        rights: Rights { read: true, write: may_write, remove: may_write && entry.id.0 > 0 },
        unique: area << 64 | u128::from(entry.id.0.cast_unsigned()),
    }
}

impl Files {
    /// The account's rights are looked up anew for everything.
    pub fn access(&self) -> Access {
        Access::Account(self.account)
    }

    /// The area in which paths begin.
    pub fn area(&self) -> AreaId {
        AreaId::Account(self.account)
    }

    /// Leave for a transfer, or for what takes a thread as long as one.
    ///
    /// # Errors
    /// [`FilesError::TooMany`].
    pub fn slot(&self) -> Result<Slot, FilesError> {
        self.slots.take(self.account).ok_or(FilesError::TooMany)
    }

    /// Answers.
    ///
    /// # Errors
    /// Why it is not so, or not done.
    pub async fn answer(&self, ask: FilesAsk) -> Result<FilesAnswer, FilesError> {
        let (access, area) = (self.access(), self.area());
        match ask {
            FilesAsk::Enter(path) => match self.entry(&path).await? {
                (entry, _) if entry.is_folder() => Ok(FilesAnswer::Done),
                _ => Err(FilesError::NotAFolder),
            },
            FilesAsk::Look { path, parts } => self.look(&path, parts).await,
            FilesAsk::List { what, entries_max } => self.list(&what, entries_max).await,
            FilesAsk::Digest { path, algorithm, range } => self.digest(&path, algorithm, range).await,
            FilesAsk::Room(path) => Ok(FilesAnswer::Room(self.free(&path).await?)),
            FilesAsk::Fits { path, size_bytes } => {
                let free = self.free(&path).await?;
                match free >= size_bytes {
                    true if self.room.has_for(size_bytes / 2) => Ok(FilesAnswer::Done),
                    true => Err(FilesError::NoSpace),
                    false => Err(FilesError::OverQuota),
                }
            }
            FilesAsk::Quota => {
                let read = self.store.read(move |view| view.area_room(access, area)).await;
                let room = read.map_err(|error| refusal(&error))?;
                Ok(FilesAnswer::Quota { used_bytes: room.used_bytes, limit_bytes: room.quota_bytes })
            }
            ask => self.answer_change(ask).await,
        }
    }

    async fn answer_change(&self, ask: FilesAsk) -> Result<FilesAnswer, FilesError> {
        let (access, area) = (self.access(), self.area());
        match ask {
            FilesAsk::MakeFolder(path) => {
                self.change(&path, move |tx, path| {
                    let (parent, name) = place(tx, access, area, &path)?;
                    tx.make_folder(access, parent.area, parent.id, &name).map(|_| ())
                })
                .await
            }
            FilesAsk::RemoveFolder(path) => {
                self.change(&path, move |tx, path| {
                    let entry = at(tx, access, area, &path)?;
                    tx.remove_folder(access, entry.area, entry.id)
                })
                .await
            }
            FilesAsk::RemoveFile(path) => {
                self.change(&path, move |tx, path| match at(tx, access, area, &path) {
                    Ok(entry) => tx.remove_file(access, entry.area, entry.id),
                    // A cut upload that nobody goes on with can be removed like what it would have become.
                    Err(error) => drop_part(tx, access, area, &path, error),
                })
                .await
            }
            FilesAsk::Rename { from, to } => {
                let to = path_of(&to)?;
                self.change(&from, move |tx, from| {
                    let entry = at(tx, access, area, &from)?;
                    let (parent, name) = place(tx, access, area, &to)?;
                    tx.rename_entry(access, (entry.area, entry.id), (parent.area, parent.id, &name))
                })
                .await
            }
            FilesAsk::SetModified { path, modified_ms } => {
                self.change(&path, move |tx, path| {
                    let entry = at(tx, access, area, &path)?;
                    tx.set_modified(access, entry.area, entry.id, modified_ms)
                })
                .await
            }
            FilesAsk::SetMode { path, mode } => {
                self.change(&path, move |tx, path| {
                    let entry = at(tx, access, area, &path)?;
                    // What the bits beyond the nine mean, nothing here has.
                    tx.set_mode(access, entry.area, entry.id, mode & 0o777)
                })
                .await
            }
            // The others change nothing, and are answered before they come here.
            _ => Err(FilesError::Unsupported),
        }
    }

    /// What lies at a path, and what may be done there.
    ///
    /// # Errors
    /// [`FilesError::NotFound`]; the store's.
    pub async fn entry(&self, path: &VirtualPath) -> Result<(Entry, Right), FilesError> {
        let (access, area, path) = (self.access(), self.area(), path_of(path)?);
        let read = self.store.read(move |view| {
            let entry = at(view, access, area, &path)?;
            let right = view.file_right(access, entry.area)?;
            Ok((entry, right))
        });
        read.await.map_err(|error| refusal(&error))
    }

    async fn look(&self, path: &VirtualPath, parts: bool) -> Result<FilesAnswer, FilesError> {
        let (access, area, path) = (self.access(), self.area(), path_of(path)?);
        let read = self.store.read(move |view| {
            let found = at(view, access, area, &path);
            if parts
                && !found.as_ref().is_ok_and(Entry::is_folder)
                && let Ok((parent, name)) = place(view, access, area, &path)
                && let Some(part) = view.part_of(access, parent.area, parent.id, &name)?
                // Who cannot go on with it is told of the file only.
                && view.file_right(access, parent.area)? == Right::Write
            {
                return Ok(FilesAnswer::Part { size_bytes: part.size_bytes, replaces: found.is_ok() });
            }
            let entry = found?;
            let right = view.file_right(access, entry.area)?;
            Ok(FilesAnswer::Entry(shown(&entry, right)))
        });
        read.await.map_err(|error| refusal(&error))
    }

    async fn list(&self, what: &Target, entries_max: usize) -> Result<FilesAnswer, FilesError> {
        let today_ms = self.clock.unix_ms();
        let (path, pattern) = match what {
            Target::Path(path) => (path, None),
            Target::Matching { folder, pattern } => (folder, Some(pattern)),
        };
        let (folder, right) = self.entry(path).await?;
        let mut entries = Vec::new();
        if !folder.is_folder() {
            let name = path.name().unwrap_or("/").to_string();
            entries.push((name, shown(&folder, right)));
            return Ok(FilesAnswer::Entries { entries, more: false, today_ms });
        }
        let mut after = None;
        loop {
            let page = self.page(&folder, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            for entry in page.iter().filter(|entry| pattern.is_none_or(|p| p.matches(&entry.name))) {
                if entries.len() == entries_max {
                    return Ok(FilesAnswer::Entries { entries, more: true, today_ms });
                }
                entries.push((entry.name.clone(), shown(entry, right)));
            }
        }
        Ok(FilesAnswer::Entries { entries, more: false, today_ms })
    }

    /// A page of a folder's entries.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, folder: &Entry, after: Option<String>) -> Result<Vec<Entry>, FilesError> {
        let (access, area, id) = (self.access(), folder.area, folder.id);
        let read =
            self.store.read(move |view| view.entries(access, area, id, after.as_deref(), PAGE_ENTRIES));
        read.await.map_err(|error| refusal(&error))
    }

    async fn change(
        &self,
        path: &VirtualPath,
        change: impl Fn(&mut Tx<'_>, FilePath) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<FilesAnswer, FilesError> {
        let path = path_of(path)?;
        let done = self.store.write(move |tx| change(tx, path.clone())).await;
        done.map(|()| FilesAnswer::Done).map_err(|error| refusal(&error))
    }

    async fn free(&self, folder: &VirtualPath) -> Result<u64, FilesError> {
        let (entry, _) = self.entry(folder).await?;
        let free = self.store.free_in_area(self.access(), entry.area).await;
        free.map_err(|error| refusal(&error))
    }

    async fn digest(
        &self,
        path: &VirtualPath,
        algorithm: HashAlgorithm,
        range: ByteRange,
    ) -> Result<FilesAnswer, FilesError> {
        let (entry, _) = self.entry(path).await?;
        if entry.is_folder() {
            return Err(FilesError::NotAFile);
        }
        let _slot = self.slot()?;
        let opened = self.store.open_file(self.access(), entry.area, entry.id).await;
        let opened = opened.map_err(|error| refusal(&error))?;
        let (start, end) = (range.start, range.end.unwrap_or(entry.size_bytes()));
        if start > end || end > opened.content.size_bytes() {
            return Err(FilesError::BehindEnd);
        }
        let algorithm = match algorithm {
            HashAlgorithm::Sha256 => DigestAlgorithm::Sha256,
            HashAlgorithm::Sha512 => DigestAlgorithm::Sha512,
            HashAlgorithm::Sha1 => DigestAlgorithm::Sha1,
            HashAlgorithm::Md5 => DigestAlgorithm::Md5,
            HashAlgorithm::Crc32 => DigestAlgorithm::Crc32,
            HashAlgorithm::Blake3 => DigestAlgorithm::Blake3,
        };
        // Dropped with the connection, which gives the digest up.
        let wanted = Wanted(Halt::new());
        let halt = wanted.0.clone();
        let digest = self
            .threads
            .run(async move { Ok(opened.digest(algorithm, Some(start..end), &mut || !halt.is_halted())?) });
        match digest.await {
            Ok(digest) => Ok(FilesAnswer::Digest { digest: digest.0, start, end }),
            Err(Cut::Store(error)) => Err(refusal(&error)),
            Err(_) => Err(FilesError::Unavailable),
        }
    }
}

/// Halts when dropped.
struct Wanted(Halt);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.halt();
    }
}

/// What lies at a path.
///
/// # Errors
/// [`Missing::File`]; the database's.
pub fn at(view: &mut View<'_>, access: Access, area: AreaId, path: &FilePath) -> Result<Entry, StoreError> {
    view.entry_at(access, area, path)?.ok_or(StoreError::Missing(Missing::File))
}

/// The folder in which something is or is to be, and its name there.
///
/// # Errors
/// [`Missing::File`] if there is no such folder, [`StoreError::Denied`] for the root.
pub fn place(
    view: &mut View<'_>,
    access: Access,
    area: AreaId,
    path: &FilePath,
) -> Result<(Entry, String), StoreError> {
    let Some(name) = path.name() else { return Err(StoreError::Denied("the root is not to be changed")) };
    let parent = at(view, access, area, &path.parent())?;
    if parent.is_folder() { Ok((parent, name.to_string())) } else { Err(StoreError::NotAFolder) }
}

/// Removes the part of a cut upload, if there is one; else `missing`.
fn drop_part(
    tx: &mut Tx<'_>,
    access: Access,
    area: AreaId,
    path: &FilePath,
    missing: StoreError,
) -> Result<(), StoreError> {
    let Ok((parent, name)) = place(tx, access, area, path) else { return Err(missing) };
    match tx.part_of(access, parent.area, parent.id, &name)? {
        Some(_) => tx.drop_part(access, parent.area, parent.id, &name),
        None => Err(missing),
    }
}
