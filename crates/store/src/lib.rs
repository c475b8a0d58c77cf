//! Accounts, mailboxes, messages, file areas, the queue, the traces, zones and their keys; the only crate that touches a
//! disk or a database.
//!
//! A [`Store`] is opened once. Everything is read through a [`View`] and changed through a [`Tx`],
//! which closures get from [`Store::read`] and [`Store::write`]. A write is acknowledged only
//! after its commit was synced; writes that wait meanwhile share the next sync.
//!
//! # Standards
//! UIDs and UIDVALIDITY: RFC 9051 §2.3.1. Modseqs, and what vanished: RFC 7162. Object ids: RFC 8474.
//! Special uses: RFC 6154. Save dates: RFC 8514. Unique ids of POP3: RFC 1939 §7. The tree of files as FTP
//! sees it, and cut uploads: RFC 3659 §6 and §5.3.
//!
//! # Hostile input
//! Names, addresses, keywords and ranges may come straight from strangers: they are checked here,
//! whatever was checked before, and are only ever bound as parameters; no name of a file becomes a path of
//! the system. Content is opaque. What is read
//! back is checked against its length, and by [`Store::check`] against its digest.

mod account;
mod address;
mod blob;
mod blob_file;
mod blobs;
mod cache;
mod change;
mod check;
mod error;
mod files;
mod id;
mod job;
mod mailbox;
mod marks;
mod message;
mod moment;
mod objects;
mod placement;
mod postgres;
mod queue;
mod ranges;
mod remote_file;
mod remover;
mod resolve;
mod schema;
mod shared;
mod sql;
mod sqlite;
mod store;
mod trace;
mod uid_cache;
mod view;
mod watch;
mod zone;
mod zone_gone;
mod zone_key;

pub use account::{Account, Alias, Credential, Domain};
pub use address::ADDRESS_LEN_MAX_BYTES;
pub use blob::{CONTENT_MAX_BYTES, INLINE_MAX_BYTES, PreparedBlob};
pub use blobs::{Away, Brought};
pub use change::{Changes, Copied, Expunged};
pub use check::{Counted, FINDINGS_PER_KIND_MAX, Finding, ORPHAN_AGE, Progress, Report};
pub use error::{Missing, OpenError, StoreError};
pub use files::{
    Access, AreaId, AreaRoom, AreaUsage, BlockVisitor, Content, DataBinding, DigestAlgorithm, Entry, EntryId,
    EntryKind, FILE_NAME_LEN_MAX_BYTES, FILE_PATH_LEN_MAX_BYTES, FileDigest, FilePath, FtpProfile, KeptPart,
    NewFile, OpenedFile, PART_AGE_MAX, Part, RemovedSome, Right, SHARE_NAME_LEN_MAX_BYTES,
    SHARED_FOLDER_NAME, Share, ShareId, ShareMember, Upload, Uploaded,
};
pub use id::{AccountId, BlobId, DomainId, MailboxId, MessageId, ModSeq, QueueId, TraceId, Uid, ZoneId};
pub use mailbox::{
    MAILBOX_DEPTH_MAX, MAILBOX_NAME_LEN_MAX_BYTES, MAILBOXES_MAX, Mailbox, SpecialUse, normal_name,
};
pub use marks::{
    FlagChange, FlagOp, Flags, KEYWORD_LEN_MAX_BYTES, KEYWORDS_PER_MAILBOX_MAX, Keywords, NO_KEYWORDS,
};
pub use message::{Added, Listed, NewMessage, OtherSizes, StoredMessage};
pub use moment::Moment;
pub use objects::ObjectSettings;
pub use placement::{Placement, PlacementOwned, Since};
pub use queue::{NewQueued, Queued, QueuedRecipient};
pub use ranges::{UidRange, normalize};
pub use remote_file::RemoteFile;
pub use resolve::{ALIAS_DEPTH_MAX, AccountTarget, Resolution, TARGETS_MAX};
pub use store::{Settings, Store};
pub use trace::{TRACE_KEY_LEN_MAX_BYTES, TraceEvent};
pub use view::{Tx, View};
pub use watch::Watch;
pub use zone::{
    NewZoneChange, PreparedZone, ZONE_CONTENT_MAX_BYTES, ZONE_NAME_LEN_MAX_BYTES, Zone, ZoneChange,
    ZoneChangeKind, ZoneContent, ZoneKind, ZoneNote,
};
pub use zone_gone::GoneZone;
pub use zone_key::{KeyPurpose, NameKey, NameRoll, PeerRole, SecretBytes, TsigKey, ZonePeer, ZoneSeen};
