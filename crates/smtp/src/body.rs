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
    bytes: Vec<u8>,
    share: Share,
    /// The budget was short once: the rest is read and not kept.
    short: bool,
}

impl Body {
    pub(crate) fn new(budget: &Budget) -> Body {
        Body { bytes: Vec::new(), share: budget.share(), short: false }
    }

    /// Adds a piece, unless memory is short, in which case all is given back.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.short {
            return;
        }
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let ample = needed.max(self.bytes.capacity() * 2).max(GROWTH_MIN_BYTES);
            let target = if self.share.cover(ample) {
                ample
            } else if self.share.cover(needed) {
                needed
            } else {
                self.short = true;
                self.bytes = Vec::new();
                return;
            };
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
    }

    /// Whether memory was short.
    pub(crate) fn is_short(&self) -> bool {
        self.short
    }

    /// How many bytes are kept.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The whole, once it has been judged. `faults` are those of its text.
    pub(crate) fn finish(
        mut self,
        faults: Faults,
        bare: Fault,
        limits: &Limits,
    ) -> Result<(Vec<u8>, Share), Fault> {
        if self.short {
            return Err(Fault::NoMemory);
        }
        // NUL first: it is the clearest sign that this is no text at all.
        match faults {
            Faults { nul: true, .. } => return Err(Fault::Nul),
            Faults { bare_cr: true, .. } | Faults { bare_lf: true, .. } => return Err(bare),
            Faults { long_line: true, .. } => return Err(Fault::LongLine),
            _ => {}
        }
        let shape = headers::check(&self.bytes, limits.received_fields_max).map_err(Fault::Header)?;
        if shape == HeaderShape::Missing {
            self.prepend_empty_line()?;
        }
        Ok((self.bytes, self.share))
    }

    /// Gives a message without a header section an empty one (RFC 5321 §6.4 allows such repair),
    /// so that its text stays text when fields are put in front.
    fn prepend_empty_line(&mut self) -> Result<(), Fault> {
        if !self.share.cover(self.bytes.len() + 2) {
            return Err(Fault::NoMemory);
        }
        self.bytes.splice(..0, *b"\r\n");
        Ok(())
    }
}

/// A message that arrives in chunks (RFC 3030), between and within them.
#[derive(Debug)]
pub(crate) struct Chunked {
    pub(crate) body: Body,
    pub(crate) check: TextCheck,
}

impl Chunked {
    pub(crate) fn new(settings: &Settings) -> Chunked {
        let check = TextCheck::new(settings.limits.text_line_len_max_bytes);
        Chunked { body: Body::new(&settings.budget), check }
    }
}

/// How fast a message comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    started: Now,
    last: Now,
    received_bytes: u64,
}

impl Pace {
    pub(crate) fn new(now: Now) -> Pace {
        Pace { started: now, last: now, received_bytes: 0 }
    }

    pub(crate) fn received(&mut self, now: Now, bytes: usize) {
        if bytes > 0 {
            self.received_bytes += bytes as u64;
            self.last = now;
        }
    }

    /// When patience ends if nothing more comes: after silence, or once the mean is too slow.
    pub(crate) fn deadline(&self, limits: &Limits) -> Now {
        let earned = self.received_bytes.saturating_mul(1000) / limits.text_rate_min_bytes_per_s.max(1);
        let by_rate = self.started + limits.text_grace + std::time::Duration::from_millis(earned);
        by_rate.min(self.last + limits.text_timeout)
    }
}
