//! CLOSE and UNSELECT (RFC 9051 §6.4.1, §6.4.2).

use super::{Done, ImapService, Logins};
use ::imap::Outcome;

impl<L: Logins> ImapService<L> {
    /// Expunges without a word, unless the mailbox was opened with EXAMINE.
    pub(super) async fn close(&mut self) -> Done {
        let read_only = self.selected()?.read_only;
        let (account, mailbox) = self.place()?;
        if !read_only {
            match self.shared.store.write(move |tx| tx.expunge(account, mailbox, None)).await {
                // It was deleted meanwhile: there is nothing left to expunge.
                Ok(_) | Err(::store::StoreError::Missing(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.deselect();
        Ok(Outcome::ok("CLOSE completed"))
    }

    pub(super) fn unselect(&mut self) -> Done {
        self.selected()?;
        self.deselect();
        Ok(Outcome::ok("UNSELECT completed"))
    }
}
