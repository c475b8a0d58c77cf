//! DELETE (RFC 9051 §6.3.5). Mailboxes below stay.

use super::{Done, ImapService, Logins, error};
use ::imap::Outcome;
use ::imap::command::Delete;

impl<L: Logins> ImapService<L> {
    pub(super) async fn delete(&mut self, delete: Delete) -> Done {
        let account = self.account()?;
        let name = delete.mailbox.as_str().to_owned();
        let write = move |tx: &mut ::store::Tx<'_>| {
            let Some(mailbox) = tx.mailbox_by_name(account, &name)? else { return Ok(None) };
            tx.delete_mailbox(account, mailbox.id).map(|()| Some(mailbox.id))
        };
        let deleted = self.shared.store.write(write).await?;
        let Some(deleted) = deleted else { return Err(error::no_mailbox().into()) };
        let outcome = Outcome::ok("DELETE completed");
        if self.selected.as_ref().is_some_and(|selected| selected.mailbox == deleted) {
            self.selected = None;
            return Ok(outcome.deselected());
        }
        Ok(outcome)
    }
}
