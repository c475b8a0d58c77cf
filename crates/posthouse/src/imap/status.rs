//! STATUS (RFC 9051 §6.3.11): out of the mailbox's row alone.

use super::{Done, House, ImapService, Logins, error};
use crate::driver::Wire;
use ::imap::command::{Status, StatusItem};
use ::imap::mailbox::MailboxName;
use ::imap::{Dialect, Enabled, Outcome, response};
use ::store::{AccountId, Mailbox, StoreError, View};
use std::sync::Arc;

impl<L: Logins> ImapService<L> {
    pub(super) async fn status(&mut self, status: Status, enabled: Enabled, wire: &mut Wire) -> Done {
        let account = self.account()?;
        let shared = Arc::clone(&self.shared);
        let read = self.shared.store.read(move |view| {
            let mut out = Vec::new();
            let found = view.mailbox_by_name(account, status.mailbox.as_str())?;
            if let Some(mailbox) = &found {
                let place = (account, mailbox, &status.mailbox);
                write(view, &shared, place, &status.items, enabled.dialect(), &mut out)?;
            }
            Ok((out, found.is_some()))
        });
        let (out, found) = read.await?;
        wire.out.extend_from_slice(&out);
        if found { Ok(Outcome::ok("STATUS completed")) } else { Err(error::no_mailbox().into()) }
    }
}

/// One STATUS response.
pub(super) fn write(
    view: &mut View<'_>,
    shared: &House,
    (account, mailbox, name): (AccountId, &Mailbox, &MailboxName),
    items: &[StatusItem],
    dialect: Dialect,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let value = match item {
            StatusItem::Messages => mailbox.exists_count.into(),
            StatusItem::Recent => recent(view, shared, account, mailbox)?,
            StatusItem::UidNext => mailbox.uidnext.into(),
            StatusItem::UidValidity => mailbox.uidvalidity.into(),
            StatusItem::Unseen => mailbox.unseen_count.into(),
            StatusItem::Deleted => mailbox.deleted_count.into(),
            StatusItem::Size => mailbox.size_bytes,
            StatusItem::HighestModSeq => mailbox.highest_modseq.get(),
        };
        values.push((*item, value));
    }
    response::status(name, &values, dialect, out);
    Ok(())
}

fn recent(
    view: &mut View<'_>,
    shared: &House,
    account: AccountId,
    mailbox: &Mailbox,
) -> Result<u64, StoreError> {
    let from = shared.recents.first_unclaimed(account, mailbox);
    if from >= mailbox.uidnext {
        return Ok(0);
    }
    let ranges = view.uids(account, mailbox.id)?;
    Ok(ranges
        .iter()
        .map(|range| u64::from((*range.end() + 1).saturating_sub(from.max(*range.start()))))
        .sum())
}
