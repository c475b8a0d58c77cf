//! What an operator may ask of file areas, and of the accounts' FTP profiles.

use super::{AdminError, Reply, done, existing};
use serde::{Deserialize, Serialize};
use std::io;
use store::{
    Access, AreaId, DataBinding, Entry, EntryId, EntryKind, FilePath, FtpProfile, Missing, NewFile, Share,
    ShareId, Store, StoreError, View,
};

/// Entries removed in one transaction: what waits behind it does not notice.
const REMOVE_BATCH: u32 = 200;
/// Entries in one reply to [`FilesRequest::List`].
pub const LIST_PAGE: u32 = 1000;
/// Bytes that travel at once.
pub const BLOCK_BYTES: usize = 256 * 1024;

const ADMIN: Access = Access::Operator;

/// The bytes of a file, on their way between the asker and the store.
pub trait Exchange {
    /// The next bytes from the asker; 0 when all has come.
    ///
    /// # Errors
    /// If the asker went away before that.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Hands bytes to the asker.
    ///
    /// # Errors
    /// If the asker went away.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// For wishes that go without bytes.
pub struct NoBytes;

impl Exchange for NoBytes {
    fn receive(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("nobody takes the bytes"))
    }
}

/// A wish that concerns files. A place is `ADDRESS:/PATH` or, in a shared folder, `NAME:/PATH`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the arguments of the commands, described there")]
pub enum FilesRequest {
    /// A page of the entries of a folder, or the one file.
    List { at: String, after: Option<String> },
    /// Make or replace a file of the bytes that follow.
    Put { at: String, modified_ms: Option<i64>, replaces: bool },
    /// Send the bytes of a file.
    Get { at: String },
    /// Remove a file, or a folder (with all that is in it only if `recursive`).
    Remove { at: String, recursive: bool },
    /// Make a folder, with `parents` also those on the way.
    MakeFolder { at: String, parents: bool },
    /// Move or rename.
    Move { from: String, to: String },
    /// Count what lies in an area, or in all.
    Usage { of: Option<String> },
    /// Make a shared folder.
    ShareAdd { name: String, members: Vec<(String, bool)>, quota_bytes: Option<u64> },
    /// List shared folders.
    ShareList,
    /// Remove a shared folder, with all that is in it only if `force`.
    ShareRemove { name: String, force: bool },
    /// Make or change a member (true: may write), or, with nothing, end the membership.
    ShareMember { name: String, address: String, may_write: Option<bool> },
    /// Set or lift the quota of a shared folder.
    ShareQuota { name: String, quota_bytes: Option<u64> },
}

/// A change of an account's FTP profile; what is nothing stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// Begin with the profile for devices.
    #[serde(default)]
    pub device: bool,
    /// Log in without TLS.
    pub plain: Option<bool>,
    /// `require`, `prefer` or `off`.
    pub binding: Option<String>,
    /// Offer EPSV.
    pub epsv: Option<bool>,
    /// Make folders on the way to an upload.
    pub parents: Option<bool>,
    /// Send active data to the control connection's address.
    pub active_to_control: Option<bool>,
    /// Bytes a second for downloads; 0 lifts the limit.
    pub rate_down: Option<u64>,
    /// Bytes a second for uploads; 0 lifts the limit.
    pub rate_up: Option<u64>,
}

/// A file or folder in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct FileRow {
    /// Its name.
    pub name: String,
    /// True for a folder.
    pub folder: bool,
    /// Its length.
    pub size_bytes: u64,
    /// When it was last changed, in Unix milliseconds.
    pub modified_ms: i64,
    /// Permission bits, in octal digits.
    pub mode: String,
    /// SHA-256 of a file, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// What lies in an area.
#[derive(Debug, Serialize, Deserialize)]
pub struct UsageRow {
    /// The account's address, or the name of the shared folder.
    pub area: String,
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Bytes of the files.
    pub file_bytes: u64,
    /// Cut uploads that may be gone on with.
    pub parts: u64,
    /// Their bytes.
    pub part_bytes: u64,
    /// What counts against the quota: of an account also its mail.
    pub used_bytes: u64,
    /// The quota; nothing: no limit.
    pub quota_bytes: Option<u64>,
}

/// A shared folder in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShareRow {
    /// Its name.
    pub name: String,
    /// Members by address, and whether they may write.
    pub members: Vec<(String, bool)>,
    /// Bytes in it.
    pub used_bytes: u64,
    /// Its quota; nothing: no limit.
    pub quota_bytes: Option<u64>,
}

/// An account's FTP profile.
#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are shown one by one")]
pub struct ProfileRow {
    /// Whose.
    pub address: String,
    /// Log in without TLS.
    pub plain: bool,
    /// `require`, `prefer` or `off`.
    pub binding: String,
    /// Offer EPSV.
    pub epsv: bool,
    /// Make folders on the way to an upload.
    pub parents: bool,
    /// Send active data to the control connection's address.
    pub active_to_control: bool,
    /// Bytes a second for downloads.
    pub rate_down: Option<u64>,
    /// Bytes a second for uploads.
    pub rate_up: Option<u64>,
}

fn row(entry: Entry) -> FileRow {
    let sha256 = match entry.kind {
        EntryKind::Folder => None,
        EntryKind::File { sha256, .. } => Some(sha256.iter().map(|byte| format!("{byte:02x}")).collect()),
    };
    FileRow {
        folder: entry.is_folder(),
        size_bytes: entry.size_bytes(),
        modified_ms: entry.modified_ms,
        mode: format!("{:03o}", entry.mode),
        sha256,
        name: entry.name,
    }
}

/// A place that was looked up.
struct Place {
    area: AreaId,
    path: FilePath,
}

fn abandoned(why: String) -> StoreError {
    StoreError::Abandoned(why)
}

/// The area and the path in `ADDRESS:/PATH` or `NAME:/PATH`.
fn place(view: &mut View<'_>, text: &str) -> Result<Place, StoreError> {
    let (owner, path) = text.split_once(':').unwrap_or((text, "/"));
    let path = FilePath::parse(path)?;
    let area = if owner.contains('@') {
        let account = view.account_by_address(owner)?;
        AreaId::Account(account.ok_or_else(|| abandoned(format!("no account has the address {owner}")))?.id)
    } else {
        AreaId::Share(share(view, owner)?.id)
    };
    Ok(Place { area, path })
}

fn share(view: &mut View<'_>, name: &str) -> Result<Share, StoreError> {
    let found = view.share_by_name(name)?;
    found.ok_or_else(|| {
        abandoned(format!("there is no shared folder {name} (an account is named by its address)"))
    })
}

/// What lies at a place.
fn entry(view: &mut View<'_>, text: &str) -> Result<Entry, StoreError> {
    let place = place(view, text)?;
    let found = view.entry_at(ADMIN, place.area, &place.path)?;
    found.ok_or_else(|| abandoned(format!("{text}: no such file or folder")))
}

/// The folder and the name of a place where something is to be.
fn new_place(view: &mut View<'_>, text: &str) -> Result<(Entry, String), StoreError> {
    let place = place(view, text)?;
    let Some(name) = place.path.name() else {
        return Err(abandoned(format!("{text}: a name is needed behind the colon")));
    };
    let folder = view.entry_at(ADMIN, place.area, &place.path.parent())?;
    let folder =
        folder.ok_or_else(|| abandoned(format!("{text}: the folder it would be in is not there")))?;
    Ok((folder, name.to_string()))
}

/// Carries out a wish that concerns files; blocks.
pub(super) fn carry_out(
    store: &Store,
    request: FilesRequest,
    bytes: &mut dyn Exchange,
    progress: &mut dyn FnMut(Reply),
) -> Result<Reply, AdminError> {
    match request {
        FilesRequest::List { at, after } => list(store, &at, after.as_deref()),
        FilesRequest::Put { at, modified_ms, replaces } => put(store, at, modified_ms, replaces, bytes),
        FilesRequest::Get { at } => get(store, &at, bytes, progress),
        FilesRequest::Remove { at, recursive } => remove(store, &at, recursive, progress),
        FilesRequest::MakeFolder { at, parents } => make_folder(store, at, parents),
        FilesRequest::Move { from, to } => move_entry(store, from, to),
        FilesRequest::Usage { of } => usage(store, of.as_deref()),
        request => shares(store, request, progress),
    }
}

fn list(store: &Store, at: &str, after: Option<&str>) -> Result<Reply, AdminError> {
    let rows = store.read_blocking(|view| {
        let found = entry(view, at)?;
        if !found.is_folder() {
            return Ok(if after.is_none() { vec![found] } else { Vec::new() });
        }
        view.entries(ADMIN, found.area, found.id, after, LIST_PAGE)
    })?;
    Ok(Reply::Files(rows.into_iter().map(row).collect()))
}

fn put(
    store: &Store,
    at: String,
    modified_ms: Option<i64>,
    replaces: bool,
    bytes: &mut dyn Exchange,
) -> Result<Reply, AdminError> {
    let (area, old_bytes) = store.read_blocking(|view| {
        let (folder, name) = new_place(view, &at)?;
        let path = place(view, &at)?;
        let old = view.entry_at(ADMIN, path.area, &path.path)?;
        if old.as_ref().is_some_and(Entry::is_folder) {
            return Err(abandoned(format!(
                "{at}: {name} is a folder; say the name the file shall have in it"
            )));
        }
        if old.is_some() && !replaces {
            return Err(abandoned(format!("{at} is there already")));
        }
        Ok((folder.area, old.map_or(0, |old| old.size_bytes())))
    })?;
    let mut upload = store.upload(area, old_bytes);
    let mut buffer = vec![0; BLOCK_BYTES];
    loop {
        match bytes.receive(&mut buffer)? {
            0 => break,
            len => upload.write_block(&buffer[..len])?,
        }
    }
    let content = upload.finish()?;
    let modified_ms = modified_ms.unwrap_or_else(unix_ms);
    let placed = store.write_blocking(move |tx| {
        let (folder, name) = new_place(tx, &at)?;
        let new = NewFile {
            area: folder.area,
            folder: folder.id,
            name: &name,
            content: &content,
            modified_ms,
            replaces,
        };
        tx.place_file(ADMIN, &new)
    })?;
    Ok(Reply::Files(vec![row(placed)]))
}

fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn get(
    store: &Store,
    at: &str,
    bytes: &mut dyn Exchange,
    progress: &mut dyn FnMut(Reply),
) -> Result<Reply, AdminError> {
    let found = store.read_blocking(|view| entry(view, at))?;
    let opened = store.open_file_blocking(ADMIN, found.area, found.id)?;
    let total = opened.content.size_bytes();
    let (mut buffer, mut done) = (vec![0; BLOCK_BYTES], 0);
    while done < total {
        let len = opened.content.read_at(done, &mut buffer)?;
        if len == 0 {
            return Err(AdminError(format!("{at}: the content is shorter than it should be; run check")));
        }
        bytes.send(&buffer[..len])?;
        done += len as u64;
        progress(Reply::Progress { step: "bytes".into(), done, total });
    }
    Ok(Reply::Files(vec![row(opened.entry)]))
}

fn remove(
    store: &Store,
    at: &str,
    recursive: bool,
    progress: &mut dyn FnMut(Reply),
) -> Result<Reply, AdminError> {
    let found = store.read_blocking(|view| entry(view, at))?;
    let (area, id) = (found.area, found.id);
    if recursive && found.is_folder() {
        empty(store, area, id, progress)?;
    }
    // What has no row of its own was emptied, and stays.
    if id != EntryId::ROOT {
        store.write_blocking(move |tx| match found.is_folder() {
            true => tx.remove_folder(ADMIN, area, id),
            false => tx.remove_file(ADMIN, area, id),
        })?;
    } else if !recursive {
        return Err(AdminError(format!("{at} is the whole area; --recursive empties it")));
    }
    done(format!("{at} is removed"))
}

/// Removes all that is in a folder, in steps.
pub(super) fn empty(
    store: &Store,
    area: AreaId,
    id: EntryId,
    progress: &mut dyn FnMut(Reply),
) -> Result<(), AdminError> {
    let mut removed = 0;
    loop {
        let some = store.write_blocking(move |tx| tx.remove_some(ADMIN, area, id, REMOVE_BATCH))?;
        removed += some.removed;
        if some.is_done {
            return Ok(());
        }
        progress(Reply::Progress { step: "files removed".into(), done: removed, total: 0 });
    }
}

fn make_folder(store: &Store, at: String, parents: bool) -> Result<Reply, AdminError> {
    let text = format!("{at} is there now");
    store.write_blocking(move |tx| {
        if parents {
            let place = place(tx, &at)?;
            return tx.make_folders(ADMIN, place.area, &place.path);
        }
        let (folder, name) = new_place(tx, &at)?;
        tx.make_folder(ADMIN, folder.area, folder.id, &name)
    })?;
    done(text)
}

fn move_entry(store: &Store, from: String, to: String) -> Result<Reply, AdminError> {
    let text = format!("{from} is {to} now");
    store.write_blocking(move |tx| {
        let moved = entry(tx, &from)?;
        let target = place(tx, &to)?;
        // Into a folder that is there, under its own name.
        let (folder, name) = match tx.entry_at(ADMIN, target.area, &target.path)? {
            Some(folder) if folder.is_folder() && folder.id != moved.id => (folder, moved.name.clone()),
            _ => new_place(tx, &to)?,
        };
        tx.rename_entry(ADMIN, (moved.area, moved.id), (folder.area, folder.id, &name))
    })?;
    done(text)
}

fn usage(store: &Store, of: Option<&str>) -> Result<Reply, AdminError> {
    let areas: Vec<(String, AreaId)> = store.read_blocking(|view| {
        if let Some(of) = of {
            let owner = of.split(':').next().unwrap_or(of);
            return Ok(vec![(owner.to_string(), place(view, owner)?.area)]);
        }
        let accounts = view.accounts()?.into_iter().map(|a| (a.address, AreaId::Account(a.id)));
        let mut areas: Vec<_> = accounts.collect();
        areas.extend(view.shares()?.into_iter().map(|share| (share.name, AreaId::Share(share.id))));
        Ok(areas)
    })?;
    let mut rows = Vec::new();
    for (name, area) in areas {
        let counted =
            store.read_blocking(|view| Ok((view.area_usage(ADMIN, area)?, view.area_room(ADMIN, area)?)));
        let (usage, room) = match counted {
            // It went meanwhile.
            Err(StoreError::Missing(Missing::File)) => continue,
            counted => counted?,
        };
        rows.push(UsageRow {
            area: name,
            files: usage.files,
            folders: usage.folders,
            file_bytes: usage.file_bytes,
            parts: usage.parts,
            part_bytes: usage.part_bytes,
            used_bytes: room.used_bytes,
            quota_bytes: room.quota_bytes,
        });
    }
    Ok(Reply::Usage(rows))
}

fn shares(
    store: &Store,
    request: FilesRequest,
    progress: &mut dyn FnMut(Reply),
) -> Result<Reply, AdminError> {
    match request {
        FilesRequest::ShareAdd { name, members, quota_bytes } => {
            let text = format!("members find the shared folder as /shared/{name}");
            store.write_blocking(move |tx| {
                let id = tx.add_share(&name)?;
                tx.set_share_quota(id, quota_bytes)?;
                members.iter().try_for_each(|(address, may_write)| set_member(tx, id, address, *may_write))
            })?;
            done(text)
        }
        FilesRequest::ShareRemove { name, force } => {
            let found = store.read_blocking(|view| share(view, &name))?;
            if force {
                empty(store, AreaId::Share(found.id), EntryId::ROOT, progress)?;
            }
            store.write_blocking(move |tx| tx.remove_share(found.id)).map_err(|error| match error {
                StoreError::NotEmpty => {
                    AdminError(format!("{name} is not empty; --force removes all that is in it"))
                }
                error => error.into(),
            })?;
            done("the shared folder is removed".to_string())
        }
        FilesRequest::ShareMember { name, address, may_write } => {
            let text = match may_write {
                Some(true) => format!("{address} may read and write in {name}"),
                Some(false) => format!("{address} may read in {name}"),
                None => format!("{address} is no member of {name} any more"),
            };
            store.write_blocking(move |tx| {
                let id = share(tx, &name)?.id;
                match may_write {
                    Some(may_write) => set_member(tx, id, &address, may_write),
                    None => {
                        let account = existing(tx, &address)?;
                        tx.remove_share_member(id, account)
                    }
                }
            })?;
            done(text)
        }
        FilesRequest::ShareQuota { name, quota_bytes } => {
            let text = match quota_bytes {
                Some(bytes) => format!("{name} may hold {bytes} bytes"),
                None => format!("{name} has no quota"),
            };
            store.write_blocking(move |tx| {
                let id = share(tx, &name)?.id;
                tx.set_share_quota(id, quota_bytes)
            })?;
            done(text)
        }
        _ => share_list(store),
    }
}

fn set_member(
    tx: &mut store::Tx<'_>,
    share: ShareId,
    address: &str,
    may_write: bool,
) -> Result<(), StoreError> {
    let account = tx.account_by_address(address)?;
    let account = account.ok_or_else(|| abandoned(format!("no account has the address {address}")))?;
    tx.set_share_member(share, account.id, may_write)
}

fn share_list(store: &Store) -> Result<Reply, AdminError> {
    let rows = store.read_blocking(|view| {
        let mut rows = Vec::new();
        for share in view.shares()? {
            let members = view.share_members(share.id)?;
            rows.push(ShareRow {
                name: share.name,
                members: members.into_iter().map(|member| (member.address, member.may_write)).collect(),
                used_bytes: share.used_bytes,
                quota_bytes: share.quota_bytes,
            });
        }
        Ok(rows)
    })?;
    Ok(Reply::Shares(rows))
}

/// Changes an account's FTP profile, and shows what it is now.
pub(super) fn profile(store: &Store, address: String, change: ProfileChange) -> Result<Reply, AdminError> {
    let binding = change.binding.as_deref().map(binding_of).transpose()?;
    let name = address.clone();
    let profile = store.write_blocking(move |tx| {
        let account = existing(tx, &address)?;
        let old = if change.device { FtpProfile::device() } else { tx.ftp_profile(account)? };
        let limit = |new: Option<u64>, old: Option<u64>| match new {
            Some(0) => None,
            new => new.or(old),
        };
        let profile = FtpProfile {
            is_plain_allowed: change.plain.unwrap_or(old.is_plain_allowed),
            has_epsv: change.epsv.unwrap_or(old.has_epsv),
            makes_parents: change.parents.unwrap_or(old.makes_parents),
            data_binding: binding.unwrap_or(old.data_binding),
            active_to_control: change.active_to_control.unwrap_or(old.active_to_control),
            rate_down: limit(change.rate_down, old.rate_down),
            rate_up: limit(change.rate_up, old.rate_up),
        };
        if tx.ftp_profile(account)? != profile {
            tx.set_ftp_profile(account, &profile)?;
        }
        Ok(profile)
    })?;
    let binding = match profile.data_binding {
        DataBinding::Require => "require",
        DataBinding::Prefer => "prefer",
        DataBinding::Off => "off",
    };
    Ok(Reply::FtpProfile(ProfileRow {
        address: name,
        plain: profile.is_plain_allowed,
        binding: binding.to_string(),
        epsv: profile.has_epsv,
        parents: profile.makes_parents,
        active_to_control: profile.active_to_control,
        rate_down: profile.rate_down,
        rate_up: profile.rate_up,
    }))
}

fn binding_of(text: &str) -> Result<DataBinding, AdminError> {
    match text {
        "require" => Ok(DataBinding::Require),
        "prefer" => Ok(DataBinding::Prefer),
        "off" => Ok(DataBinding::Off),
        other => Err(AdminError(format!("{other:?} is none of require, prefer and off"))),
    }
}
