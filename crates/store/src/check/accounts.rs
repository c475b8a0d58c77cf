//! What must hold of accounts, domains and messages.

use super::Checker;
use crate::error::StoreError;
use crate::files::AreaId;
use crate::sql::params;
use crate::view::View;

impl View<'_> {
    pub(super) fn check_accounts(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let accounts = self.accounts()?;
        checker.report.counted.accounts = accounts.len() as u64;
        for (done, account) in (0..).zip(&accounts) {
            checker.progress("accounts", done, accounts.len() as u64);
            let place = || format!("account {}", account.address);
            let sql =
                "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT), COALESCE(MAX(message_id), 0)
                       FROM message WHERE account_id = ?1";
            let sums = self
                .db
                .row(sql, params![account.id], |row| Ok((row.count(0)?, row.count(1)?, row.int(2)?)))?;
            let (messages, mail_bytes, last) = sums.unwrap_or_default();
            checker.report.counted.messages += messages;
            let bytes = mail_bytes + self.area_bytes(AreaId::Account(account.id))?;
            if bytes != account.used_bytes {
                let detail = format!("used_bytes is {}, messages and files take {bytes}", account.used_bytes);
                checker.finding("account size", place(), detail);
            }
            let sql = "SELECT last_message_id FROM account WHERE account_id = ?1";
            let given = self.db.number(sql, params![account.id])?.unwrap_or(0);
            if last > given {
                checker.finding(
                    "message number",
                    place(),
                    format!("{last} is above the last given, {given}"),
                );
            }
            if self.mailbox_by_name(account.id, "INBOX")?.is_none() {
                checker.finding("INBOX", place(), "there is none".to_owned());
            }
        }
        self.check_messages(checker)?;
        self.check_owners(checker)
    }

    fn check_messages(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        checker.progress("messages", 0, checker.report.counted.messages);
        let sql =
            "SELECT account_id, message_id FROM message EXCEPT SELECT account_id, message_id FROM placement";
        for (account, message) in self.db.list(sql, &[], |row| Ok((row.int(0)?, row.int(1)?)))? {
            let place = format!("account {account} message {message}");
            checker.finding("message without mailbox", place, "no placement names it".to_owned());
        }
        let sql = "SELECT m.account_id, m.message_id, m.size_bytes, LENGTH(m.prefix), b.size_bytes
                   FROM message m JOIN content c ON c.blob_id = m.blob_id JOIN blob b ON b.digest = c.digest
                   WHERE m.size_bytes <> LENGTH(m.prefix) + b.size_bytes";
        let wrong = self.db.list(sql, &[], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)))?;
        for (account, message, size) in wrong {
            let place = format!("account {account} message {message}");
            checker.finding("message size", place, format!("{size} is not the sum of prefix and content"));
        }
        Ok(())
    }

    /// Rows of accounts, mailboxes or domains that are not there.
    fn check_owners(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let rules = [
            (
                "account without domain",
                "SELECT account_id, domain_id FROM account
              WHERE domain_id NOT IN (SELECT domain_id FROM domain)",
            ),
            (
                "mailbox without account",
                "SELECT account_id, mailbox_id FROM mailbox
              WHERE account_id NOT IN (SELECT account_id FROM account)",
            ),
            (
                "message without account",
                "SELECT account_id, message_id FROM message
              WHERE account_id NOT IN (SELECT account_id FROM account)",
            ),
            (
                "subscription without account",
                "SELECT account_id, 0 FROM subscription
              WHERE account_id NOT IN (SELECT account_id FROM account)",
            ),
            (
                "placement without mailbox",
                "SELECT DISTINCT account_id, mailbox_id FROM placement p WHERE NOT EXISTS
              (SELECT 1 FROM mailbox m WHERE m.account_id = p.account_id AND m.mailbox_id = p.mailbox_id)",
            ),
            (
                "tombstone without mailbox",
                "SELECT DISTINCT account_id, mailbox_id FROM tombstone t WHERE NOT EXISTS
              (SELECT 1 FROM mailbox m WHERE m.account_id = t.account_id AND m.mailbox_id = t.mailbox_id)",
            ),
            (
                "keyword without mailbox",
                "SELECT DISTINCT account_id, mailbox_id FROM keyword k WHERE NOT EXISTS
              (SELECT 1 FROM mailbox m WHERE m.account_id = k.account_id AND m.mailbox_id = k.mailbox_id)",
            ),
        ];
        for (what, sql) in rules {
            for (account, number) in self.db.list(sql, &[], |row| Ok((row.int(0)?, row.int(1)?)))? {
                let place = format!("account {account}, number {number}");
                checker.finding(what, place, "what it belongs to is not there".to_owned());
            }
        }
        Ok(())
    }
}
