//! Transfers out: records into messages.

use super::TransferRequest;
use crate::message::{Flags, MessageWriter, Section};
use crate::record::Record;
use crate::tsig::{self, Signer};
use crate::zone::ZoneDiff;
use std::iter::{Peekable, once};

/// Messages are filled up to here, in bytes: names beyond 16 KiB cannot be pointed at (RFC 1035 §4.1.4),
/// so larger ones compress worse and cost more memory.
pub const TRANSFER_MESSAGE_LEN_BYTES: usize = 16 << 10;
/// A record that is longer gets a message of its own, up to what TCP can carry.
const MESSAGE_LEN_MAX_BYTES: usize = 65_535;

/// The records of a whole transfer: the SOA record first and last (RFC 5936 §2.2), and `rest` between,
/// which is all others.
pub fn whole_records(soa: Record, rest: impl Iterator<Item = Record>) -> impl Iterator<Item = Record> {
    once(soa.clone()).chain(rest).chain(once(soa))
}

/// The records of a transfer by differences (RFC 1995 §4): the present SOA record around all steps, and in
/// each the old SOA record before what goes and the new one before what comes. Without steps it is the SOA
/// record alone: nothing changed.
pub fn steps_records(soa: Record, steps: Vec<ZoneDiff>) -> impl Iterator<Item = Record> {
    let last = (!steps.is_empty()).then(|| soa.clone());
    let steps = steps
        .into_iter()
        .flat_map(|step| once(step.old_soa).chain(step.removed).chain(once(step.new_soa)).chain(step.added));
    once(soa).chain(steps).chain(last)
}

/// The messages of a transfer, made as they are taken.
pub struct Messages<I: Iterator<Item = Record>, C> {
    request: TransferRequest,
    records: Peekable<I>,
    signer: Option<Signer>,
    unix_s: C,
    is_first: bool,
    failed: bool,
}

impl<I: Iterator<Item = Record>, C: Fn() -> u64> Messages<I, C> {
    /// Answers `request` by `records`, signed if it was; `unix_s` gives the time in seconds since 1970.
    pub fn new(request: TransferRequest, records: I, signer: Option<Signer>, unix_s: C) -> Messages<I, C> {
        Messages { request, records: records.peekable(), signer, unix_s, is_first: true, failed: false }
    }
}

impl<I: Iterator<Item = Record>, C: Fn() -> u64> Iterator for Messages<I, C> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.failed || self.records.peek().is_none() {
            return None;
        }
        let flags = Flags::QR.with(Flags::AA);
        let reserve = if self.signer.is_some() { tsig::RECORD_LEN_MAX_BYTES } else { 0 };
        let limit = TRANSFER_MESSAGE_LEN_BYTES - reserve;
        let mut writer = MessageWriter::new(Vec::with_capacity(4096), self.request.id, flags, limit);
        if std::mem::take(&mut self.is_first) {
            // Only the first message needs the question (RFC 5936 §2.2.1).
            let _ = writer.question(&self.request.question);
        }
        let mut count = 0;
        while let Some(record) = self.records.peek() {
            if writer.record(Section::Answer, record).is_err() {
                if count > 0 {
                    break;
                }
                writer.set_limit(MESSAGE_LEN_MAX_BYTES - reserve);
                if writer.record(Section::Answer, record).is_err() {
                    // No message can carry it. Ending here shows the client that something is missing; to
                    // leave it out would not.
                    self.failed = true;
                    return None;
                }
            }
            count += 1;
            self.records.next();
        }
        let mut message = writer.finish();
        if let Some(signer) = &mut self.signer {
            signer.sign((self.unix_s)(), &mut message);
        }
        Some(message)
    }
}
