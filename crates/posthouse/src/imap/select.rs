//! SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 7162 §3.1.2).

use super::error;
use super::selected::Selected;
use super::{Done, House, ImapService, Logins};
use crate::driver::Wire;
use ::imap::command::Select;
use ::imap::mailbox::MailboxName;
use ::imap::response::{self, Attribute, Code, Condition, ListLine};
use ::imap::seqmap::SeqMap;
use ::imap::set::NumberSet;
use ::imap::{Dialect, Enabled, Outcome};
use ::store::{AccountId, Flags, Mailbox, StoreError, View};
use std::ops::ControlFlow;
use std::sync::Arc;

/// How many messages are looked at for the first unseen one. RFC 3501 §7.1 lets a server leave
/// UNSEEN out, and a mailbox of which much is read would cost more than the client gains.
const UNSEEN_ROWS_MAX: usize = 1000;

impl<L: Logins> ImapService<L> {
    pub(super) async fn select(&mut self, select: Select, enabled: Enabled, wire: &mut Wire) -> Done {
        let account = self.account()?;
        self.deselect();
        let name = select.mailbox.as_str().to_owned();
        let shared = Arc::clone(&self.shared);
        let rev1 = enabled.dialect() == Dialect::Rev1;
        let opened = self
            .shared
            .store
            .read(move |view| open(view, shared, (account, &name), (select.read_only, rev1)))
            .await?;
        let Some((selected, mailbox, unseen)) = opened else { return Err(error::no_mailbox().into()) };
        let out = &mut wire.out;
        selected.write_flags(out);
        response::exists(selected.map.len(), out);
        let recent = u32::try_from(selected.recent.count()).unwrap_or(u32::MAX);
        response::recent(recent, enabled.dialect(), out);
        let mut code = |code: Code, text: &str| response::untagged(Condition::Ok, Some(&code), text, out);
        if let Some(sequence) = unseen {
            code(Code::Unseen(sequence), "First unseen");
        }
        code(Code::UidValidity(mailbox.uidvalidity), "UIDs are valid");
        code(Code::UidNext(mailbox.uidnext), "Predicted next UID");
        code(Code::HighestModSeq(mailbox.highest_modseq.get()), "Highest modseq");
        if !rev1 {
            list_line(&select.mailbox, &mailbox, out);
        }
        self.selected = Some(Box::new(selected));
        let text = if select.read_only { "EXAMINE completed" } else { "SELECT completed" };
        Ok(Outcome::ok(text).selected(select.read_only))
    }

    /// Leaves the selected mailbox.
    pub(super) fn deselect(&mut self) {
        if let Some(selected) = self.selected.take() {
            self.shared.recents.keep_later(&self.shared.store, &selected);
        }
    }
}

/// RFC 9051 §6.3.2: IMAP4rev2 is told the mailbox's name as it is.
fn list_line(name: &MailboxName, mailbox: &Mailbox, out: &mut Vec<u8>) {
    let attributes: Vec<Attribute> = mailbox.special_use.map(super::list::attribute).into_iter().collect();
    let line = ListLine { attributes: &attributes, mailbox: name, child_info: false, old_name: None };
    response::list(&line, Dialect::Rev2, out);
}

/// Reads what SELECT tells, all in one state of the store.
fn open(
    view: &mut View<'_>,
    shared: Arc<House>,
    (account, name): (AccountId, &str),
    (read_only, rev1): (bool, bool),
) -> Result<Option<(Selected, Mailbox, Option<u32>)>, StoreError> {
    let Some(mailbox) = view.mailbox_by_name(account, name)? else { return Ok(None) };
    let mut map = SeqMap::new();
    for uid in view.uids(account, mailbox.id)?.into_iter().flatten() {
        map.append(uid);
    }
    let recent = match (rev1, read_only) {
        (false, _) => None,
        (true, false) => shared.recents.claim(account, &mailbox),
        // EXAMINE shows what is recent, and leaves it so (RFC 3501 §6.3.2).
        (true, true) => Some(shared.recents.first_unclaimed(account, &mailbox)..=u32::MAX),
    };
    let recent = map.existing(&NumberSet::from_ranges(recent));
    let first_unseen = match rev1 && mailbox.unseen_count > 0 {
        true => first_unseen(view, account, &mailbox)?.and_then(|uid| map.sequence(uid)),
        false => None,
    };
    let selected = Selected {
        shared,
        account,
        mailbox: mailbox.id,
        map,
        read_only,
        seen: mailbox.highest_modseq,
        moment: None,
        told: mailbox.highest_modseq,
        held: NumberSet::new(),
        recent,
        keywords: view.keywords(account, mailbox.id)?,
        saved: NumberSet::new(),
        kept: None,
    };
    Ok(Some((selected, mailbox, first_unseen)))
}

fn first_unseen(
    view: &mut View<'_>,
    account: AccountId,
    mailbox: &Mailbox,
) -> Result<Option<u32>, StoreError> {
    let (mut rows, mut found) = (0, None);
    view.placements(account, mailbox.id, &[1..=u32::MAX], &mut |placement| {
        rows += 1;
        if !placement.flags.contains(Flags::SEEN) {
            found = Some(placement.uid.get());
        }
        if found.is_some() || rows >= UNSEEN_ROWS_MAX {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(found)
}
