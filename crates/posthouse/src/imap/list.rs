//! LIST (RFC 9051 §6.3.9; RFC 5258, RFC 5819, RFC 6154).

use super::{Done, ImapService, Logins, status};
use crate::driver::Wire;
use ::imap::command::{List, ListReturn};
use ::imap::mailbox::MailboxName;
use ::imap::response::{self, Attribute, ListLine};
use ::imap::{Dialect, Enabled, Outcome};
use ::store::{AccountId, Mailbox, Missing, SpecialUse, StoreError, View};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

impl<L: Logins> ImapService<L> {
    pub(super) async fn list(&mut self, list: List, enabled: Enabled, wire: &mut Wire) -> Done {
        let account = self.account()?;
        if list.asks_separator {
            response::list_separator(&mut wire.out);
            return Ok(Outcome::ok("LIST completed"));
        }
        let shared = Arc::clone(&self.shared);
        let read = self.shared.store.read(move |view| {
            let mut out = Vec::new();
            let names = Names::read(view, account)?;
            for (name, node) in &names.nodes {
                if let Some(child_info) = names.selects(&list, name, node) {
                    let attributes = attributes(&list.returns, node);
                    let line =
                        ListLine { attributes: &attributes, mailbox: name, child_info, old_name: None };
                    response::list(&line, enabled.dialect(), &mut out);
                    if let (Some(mailbox), false) = (&node.mailbox, list.returns.status.is_empty()) {
                        let place = (account, mailbox, name);
                        let dialect: Dialect = enabled.dialect();
                        status::write(view, &shared, place, &list.returns.status, dialect, &mut out)?;
                    }
                }
            }
            Ok(out)
        });
        wire.out.extend_from_slice(&read.await?);
        Ok(Outcome::ok("LIST completed"))
    }
}

/// All names of an account: mailboxes, names above them, subscriptions.
pub(super) struct Names {
    pub nodes: BTreeMap<MailboxName, Node>,
}

/// What is known of one name.
#[derive(Default)]
pub(super) struct Node {
    /// None: only names below exist, or only a subscription.
    pub mailbox: Option<Mailbox>,
    pub subscribed: bool,
    /// A mailbox is below.
    pub has_children: bool,
    /// A subscribed name is below.
    pub subscribed_below: bool,
    /// A mailbox of special use is below.
    pub special_below: bool,
}

impl Names {
    pub fn read(view: &mut View<'_>, account: AccountId) -> Result<Names, StoreError> {
        let mut nodes: BTreeMap<MailboxName, Node> = BTreeMap::new();
        let mailboxes = view.mailboxes(account)?;
        if mailboxes.is_empty() {
            // INBOX is always there. A client that mirrors must not hear that all was deleted.
            return Err(StoreError::Missing(Missing::Account));
        }
        for mailbox in mailboxes {
            let Ok(name) = MailboxName::new(&mailbox.name) else { continue };
            let special = mailbox.special_use.is_some();
            each_above(&mut nodes, &name, |node| {
                node.has_children = true;
                node.special_below |= special;
            });
            nodes.entry(name).or_default().mailbox = Some(mailbox);
        }
        for subscription in view.subscriptions(account)? {
            let Ok(name) = MailboxName::new(&subscription) else { continue };
            each_above(&mut nodes, &name, |node| node.subscribed_below = true);
            nodes.entry(name).or_default().subscribed = true;
        }
        Ok(Names { nodes })
    }

    /// The names that begin like this one, among them all below it.
    pub fn behind<'a>(&'a self, name: &'a MailboxName) -> impl Iterator<Item = (&'a MailboxName, &'a Node)> {
        let behind = self.nodes.range((Bound::Excluded(name), Bound::Unbounded));
        behind.take_while(move |(other, _)| other.as_str().starts_with(name.as_str()))
    }

    /// Whether LIST shows a name, and if so, whether with CHILDINFO.
    fn selects(&self, list: &List, name: &MailboxName, node: &Node) -> Option<bool> {
        if !list.patterns.iter().any(|pattern| pattern.matches(name)) {
            return None;
        }
        let selection = list.selection;
        let special = node.mailbox.as_ref().is_some_and(|mailbox| mailbox.special_use.is_some());
        let restricted = selection.subscribed || selection.special_use;
        let chosen = match restricted {
            true => (!selection.subscribed || node.subscribed) && (!selection.special_use || special),
            // A name without a mailbox is shown for those below it (RFC 9051 §6.3.9).
            false => node.mailbox.is_some() || node.has_children,
        };
        let below = selection.recursive_match
            && (selection.subscribed && node.subscribed_below || selection.special_use && node.special_below);
        // RFC 5258 §3.5: only SUBSCRIBED has a CHILDINFO word of its own.
        (chosen || below).then_some(below && selection.subscribed)
    }
}

fn attributes(returns: &ListReturn, node: &Node) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(4);
    // Without RETURN the server may tell what it likes; clients that know no LIST-EXTENDED live
    // on these.
    let plain = *returns == ListReturn::default();
    if node.mailbox.is_none() {
        // RFC 5258 §3: \NonExistent implies \Noselect, which older clients need to see.
        attributes.extend([Attribute::NonExistent, Attribute::NoSelect]);
    }
    if returns.children || plain {
        let children = if node.has_children { Attribute::HasChildren } else { Attribute::HasNoChildren };
        attributes.push(children);
    }
    if returns.subscribed && node.subscribed {
        attributes.push(Attribute::Subscribed);
    }
    if returns.special_use || plain {
        attributes.extend(node.mailbox.as_ref().and_then(|mailbox| mailbox.special_use).map(attribute));
    }
    attributes
}

fn each_above(
    nodes: &mut BTreeMap<MailboxName, Node>,
    name: &MailboxName,
    mut change: impl FnMut(&mut Node),
) {
    let mut above = name.parent();
    while let Some(name) = above {
        above = name.parent();
        change(nodes.entry(name).or_default());
    }
}

/// The attribute for a special use (RFC 6154 §2, RFC 8457).
pub(super) fn attribute(special: SpecialUse) -> Attribute {
    match special {
        SpecialUse::All => Attribute::All,
        SpecialUse::Archive => Attribute::Archive,
        SpecialUse::Drafts => Attribute::Drafts,
        SpecialUse::Flagged => Attribute::Flagged,
        SpecialUse::Important => Attribute::Important,
        SpecialUse::Junk => Attribute::Junk,
        SpecialUse::Sent => Attribute::Sent,
        SpecialUse::Trash => Attribute::Trash,
    }
}
