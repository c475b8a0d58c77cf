//! The message while it arrives.

use crate::error::Fault;
use crate::headers::{self, HeaderShape};
use crate::{Limits, Settings};
use wire::text::{Faults, TextCheck};
use wire::{Budget, Now, Share};

/// The smallest piece of memory taken for a message, in bytes: most messages grow beyond less.
const GROWTH_MIN_BYTES: usize = 4096;

/// Bytes of a message, grown under a share of the common budget.
#[derive(Debug)]
pub(crate) struct Body {
    /// `None` once the budget was short: the rest is read and not kept.
    kept: Option<Kept>,
    size_max_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    share: Share,
}

impl Body {
    /// An empty message, that owns nothing yet.
    pub(crate) fn new(settings: &Settings, budget: &Budget) -> Body {
        let size_max_bytes = usize::try_from(settings.limits.message_size_max_bytes).unwrap_or(usize::MAX);
        Body { kept: Some(Kept { bytes: Vec::new(), share: budget.share() }), size_max_bytes }
    }

    /// Adds a piece, unless memory is short, in which case all is given back.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let fits = self.kept.as_mut().is_some_and(|kept| kept.make_room(piece.len(), self.size_max_bytes));
        match &mut self.kept {
            Some(kept) if fits => kept.bytes.extend_from_slice(piece),
            kept => *kept = None,
        }
    }

    /// Whether memory was short.
    pub(crate) fn is_short(&self) -> bool {
        self.kept.is_none()
    }

    /// How many bytes are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.bytes.len())
    }

    /// The whole, once it has been judged. `faults` are those of its text, and `bare` is what a
    /// bare CR or LF amounts to.
    pub(crate) fn finish(
        self,
        faults: Faults,
        bare: Fault,
        limits: &Limits,
    ) -> Result<(Vec<u8>, Share), Fault> {
        let Kept { mut bytes, mut share } = self.kept.ok_or(Fault::NoMemory)?;
        // NUL first: it is the clearest sign that this is no text at all.
        match faults {
            Faults { nul: true, .. } => return Err(Fault::Nul),
            Faults { bare_cr: true, .. } | Faults { bare_lf: true, .. } => return Err(bare),
            Faults { long_line: true, .. } => return Err(Fault::LongLine),
            _ => {}
        }
        let shape = headers::check(&bytes, limits.received_fields_max).map_err(Fault::Header)?;
        if shape == HeaderShape::Missing {
            // An empty header section keeps text from being read as one when fields are put in
            // front (RFC 5321 §6.4 allows such repair).
            if !share.cover(bytes.len() + 2) {
                return Err(Fault::NoMemory);
            }
            bytes.reserve_exact(2);
            bytes.splice(..0, *b"\r\n");
        }
        Ok((bytes, share))
    }
}

impl Kept {
    /// Makes room for more bytes; false where the budget is short.
    fn make_room(&mut self, more_bytes: usize, size_max_bytes: usize) -> bool {
        let needed = self.bytes.len() + more_bytes;
        if needed <= self.bytes.capacity() {
            return true;
        }
        // Never by less than an eighth: a message would be copied for every piece of it once
        // memory is scarce.
        let double = (self.bytes.capacity() * 2).max(GROWTH_MIN_BYTES).min(size_max_bytes);
        let targets = [needed.max(double), needed + needed / 8];
        let Some(target) = targets.into_iter().find(|target| self.share.cover(*target)) else { return false };
        self.bytes.reserve_exact(target - self.bytes.len());
        true
    }
}

/// A message that arrives in chunks (RFC 3030), between and within them.
#[derive(Debug)]
pub(crate) struct Chunked {
    /// When the first chunk began.
    pub(crate) started: Now,
    pub(crate) body: Body,
    pub(crate) check: TextCheck,
}

impl Chunked {
    pub(crate) fn new(settings: &Settings, budget: &Budget, now: Now) -> Chunked {
        let check = TextCheck::new(settings.limits.text_line_len_max_bytes);
        Chunked { started: now, body: Body::new(settings, budget), check }
    }
}

/// How fast a message comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// When it began.
    pub(crate) started: Now,
    last: Now,
    /// Until when what came is fast enough.
    paid_until: Now,
}

impl Pace {
    pub(crate) fn new(now: Now, limits: &Limits) -> Pace {
        Pace { started: now, last: now, paid_until: now + limits.text_grace }
    }

    /// Bytes buy time, but never more of it than the grace: what came fast at first is no licence to trickle.
    pub(crate) fn received(&mut self, now: Now, bytes: usize, limits: &Limits) {
        if bytes > 0 {
            let earned_ms = (bytes as u64).saturating_mul(1000) / limits.text_rate_min_bytes_per_s.max(1);
            let paid_until = self.paid_until + std::time::Duration::from_millis(earned_ms);
            self.paid_until = paid_until.min(now + limits.text_grace);
            self.last = now;
        }
    }

    /// When patience ends if nothing more comes: after silence, or once it comes too slowly.
    pub(crate) fn deadline(&self, limits: &Limits) -> Now {
        self.paid_until.min(self.last + limits.text_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Service;
    use std::time::Duration;
    use wire::Budget;

    fn settings(budget_bytes: usize) -> Settings {
        Settings {
            hostname: String::new(),
            service: Service::Mx,
            limits: Limits { message_size_max_bytes: 100_000, ..Limits::default() },
            offer_starttls: false,
            allow_plaintext_auth: false,
            budget: Budget::new(budget_bytes),
        }
    }

    #[test]
    fn memory_is_taken_under_the_budget_and_given_back() {
        let settings = settings(50_000);
        let mut body = Body::new(&settings, &settings.budget);
        assert_eq!(settings.budget.used_bytes(), 0);
        for _ in 0..400 {
            body.push(&[b'x'; 100]);
            let kept = body.kept.as_ref().expect("enough");
            assert!(kept.bytes.capacity() <= kept.share.held_bytes());
        }
        assert_eq!(body.len(), 40_000);
        (0..200).for_each(|_| body.push(&[b'x'; 100]));
        assert!(body.is_short());
        assert_eq!(settings.budget.used_bytes(), 0);
        let end = body.finish(Faults::default(), Fault::BareLineEnd, &settings.limits);
        assert_eq!(end.err(), Some(Fault::NoMemory));
    }

    #[test]
    fn a_message_is_judged_at_its_end() {
        let settings = settings(50_000);
        let finish = |text: &[u8], faults: Faults| {
            let mut body = Body::new(&settings, &settings.budget);
            body.push(text);
            body.finish(faults, Fault::BareLineEnd, &settings.limits).map(|(bytes, _)| bytes)
        };
        let ok = Faults::default();
        assert_eq!(finish(b"A: b\r\n", ok).as_deref(), Ok(&b"A: b\r\n"[..]));
        assert_eq!(finish(b"text\r\n", ok).as_deref(), Ok(&b"\r\ntext\r\n"[..]));
        for (faults, expected) in [
            (Faults { nul: true, bare_lf: true, ..ok }, Fault::Nul),
            (Faults { bare_cr: true, long_line: true, ..ok }, Fault::BareLineEnd),
            (Faults { bare_lf: true, ..ok }, Fault::BareLineEnd),
            (Faults { long_line: true, ..ok }, Fault::LongLine),
        ] {
            assert_eq!(finish(b"A: b\r\n", faults), Err(expected));
        }
    }

    #[test]
    fn patience_ends_after_silence_or_a_trickle() {
        let (start, limits) = (Now::from_millis(1000), Limits::default());
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(start, &limits);
        assert_eq!(pace.deadline(&limits), after(180));
        pace.received(after(170), 1000, &limits);
        assert_eq!(pace.deadline(&limits), after(302));
        pace.received(after(171), 0, &limits);
        pace.received(after(172), 1_000_000, &limits);
        assert_eq!(pace.deadline(&limits), after(172 + 180));
        // However much came before, a trickle lasts no longer than the grace.
        pace.received(after(340), 1, &limits);
        assert_eq!(pace.deadline(&limits), after(172 + 300) + Duration::from_millis(2));
    }
}
