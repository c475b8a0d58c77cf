//! Values that no operation of the store ever writes: forms of names, numbers out of their range, twins.

use std::collections::HashMap;

use super::Checker;
use crate::account::Account;
use crate::address::{Address, is_stored_form};
use crate::error::StoreError;
use crate::mailbox::normal_name;
use crate::sql::params;
use crate::view::View;

/// Each counter, and the largest number that was given from it.
const COUNTERS: &[(&str, &str)] = &[
    ("domain", "SELECT COALESCE(MAX(domain_id), 0) FROM domain"),
    ("account", "SELECT COALESCE(MAX(account_id), 0) FROM account"),
    ("zone", "SELECT COALESCE(MAX(zone_id), 0) FROM zone"),
    ("zone", "SELECT COALESCE(MAX(zone_id), 0) FROM zone_gone"),
];

impl View<'_> {
    pub(super) fn check_values(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        checker.progress("values", 0, 1);
        self.check_counters(checker)?;
        self.check_domains(checker)?;
        for account in self.accounts()? {
            self.check_account(checker, &account)?;
        }
        self.check_aliases(checker)?;
        self.check_traces(checker)
    }

    /// A counter that is behind, or gone, would give a number again, or none any more.
    fn check_counters(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        for (name, largest) in COUNTERS {
            let given = self.db.number(largest, &[])?.unwrap_or(0);
            match self.db.number("SELECT value FROM counter WHERE name = ?1", params![*name])? {
                None => checker.finding("counter", (*name).to_owned(), "it is missing".to_owned()),
                Some(value) if value < given => {
                    let detail = format!("{value} is below {given}, which is in use");
                    checker.finding("counter", (*name).to_owned(), detail);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn check_domains(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        for name in self.db.list("SELECT name FROM domain", &[], |row| row.string(0))? {
            if !is_stored_form(&name) {
                checker.finding("domain name", name, "it is not in its one form".to_owned());
            }
        }
        Ok(())
    }

    fn check_account(&mut self, checker: &mut Checker<'_>, account: &Account) -> Result<(), StoreError> {
        let place = || format!("account {}", account.address);
        let form = Address::parse(&account.address).ok();
        if form.as_ref().map(Address::as_str) != Some(&account.address) {
            checker.finding("account address", place(), "it is not in its one form".to_owned());
        }
        let sql = "SELECT quota_bytes FROM account WHERE account_id = ?1 AND quota_bytes < 0";
        if let Some(quota) = self.db.number(sql, params![account.id])? {
            checker.finding("quota", place(), format!("{quota} is below nothing"));
        }
        let mut uses = HashMap::new();
        for mailbox in self.mailboxes(account.id)? {
            let place = format!("account {} mailbox {}", account.address, mailbox.name.escape_debug());
            if normal_name(&mailbox.name).ok().as_ref() != Some(&mailbox.name) {
                checker.finding("mailbox name", place.clone(), "it is not in its one form".to_owned());
            }
            let Some(special) = mailbox.special_use else { continue };
            if let Some(twin) = uses.insert(special.name(), mailbox.name.clone()) {
                let detail = format!("{} is the use of {} too", special.name(), twin.escape_debug());
                checker.finding("special use", place, detail);
            }
        }
        Ok(())
    }

    /// An alias is of a domain that is here; else nobody could ever use it.
    fn check_aliases(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let known = self.db.list("SELECT name FROM domain", &[], |row| row.string(0))?;
        for address in self.db.list("SELECT DISTINCT address FROM alias", &[], |row| row.string(0))? {
            let of = address.rsplit_once('@').map(|(_, of)| of);
            if !of.is_some_and(|of| known.iter().any(|known| known == of)) {
                checker.finding("alias", format!("alias {address}"), "its domain is not here".to_owned());
            }
        }
        Ok(())
    }

    /// The events of a trace are numbered from 0 without a gap.
    fn check_traces(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let sql =
            "SELECT trace_id FROM trace_event GROUP BY trace_id HAVING MIN(n) <> 0 OR MAX(n) <> COUNT(*) - 1";
        for trace in self.db.list(sql, &[], |row| row.int(0))? {
            checker.finding("trace", format!("trace {trace}"), "events of it are missing".to_owned());
        }
        Ok(())
    }
}
