//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9).

use super::news::Telling;
use super::selected::ranges;
use super::{Done, ImapService, Logins};
use crate::driver::Wire;
use ::imap::command::Expunge;
use ::imap::response::Code;
use ::imap::{Enabled, Numbering, Outcome};

impl<L: Logins> ImapService<L> {
    pub(super) async fn expunge(&mut self, expunge: Expunge, enabled: Enabled, wire: &mut Wire) -> Done {
        let (account, mailbox) = self.place()?;
        let wanted = match &expunge.uids {
            None => None,
            Some(set) => Some(ranges(&self.selected()?.uids(set, Numbering::Uid)?)),
        };
        let write = move |tx: &mut ::store::Tx<'_>| tx.expunge(account, mailbox, wanted.as_deref());
        self.shared.store.write(write).await?;
        self.tell_news(wire, Telling::all(enabled)).await?;
        Ok(self.with_modseq(Outcome::ok("EXPUNGE completed"), enabled))
    }

    /// The outcome with the modseq that the client may now remember (RFC 7162 §3.1.2.2).
    pub(super) fn with_modseq(&mut self, outcome: Outcome, enabled: Enabled) -> Outcome {
        match &self.selected {
            Some(selected) if enabled.condstore => {
                outcome.with_code(Code::HighestModSeq(selected.told.get()))
            }
            _ => outcome,
        }
    }
}
