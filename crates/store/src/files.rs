//! File areas: trees of folders and files over the same contents as the mail.
//!
//! An area is a tree in the database, not folders of the operating system: nothing that a client names
//! ever becomes a path of the system, and content, digest, size, name and time change in one
//! transaction. Content up to [`crate::INLINE_MAX_BYTES`] lies in the database, longer content as it is in
//! a file, so that the kernel can send it.

mod content;
mod digest;
mod entry;
mod ftp_profile;
mod hashing;
mod name;
mod part;
mod room;
mod share;
mod tree;
mod upload;
mod write_behind;

pub use content::{BlockVisitor, Content, OpenedFile};
pub use digest::{DigestAlgorithm, FileDigest};
pub use entry::{Access, AreaId, Entry, EntryId, EntryKind, Right, SHARED_FOLDER_NAME};
pub use ftp_profile::{DataBinding, FtpProfile};
pub use name::{FILE_NAME_LEN_MAX_BYTES, FILE_PATH_LEN_MAX_BYTES, FilePath};
pub use part::{KeptPart, PART_AGE_MAX, Part};
pub use room::{AreaRoom, AreaUsage};
pub use share::{SHARE_NAME_LEN_MAX_BYTES, Share, ShareId, ShareMember};
pub use tree::{NewFile, RemovedSome};
pub use upload::{Upload, Uploaded};

pub(crate) use name::check_name;
pub(crate) use room::Reservations;
