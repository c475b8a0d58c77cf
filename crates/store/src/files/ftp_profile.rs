//! What an account's FTP clients can and cannot do.

use crate::address;
use crate::error::{Missing, StoreError};
use crate::id::AccountId;
use crate::sql::params;
use crate::view::{Tx, View};

/// Whether an encrypted data connection must resume the TLS session of its control connection, which
/// proves that the same client made both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataBinding {
    /// A data connection that does not is refused.
    #[default]
    Require,
    /// One that does not is taken if it comes from the same address, and logged.
    Prefer,
    /// Only the address is compared.
    Off,
}

/// What an account's FTP clients can and cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FtpProfile {
    /// Log in without TLS, as cameras and scanners do.
    pub is_plain_allowed: bool,
    /// False: EPSV is answered as not known, for devices that stumble over it.
    pub has_epsv: bool,
    /// Folders on the way to an upload are made by themselves.
    pub makes_parents: bool,
    /// What joins data connections to their control connection.
    pub data_binding: DataBinding,
    /// Active data connections go to the address of the control connection whatever address PORT names:
    /// for devices behind address translation, which name their inner one.
    pub active_to_control: bool,
    /// Most bytes a second that all of its downloads together may take; nothing: no limit.
    pub rate_down: Option<u64>,
    /// Most bytes a second that all of its uploads together may take; nothing: no limit.
    pub rate_up: Option<u64>,
}

impl Default for FtpProfile {
    /// For people with a present client.
    fn default() -> FtpProfile {
        FtpProfile {
            is_plain_allowed: false,
            has_epsv: true,
            makes_parents: false,
            data_binding: DataBinding::Require,
            active_to_control: false,
            rate_down: None,
            rate_up: None,
        }
    }
}

impl FtpProfile {
    /// For cameras, scanners and other devices that speak FTP as it was.
    pub fn device() -> FtpProfile {
        FtpProfile {
            is_plain_allowed: true,
            has_epsv: false,
            makes_parents: true,
            data_binding: DataBinding::Off,
            active_to_control: true,
            ..FtpProfile::default()
        }
    }
}

impl View<'_> {
    /// The account's profile; the usual one if none was set.
    pub fn ftp_profile(&mut self, account: AccountId) -> Result<FtpProfile, StoreError> {
        let sql = "SELECT is_plain_allowed, has_epsv, makes_parents, data_binding, active_to_control,
                   rate_down, rate_up FROM ftp_profile WHERE account_id = ?1";
        let found = self.db.row(sql, params![account], |row| {
            Ok(FtpProfile {
                is_plain_allowed: row.int(0)? != 0,
                has_epsv: row.int(1)? != 0,
                makes_parents: row.int(2)? != 0,
                data_binding: match row.int(3)? {
                    1 => DataBinding::Prefer,
                    2 => DataBinding::Off,
                    _ => DataBinding::Require,
                },
                active_to_control: row.int(4)? != 0,
                rate_down: row.opt_int(5)?.map(i64::cast_unsigned),
                rate_up: row.opt_int(6)?.map(i64::cast_unsigned),
            })
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Whether there is an account of that address which may log in without TLS. The same questions whatever
    /// the answer, so that its time does not tell whether the account is there.
    pub fn is_plain_allowed(&mut self, address: &str) -> Result<bool, StoreError> {
        let sql =
            "SELECT is_plain_allowed FROM account JOIN ftp_profile USING (account_id) WHERE address = ?1";
        let address = address.to_lowercase();
        let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
        let mut is_allowed = false;
        for form in address::domain_forms(domain) {
            let found = self.db.number(sql, params![&format!("{local}@{form}")])?;
            is_allowed |= found.is_some_and(|allowed| allowed != 0);
        }
        Ok(is_allowed)
    }

    /// Whether a domain has accounts that may log in without TLS.
    pub fn has_plain_accounts(&mut self, domain: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM domain JOIN account USING (domain_id) JOIN ftp_profile USING (account_id)
                   WHERE name = ?1 AND is_plain_allowed <> 0 LIMIT 1";
        for form in address::domain_forms(domain) {
            if self.db.number(sql, params![&form])?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Tx<'_> {
    /// Sets the account's profile.
    ///
    /// # Errors
    /// [`Missing::Account`].
    pub fn set_ftp_profile(&mut self, account: AccountId, profile: &FtpProfile) -> Result<(), StoreError> {
        self.lock(account)?;
        if self.account(account)?.is_none() {
            return Err(StoreError::Missing(Missing::Account));
        }
        let binding = match profile.data_binding {
            DataBinding::Require => 0i64,
            DataBinding::Prefer => 1,
            DataBinding::Off => 2,
        };
        let sql = "INSERT INTO ftp_profile (account_id, is_plain_allowed, has_epsv, makes_parents, data_binding,
                   active_to_control, rate_down, rate_up) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT (account_id) DO UPDATE SET is_plain_allowed = ?2, has_epsv = ?3, makes_parents = ?4,
                   data_binding = ?5, active_to_control = ?6, rate_down = ?7, rate_up = ?8";
        let values = params![
            account,
            i64::from(profile.is_plain_allowed),
            i64::from(profile.has_epsv),
            i64::from(profile.makes_parents),
            binding,
            i64::from(profile.active_to_control),
            profile.rate_down,
            profile.rate_up,
        ];
        self.db.execute(sql, values)?;
        Ok(())
    }
}
