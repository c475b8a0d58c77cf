//! STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3): one write for the whole set.

use super::news::{self, Telling};
use super::selected::{Selected, ranges};
use super::{BATCH_MAX_BYTES, Done, Failure, ImapService, Logins, marks, send};
use crate::driver::Wire;
use ::imap::command::{Store, StoreAction};
use ::imap::response::{Code, FetchWriter};
use ::imap::set::NumberSet;
use ::imap::{Enabled, Numbering, Outcome};
use ::store::{AccountId, Changes, FlagChange, FlagOp, MailboxId, ModSeq, StoreError, Tx, UidRange};

/// A change of marks, ready for the store.
#[derive(Clone)]
pub(super) struct Marking {
    pub ranges: Vec<UidRange>,
    pub change: FlagChange,
    pub unchanged_since: Option<ModSeq>,
}

/// What became of it.
pub(super) struct Marked {
    /// Where the mailbox stood before.
    before: ModSeq,
    pub changes: Changes,
}

impl<L: Logins> ImapService<L> {
    pub(super) async fn store(&mut self, store: Store, enabled: Enabled, wire: &mut Wire) -> Done {
        let place = self.place()?;
        let selected = self.selected()?;
        let uids = selected.uids(&store.messages, store.numbering)?;
        let marking = Marking {
            ranges: ranges(&uids),
            change: FlagChange {
                op: match store.action {
                    StoreAction::Add => FlagOp::Add,
                    StoreAction::Remove => FlagOp::Remove,
                    StoreAction::Replace => FlagOp::Replace,
                },
                flags: marks::stored(store.flags.system),
                keywords: marks::keywords(&store.flags.keywords)?,
            },
            unchanged_since: store.unchanged_since.map(ModSeq),
        };
        let marked = self.mark(place, marking).await?;
        self.tell_keywords(&marked.changes, wire).await?;
        self.tell_stored(&store, &marked.changes, enabled, wire).await?;
        let telling = Telling::beside(enabled, store.numbering);
        self.settle_marked(&marked, telling, wire).await?;
        let refused: NumberSet = marked.changes.modified_refused.iter().map(|uid| uid.get()).collect();
        let outcome = Outcome::ok("STORE completed");
        if refused.is_empty() {
            return Ok(match self.selected()?.meets_expunged(&uids, store.numbering) {
                true => Outcome::ok("Some of the messages were removed").with_code(Code::ExpungeIssued),
                false => outcome,
            });
        }
        let refused = self.selected()?.numbers(refused, store.numbering);
        Ok(Outcome::ok("Some messages were changed by others").with_code(Code::Modified(refused)))
    }

    /// Changes marks of messages in the selected mailbox, in one write.
    pub(super) async fn mark(
        &mut self,
        (account, mailbox): (AccountId, MailboxId),
        marking: Marking,
    ) -> Result<Marked, StoreError> {
        if marking.ranges.is_empty() {
            return Ok(Marked { before: ModSeq(0), changes: Changes::default() });
        }
        let write = move |tx: &mut Tx<'_>| {
            let before = tx.mailbox(account, mailbox)?.map_or(ModSeq(0), |mailbox| mailbox.highest_modseq);
            let Marking { ranges, change, unchanged_since } = &marking;
            let changes = tx.change_flags(account, mailbox, ranges, change, *unchanged_since)?;
            Ok(Marked { before, changes })
        };
        self.shared.store.write(write).await
    }

    /// Tells keywords that the client has not seen yet, before they stand on a message.
    pub(super) async fn tell_keywords(&mut self, changes: &Changes, wire: &mut Wire) -> Result<(), Failure> {
        let selected = self.selected()?;
        let known = |name: &str| selected.keywords.iter().any(|known| known.eq_ignore_ascii_case(name));
        let all = changes.changed.iter().chain(&changes.unchanged);
        // Most messages have none, which costs nothing here.
        let Some(new) = all.flat_map(|message| message.keywords.iter()).find(|name| !known(name)) else {
            return Ok(());
        };
        let new = new.to_owned();
        self.read(&mut wire.out, super::Cost::Short, move |view, selected, out| {
            selected.learn(view, [new.as_str()], out)
        })
        .await
    }

    /// Takes note of what this session changed itself, and tells what others changed meanwhile.
    pub(super) async fn settle_marked(
        &mut self,
        marked: &Marked,
        telling: Telling,
        wire: &mut Wire,
    ) -> Result<(), Failure> {
        let changed = &marked.changes.changed;
        let after = changed.first().map_or(marked.before, |message| message.modseq);
        if self.selected()?.advance(marked.before, after) {
            return Ok(());
        }
        let own = changed.iter().map(|message| (message.uid.get(), message.modseq)).collect();
        self.tell_news(wire, Telling { own, ..telling }).await
    }

    async fn tell_stored(
        &mut self,
        store: &Store,
        changes: &Changes,
        enabled: Enabled,
        wire: &mut Wire,
    ) -> Result<(), Failure> {
        let with_uid = store.numbering == Numbering::Uid;
        // .SILENT keeps back the flags, never the modseq (RFC 7162 §3.1.3).
        if store.silent && !enabled.condstore {
            return Ok(());
        }
        for message in changes.changed.iter().chain(&changes.unchanged) {
            if wire.out.len() > BATCH_MAX_BYTES {
                send(wire).await?;
            }
            let selected: &Selected = self.selected()?;
            let Some(sequence) = selected.map.sequence(message.uid.get()) else { continue };
            if !store.silent {
                news::write_marks(selected, sequence, message, (with_uid, enabled), &mut wire.out);
                continue;
            }
            let mut response = FetchWriter::new(sequence, &mut wire.out);
            if with_uid {
                response.uid(message.uid.get());
            }
            response.modseq(message.modseq.get());
            response.finish();
        }
        Ok(())
    }
}
