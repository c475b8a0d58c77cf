//! What an operator may ask for: the same whether the server runs (through its control socket) or
//! not (straight on the store).

mod files;
mod import;

pub use files::{
    BLOCK_BYTES, Exchange, FileRow, FilesRequest, LIST_PAGE, NoBytes, ProfileChange, ProfileRow, ShareRow,
    UsageRow,
};

use crate::auth::credential;
use crate::dns::request::{DnsReply, DnsRequest};
use crate::dns::zones::Zones;
use crate::dns::{domain, orders};
use crate::resolver::dig::{DigReply, DigRequest};
use crate::trace::{Kind, Name};
use serde::{Deserialize, Serialize};
use std::fmt;
use store::{AreaId, Credential, EntryId, Resolution, Store, StoreError, TraceId};

/// A wish.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the arguments of the commands, described there")]
pub enum Request {
    /// Add a domain.
    DomainAdd { name: String },
    /// List domains.
    DomainList,
    /// Remove a domain without accounts and aliases.
    DomainRemove { name: String },
    /// Add an account.
    AccountAdd { address: String, password: String, quota_bytes: Option<u64> },
    /// List accounts.
    AccountList,
    /// Remove an account with all its mail and files.
    AccountRemove { address: String },
    /// Set a password.
    AccountPassword { address: String, password: String },
    /// Set or lift a quota.
    AccountQuota { address: String, quota_bytes: Option<u64> },
    /// Show or change what an account's FTP clients may do.
    AccountFtp { address: String, change: ProfileChange },
    /// What concerns files.
    Files(FilesRequest),
    /// Add many accounts, each with a password, a hash of it, or locked.
    AccountImport { accounts: Vec<(String, String)> },
    /// Make mail for an address go to another as well.
    AliasAdd { address: String, target: String },
    /// List aliases.
    AliasList,
    /// Remove an alias, or one target of it.
    AliasRemove { address: String, target: Option<String> },
    /// Whatever concerns names.
    Dns(DnsRequest),
    /// Look a name up in the world. Answered by whoever has a resolver, before [`carry_out`].
    Dig(DigRequest),
    /// Tell the stories of messages.
    Trace { query: String, limit: u32 },
    /// Verify the store.
    Check,
}

/// What comes back, in order: any number of [`Reply::Progress`], then one of the others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum Reply {
    /// So far.
    Progress { step: String, done: u64, total: u64 },
    /// So many bytes of a file follow behind the line.
    Data { len: u32 },
    /// It is done, in words.
    Done { message: String },
    /// Domains by name.
    Domains(Vec<String>),
    /// Accounts by address.
    Accounts(Vec<AccountRow>),
    /// Aliases by address.
    Aliases(Vec<AliasRow>),
    /// Whatever concerns names.
    Dns(DnsReply),
    /// What was looked up.
    Dig(Box<DigReply>),
    /// Stories, newest first.
    Traces(Vec<Story>),
    /// Entries of a folder, or the file that a wish was about.
    Files(Vec<FileRow>),
    /// What lies in areas.
    Usage(Vec<UsageRow>),
    /// Shared folders by name.
    Shares(Vec<ShareRow>),
    /// An account's FTP profile.
    FtpProfile(ProfileRow),
    /// What the check found.
    Checked(Checked),
    /// It was not done, and why.
    Failed { message: String },
}

/// An account in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccountRow {
    /// Its address.
    pub address: String,
    /// Bytes of its messages and files.
    pub used_bytes: u64,
    /// What they may be; nothing: no limit.
    pub quota_bytes: Option<u64>,
}

/// An alias in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct AliasRow {
    /// The address, or `@domain` for all that nobody has.
    pub address: String,
    /// Where its mail goes.
    pub target: String,
}

/// The story of one message.
#[derive(Debug, Serialize, Deserialize)]
pub struct Story {
    /// Its name.
    pub id: String,
    /// Its steps in order.
    pub events: Vec<StoryEvent>,
}

/// One step of a story.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoryEvent {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// What happened, in one word.
    pub what: String,
    /// To which recipient, if not to all.
    pub recipient: Option<String>,
    /// The rest.
    pub detail: String,
}

/// What a check found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Checked {
    /// What is damaged: what, where, and the detail.
    pub findings: Vec<(String, String, String)>,
    /// Findings beyond those listed.
    pub more: u64,
    /// What was looked at, as name and count.
    pub counted: Vec<(String, u64)>,
}

/// Why a wish was not carried out.
#[derive(Debug)]
pub struct AdminError(String);

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> AdminError {
        match error {
            StoreError::Abandoned(why) => AdminError(why),
            error => AdminError(error.to_string()),
        }
    }
}

impl From<std::io::Error> for AdminError {
    fn from(error: std::io::Error) -> AdminError {
        AdminError(error.to_string())
    }
}

/// Carries out a wish; blocks. `bytes` are those of a file, if the wish is about one; `progress` hears of
/// long work.
pub fn carry_out(
    zones: &Zones,
    request: Request,
    bytes: &mut dyn Exchange,
    progress: &mut dyn FnMut(Reply),
) -> Reply {
    let store = zones.store();
    let done = match request {
        Request::DomainAdd { .. } | Request::DomainList | Request::DomainRemove { .. } => {
            domains(zones, request)
        }
        Request::AliasAdd { .. } | Request::AliasList | Request::AliasRemove { .. } => {
            aliases(store, request)
        }
        Request::Files(request) => files::carry_out(store, request, bytes, progress),
        Request::AccountFtp { address, change } => files::profile(store, address, change),
        Request::AccountRemove { address } => remove_account(store, address, progress),
        Request::AccountImport { accounts } => import::carry_out(store, &accounts, progress),
        Request::Trace { query, limit } => traces(store, &query, limit),
        Request::Dns(request) => Ok(orders::carry_out(zones, request)),
        Request::Check => check(zones, progress),
        Request::Dig(_) => Ok(Reply::Failed { message: "there is no resolver here".into() }),
        request => accounts(store, request),
    };
    done.unwrap_or_else(|error| Reply::Failed { message: error.to_string() })
}

fn done(message: String) -> Result<Reply, AdminError> {
    Ok(Reply::Done { message })
}

fn domains(zones: &Zones, request: Request) -> Result<Reply, AdminError> {
    let store = zones.store();
    match request {
        Request::DomainAdd { name } => {
            let name = store.write_blocking(move |tx| {
                tx.add_domain(&name)?;
                stored_name(tx, &name)
            })?;
            let names = domain::added(zones, &name);
            done(format!("{name} is a domain of this server now; {names}"))
        }
        Request::DomainRemove { name } => {
            let name = store.write_blocking(move |tx| {
                let stored = stored_name(tx, &name)?;
                tx.remove_domain(&name)?;
                Ok(stored)
            })?;
            let names = domain::removed(zones, &name);
            done(format!("{name} is no domain of this server any more{names}"))
        }
        _ => {
            let domains = store.read_blocking(|view| view.domains())?;
            Ok(Reply::Domains(domains.into_iter().map(|domain| domain.name).collect()))
        }
    }
}

/// A domain's name in the form that is stored.
fn stored_name(tx: &mut store::Tx<'_>, name: &str) -> Result<String, StoreError> {
    Ok(tx.domain_by_name(name)?.ok_or(StoreError::Missing(store::Missing::Domain))?.name)
}

fn accounts(store: &Store, request: Request) -> Result<Reply, AdminError> {
    match request {
        Request::AccountAdd { address, password, quota_bytes } => {
            let secret = new_credential(&password)?;
            let text = format!("{address} can log in and receive mail now");
            store.write_blocking(move |tx| {
                let account = tx.add_account(&address, &secret)?;
                tx.set_quota(account, quota_bytes)
            })?;
            done(text)
        }
        Request::AccountPassword { address, password } => {
            let secret = new_credential(&password)?;
            let text = format!("{address} has a new password");
            store.write_blocking(move |tx| {
                let account = existing(tx, &address)?;
                tx.set_credential(account, &secret)
            })?;
            done(text)
        }
        Request::AccountQuota { address, quota_bytes } => {
            let text = match quota_bytes {
                Some(bytes) => format!("{address} may hold {bytes} bytes"),
                None => format!("{address} has no quota"),
            };
            store.write_blocking(move |tx| {
                let account = existing(tx, &address)?;
                tx.set_quota(account, quota_bytes)
            })?;
            done(text)
        }
        _ => {
            let accounts = store.read_blocking(|view| view.accounts())?;
            let row = |account: store::Account| AccountRow {
                address: account.address,
                used_bytes: account.used_bytes,
                quota_bytes: account.quota_bytes,
            };
            Ok(Reply::Accounts(accounts.into_iter().map(row).collect()))
        }
    }
}

/// Nobody logs in any more, then the files go in steps, then the rest at once. Asked again after it was
/// interrupted, it goes on.
fn remove_account(
    store: &Store,
    address: String,
    progress: &mut dyn FnMut(Reply),
) -> Result<Reply, AdminError> {
    let text = format!("{address} and all its mail and files are removed");
    let nobody = locked();
    let account = store.write_blocking(move |tx| {
        let account = existing(tx, &address)?;
        tx.set_credential(account, &nobody)?;
        Ok(account)
    })?;
    files::empty(store, AreaId::Account(account), EntryId::ROOT, progress)?;
    store.write_blocking(move |tx| tx.remove_account(account))?;
    done(text)
}

fn existing(tx: &mut store::Tx<'_>, address: &str) -> Result<store::AccountId, StoreError> {
    Ok(tx.account_by_address(address)?.ok_or(StoreError::Missing(store::Missing::Account))?.id)
}

/// What no password fits.
fn locked() -> Credential {
    Credential { password: String::new(), scram: None }
}

fn new_credential(password: &str) -> Result<Credential, AdminError> {
    if password.is_empty() {
        return Err(AdminError("an empty password would let anybody in; give one".into()));
    }
    if password.len() > sasl::limits::PASSWORD_LEN_MAX_BYTES {
        return Err(AdminError(format!(
            "the password is longer than {} bytes",
            sasl::limits::PASSWORD_LEN_MAX_BYTES
        )));
    }
    Ok(credential(password.as_bytes())?)
}

fn aliases(store: &Store, request: Request) -> Result<Reply, AdminError> {
    match request {
        Request::AliasAdd { address, target } => {
            let text = format!("mail for {address} goes to {target}");
            store.write_blocking(move |tx| {
                let (local, domain) = target.rsplit_once('@').unwrap_or((&target, ""));
                match tx.resolve(local, domain)? {
                    Resolution::NotLocal | Resolution::Forward { .. } => Err(StoreError::Abandoned(format!(
                        "{target} is on another server, and sending to other servers does not exist yet"
                    ))),
                    Resolution::NoSuchUser => {
                        Err(StoreError::Abandoned(format!("nobody here has the address {target}")))
                    }
                    Resolution::Local(_) | Resolution::Loop => tx.add_alias(&address, &target),
                }
            })?;
            done(text)
        }
        Request::AliasRemove { address, target } => {
            let text = format!("the alias {address} is removed");
            store.write_blocking(move |tx| tx.remove_alias(&address, target.as_deref()))?;
            done(text)
        }
        _ => {
            let aliases = store.read_blocking(|view| view.aliases())?;
            let row = |alias: store::Alias| AliasRow { address: alias.address, target: alias.target };
            Ok(Reply::Aliases(aliases.into_iter().map(row).collect()))
        }
    }
}

fn traces(store: &Store, query: &str, limit: u32) -> Result<Reply, AdminError> {
    let named = Name::parse(query).map(|name| name.0);
    let query = query.trim_start_matches('<').trim_end_matches('>').to_string();
    let stories = store.read_blocking(move |view| {
        let ids: Vec<TraceId> = match named {
            Some(id) => vec![id],
            None => view.find_traces(&query, limit)?,
        };
        let mut stories = Vec::new();
        for id in ids {
            let events: Vec<StoryEvent> = view.trace(id)?.into_iter().map(story_event).collect();
            if !events.is_empty() {
                stories.push(Story { id: Name(id).to_string(), events });
            }
        }
        Ok(stories)
    })?;
    Ok(Reply::Traces(stories))
}

fn story_event(event: store::TraceEvent) -> StoryEvent {
    StoryEvent {
        at_ms: event.at_ms,
        what: Kind::words(event.kind).to_string(),
        recipient: event.recipient,
        detail: event.detail,
    }
}

fn check(zones: &Zones, progress: &mut dyn FnMut(Reply)) -> Result<Reply, AdminError> {
    let mut report = zones.store().check(&mut |now| {
        progress(Reply::Progress { step: now.step.to_string(), done: now.done, total: now.total });
    })?;
    report.findings.extend(domain::check(zones)?);
    let counted = &report.counted;
    Ok(Reply::Checked(Checked {
        findings: report
            .findings
            .iter()
            .map(|f| (f.what.to_string(), f.where_.clone(), f.detail.clone()))
            .collect(),
        more: report.more,
        counted: [
            ("accounts", counted.accounts),
            ("mailboxes", counted.mailboxes),
            ("messages", counted.messages),
            ("contents", counted.contents),
            ("bytes", counted.content_bytes),
            ("files", counted.files),
            ("cut uploads", counted.parts),
            ("queued", counted.queued),
            ("zones", counted.zones),
        ]
        .map(|(name, count)| (name.to_string(), count))
        .into(),
    }))
}
