//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8).

use super::error::{self, Failure};
use super::news::Telling;
use super::selected::ranges;
use super::{Done, ImapService, Logins};
use crate::driver::Wire;
use ::imap::command::Copy;
use ::imap::response::{self, Code, Condition};
use ::imap::set::{NumberSet, SequenceSet};
use ::imap::{Enabled, Numbering, Outcome};
use ::store::{Copied, Missing, StoreError};

impl<L: Logins> ImapService<L> {
    pub(super) async fn copy(&mut self, copy: Copy) -> Done {
        let outcome = Outcome::ok("COPY completed");
        let Some(copied) = self.transfer(copy, false).await? else { return Ok(expunge_issued()) };
        Ok(match copy_uid(&copied) {
            Some(code) => outcome.with_code(code),
            None => outcome,
        })
    }

    pub(super) async fn r#move(&mut self, copy: Copy, enabled: Enabled, wire: &mut Wire) -> Done {
        let Some(moved) = self.transfer(copy, true).await? else {
            self.tell_news(wire, Telling::all(enabled)).await?;
            return Ok(expunge_issued());
        };
        // RFC 9051 §6.4.8: COPYUID before the EXPUNGE responses, so that no message seems lost.
        if let Some(code) = copy_uid(&moved) {
            response::untagged(Condition::Ok, Some(&code), "Moved", &mut wire.out);
        }
        self.tell_news(wire, Telling::all(enabled)).await?;
        Ok(self.with_modseq(Outcome::ok("MOVE completed"), enabled))
    }

    /// `None`, and nothing is done, if a message that a sequence number names is gone: a client that was not told
    /// takes it for copied otherwise. UIDs that are gone are passed over (RFC 9051 §6.4.9).
    async fn transfer(&mut self, copy: Copy, moves: bool) -> Result<Option<Copied>, Failure> {
        let (account, mailbox) = self.place()?;
        let uids = self.selected()?.uids(&copy.messages, copy.numbering)?;
        let is_by_sequence = copy.numbering == Numbering::Sequence && copy.messages != SequenceSet::Saved;
        let count_min = if is_by_sequence { uids.count() } else { 0 };
        let wanted = ranges(&uids);
        let name = copy.mailbox.as_str().to_owned();
        let write = move |tx: &mut ::store::Tx<'_>| {
            let Some(target) = tx.mailbox_by_name(account, &name)? else { return Ok(None) };
            let copied = match moves {
                true => tx.move_messages(account, mailbox, &wanted, target.id)?,
                false => tx.copy(account, mailbox, &wanted, target.id)?,
            };
            match (copied.pairs.len() as u64) < count_min {
                // An error undoes what was done.
                true => Err(StoreError::Missing(Missing::Message)),
                false => Ok(Some(copied)),
            }
        };
        match self.shared.store.write(write).await {
            Ok(copied) => copied.ok_or_else(|| error::try_create().into()).map(Some),
            Err(StoreError::Missing(Missing::Message)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// `NO [EXPUNGEISSUED]`: a message that the client still has a number for is gone (RFC 5530 §3).
fn expunge_issued() -> Outcome {
    Outcome::no("Some of the messages were removed").with_code(Code::ExpungeIssued)
}

/// COPYUID, unless nothing was there to copy.
fn copy_uid(copied: &Copied) -> Option<Code> {
    let from: NumberSet = copied.pairs.iter().map(|(from, _)| from.get()).collect();
    let to: NumberSet = copied.pairs.iter().map(|(_, to)| to.get()).collect();
    (!from.is_empty()).then_some(Code::CopyUid { uid_validity: copied.uidvalidity, from, to })
}
