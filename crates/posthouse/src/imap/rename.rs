//! RENAME (RFC 9051 §6.3.6). Renaming INBOX moves its messages.

use super::{Done, ImapService, Logins, error};
use ::imap::Outcome;
use ::imap::command::Rename;

impl<L: Logins> ImapService<L> {
    pub(super) async fn rename(&mut self, rename: Rename) -> Done {
        let account = self.account()?;
        let (from, to) = (rename.from.as_str().to_owned(), rename.to.as_str().to_owned());
        let write = move |tx: &mut ::store::Tx<'_>| {
            let Some(mailbox) = tx.mailbox_by_name(account, &from)? else { return Ok(None) };
            tx.rename_mailbox(account, mailbox.id, &to).map(Some)
        };
        match self.shared.store.write(write).await? {
            Some(()) => Ok(Outcome::ok("RENAME completed")),
            None => Err(error::no_mailbox().into()),
        }
    }
}
