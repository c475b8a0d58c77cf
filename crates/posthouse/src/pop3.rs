//! POP3 joined to accounts and store.

mod lock;

pub use lock::{Locks, notice_death};

use crate::auth::{Authenticator, Checked, Origin, Scram, random};
use crate::clock::Clock;
use crate::driver::{Reaction, Service, Wire};
use crate::metrics::metrics;
use crate::tls::TlsInfo;
use crate::trace::Name;
use ::pop3::{
    Answer, Ask, Commit, Maildrop, Message, Opening, Reading, ScramLookup, Session, Token, UniqueId, Verdict,
};
use lock::{Held, Locked};
use std::ops::ControlFlow;
use std::sync::Arc;
use store::{Account, AccountId, MailboxId, MessageId, OtherSizes, Store, StoreError, TraceId, View};

/// How many messages are measured in one go.
const MEASURED_AT_ONCE_MAX: u64 = 500;

/// What all POP3 connections share.
#[derive(Clone)]
pub struct Shared {
    /// Accounts and messages.
    pub store: Store,
    /// Logins.
    pub authenticator: Authenticator,
    /// The time.
    pub clock: Clock,
    /// Who has which maildrop open.
    pub locks: Locks,
}

/// One connection's service.
pub struct Pop3Service {
    shared: Shared,
    origin: Origin,
    open: Option<Open>,
}

/// An open maildrop.
struct Open {
    account: AccountId,
    inbox: MailboxId,
    held: Held,
    /// By UID, which is the session's token.
    messages: Vec<(u32, MessageId)>,
}

impl Pop3Service {
    /// A service for a connection from `origin`.
    pub fn new(shared: Shared, origin: Origin) -> Pop3Service {
        Pop3Service { shared, origin, open: None }
    }

    async fn verify(&self, user: &str, password: &[u8]) -> Verdict {
        match self.shared.authenticator.check_password(self.origin, user, password).await {
            Checked::Right(_) => Verdict::Accepted,
            Checked::Wrong => Verdict::Rejected,
            Checked::Limited | Checked::Unavailable => Verdict::Unavailable,
        }
    }

    async fn scram(&self, user: &str) -> ScramLookup {
        match self.shared.authenticator.scram_secret(self.origin, user).await {
            Scram::Found(secret) => ScramLookup::Found(secret),
            Scram::Unknown(decoy) => ScramLookup::Unknown(decoy),
            Scram::Limited | Scram::Unavailable => ScramLookup::Unavailable,
        }
    }

    async fn open(&mut self, user: &str) -> Opening {
        let account = match self.shared.authenticator.account(user).await {
            Ok(Some(account)) => account,
            // Removed between the password and now.
            Ok(None) => return Opening::Unavailable,
            Err(error) => return self.failed(&error, Opening::Unavailable),
        };
        self.shared.authenticator.succeeded(self.origin, user);
        let held = match self.shared.locks.take(self.shared.clock, account.id).await {
            Locked::Taken(held) => held,
            Locked::InUse => return Opening::InUse,
            Locked::TooSoon => return Opening::LoginDelay,
        };
        match self.read_maildrop(&account).await {
            Ok((inbox, messages, maildrop)) => {
                self.open = Some(Open { account: account.id, inbox, held, messages });
                Opening::Opened(maildrop)
            }
            Err(error) => self.failed(&error, Opening::Unavailable),
        }
    }

    async fn read_maildrop(
        &self,
        account: &Account,
    ) -> Result<(MailboxId, Vec<(u32, MessageId)>, Maildrop), StoreError> {
        let account = account.id;
        self.measure(account).await?;
        let read = self.shared.store.read(move |view| {
            let inbox = view
                .mailbox_by_name(account, "INBOX")?
                .ok_or(StoreError::Missing(store::Missing::Mailbox))?;
            let odd = view.other_sizes(account)?;
            let (mut known, mut maildrop) = (Vec::new(), Maildrop::default());
            let everything = std::iter::once(1..=u32::MAX).collect::<Vec<_>>();
            view.placements(account, inbox.id, &everything, &mut |placement| {
                // The name of a trace has just the form of a unique id: the message's own number.
                let id = Name(TraceId(placement.message_id.get().unsigned_abs())).to_string();
                if let Some(unique_id) = UniqueId::new(&id) {
                    let uid = placement.uid.get();
                    known.push((uid, placement.message_id));
                    let token = Token(u64::from(uid));
                    let found = odd.binary_search_by_key(&placement.message_id, |(id, _)| *id).ok();
                    let sizes = found.map(|at| odd[at].1).unwrap_or_default();
                    let size_octets = sizes.crlf_bytes.unwrap_or(placement.size_bytes);
                    let surrogate_octets = sizes.ascii_bytes;
                    maildrop.messages.push(Message { token, unique_id, size_octets, surrogate_octets });
                }
                ControlFlow::Continue(())
            })?;
            Ok((inbox.id, known, maildrop))
        });
        read.await
    }

    /// Measures messages that came before their sizes for POP3 were kept.
    async fn measure(&self, account: AccountId) -> Result<(), StoreError> {
        loop {
            let store = self.shared.store.clone();
            let read = move || store.read_bringing_blocking(&mut |view| measure_some(view, account));
            let measured = tokio::task::spawn_blocking(read).await.unwrap_or(Err(StoreError::Panicked))?;
            if measured.is_empty() {
                return Ok(());
            }
            self.shared.store.write(move |tx| tx.set_other_sizes(account, &measured)).await?;
        }
    }

    async fn content(&self, token: Token) -> Reading {
        let Some(open) = &self.open else { return Reading::Gone };
        let known = u32::try_from(token.0)
            .ok()
            .and_then(|uid| open.messages.binary_search_by_key(&uid, |m| m.0).ok());
        let Some(known) = known else { return Reading::Gone };
        let (account, message) = (open.account, open.messages[known].1);
        match self.shared.store.read_bringing(move |view| view.read_content(account, message)).await {
            Ok(content) => Reading::Bytes(Arc::new(::pop3::canonical(content))),
            Err(StoreError::Missing(_)) => Reading::Gone,
            Err(error) => self.failed(&error, Reading::Unavailable),
        }
    }

    async fn commit(&mut self, deleted: &[Token]) -> Commit {
        let Some(Open { account, inbox, held, .. }) = self.open.take() else { return Commit::Failed };
        let uids = deleted.iter().filter_map(|token| u32::try_from(token.0).ok()).map(|uid| uid..=uid);
        let ranges: Vec<_> = uids.collect();
        let done = match ranges.is_empty() {
            true => Ok(()),
            false => {
                self.shared
                    .store
                    .write(move |tx| tx.remove_messages(account, inbox, &ranges).map(|_| ()))
                    .await
            }
        };
        drop(held);
        match done {
            Ok(()) => Commit::Done,
            Err(error) => self.failed(&error, Commit::Failed),
        }
    }

    fn failed<T>(&self, error: &StoreError, answer: T) -> T {
        metrics().store_failures.inc();
        tracing::error!(%error, service = %self.origin.service, "the store failed");
        answer
    }
}

/// How long a message is for POP3 clients, as far as that is not its own length.
pub fn other_sizes(message: &[u8]) -> OtherSizes {
    let sizes = ::pop3::sizes(message);
    OtherSizes {
        crlf_bytes: (sizes.octets != message.len() as u64).then_some(sizes.octets),
        ascii_bytes: sizes.surrogate_octets,
    }
}

impl Service<Session> for Pop3Service {
    async fn answer(&mut self, ask: Ask, wire: &mut Wire) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::Flush => match wire.flush().await {
                Ok(()) => Answer::Flushed,
                Err(_) => return Reaction::Drop,
            },
            Ask::StartTls => return Reaction::StartTls,
            Ask::Nonce => match random() {
                Ok(bytes) => Answer::Nonce(sasl::ServerNonce::from_random(bytes)),
                Err(_) => return Reaction::Drop,
            },
            Ask::Verify { user, password } => Answer::Verified(self.verify(&user, password.expose()).await),
            Ask::ScramSecret { user } => Answer::Scram(self.scram(&user).await),
            // A SCRAM exchange was charged when its secret was looked up.
            Ask::LoginFailed { user, failure } => {
                let user = user.as_deref().unwrap_or("-").escape_debug();
                tracing::info!(service = %self.origin.service, peer = %self.origin.address, %user, ?failure, "login failed");
                Answer::Noted
            }
            Ask::OpenMaildrop { user } => Answer::Maildrop(self.open(&user).await),
            Ask::Retrieve { token } | Ask::Top { token, .. } => Answer::Content(self.content(token).await),
            Ask::Commit { deleted } => Answer::Committed(self.commit(&deleted).await),
        })
    }

    fn tls_started(&mut self, info: TlsInfo) -> Answer {
        Answer::TlsStarted(info.exporter.map(sasl::ChannelBinding::TlsExporter).into_iter().collect())
    }

    fn after_call(&mut self, _session: &mut Session) {
        if let Some(open) = &self.open {
            open.held.is_alive(self.shared.clock.now());
        }
    }

    async fn event(&mut self) {
        match &mut self.open {
            Some(open) => open.held.superseded().await,
            None => std::future::pending().await,
        }
    }

    async fn on_event(&mut self, session: &mut Session, _wire: &mut Wire, out: &mut wire::Outputs<Ask>) {
        self.open = None;
        session.superseded(self.shared.clock.now(), out);
    }
}

/// Measures some of the messages of an account's INBOX that were not yet. Ends where the next one must be fetched
/// first: otherwise all before it would be read once more.
fn measure_some(view: &mut View<'_>, account: AccountId) -> Result<Vec<(MessageId, OtherSizes)>, StoreError> {
    let Some(inbox) = view.mailbox_by_name(account, "INBOX")? else { return Ok(Vec::new()) };
    let mut measured = Vec::new();
    for id in view.unmeasured(account, inbox.id, MEASURED_AT_ONCE_MAX)? {
        match view.read_content(account, id) {
            Ok(content) => measured.push((id, other_sizes(&content))),
            // What cannot be read has no size; it must not keep the others from being read.
            Err(StoreError::Missing(_) | StoreError::Corrupt(_)) => {
                measured.push((id, OtherSizes::default()));
            }
            Err(StoreError::Away(_)) if !measured.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_kept_where_they_differ() {
        for (message, crlf_bytes, ascii_bytes) in [
            (&b"A: b\r\n\r\nbody\r\n"[..], None, None),
            (b"A: b\r\n\r\nbody", Some(14), None),
            (b"A: b\n\nbody\n", Some(14), None),
            (
                "A: \u{e9}\r\n".as_bytes(),
                None,
                Some(::pop3::surrogate::surrogate("A: \u{e9}\r\n".as_bytes()).len() as u64),
            ),
        ] {
            assert_eq!(other_sizes(message), OtherSizes { crlf_bytes, ascii_bytes }, "{message:?}");
        }
    }
}
