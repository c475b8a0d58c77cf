//! Domains, accounts and aliases.

use crate::address::{self, Address};
use crate::error::{Missing, StoreError};
use crate::files::AreaId;
use crate::id::{AccountId, DomainId, ModSeq};
use crate::mailbox::SpecialUse;
use crate::shared::unix_ms;
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// A domain whose mail is kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its number.
    pub id: DomainId,
    /// Its name in lower case and A-labels (in UTF-8 if it was added before those were made of it).
    pub name: String,
}

/// How an account proves who it is. The store does not look inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// A password hash: PHC string or crypt(3) form. Empty: no password fits.
    pub password: String,
    /// What SCRAM needs (RFC 5802 §3), if the password was ever seen in clear.
    pub scram: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its address in lower case.
    pub address: String,
    /// The domain of its address.
    pub domain: DomainId,
    /// How it proves who it is.
    pub credential: Credential,
    /// What its messages and files may take in bytes; nothing: no limit.
    pub quota_bytes: Option<u64>,
    /// What its messages (as sent) and its files take in bytes, cut uploads included.
    pub used_bytes: u64,
    /// Where its history stands.
    pub modseq: ModSeq,
    /// When it was made, in Unix milliseconds.
    pub created_ms: i64,
}

/// One target of an alias. An alias with several targets has several of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    /// `local@domain` or, for all that nobody else has, `@domain`; lower case.
    pub address: String,
    /// The address mail goes to; lower case.
    pub target: String,
}

macro_rules! account_where {
    ($rest:literal) => {
        concat!(
            "SELECT account_id, address, domain_id, password, scram, quota_bytes, used_bytes, modseq, ",
            "created_ms FROM account ",
            $rest
        )
    };
}

fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(row.int(0)?),
        address: row.string(1)?,
        domain: DomainId(row.int(2)?),
        credential: Credential { password: row.string(3)?, scram: row.opt_text(4)?.map(str::to_owned) },
        quota_bytes: row.opt_int(5)?.map(i64::cast_unsigned),
        used_bytes: row.count(6)?,
        modseq: ModSeq(row.count(7)?),
        created_ms: row.int(8)?,
    })
}

impl View<'_> {
    /// All domains by name.
    pub fn domains(&mut self) -> Result<Vec<Domain>, StoreError> {
        let sql = "SELECT domain_id, name FROM domain ORDER BY name";
        self.db.list(sql, &[], |row| Ok(Domain { id: DomainId(row.int(0)?), name: row.string(1)? }))
    }

    /// The domain `name`, in any case, in A-labels or UTF-8.
    pub fn domain_by_name(&mut self, name: &str) -> Result<Option<Domain>, StoreError> {
        let sql = "SELECT domain_id, name FROM domain WHERE name = ?1";
        for form in address::domain_forms(name) {
            let domain = |row: &Row<'_>| Ok(Domain { id: DomainId(row.int(0)?), name: row.string(1)? });
            if let Some(found) = self.db.row(sql, params![&form], domain)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// An address or `@domain` in lower case and, if the domain is ours, in the form of the domain that is stored.
    fn stored_form(&mut self, address: &str) -> Result<String, StoreError> {
        let address = address.to_lowercase();
        let Some((local, domain)) = address.rsplit_once('@') else { return Ok(address) };
        let found = self.domain_by_name(domain)?;
        Ok(found.map_or_else(|| address.clone(), |domain| format!("{local}@{}", domain.name)))
    }

    /// All accounts by address.
    pub fn accounts(&mut self) -> Result<Vec<Account>, StoreError> {
        self.db.list(account_where!("ORDER BY address"), &[], account)
    }

    /// The account `id`.
    pub fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.db.row(account_where!("WHERE account_id = ?1"), params![id], account)
    }

    /// The account whose own address is `address`, in any case, its domain in A-labels or UTF-8. Aliases do
    /// not count: they are for mail, not for logging in.
    pub fn account_by_address(&mut self, address: &str) -> Result<Option<Account>, StoreError> {
        let address = address.to_lowercase();
        let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
        for form in address::domain_forms(domain) {
            let address = format!("{local}@{form}");
            let found = self.db.row(account_where!("WHERE address = ?1"), params![&address], account)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// All aliases by address.
    pub fn aliases(&mut self) -> Result<Vec<Alias>, StoreError> {
        let sql = "SELECT address, target FROM alias ORDER BY address, target";
        self.db.list(sql, &[], |row| Ok(Alias { address: row.string(0)?, target: row.string(1)? }))
    }
}

impl Tx<'_> {
    pub(crate) fn next_number(&mut self, counter: &str) -> Result<i64, StoreError> {
        let sql = "UPDATE counter SET value = value + 1 WHERE name = ?1 RETURNING value";
        let missing = || StoreError::Corrupt(format!("counter {counter} is missing"));
        self.db.number(sql, params![counter])?.ok_or_else(missing)
    }

    /// Keeps other changes of domains, accounts and aliases off until the commit.
    pub(crate) fn lock_directory(&mut self) -> Result<(), StoreError> {
        if self.db.is_postgres() {
            self.db.execute("SELECT pg_advisory_xact_lock(7867347)", &[])?;
        }
        Ok(())
    }

    /// Adds a domain.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for what is no domain name, [`StoreError::Exists`], also in another form.
    pub fn add_domain(&mut self, name: &str) -> Result<DomainId, StoreError> {
        self.lock_directory()?;
        let name = address::domain(name)?;
        if self.domain_by_name(&name)?.is_some() {
            return Err(StoreError::Exists("domain"));
        }
        let id = self.next_number("domain")?;
        self.db.execute("INSERT INTO domain (domain_id, name) VALUES (?1, ?2)", params![id, &name])?;
        Ok(DomainId(id))
    }

    /// Removes a domain.
    ///
    /// # Errors
    /// [`StoreError::DomainInUse`] while it has accounts or aliases, [`Missing::Domain`].
    pub fn remove_domain(&mut self, name: &str) -> Result<(), StoreError> {
        self.lock_directory()?;
        let domain = self.domain_by_name(name)?.ok_or(StoreError::Missing(Missing::Domain))?;
        let sql = "SELECT COUNT(*) FROM account WHERE domain_id = ?1";
        let accounts = self.db.number(sql, params![domain.id])?.unwrap_or(0);
        let ending = format!("@{}", domain.name);
        let aliases = self.aliases()?.iter().filter(|alias| alias.address.ends_with(&ending)).count();
        if accounts > 0 || aliases > 0 {
            return Err(StoreError::DomainInUse);
        }
        self.db.execute("DELETE FROM domain WHERE domain_id = ?1", params![domain.id])?;
        Ok(())
    }

    /// Adds an account with the mailboxes INBOX, Drafts, Sent, Junk, Trash and Archive, all
    /// subscribed.
    ///
    /// # Errors
    /// [`Missing::Domain`] if the address's domain is not ours, [`StoreError::Exists`] if an account
    /// or an alias has the address, [`StoreError::Invalid`] for what is no address, or one that routes.
    pub fn add_account(&mut self, address: &str, credential: &Credential) -> Result<AccountId, StoreError> {
        let address = Address::parse(address)?;
        address.check_usable()?;
        self.lock_directory()?;
        let domain = self.domain_by_name(address.domain())?.ok_or(StoreError::Missing(Missing::Domain))?;
        let address = address.within(&domain);
        let taken = "SELECT (SELECT COUNT(*) FROM account WHERE address = ?1)
                     + (SELECT COUNT(*) FROM alias WHERE address = ?1)";
        if self.db.number(taken, params![address.as_str()])? != Some(0) {
            return Err(StoreError::Exists("address"));
        }
        let id = AccountId(self.next_number("account")?);
        let sql =
            "INSERT INTO account (account_id, address, domain_id, password, scram, quota_bytes, used_bytes,
                   modseq, last_message_id, last_mailbox_id, last_uidvalidity, created_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, NULL, 0, 1, 0, 0, 0, ?6)";
        let scram = credential.scram.as_ref();
        let values = params![id, address.as_str(), domain.id, &credential.password, scram, unix_ms()];
        self.db.execute(sql, values)?;
        self.make_mailbox(id, "INBOX", None)?;
        for special in
            [SpecialUse::Drafts, SpecialUse::Sent, SpecialUse::Junk, SpecialUse::Trash, SpecialUse::Archive]
        {
            self.make_mailbox(id, special.name(), Some(special))?;
        }
        for name in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"] {
            self.set_subscribed(id, name, true)?;
        }
        Ok(id)
    }

    /// Removes an account with all its mail and files, and its memberships in shared folders. Aliases that
    /// lead to it stay and lead nowhere. Where it may have many files, [`Tx::remove_some`] should have
    /// removed them before, so that this does not keep others waiting.
    pub fn remove_account(&mut self, account: AccountId) -> Result<(), StoreError> {
        self.lock_directory()?;
        self.bump(account)?;
        for mailbox in self.mailboxes(account)? {
            self.drop_mailbox(account, mailbox.id)?;
        }
        self.remove_area(AreaId::Account(account))?;
        for sql in [
            "DELETE FROM subscription WHERE account_id = ?1",
            "DELETE FROM file_share_member WHERE account_id = ?1",
            "DELETE FROM ftp_profile WHERE account_id = ?1",
            "DELETE FROM account WHERE account_id = ?1",
        ] {
            self.db.execute(sql, params![account])?;
        }
        Ok(())
    }

    /// Sets how the account proves who it is.
    pub fn set_credential(&mut self, account: AccountId, credential: &Credential) -> Result<(), StoreError> {
        let sql = "UPDATE account SET password = ?2, scram = ?3 WHERE account_id = ?1";
        let values = params![account, &credential.password, credential.scram.as_ref()];
        self.must_change(sql, values, Missing::Account)
    }

    /// Sets what the account's messages and files may take in bytes; nothing: no limit. What is there stays.
    pub fn set_quota(&mut self, account: AccountId, quota_bytes: Option<u64>) -> Result<(), StoreError> {
        let sql = "UPDATE account SET quota_bytes = ?2 WHERE account_id = ?1";
        self.must_change(sql, params![account, quota_bytes], Missing::Account)
    }

    /// Runs a statement that must change a row.
    pub(crate) fn must_change(
        &mut self,
        sql: &'static str,
        values: &[crate::sql::Value<'_>],
        what: Missing,
    ) -> Result<(), StoreError> {
        if self.db.execute(sql, values)? == 0 { Err(StoreError::Missing(what)) } else { Ok(()) }
    }

    /// Makes mail for `address` go to `target` too.
    ///
    /// - `address`: `local@domain` or `@domain` of a domain of ours.
    /// - `target`: any address, also of a foreign domain.
    ///
    /// # Errors
    /// [`Missing::Domain`], [`StoreError::Exists`] if this very alias or an account with that
    /// address exists, [`StoreError::Invalid`].
    pub fn add_alias(&mut self, address: &str, target: &str) -> Result<(), StoreError> {
        let address = match address.strip_prefix('@') {
            Some(domain) => format!("@{}", address::domain(domain)?),
            None => {
                let address = Address::parse(address)?;
                address.check_usable()?;
                address.into_string()
            }
        };
        let target = Address::parse(target)?;
        let domain = address.rsplit('@').next().unwrap_or_default();
        self.lock_directory()?;
        self.domain_by_name(domain)?.ok_or(StoreError::Missing(Missing::Domain))?;
        let address = self.stored_form(&address)?;
        let target = Address::parse(&self.stored_form(target.as_str())?)?;
        if self.account_by_address(&address)?.is_some() {
            return Err(StoreError::Exists("address"));
        }
        let sql =
            "INSERT INTO alias (address, target) VALUES (?1, ?2) ON CONFLICT (address, target) DO NOTHING";
        if self.db.execute(sql, params![&address, target.as_str()])? == 0 {
            return Err(StoreError::Exists("alias"));
        }
        Ok(())
    }

    /// Removes one target of an alias, or, without `target`, all.
    ///
    /// # Errors
    /// [`Missing::Alias`] if there is none such.
    pub fn remove_alias(&mut self, address: &str, target: Option<&str>) -> Result<(), StoreError> {
        let address = self.stored_form(address)?;
        let target = target.map(|target| self.stored_form(target)).transpose()?;
        match &target {
            Some(target) => {
                let sql = "DELETE FROM alias WHERE address = ?1 AND target = ?2";
                self.must_change(sql, params![&address, target], Missing::Alias)
            }
            None => {
                self.must_change("DELETE FROM alias WHERE address = ?1", params![&address], Missing::Alias)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Resolution, Settings, Store};

    #[test]
    fn domains_that_were_stored_in_utf8_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            url: "sqlite:test.db".into(),
            blobs: "file:blobs".into(),
            data_dir: folder.path().into(),
            readers: 1,
        };
        let store = Store::open(&settings).unwrap();
        let account = store.write_blocking(|tx| {
            let name = "müller.example".to_owned();
            tx.db.execute("INSERT INTO domain (domain_id, name) VALUES (?1, ?2)", params![7i64, &name])?;
            tx.db.execute("UPDATE counter SET value = 7 WHERE name = 'domain'", &[])?;
            let nobody = Credential { password: String::new(), scram: None };
            let account = tx.add_account("uwe@xn--mller-kva.example", &nobody)?;
            tx.add_alias("info@xn--mller-kva.example", "uwe@xn--mller-kva.example")?;
            assert_eq!(tx.add_domain("xn--mller-kva.example"), Err(StoreError::Exists("domain")));
            Ok(account)
        });
        let account = account.unwrap();
        for domain in ["müller.example", "xn--mller-kva.example"] {
            for local in ["uwe", "info", "uwe+x", "postmaster"] {
                let found = store.read_blocking(move |view| view.resolve(local, domain)).unwrap();
                let Resolution::Local(targets) = found else { panic!("{local}@{domain}: {found:?}") };
                assert_eq!(targets[0].account, account);
                assert_eq!(targets[0].address, "uwe@müller.example");
            }
            let address = format!("Uwe@{domain}");
            let found = store.read_blocking(move |view| view.account_by_address(&address)).unwrap();
            assert_eq!(found.unwrap().id, account);
        }
        assert_eq!(store.check(&mut |_| ()).unwrap().findings, []);
        store.write_blocking(|tx| tx.remove_alias("info@xn--mller-kva.example", None)).unwrap();
    }
}
