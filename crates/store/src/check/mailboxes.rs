//! What must hold of mailboxes, placements, tombstones and keywords.

use std::collections::HashMap;

use super::Checker;
use crate::account::Account;
use crate::error::StoreError;
use crate::mailbox::Mailbox;
use crate::sql::params;
use crate::view::View;

impl View<'_> {
    pub(super) fn check_mailboxes(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let accounts = self.accounts()?;
        for (done, account) in (0..).zip(&accounts) {
            checker.progress("mailboxes", done, accounts.len() as u64);
            let mut validities = HashMap::new();
            for mailbox in self.mailboxes(account.id)? {
                checker.report.counted.mailboxes += 1;
                let place = format!("account {} mailbox {}", account.address, mailbox.name);
                if let Some(twin) = validities.insert(mailbox.uidvalidity, mailbox.name.clone()) {
                    checker.finding("UIDVALIDITY", place.clone(), format!("the same as of {twin}"));
                }
                self.check_numbers(checker, account, &mailbox, &place)?;
                self.check_sums(checker, account, &mailbox, &place)?;
                self.check_tombstones(checker, account, &mailbox, &place)?;
                self.check_keywords(checker, account, &mailbox, &place)?;
            }
        }
        self.check_placements(checker)
    }

    /// The mailbox's own row against its account's.
    fn check_numbers(
        &mut self,
        checker: &mut Checker<'_>,
        account: &Account,
        mailbox: &Mailbox,
        place: &str,
    ) -> Result<(), StoreError> {
        let sql = "SELECT last_uidvalidity, last_mailbox_id FROM account WHERE account_id = ?1";
        let last = self.db.row(sql, params![account.id], |row| Ok((row.int(0)?, row.int(1)?)))?;
        let (validity, number) = last.unwrap_or_default();
        if mailbox.uidvalidity == 0 || i64::from(mailbox.uidvalidity) > validity {
            let detail = format!("{} is not between 1 and the last given, {validity}", mailbox.uidvalidity);
            checker.finding("UIDVALIDITY", place.to_owned(), detail);
        }
        if mailbox.id.get() > number {
            let detail = format!("{} is above the last given, {number}", mailbox.id);
            checker.finding("mailbox number", place.to_owned(), detail);
        }
        if mailbox.highest_modseq > account.modseq {
            let detail = format!("{} is above the account's {}", mailbox.highest_modseq, account.modseq);
            checker.finding("mailbox modseq", place.to_owned(), detail);
        }
        if mailbox.recent_uid > mailbox.uidnext {
            let detail = format!("{} is above UIDNEXT {}", mailbox.recent_uid, mailbox.uidnext);
            checker.finding("recent UID", place.to_owned(), detail);
        }
        if mailbox.tombstone_floor > mailbox.highest_modseq {
            let detail = format!("{} is above {}", mailbox.tombstone_floor, mailbox.highest_modseq);
            checker.finding("tombstone floor", place.to_owned(), detail);
        }
        Ok(())
    }

    /// Counts and sums against the placements.
    fn check_sums(
        &mut self,
        checker: &mut Checker<'_>,
        account: &Account,
        mailbox: &Mailbox,
        place: &str,
    ) -> Result<(), StoreError> {
        let sql = "SELECT COUNT(*), COUNT(CASE WHEN flags & 1 = 0 THEN 1 END), COUNT(CASE WHEN flags & 8 <> 0 THEN 1 END),
                   CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT), COALESCE(MIN(uid), 1), COALESCE(MAX(uid), 0),
                   COALESCE(MAX(modseq), 0) FROM placement WHERE account_id = ?1 AND mailbox_id = ?2";
        let real = self.db.row(sql, params![account.id, mailbox.id], |row| {
            let mut numbers = [0i64; 7];
            for (column, number) in numbers.iter_mut().enumerate() {
                *number = row.int(column)?;
            }
            Ok(numbers)
        })?;
        let [count, unseen, deleted, bytes, first, last, modseq] = real.unwrap_or_default();
        checker.report.counted.placements += count.cast_unsigned();
        let sums = [
            ("message count", i64::from(mailbox.exists_count), count),
            ("unseen count", i64::from(mailbox.unseen_count), unseen),
            ("deleted count", i64::from(mailbox.deleted_count), deleted),
            ("mailbox size", mailbox.size_bytes.cast_signed(), bytes),
        ];
        for (what, stored, real) in sums {
            if stored != real {
                checker.finding(what, place.to_owned(), format!("{stored} is stored, {real} is true"));
            }
        }
        if first < 1 || last >= i64::from(mailbox.uidnext) {
            let detail = format!("{first} to {last}, but UIDNEXT is {}", mailbox.uidnext);
            checker.finding("UID", place.to_owned(), detail);
        }
        let sql = "SELECT COUNT(*) FROM (SELECT modseq, added_modseq, LAG(added_modseq) OVER (ORDER BY uid) AS before
                   FROM placement WHERE account_id = ?1 AND mailbox_id = ?2) AS added
                   WHERE added_modseq > modseq OR added_modseq < before";
        if let Some(count @ 1..) = self.db.number(sql, params![account.id, mailbox.id])? {
            let detail = format!("{count} messages came at a modseq that does not fit their UIDs");
            checker.finding("order of arrival", place.to_owned(), detail);
        }
        if modseq.cast_unsigned() > mailbox.highest_modseq.get() {
            let detail = format!("{modseq} is above the mailbox's {}", mailbox.highest_modseq);
            checker.finding("message modseq", place.to_owned(), detail);
        }
        Ok(())
    }

    fn check_tombstones(
        &mut self,
        checker: &mut Checker<'_>,
        account: &Account,
        mailbox: &Mailbox,
        place: &str,
    ) -> Result<(), StoreError> {
        let sql = "SELECT modseq, uid, last_uid FROM tombstone WHERE account_id = ?1 AND mailbox_id = ?2
                   AND (modseq <= ?3 OR modseq > ?4 OR uid < 1 OR last_uid < uid OR last_uid >= ?5)";
        let values =
            params![account.id, mailbox.id, mailbox.tombstone_floor, mailbox.highest_modseq, mailbox.uidnext];
        let bad = self.db.list(sql, values, |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)))?;
        for (modseq, uid, last) in bad {
            let detail = format!("UIDs {uid} to {last} at modseq {modseq} are outside the mailbox's history");
            checker.finding("tombstone", place.to_owned(), detail);
        }
        let sql =
            "SELECT t.uid, t.last_uid, p.uid FROM tombstone t JOIN placement p ON p.account_id = t.account_id
                   AND p.mailbox_id = t.mailbox_id AND p.uid BETWEEN t.uid AND t.last_uid
                   WHERE t.account_id = ?1 AND t.mailbox_id = ?2";
        for uid in self.db.list(sql, params![account.id, mailbox.id], |row| row.int(2))? {
            checker.finding("tombstone", place.to_owned(), format!("UID {uid} is expunged and there"));
        }
        Ok(())
    }

    fn check_keywords(
        &mut self,
        checker: &mut Checker<'_>,
        account: &Account,
        mailbox: &Mailbox,
        place: &str,
    ) -> Result<(), StoreError> {
        let known = self.keywords(account.id, mailbox.id)?;
        let sql = "SELECT DISTINCT keywords FROM placement
                   WHERE account_id = ?1 AND mailbox_id = ?2 AND keywords IS NOT NULL";
        for used in self.db.list(sql, params![account.id, mailbox.id], |row| row.string(0))? {
            for name in used.split(' ').filter(|name| !known.iter().any(|known| known == name)) {
                checker.finding("keyword", place.to_owned(), format!("{name:?} is used but not listed"));
            }
        }
        Ok(())
    }

    /// Placements against their messages.
    fn check_placements(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        checker.progress("placements", 0, checker.report.counted.placements);
        let sql = "SELECT p.account_id, p.mailbox_id, p.uid, CASE WHEN m.message_id IS NULL THEN 1 ELSE 0 END
                   FROM placement p
                   LEFT JOIN message m ON m.account_id = p.account_id AND m.message_id = p.message_id
                   WHERE m.message_id IS NULL OR m.size_bytes <> p.size_bytes OR m.received_ms <> p.received_ms";
        let wrong =
            self.db.list(sql, &[], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)? == 1)))?;
        for (account, mailbox, uid, missing) in wrong {
            let place = format!("account {account} mailbox {mailbox} UID {uid}");
            if missing {
                checker.finding("placement without message", place, "its message is not there".to_owned());
            } else {
                checker.finding("placement", place, "size or time is not its message's".to_owned());
            }
        }
        Ok(())
    }
}
