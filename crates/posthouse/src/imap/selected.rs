//! What a session knows of the mailbox it has selected.

use super::{Failure, House};
use ::imap::flag::{Flags, Keyword, SystemFlags};
use ::imap::response::{self, Code};
use ::imap::seqmap::SeqMap;
use ::imap::set::{Bound, NumberSet, SequenceSet};
use ::imap::{Numbering, Outcome};
use ::store::{AccountId, MailboxId, MessageId, ModSeq, Moment, UidRange, View};
use std::sync::Arc;
use wire::Share;

/// The selected mailbox, as its client has been told it is.
pub(super) struct Selected {
    pub shared: Arc<House>,
    pub account: AccountId,
    pub mailbox: MailboxId,
    /// Sequence numbers; holds also what is in `held`.
    pub map: SeqMap,
    /// Nothing may be changed (EXAMINE).
    pub read_only: bool,
    /// Changes up to here were read.
    pub seen: ModSeq,
    /// The state of the store in which they were.
    pub moment: Option<Moment>,
    /// Changes up to here were told: a client that comes back with this modseq misses nothing.
    pub told: ModSeq,
    /// UIDs that were expunged, but not told yet, since the command at hand does not allow it.
    pub held: NumberSet,
    /// UIDs that are recent in this session.
    pub recent: NumberSet,
    /// Keywords that the client was told of, sorted.
    pub keywords: Vec<String>,
    /// UIDs that `$` means.
    pub saved: NumberSet,
    /// A large message that is being fetched in pieces.
    pub kept: Option<Kept>,
}

/// A large message in memory.
pub(super) struct Kept {
    pub id: MessageId,
    pub content: Vec<u8>,
    pub _memory: Share,
}

impl Selected {
    /// The UIDs of existing messages that a client's set means.
    ///
    /// # Errors
    /// BAD for sequence numbers beyond the last message (RFC 9051 §9 `seq-number`); UIDs that do
    /// not exist are passed over (§6.4.9).
    pub fn uids(&self, set: &SequenceSet, numbering: Numbering) -> Result<NumberSet, Failure> {
        match (numbering, set) {
            (_, SequenceSet::Saved) => Ok(self.map.existing(&self.saved)),
            (Numbering::Uid, set) => {
                Ok(self.map.existing(&set.resolve(self.map.last_uid()).unwrap_or_default()))
            }
            (Numbering::Sequence, SequenceSet::Ranges(ranges)) => {
                let count = self.map.len();
                let beyond = |bound: &Bound| matches!(bound, Bound::Number(number) if *number > count);
                // Clients ask for 1:* or n:* without looking how many there are.
                let open = |(a, b): &(Bound, Bound)| *a == Bound::Largest || *b == Bound::Largest;
                if ranges.iter().any(|range| !open(range) && (beyond(&range.0) || beyond(&range.1))) {
                    return Err(Outcome::bad("There is no message with that number").into());
                }
                Ok(self.map.uids_of(&set.resolve(count).unwrap_or_default()))
            }
        }
    }

    /// True if a sequence set of the client meets a message that is gone, which the client is not told yet.
    pub fn meets_expunged(&self, uids: &NumberSet, numbering: Numbering) -> bool {
        numbering == Numbering::Sequence && !self.held.is_empty() && !uids.intersection(&self.held).is_empty()
    }

    /// The same as numbers of the kind that the command uses.
    pub fn numbers(&self, uids: NumberSet, numbering: Numbering) -> NumberSet {
        match numbering {
            Numbering::Uid => uids,
            Numbering::Sequence => self.map.sequences_of(&uids),
        }
    }

    /// Takes note that this session's own change moved the mailbox from `before` to `after`. False
    /// if others changed something in between: then the news must be read.
    pub fn advance(&mut self, before: ModSeq, after: ModSeq) -> bool {
        if before != self.seen {
            return false;
        }
        self.seen = self.seen.max(after);
        if self.held.is_empty() {
            self.told = self.seen;
        }
        true
    }

    /// Tells FLAGS and PERMANENTFLAGS again if any of `names` is new to the client: a client must
    /// know a keyword before it sees it on a message (RFC 9051 §7.3.5).
    pub fn learn<'a>(
        &mut self,
        view: &mut View<'_>,
        names: impl IntoIterator<Item = &'a str>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let known = |name: &str| self.keywords.iter().any(|known| known.eq_ignore_ascii_case(name));
        if names.into_iter().all(known) {
            return Ok(());
        }
        self.keywords = view.keywords(self.account, self.mailbox)?;
        self.write_flags(out);
        Ok(())
    }

    /// FLAGS and PERMANENTFLAGS.
    pub fn write_flags(&self, out: &mut Vec<u8>) {
        let keywords: Vec<Keyword> = self.keywords.iter().filter_map(|name| Keyword::new(name)).collect();
        response::flags(&keywords, out);
        let flags = match self.read_only {
            true => Flags::default(),
            false => {
                let all =
                    SystemFlags::NAMES.iter().fold(SystemFlags::NONE, |all, (flag, _)| all.union(*flag));
                Flags { system: all, keywords }
            }
        };
        let code = Code::PermanentFlags { flags, new_keywords: !self.read_only };
        response::untagged(response::Condition::Ok, Some(&code), "Flags that can be changed", out);
    }
}

/// A set in the store's form.
pub(super) fn ranges(set: &NumberSet) -> Vec<UidRange> {
    set.ranges().to_vec()
}
