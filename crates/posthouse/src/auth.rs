//! Who may log in: one check, one failure budget and one cache for all protocols.

mod budget;
mod checkers;
mod pace;
mod verified;

use crate::clock::Clock;
use crate::listen::{ServiceName, origin};
use crate::metrics::metrics;
use budget::{FailureBudget, Leave};
use checkers::Checkers;
use pace::Pace;
use sasl::{PendingScram, PendingVerify, ScramSecret, Step};
use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{Account, AccountId, Credential, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use verified::Verified;

/// Password checks under way or waiting. Each takes some 20 ms and 19 MiB; beyond this many the
/// machine is being flooded and waiting longer helps nobody.
const CHECKS_WAITING_MAX: usize = 1024;
/// Hashes of other servers are replaced at most this often, so that the first morning after an
/// import is not slower than the others.
const REHASH_EVERY: Duration = Duration::from_secs(1);

/// Where a login comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The peer's address.
    pub address: IpAddr,
    /// True when limits per address and delays do not apply to it.
    pub exempt: bool,
    /// By which service.
    pub service: ServiceName,
}

/// What came of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It is the account's.
    Right(AccountId),
    /// No such account, or not its password.
    Wrong,
    /// Too many failures lately: it was not looked at.
    Limited,
    /// It could not be checked now.
    Unavailable,
}

/// What a SCRAM exchange goes on with.
pub enum Scram {
    /// The account's secret.
    Found(ScramSecret),
    /// No such account, or none that can: go on as if, with these bytes.
    Unknown([u8; 32]),
    /// Too many failures lately.
    Limited,
    /// It could not be looked up now.
    Unavailable,
}

/// Why a login was not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchecked {
    /// Too many failures lately.
    Limited,
    /// It could not be done now.
    Unavailable,
}

/// Checks logins. Clones share everything.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    /// Makes exchanges for unknown names look like any other, the same ones in every run.
    decoy: [u8; 32],
    verified: Mutex<Verified>,
    budget: Mutex<FailureBudget>,
    /// Some login that was under way has ended.
    ended: Notify,
    pace: Pace,
    checks: Semaphore,
    checkers: Checkers,
    waiting: Semaphore,
    rehashing: Mutex<HashSet<AccountId>>,
    rehash_turn: tokio::sync::Mutex<()>,
}

impl Authenticator {
    /// An authenticator over a store; its constant secret is kept in `data_dir`.
    ///
    /// # Errors
    /// If the secret can be neither read nor made.
    pub fn new(store: Store, clock: Clock, data_dir: &Path) -> io::Result<Authenticator> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Authenticator(Arc::new(Inner {
            store,
            clock,
            decoy: constant_secret(data_dir)?,
            verified: Mutex::new(Verified::new(random()?)),
            budget: Mutex::new(FailureBudget::new()),
            ended: Notify::new(),
            pace: Pace::default(),
            checks: Semaphore::new(cores),
            checkers: Checkers::start(cores)?,
            waiting: Semaphore::new(CHECKS_WAITING_MAX),
            rehashing: Mutex::default(),
            rehash_turn: tokio::sync::Mutex::new(()),
        })))
    }

    /// Checks a password. A wrong one is charged to the budget and answered late. Once the session is
    /// open, [`Authenticator::succeeded`] is to be told.
    pub async fn check_password(&self, from: Origin, user: &str, password: &[u8]) -> Checked {
        let user = user.to_lowercase();
        self.check(from, &user, &user, password).await
    }

    /// Refuses a password unseen. What it costs, how long it takes and what is written down is as for a
    /// wrong one: whether it was right stays unsaid.
    pub async fn refuse_password(&self, from: Origin, user: &str, password: &[u8]) -> Checked {
        // Nobody's address is empty.
        self.check(from, &user.to_lowercase(), "", password).await
    }

    /// Checks the password against that of `account`.
    async fn check(&self, from: Origin, user: &str, account: &str, password: &[u8]) -> Checked {
        let begun = self.0.clock.now();
        let attempt = match self.begin(from, user).await {
            Ok(attempt) => attempt,
            Err(Unchecked::Limited) => return Checked::Limited,
            Err(Unchecked::Unavailable) => return Checked::Unavailable,
        };
        let checked = self.verify(account, password).await;
        match checked {
            Checked::Wrong => {
                attempt.failed();
                tracing::info!(service = %from.service, peer = %from.address, user = %user.escape_debug(), "login failed");
                if !from.exempt {
                    let answer_at = begun + self.0.pace.answer_after(self.0.clock.now().since(begun));
                    tokio::time::sleep_until(self.0.clock.instant(answer_at)).await;
                }
            }
            Checked::Right(_) | Checked::Limited | Checked::Unavailable => attempt.forgiven(),
        }
        checked
    }

    /// The secret for a SCRAM exchange. The exchange is charged to the budget as if it had failed,
    /// because it may end unseen; [`Authenticator::succeeded`] takes the charge back.
    pub async fn scram_secret(&self, from: Origin, user: &str) -> Scram {
        let user = user.to_lowercase();
        let attempt = match self.begin(from, &user).await {
            Ok(attempt) => attempt,
            Err(Unchecked::Limited) => return Scram::Limited,
            Err(Unchecked::Unavailable) => return Scram::Unavailable,
        };
        let account = match self.account(&user).await {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(%error, "the store cannot be asked for an account");
                attempt.forgiven();
                return Scram::Unavailable;
            }
        };
        attempt.failed();
        let secret = account.and_then(|account| account.credential.scram?.parse().ok());
        secret.map_or(Scram::Unknown(self.0.decoy), Scram::Found)
    }

    /// Checks the password of a SASL exchange and takes the exchange on.
    ///
    /// # Errors
    /// If it was not checked.
    pub async fn verify_step(&self, from: Origin, pending: PendingVerify) -> Result<Step, Unchecked> {
        match self.check_password(from, pending.user(), pending.password().expose()).await {
            Checked::Right(_) => Ok(pending.resume(true)),
            Checked::Wrong => Ok(pending.resume(false)),
            Checked::Limited => Err(Unchecked::Limited),
            Checked::Unavailable => Err(Unchecked::Unavailable),
        }
    }

    /// Looks up the secret of a SCRAM exchange and takes the exchange on.
    ///
    /// # Errors
    /// If it was not looked up.
    pub async fn scram_step(&self, from: Origin, pending: PendingScram) -> Result<Step, Unchecked> {
        match self.scram_secret(from, pending.user()).await {
            Scram::Found(secret) => Ok(pending.resume(secret)),
            Scram::Unknown(decoy) => Ok(pending.resume_unknown(&decoy)),
            Scram::Limited => Err(Unchecked::Limited),
            Scram::Unavailable => Err(Unchecked::Unavailable),
        }
    }

    /// The account of a user who has proved to be that user.
    ///
    /// # Errors
    /// The store's.
    pub async fn account(&self, user: &str) -> Result<Option<Account>, StoreError> {
        let user = user.to_lowercase();
        self.0.store.read(move |view| view.account_by_address(&user)).await
    }

    /// A session has been opened for a user: this address is not banned for others' failures.
    pub fn succeeded(&self, from: Origin, user: &str) {
        metrics().service(from.service).logins.inc();
        tracing::info!(service = %from.service, peer = %from.address, user = %user.escape_debug(), "logged in");
        self.lock_budget().succeed(self.0.clock.now(), origin(from.address), &user.to_lowercase());
    }

    /// Begins a login, once it is certain that all those under way together cannot pass the budget.
    async fn begin(&self, from: Origin, user: &str) -> Result<Attempt<'_>, Unchecked> {
        let mut queued = None;
        loop {
            let ended = self.0.ended.notified();
            let now = self.0.clock.now();
            let leave = self.lock_budget().begin(now, origin(from.address), from.exempt, user);
            match leave {
                Leave::Given => {
                    return Ok(Attempt { authenticator: self, from, user: user.to_string(), over: false });
                }
                Leave::Refused => {
                    tracing::warn!(service = %from.service, peer = %from.address, user = %user.escape_debug(), "login refused: too many failures");
                    return Err(Unchecked::Limited);
                }
                Leave::Later => {
                    if queued.is_none() {
                        queued = Some(self.0.waiting.try_acquire().map_err(|_| Unchecked::Unavailable)?);
                    }
                    ended.await;
                }
            }
        }
    }

    fn lock_budget(&self) -> std::sync::MutexGuard<'_, FailureBudget> {
        self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn verify(&self, user: &str, password: &[u8]) -> Checked {
        let account = match self.account(user).await {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(%error, "the store cannot be asked for an account");
                return Checked::Unavailable;
            }
        };
        let stored = account.as_ref().map_or("", |account| account.credential.password.as_str());
        let key = self.lock_verified().key(stored, password);
        if let Some(account) = &account
            && self.lock_verified().holds(self.0.clock.now(), &key)
        {
            return Checked::Right(account.id);
        }
        let Some(verdict) = self.hash(&key, stored.to_string(), password.to_vec()).await else {
            return Checked::Unavailable;
        };
        match account {
            Some(account) if verdict.ok => {
                self.lock_verified().add(self.0.clock.now(), key);
                if verdict.rehash || account.credential.scram.is_none() {
                    self.rehash_later(account.id, account.credential.password, password.to_vec());
                }
                Checked::Right(account.id)
            }
            _ => Checked::Wrong,
        }
    }

    fn lock_verified(&self) -> std::sync::MutexGuard<'_, Verified> {
        self.0.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes on a thread for it; nothing when too many wait.
    async fn hash(
        &self,
        key: &[u8; 32],
        stored: String,
        password: Vec<u8>,
    ) -> Option<sasl::password::Verdict> {
        let _waiting = self.0.waiting.try_acquire().ok()?;
        let _turn = self.0.checks.acquire().await.ok()?;
        // Another connection of the same client may have had its turn meanwhile.
        if self.lock_verified().holds(self.0.clock.now(), key) {
            return Some(sasl::password::Verdict { ok: true, rehash: false });
        }
        let check = move || {
            let begun = Instant::now();
            let verdict = match stored.as_str() {
                // Nobody's, or locked: no password fits.
                "" => Ok(sasl::password::verify_dummy(&password)),
                stored => sasl::password::verify(stored, &password),
            };
            (verdict, begun.elapsed())
        };
        let (verdict, took) = self.0.checkers.run(check).await?;
        self.0.pace.saw(took);
        match verdict {
            Ok(verdict) => Some(verdict),
            Err(error) => {
                tracing::error!(?error, "an account's stored password has a form that cannot be checked");
                Some(sasl::password::Verdict { ok: false, rehash: false })
            }
        }
    }

    /// Replaces a hash of another server by our own, and makes the SCRAM secret, when it is quiet.
    fn rehash_later(&self, account: AccountId, stored: String, password: Vec<u8>) {
        let fresh = self.0.rehashing.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        if !fresh {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            let turn = this.0.rehash_turn.lock().await;
            tokio::time::sleep(REHASH_EVERY).await;
            let made = tokio::task::spawn_blocking(move || credential(&password)).await;
            if let Ok(Ok(made)) = made {
                let change = this.0.store.write(move |tx| {
                    // The password may have been changed meanwhile.
                    match tx.account(account)? {
                        Some(now) if now.credential.password == stored => tx.set_credential(account, &made),
                        _ => Ok(()),
                    }
                });
                if let Err(error) = change.await {
                    tracing::warn!(%error, "a password hash could not be replaced");
                }
            }
            drop(turn);
            this.0.rehashing.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
        });
    }
}

/// A login under way: counted until it is known how it ended. If that stays unknown, it counts as failed.
struct Attempt<'a> {
    authenticator: &'a Authenticator,
    from: Origin,
    user: String,
    over: bool,
}

impl Attempt<'_> {
    fn failed(mut self) {
        self.end(true);
    }

    fn forgiven(mut self) {
        self.end(false);
    }

    fn end(&mut self, failed: bool) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        if failed {
            metrics().service(self.from.service).login_failures.inc();
        }
        let inner = &self.authenticator.0;
        let address = origin(self.from.address);
        self.authenticator.lock_budget().end(inner.clock.now(), address, &self.user, failed);
        inner.ended.notify_waiters();
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.end(true);
    }
}

/// What is stored of a password: an argon2id hash and a SCRAM secret.
///
/// # Errors
/// If there is no randomness.
pub fn credential(password: &[u8]) -> io::Result<Credential> {
    let salt: [u8; 16] = random()?;
    let scram = ScramSecret::derive(password, &salt, sasl::limits::SCRAM_ITERATIONS_DEFAULT).ok();
    Ok(Credential {
        password: sasl::password::hash_argon2id(password, random()?),
        scram: scram.map(|secret| secret.to_text()),
    })
}

/// Bytes from the operating system's random source.
///
/// # Errors
/// If it has none to give.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

fn constant_secret(data_dir: &Path) -> io::Result<[u8; 32]> {
    let path = data_dir.join("decoy.key");
    if let Ok(bytes) = std::fs::read(&path)
        && let Ok(secret) = bytes.try_into()
    {
        return Ok(secret);
    }
    let secret: [u8; 32] = random()?;
    crate::files::write_private(&path, &secret)?;
    Ok(secret)
}

#[cfg(test)]
mod tests;
