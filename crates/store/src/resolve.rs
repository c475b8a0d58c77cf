//! Where mail for an address goes.

use crate::account::Account;
use crate::address::{self, Address};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::mailbox::normal_name;
use crate::sql::params;
use crate::view::View;

/// Most aliases that are followed from one to the next.
pub const ALIAS_DEPTH_MAX: usize = 8;
/// Most targets one address may have in the end.
pub const TARGETS_MAX: usize = 1000;

/// An account that gets mail for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTarget {
    /// The account.
    pub account: AccountId,
    /// Its own address.
    pub address: String,
    /// The mailbox the sender hinted at by what stood between `+` and `@`: the account's that has this name, in
    /// whatever case, or the hint in lower case if there is none.
    pub mailbox_hint: Option<String>,
}

/// Where mail for an address goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// To these accounts, at least one, none twice.
    Local(Vec<AccountTarget>),
    /// Also, or only, to addresses elsewhere.
    Forward {
        /// Accounts here.
        local: Vec<AccountTarget>,
        /// Addresses elsewhere, at least one, none twice.
        remote: Vec<String>,
    },
    /// The domain is ours, but nobody has this address.
    NoSuchUser,
    /// The domain is not ours.
    NotLocal,
    /// Aliases lead in a circle, or too far, or to too many.
    Loop,
}

#[derive(Default)]
struct Found {
    local: Vec<AccountTarget>,
    remote: Vec<String>,
    seen: Vec<String>,
    looped: bool,
}

impl View<'_> {
    /// Where mail for `local_part@domain` goes. An account or an alias of just this address comes
    /// first, then the address without `+detail`, then `postmaster`, then the catch-all.
    ///
    /// `domain` may be empty for `postmaster` alone (RFC 5321 §4.5.1): the first account made in the first
    /// domain, unless an alias `postmaster` of that domain says otherwise.
    pub fn resolve(&mut self, local_part: &str, domain: &str) -> Result<Resolution, StoreError> {
        let written = local_part.split_once('+').map_or("", |(_, detail)| detail);
        let local_part = local_part.to_lowercase();
        let domain = if domain.is_empty() && local_part == "postmaster" {
            let sql = "SELECT name FROM domain ORDER BY domain_id LIMIT 1";
            self.db.row(sql, &[], |row| row.string(0))?.unwrap_or_default()
        } else {
            domain.to_owned()
        };
        let Ok(domain) = address::domain(&domain) else { return Ok(Resolution::NotLocal) };
        if self.domain_by_name(&domain)?.is_none() {
            return Ok(Resolution::NotLocal);
        }
        let mut found = Found::default();
        let Ok(address) = Address::parse(&format!("{local_part}@{domain}")) else {
            return Ok(Resolution::NoSuchUser);
        };
        self.follow(&address, None, ALIAS_DEPTH_MAX, &mut found)?;
        let Found { mut local, remote, looped, .. } = found;
        for target in &mut local {
            self.find_hinted(target, written)?;
        }
        Ok(match (local.is_empty(), remote.is_empty()) {
            (true, true) if looped => Resolution::Loop,
            (true, true) => Resolution::NoSuchUser,
            (false, true) => Resolution::Local(local),
            (_, false) => Resolution::Forward { local, remote },
        })
    }

    /// Senders write a mailbox's name as they like, and some software writes all addresses in lower case.
    /// Where several names differ in case only, the one as `written` comes first.
    fn find_hinted(&mut self, target: &mut AccountTarget, written: &str) -> Result<(), StoreError> {
        let Some(hint) = target.mailbox_hint.as_deref().and_then(|hint| normal_name(hint).ok()) else {
            return Ok(());
        };
        let hint = hint.to_lowercase();
        let mailboxes = self.mailboxes(target.account)?;
        let mut fitting =
            mailboxes.into_iter().map(|mailbox| mailbox.name).filter(|name| name.to_lowercase() == hint);
        let first = fitting.next();
        let exact = fitting.find(|name| name == written);
        if let Some(name) = exact.or(first) {
            target.mailbox_hint = Some(name);
        }
        Ok(())
    }

    fn follow(
        &mut self,
        address: &Address,
        hint: Option<&str>,
        depth: usize,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let Some(domain) = self.domain_by_name(address.domain())? else {
            if !found.remote.iter().any(|have| have == address.as_str()) {
                found.remote.push(address.as_str().to_owned());
            }
            return Ok(());
        };
        let address = &address.within(&domain);
        if self.try_exact(address.as_str(), hint, depth, found)? {
            return Ok(());
        }
        if let Some((user, detail)) = address.local().split_once('+') {
            let plain = format!("{user}@{}", address.domain());
            let detail = Some(detail).filter(|detail| !detail.is_empty());
            if !user.is_empty() && self.try_exact(&plain, hint.or(detail), depth, found)? {
                return Ok(());
            }
        }
        if address.local() == "postmaster"
            && let Some(first) = self.first_account(address.domain())?
        {
            found.add(first, hint);
            return Ok(());
        }
        self.try_exact(&format!("@{}", address.domain()), hint, depth, found)?;
        Ok(())
    }

    /// Follows the account or the aliases of exactly this address; false if there are none.
    fn try_exact(
        &mut self,
        address: &str,
        hint: Option<&str>,
        depth: usize,
        found: &mut Found,
    ) -> Result<bool, StoreError> {
        if let Some(account) = self.account_by_address(address)? {
            found.add(account, hint);
            return Ok(true);
        }
        let sql = "SELECT target FROM alias WHERE address = ?1 ORDER BY target";
        let targets = self.db.list(sql, params![address], |row| row.string(0))?;
        if targets.is_empty() {
            return Ok(false);
        }
        let exhausted = depth == 0 || found.local.len() + found.remote.len() >= TARGETS_MAX;
        if exhausted || found.seen.iter().any(|seen| seen == address) {
            found.looped = true;
            return Ok(true);
        }
        found.seen.push(address.to_owned());
        for target in targets {
            let target = Address::parse(&target)?;
            self.follow(&target, hint, depth - 1, found)?;
        }
        Ok(true)
    }

    fn first_account(&mut self, domain: &str) -> Result<Option<Account>, StoreError> {
        let sql =
            "SELECT account_id FROM account WHERE domain_id = (SELECT domain_id FROM domain WHERE name = ?1)
                   ORDER BY account_id LIMIT 1";
        match self.db.number(sql, params![domain])? {
            Some(id) => self.account(AccountId(id)),
            None => Ok(None),
        }
    }
}

impl Found {
    fn add(&mut self, account: Account, hint: Option<&str>) {
        if !self.local.iter().any(|have| have.account == account.id) {
            let mailbox_hint = hint.map(str::to_owned);
            self.local.push(AccountTarget { account: account.id, address: account.address, mailbox_hint });
        }
    }
}
