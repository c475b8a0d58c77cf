//! What can go wrong, sorted by whose fault it is.

use std::fmt;
use std::io;

/// Why a read or a write was not done. After an error of a write, nothing of that job is in the
/// store; the one exception is [`StoreError::Io`] out of a failed commit, where the outcome is unknown.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The request names something that is not there.
    Missing(Missing),
    /// The request would make something that is there already.
    Exists(&'static str),
    /// A name, address or keyword cannot be what was asked for; the sentence says why.
    Invalid(&'static str),
    /// The domain still has accounts or aliases.
    DomainInUse,
    /// The folder still has something in it.
    NotEmpty,
    /// A folder is where a file is needed.
    NotAFile,
    /// A file is where a folder is needed.
    NotAFolder,
    /// What is asked for may be seen, but not that; the sentence says why.
    Denied(&'static str),
    /// INBOX can be neither deleted nor made.
    InboxFixed,
    /// The account's quota does not allow it. All in bytes.
    OverQuota {
        /// What the account may hold.
        quota_bytes: u64,
        /// What it holds.
        used_bytes: u64,
        /// What the request would add.
        need_bytes: u64,
    },
    /// A mailbox has used all of its 2^32-1 UIDs or holds as many keywords as it may.
    Exhausted(&'static str),
    /// The job itself asked for its changes to be undone, for the reason it gives.
    Abandoned(String),
    /// The prepared content was stored, deleted again, and must be prepared anew.
    BlobGone,
    /// No space is left on the device. Temporary: refuse new mail, keep serving.
    Full,
    /// The device failed, or the service that keeps objects. Temporary at best; log at error.
    Io(String),
    /// Content has to be [brought](crate::Store::bring) before it can be read; then ask again.
    Away(crate::Away),
    /// Other writers kept getting in the way; try again.
    Conflict,
    /// What was read is not what was written; the sentence says where. Log at error, run check.
    Corrupt(String),
    /// The database refused for a reason not foreseen here. Log at error.
    Database(String),
    /// The job panicked; its changes were undone.
    Panicked,
    /// The store is closing.
    Closed,
}

/// What a request named in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No such domain.
    Domain,
    /// No such account.
    Account,
    /// No such alias.
    Alias,
    /// No such mailbox.
    Mailbox,
    /// No such message.
    Message,
    /// No such entry in the queue.
    Queue,
    /// No such file, folder or area, or none that the asker may see.
    File,
    /// No such shared folder.
    Share,
    /// No such zone.
    Zone,
    /// No such key.
    Key,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Missing(what) => {
                let what = match what {
                    Missing::Domain => "domain",
                    Missing::Account => "account",
                    Missing::Alias => "alias",
                    Missing::Mailbox => "mailbox",
                    Missing::Message => "message",
                    Missing::Queue => "queue entry",
                    Missing::File => "file or folder",
                    Missing::Share => "shared folder",
                    Missing::Zone => "zone",
                    Missing::Key => "key",
                };
                write!(f, "no such {what}")
            }
            StoreError::Exists(what) => write!(f, "this {what} exists already"),
            StoreError::Invalid(why) => f.write_str(why),
            StoreError::DomainInUse => f.write_str("the domain still has accounts or aliases"),
            StoreError::NotEmpty => f.write_str("the folder is not empty"),
            StoreError::NotAFile => f.write_str("this is a folder, not a file"),
            StoreError::NotAFolder => f.write_str("this is a file, not a folder"),
            StoreError::Denied(why) => f.write_str(why),
            StoreError::InboxFixed => f.write_str("INBOX can be neither created nor deleted"),
            StoreError::OverQuota { quota_bytes, used_bytes, need_bytes } => {
                write!(f, "over quota: {used_bytes} of {quota_bytes} bytes used, {need_bytes} more needed")
            }
            StoreError::Exhausted(what) => write!(f, "no more {what} left in this mailbox"),
            StoreError::Abandoned(why) => write!(f, "abandoned: {why}"),
            StoreError::BlobGone => f.write_str("the prepared content was deleted meanwhile"),
            StoreError::Full => f.write_str("no space is left on the device"),
            StoreError::Io(what) => write!(f, "the storage failed: {what}"),
            StoreError::Away(_) => f.write_str("the content must be fetched first"),
            StoreError::Conflict => f.write_str("too many concurrent changes"),
            StoreError::Corrupt(what) => write!(f, "damaged data: {what}"),
            StoreError::Database(what) => write!(f, "the database refused: {what}"),
            StoreError::Panicked => f.write_str("the job panicked"),
            StoreError::Closed => f.write_str("the store is closing"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// True if the same request may well succeed later, without anybody changing it.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            StoreError::Full
                | StoreError::Io(_)
                | StoreError::Away(_)
                | StoreError::Conflict
                | StoreError::Database(_)
                | StoreError::Closed
                | StoreError::BlobGone
        )
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Io(error.to_string()),
        }
    }
}

/// Why a store did not open. Every text is a sentence for the person who starts the server.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// Another process owns the data directory.
    Locked(String),
    /// The data was written by a newer version of the program.
    TooNew {
        /// Version found in the database.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// A setting cannot be understood or is not offered.
    Setting(String),
    /// The folder or the database could not be reached.
    Failed(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked(folder) => {
                write!(
                    f,
                    "another posthouse process is using {folder}; stop it first, or use its control socket"
                )
            }
            OpenError::TooNew { found, known } => write!(
                f,
                "the data has format {found}, but this version of posthouse knows formats up to {known}; \
                 install the newer version again, or restore a backup made before the upgrade"
            ),
            OpenError::Setting(what) => f.write_str(what),
            OpenError::Failed(what) => write!(f, "the store could not be opened: {what}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> OpenError {
        OpenError::Failed(error.to_string())
    }
}
