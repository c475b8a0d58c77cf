//! Mailboxes, their names and subscriptions.

use unicode_normalization::UnicodeNormalization;

use crate::error::{Missing, StoreError};
use crate::id::{AccountId, MailboxId, ModSeq};
use crate::shared::unix_ms;
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// Longest mailbox name in bytes of UTF-8, the whole path.
pub const MAILBOX_NAME_LEN_MAX_BYTES: usize = 1000;
/// Most levels of a mailbox name; what clients show as a tree should not be a well.
pub const MAILBOX_DEPTH_MAX: usize = 32;
/// Most mailboxes of one account.
pub const MAILBOXES_MAX: usize = 10_000;

/// What a mailbox is for (RFC 6154 §2, RFC 8457).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Important`
    Important,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [SpecialUse; 8] = [
        SpecialUse::All,
        SpecialUse::Archive,
        SpecialUse::Drafts,
        SpecialUse::Flagged,
        SpecialUse::Important,
        SpecialUse::Junk,
        SpecialUse::Sent,
        SpecialUse::Trash,
    ];

    /// The name without the backslash, as it stands in the database and in new mailboxes' names.
    pub const fn name(self) -> &'static str {
        match self {
            SpecialUse::All => "All",
            SpecialUse::Archive => "Archive",
            SpecialUse::Drafts => "Drafts",
            SpecialUse::Flagged => "Flagged",
            SpecialUse::Important => "Important",
            SpecialUse::Junk => "Junk",
            SpecialUse::Sent => "Sent",
            SpecialUse::Trash => "Trash",
        }
    }

    /// The use with this name, without backslash, in any case.
    pub fn from_name(name: &str) -> Option<SpecialUse> {
        SpecialUse::ALL.into_iter().find(|special| special.name().eq_ignore_ascii_case(name))
    }
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its number, for good; the MAILBOXID of RFC 8474 §4.2.
    pub id: MailboxId,
    /// Its path, UTF-8 in NFC, levels separated by `/`; INBOX is exactly `INBOX`.
    pub name: String,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// RFC 9051 §2.3.1.1; never zero, and never given twice within an account.
    pub uidvalidity: u32,
    /// The next message's UID.
    pub uidnext: u32,
    /// UIDs from here on were not yet announced as `\Recent` to any session.
    pub recent_uid: u32,
    /// How many messages there are.
    pub exists_count: u32,
    /// How many of them lack `\Seen`.
    pub unseen_count: u32,
    /// How many of them have `\Deleted`.
    pub deleted_count: u32,
    /// The sum of their sizes in bytes.
    pub size_bytes: u64,
    /// The highest modseq of anything that happened here.
    pub highest_modseq: ModSeq,
    /// What was expunged up to here is forgotten.
    pub tombstone_floor: ModSeq,
}

macro_rules! mailbox_where {
    ($rest:literal) => {
        concat!(
            "SELECT mailbox_id, name, special_use, uidvalidity, uidnext, recent_uid, exists_count, unseen_count, ",
            "deleted_count, size_bytes, highest_modseq, tombstone_floor_modseq FROM mailbox WHERE account_id = ?1 ",
            $rest
        )
    };
}

fn mailbox(row: &Row<'_>) -> Result<Mailbox, StoreError> {
    Ok(Mailbox {
        id: MailboxId(row.int(0)?),
        name: row.string(1)?,
        special_use: row.opt_text(2)?.and_then(SpecialUse::from_name),
        uidvalidity: row.small(3)?,
        uidnext: row.small(4)?,
        recent_uid: row.small(5)?,
        exists_count: row.small(6)?,
        unseen_count: row.small(7)?,
        deleted_count: row.small(8)?,
        size_bytes: row.count(9)?,
        highest_modseq: ModSeq(row.count(10)?),
        tombstone_floor: ModSeq(row.count(11)?),
    })
}

/// The one form of a mailbox name: NFC; a first level INBOX in any case becomes `INBOX`.
///
/// # Errors
/// [`StoreError::Invalid`] for empty levels, control characters, or more than
/// [`MAILBOX_NAME_LEN_MAX_BYTES`] or [`MAILBOX_DEPTH_MAX`].
pub fn normal_name(name: &str) -> Result<String, StoreError> {
    let mut name: String = name.nfc().collect();
    if name.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("INBOX"))
        && matches!(name.as_bytes().get(5), None | Some(b'/'))
    {
        name.replace_range(..5, "INBOX");
    }
    if name.len() > MAILBOX_NAME_LEN_MAX_BYTES || name.split('/').count() > MAILBOX_DEPTH_MAX {
        return Err(StoreError::Invalid("the mailbox name is too long or too deep"));
    }
    if name.split('/').any(str::is_empty) || name.chars().any(char::is_control) {
        return Err(StoreError::Invalid("the mailbox name has an empty level or a control character"));
    }
    Ok(name)
}

impl View<'_> {
    /// All mailboxes of an account by name (by code points; INBOX where that puts it).
    pub fn mailboxes(&mut self, account: AccountId) -> Result<Vec<Mailbox>, StoreError> {
        let mut list = self.db.list(mailbox_where!(""), params![account], mailbox)?;
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    /// The modseq a mailbox stands at, for those who only ask whether anything happened.
    pub fn highest_modseq(
        &mut self,
        account: AccountId,
        id: MailboxId,
    ) -> Result<Option<ModSeq>, StoreError> {
        let sql = "SELECT highest_modseq FROM mailbox WHERE account_id = ?1 AND mailbox_id = ?2";
        self.db.row(sql, params![account, id], |row| Ok(ModSeq(row.count(0)?)))
    }

    /// The mailbox `id`.
    pub fn mailbox(&mut self, account: AccountId, id: MailboxId) -> Result<Option<Mailbox>, StoreError> {
        self.db.row(mailbox_where!("AND mailbox_id = ?2"), params![account, id], mailbox)
    }

    /// The mailbox `id`, which must be there.
    pub(crate) fn need_mailbox(&mut self, account: AccountId, id: MailboxId) -> Result<Mailbox, StoreError> {
        self.mailbox(account, id)?.ok_or(StoreError::Missing(Missing::Mailbox))
    }

    /// The mailbox with this name; INBOX in any case. A name that cannot be one names nothing.
    pub fn mailbox_by_name(&mut self, account: AccountId, name: &str) -> Result<Option<Mailbox>, StoreError> {
        let Ok(name) = normal_name(name) else { return Ok(None) };
        self.db.row(mailbox_where!("AND name = ?2"), params![account, &name], mailbox)
    }

    /// The first mailbox of an account that is for `special`.
    pub fn mailbox_by_use(
        &mut self,
        account: AccountId,
        special: SpecialUse,
    ) -> Result<Option<Mailbox>, StoreError> {
        let sql = mailbox_where!("AND special_use = ?2 ORDER BY mailbox_id LIMIT 1");
        self.db.row(sql, params![account, special.name()], mailbox)
    }

    /// The names an account is subscribed to, whether such mailboxes exist or not, in order.
    pub fn subscriptions(&mut self, account: AccountId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM subscription WHERE account_id = ?1";
        let mut names = self.db.list(sql, params![account], |row| row.string(0))?;
        names.sort();
        Ok(names)
    }

    /// The keywords that were ever used in a mailbox, in order.
    pub fn keywords(&mut self, account: AccountId, mailbox: MailboxId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM keyword WHERE account_id = ?1 AND mailbox_id = ?2";
        let mut names = self.db.list(sql, params![account, mailbox], |row| row.string(0))?;
        names.sort();
        Ok(names)
    }
}

impl Tx<'_> {
    /// Makes a mailbox, and the levels above it that are missing.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::InboxFixed`] for INBOX, [`StoreError::Invalid`],
    /// [`StoreError::Exhausted`] above [`MAILBOXES_MAX`], [`Missing::Account`].
    pub fn create_mailbox(
        &mut self,
        account: AccountId,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxId, StoreError> {
        let name = normal_name(name)?;
        if name == "INBOX" {
            return Err(StoreError::InboxFixed);
        }
        self.bump(account)?;
        if self.mailbox_by_name(account, &name)?.is_some() {
            return Err(StoreError::Exists("mailbox"));
        }
        self.make_parents(account, &name)?;
        self.make_mailbox(account, &name, special_use)
    }

    fn make_parents(&mut self, account: AccountId, name: &str) -> Result<(), StoreError> {
        for (at, _) in name.match_indices('/') {
            let parent = &name[..at];
            if self.mailbox_by_name(account, parent)?.is_none() {
                self.make_mailbox(account, parent, None)?;
            }
        }
        Ok(())
    }

    /// Makes one mailbox under a normal name that is free; the account was bumped.
    pub(crate) fn make_mailbox(
        &mut self,
        account: AccountId,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxId, StoreError> {
        let sql = "SELECT COUNT(*) FROM mailbox WHERE account_id = ?1";
        if self.db.number(sql, params![account])?.unwrap_or(0) >= MAILBOXES_MAX as i64 {
            return Err(StoreError::Exhausted("mailboxes"));
        }
        // Seconds since 1970 keep it above what another server gave before; one above the last keeps
        // it rising within a second and over a restored backup (RFC 9051 §2.3.1.1).
        let seconds = unix_ms() / 1000;
        let sql = "UPDATE account SET last_mailbox_id = last_mailbox_id + 1,
                   last_uidvalidity = CASE WHEN last_uidvalidity >= ?2 THEN last_uidvalidity + 1 ELSE ?2 END
                   WHERE account_id = ?1 RETURNING last_mailbox_id, last_uidvalidity, modseq";
        let made = self
            .db
            .row(sql, params![account, seconds], |row| Ok((row.int(0)?, row.small(1)?, row.count(2)?)))?;
        let (id, uidvalidity, modseq) = made.ok_or(StoreError::Missing(Missing::Account))?;
        let sql = "INSERT INTO mailbox (account_id, mailbox_id, name, special_use, uidvalidity, uidnext, recent_uid,
                   exists_count, unseen_count, deleted_count, size_bytes, highest_modseq, tombstone_floor_modseq)
                   VALUES (?1, ?2, ?3, ?4, ?5, 1, 1, 0, 0, 0, 0, ?6, ?6)";
        let special = special_use.map(SpecialUse::name);
        self.db.execute(sql, params![account, id, name, special, uidvalidity, modseq])?;
        Ok(MailboxId(id))
    }

    /// Deletes a mailbox and its messages. Mailboxes below it stay, its subscription too.
    ///
    /// # Errors
    /// [`Missing::Mailbox`], [`StoreError::InboxFixed`].
    pub fn delete_mailbox(&mut self, account: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        self.bump(account)?;
        if self.need_mailbox(account, mailbox)?.name == "INBOX" {
            return Err(StoreError::InboxFixed);
        }
        self.drop_mailbox(account, mailbox)
    }

    /// Removes a mailbox with all that is in it; the account was bumped.
    pub(crate) fn drop_mailbox(&mut self, account: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        self.drop_all_placements(account, mailbox)?;
        for sql in [
            "DELETE FROM tombstone WHERE account_id = ?1 AND mailbox_id = ?2",
            "DELETE FROM keyword WHERE account_id = ?1 AND mailbox_id = ?2",
            "DELETE FROM mailbox WHERE account_id = ?1 AND mailbox_id = ?2",
        ] {
            self.db.execute(sql, params![account, mailbox])?;
        }
        self.shared.uid_cache.forget(account, mailbox);
        Ok(())
    }

    /// Gives a mailbox another name; the mailboxes below it move along, and levels missing above
    /// the new name are made. Renaming INBOX makes a mailbox of the new name, moves all messages
    /// there and leaves INBOX empty (RFC 9051 §6.3.6). Subscriptions stay with the names.
    ///
    /// # Errors
    /// [`Missing::Mailbox`], [`StoreError::Exists`], [`StoreError::Invalid`] also for a name below
    /// the mailbox itself.
    pub fn rename_mailbox(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        to: &str,
    ) -> Result<(), StoreError> {
        let to = normal_name(to)?;
        self.bump(account)?;
        let old = self.need_mailbox(account, mailbox)?;
        let all = self.mailboxes(account)?;
        if all.iter().any(|other| other.name == to) {
            return Err(StoreError::Exists("mailbox"));
        }
        if old.name == "INBOX" {
            self.make_parents(account, &to)?;
            let target = self.make_mailbox(account, &to, None)?;
            self.move_messages(account, mailbox, &[1..=u32::MAX], target)?;
            return Ok(());
        }
        let below = format!("{}/", old.name);
        if to.starts_with(&below) {
            return Err(StoreError::Invalid("a mailbox cannot move below itself"));
        }
        let mut renames = vec![(mailbox, to.clone())];
        for child in all.iter().filter(|child| child.name.starts_with(&below)) {
            let name = format!("{to}/{}", &child.name[below.len()..]);
            if normal_name(&name)? != name || all.iter().any(|other| other.name == name) {
                return Err(StoreError::Exists("mailbox"));
            }
            renames.push((child.id, name));
        }
        self.make_parents(account, &to)?;
        for (id, name) in renames {
            let sql = "UPDATE mailbox SET name = ?3 WHERE account_id = ?1 AND mailbox_id = ?2";
            self.db.execute(sql, params![account, id, &name])?;
        }
        Ok(())
    }

    /// Says what a mailbox is for.
    pub fn set_special_use(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        special_use: Option<SpecialUse>,
    ) -> Result<(), StoreError> {
        self.bump(account)?;
        let sql = "UPDATE mailbox SET special_use = ?3 WHERE account_id = ?1 AND mailbox_id = ?2";
        let special = special_use.map(SpecialUse::name);
        self.must_change(sql, params![account, mailbox, special], Missing::Mailbox)
    }

    /// Subscribes to a name or ends that. The name need not be a mailbox's (RFC 9051 §6.3.7).
    pub fn set_subscribed(
        &mut self,
        account: AccountId,
        name: &str,
        subscribed: bool,
    ) -> Result<(), StoreError> {
        let name = normal_name(name)?;
        self.bump(account)?;
        let sql = if subscribed {
            "INSERT INTO subscription (account_id, name) VALUES (?1, ?2) ON CONFLICT (account_id, name) DO NOTHING"
        } else {
            "DELETE FROM subscription WHERE account_id = ?1 AND name = ?2"
        };
        self.db.execute(sql, params![account, &name])?;
        Ok(())
    }
}
