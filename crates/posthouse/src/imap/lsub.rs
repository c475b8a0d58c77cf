//! LSUB (RFC 3501 §6.3.9).

use super::list::Names;
use super::{Done, ImapService, Logins};
use crate::driver::Wire;
use ::imap::command::Lsub;
use ::imap::response::{self, Attribute};
use ::imap::{Enabled, Outcome};

impl<L: Logins> ImapService<L> {
    pub(super) async fn lsub(&mut self, lsub: Lsub, enabled: Enabled, wire: &mut Wire) -> Done {
        let account = self.account()?;
        let names = self.shared.store.read(move |view| Names::read(view, account)).await?;
        for (name, node) in &names.nodes {
            // RFC 3501 §6.3.9: a name above subscribed ones that "%" stopped at is shown as
            // \Noselect. Pattern `*` matches those below themselves, which does no harm.
            let shown = node.subscribed || node.subscribed_below;
            if !shown || !lsub.pattern.matches(name) {
                continue;
            }
            let mut attributes = Vec::with_capacity(2);
            if !node.subscribed {
                let told = names.behind(name).any(|(other, node)| {
                    node.subscribed && other.is_below(name) && lsub.pattern.matches(other)
                });
                if told {
                    continue;
                }
                attributes.push(Attribute::NoSelect);
            } else if node.mailbox.is_none() {
                attributes.push(Attribute::NoSelect);
            } else {
                // Thunderbird needs to see them here (RFC 3348 §3).
                attributes.push(match node.has_children {
                    true => Attribute::HasChildren,
                    false => Attribute::HasNoChildren,
                });
            }
            response::lsub(&attributes, name, enabled.dialect(), &mut wire.out);
        }
        Ok(Outcome::ok("LSUB completed"))
    }
}
