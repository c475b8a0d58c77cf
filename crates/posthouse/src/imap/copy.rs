//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8).

use super::error::{self, Failure};
use super::news::Telling;
use super::selected::ranges;
use super::{Done, ImapService, Logins};
use crate::driver::Wire;
use ::imap::command::Copy;
use ::imap::response::{self, Code, Condition};
use ::imap::set::NumberSet;
use ::imap::{Enabled, Outcome};
use ::store::Copied;

impl<L: Logins> ImapService<L> {
    pub(super) async fn copy(&mut self, copy: Copy) -> Done {
        let outcome = Outcome::ok("COPY completed");
        Ok(match copy_uid(&self.transfer(copy, false).await?) {
            Some(code) => outcome.with_code(code),
            None => outcome,
        })
    }

    pub(super) async fn r#move(&mut self, copy: Copy, enabled: Enabled, wire: &mut Wire) -> Done {
        let moved = self.transfer(copy, true).await?;
        // RFC 9051 §6.4.8: COPYUID before the EXPUNGE responses, so that no message seems lost.
        if let Some(code) = copy_uid(&moved) {
            response::untagged(Condition::Ok, Some(&code), "Moved", &mut wire.out);
        }
        self.tell_news(wire, Telling::all(enabled)).await?;
        Ok(self.with_modseq(Outcome::ok("MOVE completed"), enabled))
    }

    async fn transfer(&mut self, copy: Copy, moves: bool) -> Result<Copied, Failure> {
        let (account, mailbox) = self.place()?;
        let wanted = ranges(&self.selected()?.uids(&copy.messages, copy.numbering)?);
        let name = copy.mailbox.as_str().to_owned();
        let write = move |tx: &mut ::store::Tx<'_>| {
            let Some(target) = tx.mailbox_by_name(account, &name)? else { return Ok(None) };
            match moves {
                true => tx.move_messages(account, mailbox, &wanted, target.id).map(Some),
                false => tx.copy(account, mailbox, &wanted, target.id).map(Some),
            }
        };
        self.shared.store.write(write).await?.ok_or_else(|| error::try_create().into())
    }
}

/// COPYUID, unless nothing was there to copy.
fn copy_uid(copied: &Copied) -> Option<Code> {
    let from: NumberSet = copied.pairs.iter().map(|(from, _)| from.get()).collect();
    let to: NumberSet = copied.pairs.iter().map(|(_, to)| to.get()).collect();
    (!from.is_empty()).then_some(Code::CopyUid { uid_validity: copied.uidvalidity, from, to })
}
