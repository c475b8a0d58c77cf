//! Tells a session what others changed in its mailbox: the one place where EXISTS, EXPUNGE and
//! unasked-for FETCH responses come from (RFC 9051 §5.2, §7.5).

use super::error::Failure;
use super::marks;
use super::selected::Selected;
use ::imap::response::{self, FetchWriter};
use ::imap::set::NumberSet;
use ::imap::{Dialect, Enabled, Numbering};
use ::store::{Mailbox, ModSeq, PlacementOwned, Since, View};

/// What may be told, and how.
#[derive(Debug, Clone, Default)]
pub(super) struct Telling {
    pub enabled: Enabled,
    /// EXPUNGE responses are allowed: not while FETCH, STORE or SEARCH with sequence numbers run,
    /// nor without a command (RFC 9051 §7.5.1).
    pub expunges: bool,
    /// Bear a UID: the command has UIDs.
    pub with_uid: bool,
    /// UIDs and modseqs that this command has told already, ascending.
    pub own: Vec<(u32, ModSeq)>,
}

impl Telling {
    /// For commands that may be answered with anything.
    pub fn all(enabled: Enabled) -> Telling {
        Telling { enabled, expunges: true, ..Telling::default() }
    }

    /// For FETCH, STORE and SEARCH.
    pub fn beside(enabled: Enabled, numbering: Numbering) -> Telling {
        let uid = numbering == Numbering::Uid;
        Telling { enabled, expunges: uid, with_uid: uid, ..Telling::default() }
    }
}

/// Writes what is new since the last call.
///
/// # Errors
/// [`Failure::MailboxGone`], or the store's.
pub(super) fn tell(
    view: &mut View<'_>,
    selected: &mut Selected,
    telling: &Telling,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let (account, id) = (selected.account, selected.mailbox);
    let moment = view.moment();
    let may_tell = !selected.held.is_empty() && telling.expunges;
    if moment.is_some() && moment == selected.moment && !may_tell {
        return Ok(());
    }
    let moved = view.highest_modseq(account, id)?.ok_or(Failure::MailboxGone)? != selected.seen;
    if !moved && !may_tell {
        selected.moment = moment;
        return Ok(());
    }
    let mailbox = view.mailbox(account, id)?.ok_or(Failure::MailboxGone)?;
    let since = match moved {
        true => view.changes_since(account, id, selected.seen)?,
        false => Since { changed: Vec::new(), vanished: Vec::new(), complete: true },
    };
    let gone = match since.complete {
        true => NumberSet::from_ranges(since.vanished.iter().cloned()),
        // What was expunged so long ago is forgotten: compare.
        false => {
            let mut missing = selected.map.uid_set();
            missing.subtract(&NumberSet::from_ranges(view.uids(account, id)?));
            missing
        }
    };
    let last_known = selected.map.last_uid();
    tell_expunged(selected, &gone, telling.expunges, out);
    tell_arrivals(selected, &mailbox, &since.changed, telling, out);
    // The marks of new messages are not told: a client asks for them with whatever else it wants.
    let known = since.changed.partition_point(|placement| placement.uid.get() <= last_known);
    tell_marks(view, selected, &since.changed[..known], telling, out)?;
    (selected.seen, selected.moment) = (mailbox.highest_modseq, moment);
    if selected.held.is_empty() {
        selected.told = selected.seen;
    }
    Ok(())
}

fn tell_expunged(selected: &mut Selected, gone: &NumberSet, allowed: bool, out: &mut Vec<u8>) {
    let gone = selected.map.existing(gone);
    let all = NumberSet::from_ranges(selected.held.ranges().iter().chain(gone.ranges()).cloned());
    if !allowed {
        selected.held = all;
        return;
    }
    selected.held = NumberSet::new();
    if !all.is_empty() {
        selected.map.expunge_all(&all, |sequence| response::expunge(sequence, out));
        selected.recent.subtract(&all);
    }
}

fn tell_arrivals(
    selected: &mut Selected,
    mailbox: &Mailbox,
    changed: &[PlacementOwned],
    telling: &Telling,
    out: &mut Vec<u8>,
) {
    let mut arrived = false;
    for placement in changed {
        arrived |= selected.map.append(placement.uid.get());
    }
    if !arrived {
        return;
    }
    response::exists(selected.map.len(), out);
    if telling.enabled.dialect() == Dialect::Rev1 {
        let recents = &selected.shared.recents;
        // EXAMINE shows what is recent, and leaves it so (RFC 3501 §6.3.2).
        let claimed = match selected.read_only {
            true => Some(recents.first_unclaimed(selected.account, mailbox)..=u32::MAX),
            false => recents.claim(selected.account, mailbox),
        };
        selected.recent.extend(&selected.map.existing(&NumberSet::from_ranges(claimed)));
    }
    let recent = u32::try_from(selected.recent.count()).unwrap_or(u32::MAX);
    response::recent(recent, telling.enabled.dialect(), out);
}

/// Tells the marks of messages that the client knows.
fn tell_marks(
    view: &mut View<'_>,
    selected: &mut Selected,
    changed: &[PlacementOwned],
    telling: &Telling,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let names = changed.iter().flat_map(|placement| placement.keywords.iter());
    selected.learn(view, names, out)?;
    for placement in changed {
        if telling.own.binary_search(&(placement.uid.get(), placement.modseq)).is_ok() {
            continue;
        }
        if let Some(sequence) = selected.map.sequence(placement.uid.get()) {
            let uid = telling.with_uid || telling.enabled.condstore;
            write_marks(selected, sequence, placement, (uid, telling.enabled), out);
        }
    }
    Ok(())
}

/// `* n FETCH (UID … FLAGS … MODSEQ …)`
pub(super) fn write_marks(
    selected: &Selected,
    sequence: u32,
    placement: &PlacementOwned,
    (with_uid, enabled): (bool, Enabled),
    out: &mut Vec<u8>,
) {
    let uid = placement.uid.get();
    let mut response = FetchWriter::new(sequence, out);
    if with_uid {
        response.uid(uid);
    }
    let recent = enabled.dialect() == Dialect::Rev1 && selected.recent.contains(uid);
    response.flags(marks::system(placement.flags), placement.keywords.iter(), recent);
    if enabled.condstore {
        response.modseq(placement.modseq.get());
    }
    response.finish();
}
