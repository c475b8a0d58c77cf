//! IDLE (RFC 9051 §6.3.13, RFC 2177).

use super::{Ask, Session, Waiting};
use crate::cursor::Tag;
use crate::error::Fault;
use crate::limits;
use crate::response::{self, Condition};
use wire::{Now, Outputs};

impl Session {
    pub(super) fn idle(&mut self, tag: Tag, out: &mut Outputs<Ask>) {
        response::continuation("idling", out.bytes_mut());
        // What changed between the last command and this one would otherwise wait for the next
        // change.
        out.ask(Ask::Idle);
        self.waiting = Waiting::Idling { tag };
    }

    /// DONE, or something wrong instead of it; either way idling ends.
    pub(super) fn idle_ended(&mut self, tag: &Tag, line: &[u8], out: &mut Outputs<Ask>) {
        if line.trim_ascii_end().eq_ignore_ascii_case(b"DONE") {
            self.ok(tag, None, "IDLE completed", out);
        } else {
            self.refuse(Some(tag), &Fault::Syntax { at: 0, expected: "DONE" }, out);
        }
    }

    /// Whether the client idles, so that [`Session::news`] may be called.
    pub fn is_idling(&self) -> bool {
        matches!(self.waiting, Waiting::Done { .. })
    }

    /// Sends untagged responses to a client that idles. False, and nothing is sent, if it does not.
    pub fn news(&mut self, now: Now, responses: &[u8], out: &mut Outputs<Ask>) -> bool {
        let Waiting::Done { spoke, .. } = &mut self.waiting else { return false };
        *spoke = now;
        out.send(responses);
        true
    }

    /// Keeps address translators from forgetting the connection. Seldom, for the sake of phone
    /// batteries.
    pub(super) fn still_here(&mut self, now: Now, out: &mut Outputs<Ask>) {
        if let Waiting::Done { spoke, .. } = &mut self.waiting
            && now >= *spoke + limits::IDLE_KEEPALIVE
        {
            *spoke = now;
            response::untagged(Condition::Ok, None, "Still here", out.bytes_mut());
        }
    }
}
