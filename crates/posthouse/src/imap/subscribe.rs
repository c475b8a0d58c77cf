//! SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8). A name may be subscribed to without a
//! mailbox: it may come back.

use super::{Done, ImapService, Logins};
use ::imap::Outcome;
use ::imap::command::{Subscribe, Unsubscribe};
use ::imap::mailbox::MailboxName;
use ::store::StoreError;

impl<L: Logins> ImapService<L> {
    pub(super) async fn subscribe(&mut self, subscribe: Subscribe) -> Done {
        self.set_subscribed(&subscribe.mailbox, true).await?;
        Ok(Outcome::ok("SUBSCRIBE completed"))
    }

    pub(super) async fn unsubscribe(&mut self, unsubscribe: Unsubscribe) -> Done {
        self.set_subscribed(&unsubscribe.mailbox, false).await?;
        Ok(Outcome::ok("UNSUBSCRIBE completed"))
    }

    async fn set_subscribed(&mut self, name: &MailboxName, subscribed: bool) -> Result<(), super::Failure> {
        let account = self.account()?;
        let name = name.as_str().to_owned();
        let write = move |tx: &mut ::store::Tx<'_>| -> Result<(), StoreError> {
            tx.set_subscribed(account, &name, subscribed)
        };
        Ok(self.shared.store.write(write).await?)
    }
}
