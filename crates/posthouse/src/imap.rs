//! IMAP commands carried out on the store: one file per command, news of other sessions in
//! [`news`], errors of the store in [`error`].
//!
//! The grammar, the states and the tagged answers are the `imap` crate's; here a command becomes
//! reads and writes, and their results untagged responses. No transaction is open while bytes go
//! to the client: rows are written into a buffer, the read ends, the buffer is sent.

mod append;
mod close;
mod copy;
mod create;
mod delete;
mod error;
mod expunge;
mod fetch;
mod idle;
mod list;
mod login;
mod lsub;
mod marks;
mod news;
mod recent;
mod rename;
mod search;
mod select;
mod selected;
mod status;
mod store;
mod subscribe;

#[cfg(test)]
mod tests;

pub use login::{Door, Logins, Refused};

use crate::auth::{Authenticator, Origin};
use crate::clock::Clock;
use crate::driver::{Reaction, Service, Wire};
use crate::search_cache::SearchCache;
use crate::tls::TlsInfo;
use ::imap::command::Command;
use ::imap::{Answer, Ask, Opened, Outcome, Run, SaslAnswer, Session};
use ::store::{AccountId, MailboxId, Store, View};
use error::Failure;
use idle::Idle;
use news::Telling;
use recent::Recents;
use selected::Selected;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wire::{Budget, Outputs};

/// Output gathers up to this much inside one read of the store, then the read ends and the client
/// gets it: a few milliseconds of work, a few round trips of network.
const BATCH_MAX_BYTES: usize = 256 * 1024;
/// Rows visited in one read at most, so that filters that pass few rows do not hold a read long.
const BATCH_MAX_ROWS: usize = 4096;
/// Sent at once; the driver's patience with a slow client counts per such piece.
const PIECE_BYTES: usize = 256 * 1024;
/// Large messages that clients fetch piece by piece, kept between the pieces; all sessions
/// together.
const KEPT_CONTENT_MAX_BYTES: usize = 128 << 20;

/// What all IMAP sessions are given. Clones share everything.
#[derive(Clone)]
pub struct Shared {
    house: Arc<House>,
    authenticator: Authenticator,
}

impl Shared {
    /// Sessions over `store`, with `search_cache_max_bytes` of memory for texts to search in.
    pub fn new(
        store: Store,
        authenticator: Authenticator,
        clock: Clock,
        search_cache_max_bytes: usize,
    ) -> Shared {
        Shared { house: Arc::new(House::new(store, clock, search_cache_max_bytes)), authenticator }
    }
}

/// What all IMAP sessions have together.
pub struct House {
    store: Store,
    clock: Clock,
    texts: SearchCache,
    recents: Recents,
    kept: Budget,
    /// Searches through texts take a processor each, or more: not all at once.
    searches: Semaphore,
    /// Memory for large messages on their way out.
    large: Semaphore,
}

impl House {
    /// Sessions over `store`, with `search_cache_max_bytes` of memory for texts to search in.
    pub fn new(store: Store, clock: Clock, search_cache_max_bytes: usize) -> House {
        House {
            store,
            clock,
            texts: SearchCache::new(search_cache_max_bytes),
            recents: Recents::default(),
            kept: Budget::new(KEPT_CONTENT_MAX_BYTES),
            searches: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            large: Semaphore::new(fetch::LARGE_UNITS_MAX),
        }
    }
}

/// Answers the questions of one IMAP session.
pub struct ImapService<L = Door> {
    shared: Arc<House>,
    logins: L,
    account: Option<AccountId>,
    selected: Option<Box<Selected>>,
    idle: Option<Box<Idle>>,
}

/// How a command ended.
type Done = Result<Outcome, Failure>;

/// How long a read may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    /// Some milliseconds at most.
    Short,
    /// More: it leaves the thread that serves other sessions too.
    Long,
}

impl ImapService<Door> {
    /// For a connection that has just opened.
    pub fn new(shared: Shared, origin: Origin) -> ImapService<Door> {
        ImapService::with_logins(shared.house, Door { authenticator: shared.authenticator, origin })
    }
}

impl<L: Logins> ImapService<L> {
    /// For a connection whose logins somebody else checks.
    pub fn with_logins(shared: Arc<House>, logins: L) -> ImapService<L> {
        ImapService { shared, logins, account: None, selected: None, idle: None }
    }

    fn account(&self) -> Result<AccountId, Failure> {
        self.account.ok_or_else(|| Failure::Refused(Outcome::bad("Log in first")))
    }

    fn selected(&mut self) -> Result<&mut Selected, Failure> {
        self.selected.as_deref_mut().ok_or_else(not_selected)
    }

    /// The selected mailbox, as the store names it.
    fn place(&mut self) -> Result<(AccountId, MailboxId), Failure> {
        let selected = self.selected()?;
        Ok((selected.account, selected.mailbox))
    }

    /// Runs `job` over one state of the store, with the selected mailbox and `out` in hand. What
    /// it wrote before it failed is complete responses and is sent all the same.
    async fn read<T: Send + 'static>(
        &mut self,
        out: &mut Vec<u8>,
        cost: Cost,
        job: impl FnOnce(&mut View<'_>, &mut Selected, &mut Vec<u8>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut selected = self.selected.take().ok_or_else(not_selected)?;
        // A buffer of its own: what earlier commands wrote must survive whatever happens here.
        let mut buffer = Vec::new();
        let work = move |view: &mut View<'_>| {
            let result = job(view, &mut selected, &mut buffer);
            Ok((selected, buffer, result))
        };
        let (selected, mut buffer, result) = match cost {
            Cost::Short => self.shared.store.read(work).await,
            Cost::Long => self.shared.store.read_long(work).await,
        }
        .map_err(Failure::Lost)?;
        self.selected = Some(selected);
        if out.is_empty() {
            *out = buffer
        } else {
            out.append(&mut buffer)
        }
        result
    }

    /// Tells what others changed in the selected mailbox, if one is selected.
    async fn tell_news(&mut self, wire: &mut Wire, telling: Telling) -> Result<(), Failure> {
        if self.selected.is_none() {
            return Ok(());
        }
        self.read(&mut wire.out, Cost::Short, move |view, selected, out| {
            news::tell(view, selected, &telling, out)
        })
        .await
    }

    async fn run(&mut self, run: Run, wire: &mut Wire) -> Done {
        let Run { tag, command, enabled } = run;
        if let (Some(selected), false) = (&mut self.selected, matches!(command, Command::Fetch(_))) {
            selected.kept = None;
        }
        let outcome = match command {
            // These tell the news themselves, at the moment their rules allow.
            Command::Fetch(fetch) => return self.fetch(fetch, enabled, wire).await,
            Command::Store(store) => return self.store(store, enabled, wire).await,
            Command::Search(search) => return self.search(search, &tag, enabled, wire).await,
            Command::Select(select) => return self.select(select, enabled, wire).await,
            Command::Close => return self.close().await,
            Command::Unselect => return self.unselect(),
            Command::Expunge(expunge) => return self.expunge(expunge, enabled, wire).await,
            Command::Move(copy) => return self.r#move(copy, enabled, wire).await,
            Command::Noop => Outcome::ok("NOOP completed"),
            Command::Check => Outcome::ok("CHECK completed"),
            Command::Namespace => {
                ::imap::response::namespace(&mut wire.out);
                Outcome::ok("NAMESPACE completed")
            }
            Command::Create(create) => self.create(create).await?,
            Command::Delete(delete) => self.delete(delete).await?,
            Command::Rename(rename) => self.rename(rename).await?,
            Command::Subscribe(subscribe) => self.subscribe(subscribe).await?,
            Command::Unsubscribe(unsubscribe) => self.unsubscribe(unsubscribe).await?,
            Command::List(list) => self.list(list, enabled, wire).await?,
            Command::Lsub(lsub) => self.lsub(lsub, enabled, wire).await?,
            Command::Status(status) => self.status(status, enabled, wire).await?,
            Command::Append(append) => self.append(append).await?,
            Command::Copy(copy) => self.copy(copy).await?,
        };
        self.tell_news(wire, Telling::all(enabled)).await?;
        Ok(outcome)
    }

    async fn is_account_gone(&self) -> bool {
        let Some(account) = self.account else { return false };
        matches!(self.shared.store.read(move |view| view.account(account)).await, Ok(None))
    }

    async fn open(&mut self, user: &str) -> Opened {
        match self.logins.account(user).await {
            Ok(Some(account)) => {
                self.account = Some(account);
                Opened::Yes
            }
            Ok(None) => Opened::Forbidden,
            Err(Refused::Unavailable) => Opened::Unavailable,
            Err(Refused::TooMany) => Opened::Limit,
        }
    }
}

fn not_selected() -> Failure {
    Failure::Refused(Outcome::bad("No mailbox is selected"))
}

fn sasl_answer(step: Result<sasl::Step, Refused>) -> Answer {
    Answer::Sasl(match step {
        Ok(step) => SaslAnswer::Step(step),
        Err(Refused::Unavailable) => SaslAnswer::Unavailable,
        Err(Refused::TooMany) => SaslAnswer::Limit,
    })
}

/// A nonce from the system's random source.
fn nonce() -> Option<sasl::ServerNonce> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).ok()?;
    Some(sasl::ServerNonce::from_random(bytes))
}

/// Sends all there is, in pieces, so that a slow client is given time for each.
async fn send(wire: &mut Wire) -> Result<(), Failure> {
    if wire.out.len() <= 2 * PIECE_BYTES {
        return wire.flush().await.map_err(Failure::Wire);
    }
    let all = std::mem::take(&mut wire.out);
    for piece in all.chunks(PIECE_BYTES) {
        wire.out.extend_from_slice(piece);
        wire.flush().await.map_err(Failure::Wire)?;
    }
    Ok(())
}

impl<L: Logins> Service<Session> for ImapService<L> {
    async fn answer(&mut self, ask: Ask, wire: &mut Wire) -> Reaction<Answer> {
        self.idle = None;
        Reaction::Answer(match ask {
            Ask::StartTls => return Reaction::StartTls,
            Ask::Nonce => match nonce() {
                Some(nonce) => Answer::Nonce(nonce),
                None => return Reaction::Drop,
            },
            Ask::Verify(pending) => sasl_answer(self.logins.verify(pending).await),
            Ask::Scram(pending) => sasl_answer(self.logins.scram(pending).await),
            Ask::Open { user } => Answer::Opened(self.open(&user).await),
            Ask::Idle => {
                self.begin_idle();
                Answer::Idling
            }
            Ask::Run(run) => match self.run(*run, wire).await {
                done if error::finds_nothing(&done) && self.is_account_gone().await => {
                    return Failure::AccountGone.into_reaction();
                }
                Ok(outcome) => Answer::Done(outcome),
                Err(failure) => return failure.into_reaction(),
            },
        })
    }

    fn tls_started(&mut self, info: TlsInfo) -> Answer {
        Answer::Tls(login::bindings(&info))
    }

    async fn event(&mut self) {
        match &mut self.idle {
            Some(idle) => idle.event().await,
            None => std::future::pending().await,
        }
    }

    async fn on_event(&mut self, session: &mut Session, _: &mut Wire, out: &mut Outputs<Ask>) {
        Box::pin(self.tell_idler(session, out)).await;
    }
}

impl<L> Drop for ImapService<L> {
    fn drop(&mut self) {
        if let Some(selected) = self.selected.take() {
            self.shared.recents.keep_later(&self.shared.store, &selected);
        }
    }
}
