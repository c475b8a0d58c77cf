//! APPEND (RFC 9051 §6.3.12).

use super::{Done, ImapService, Logins, error, marks};
use ::imap::Outcome;
use ::imap::command::Append;
use ::imap::response::Code;
use ::store::{Added, MailboxId, NewMessage, OtherSizes, PreparedBlob, StoreError, TraceId};
use mime::{Message, Overview};
use std::sync::Arc;

/// Messages up to this size are read on the thread that serves the session.
const PARSE_HERE_MAX_BYTES: usize = 128 * 1024;
/// Content that was deleted between preparing and storing it is prepared again; twice in a row is
/// next to impossible.
const ATTEMPTS_MAX: usize = 3;

impl<L: Logins> ImapService<L> {
    pub(super) async fn append(&mut self, append: Append) -> Done {
        let account = self.account()?;
        let name = append.mailbox.as_str().to_owned();
        let target = self.shared.store.read(move |view| view.mailbox_by_name(account, &name)).await?;
        let Some(target) = target else { return Err(error::try_create().into()) };
        let keywords = marks::keywords(&append.flags.keywords)?;
        let received_ms = match append.internal_date {
            Some(date) => date.unix_seconds.saturating_mul(1000),
            None => self.shared.clock.unix_ms(),
        };
        let message: Arc<[u8]> = append.message.into();
        let (overview, other_sizes) = read_through(Arc::clone(&message)).await?;
        let flags = marks::stored(append.flags.system);
        let letter = Letter { flags, keywords, received_ms, overview, other_sizes };
        let added = self.place_letter(target.id, &Arc::new(letter), &message).await?;
        let uids = [added.uid.get()].into_iter().collect();
        let code = Code::AppendUid { uid_validity: added.uidvalidity, uids };
        Ok(Outcome::ok("APPEND completed").with_code(code))
    }

    async fn place_letter(
        &self,
        target: MailboxId,
        letter: &Arc<Letter>,
        message: &Arc<[u8]>,
    ) -> Result<Added, error::Failure> {
        let account = self.account()?;
        for _ in 0..ATTEMPTS_MAX {
            let blob = self.shared.store.prepare_blob(Arc::clone(message)).await?;
            let letter = Arc::clone(letter);
            let write = move |tx: &mut ::store::Tx<'_>| tx.add_message(account, target, &letter.with(&blob));
            match self.shared.store.write(write).await {
                Ok(added) => return Ok(added),
                Err(StoreError::BlobGone) => {}
                Err(StoreError::Missing(::store::Missing::Mailbox)) => return Err(error::try_create().into()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::BlobGone.into())
    }
}

/// What is known of a message besides its content.
struct Letter {
    flags: ::store::Flags,
    keywords: ::store::Keywords,
    received_ms: i64,
    overview: Vec<u8>,
    other_sizes: OtherSizes,
}

impl Letter {
    fn with<'a>(&'a self, blob: &'a PreparedBlob) -> NewMessage<'a> {
        NewMessage {
            blob,
            prefix: b"",
            received_ms: self.received_ms,
            flags: self.flags,
            keywords: &self.keywords,
            overview: &self.overview,
            // It came from the account's own client: there is no way to trace.
            trace_id: TraceId(0),
            other_sizes: self.other_sizes,
        }
    }
}

/// The overview, and the sizes for POP3 clients.
async fn read_through(message: Arc<[u8]>) -> Result<(Vec<u8>, OtherSizes), StoreError> {
    let is_small = message.len() <= PARSE_HERE_MAX_BYTES;
    let build = move || {
        let overview = Overview::build(&Message::parse(&message)).to_bytes();
        (overview, crate::pop3::other_sizes(&message))
    };
    if is_small {
        return Ok(build());
    }
    tokio::task::spawn_blocking(build).await.map_err(|_| StoreError::Panicked)
}
