//! CREATE (RFC 9051 §6.3.4). Missing levels above become mailboxes too: clients lose mail in names
//! that are no mailboxes.

use super::{Done, ImapService, Logins};
use ::imap::Outcome;
use ::imap::command::Create;
use ::imap::response::Code;

impl<L: Logins> ImapService<L> {
    pub(super) async fn create(&mut self, create: Create) -> Done {
        let account = self.account()?;
        if create.mailbox.is_inbox() {
            return Ok(Outcome::no("INBOX exists always").with_code(Code::AlreadyExists));
        }
        let name = create.mailbox.as_str().to_owned();
        self.shared.store.write(move |tx| tx.create_mailbox(account, &name, None)).await?;
        Ok(Outcome::ok("CREATE completed"))
    }
}
