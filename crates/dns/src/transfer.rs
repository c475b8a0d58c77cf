//! Zone transfers: whole (AXFR, RFC 5936) and by differences (IXFR, RFC 1995), both ways, and when a
//! secondary looks for a new version.
//!
//! What comes in is believed as a whole or not at all: nothing of a transfer is used before its last record
//! was read and everything in it belongs to the zone.

mod incoming;
mod outgoing;
mod refresh;

pub use incoming::{Incoming, IncomingLimits, Progress, Received, TransferFault};
pub use outgoing::{Messages, TRANSFER_MESSAGE_LEN_BYTES, steps_records, whole_records};
pub use refresh::{Refresh, RefreshLimits};

use crate::code::{Class, Rcode, RecordType, Serial};
use crate::message::{Flags, MessageReader, MessageWriter, Question, Section};
use crate::name::Name;
use crate::rdata::Soa;
use crate::record::Record;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The whole zone.
    Whole,
    /// What changed since this serial.
    Since(Serial),
}

/// A request for a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRequest {
    /// The message's id.
    pub id: u16,
    /// The question, to be repeated.
    pub question: Question,
    /// What is asked for.
    pub wanted: Wanted,
}

impl TransferRequest {
    /// Reads a query of type AXFR or IXFR. An IXFR carries the SOA record that the client has in the authority
    /// section (RFC 1995 §3); a TSIG and an OPT may follow.
    ///
    /// # Errors
    /// The code to be answered: FORMERR for what cannot be read and an IXFR without its SOA, NOTAUTH for
    /// a class that is not served.
    pub fn parse(message: &[u8]) -> Result<TransferRequest, Rcode> {
        let mut reader = MessageReader::new(message).map_err(|_| Rcode::FORMERR)?;
        let (id, counts) = (reader.header().id, reader.header().counts);
        if counts[0] != 1 || counts[1] != 0 {
            return Err(Rcode::FORMERR);
        }
        let question = reader.question().ok().flatten().ok_or(Rcode::FORMERR)?;
        let mut serial = None;
        while let Some(raw) = reader.raw_record().map_err(|_| Rcode::FORMERR)? {
            if raw.section == Section::Authority {
                let record = raw.to_record().map_err(|_| Rcode::FORMERR)?;
                let soa = Soa::from_rdata(&record.data).filter(|_| record.owner == question.name);
                serial = Some(soa.ok_or(Rcode::FORMERR)?.serial);
            }
        }
        let wanted = match question.rtype {
            RecordType::AXFR => Wanted::Whole,
            RecordType::IXFR => Wanted::Since(serial.ok_or(Rcode::FORMERR)?),
            _ => return Err(Rcode::FORMERR),
        };
        if question.class != Class::IN {
            return Err(Rcode::NOTAUTH);
        }
        Ok(TransferRequest { id, question, wanted })
    }

    /// The request of a secondary: whole where it has nothing, else since its SOA record.
    pub fn message(id: u16, zone: &Name, have: Option<&Record>) -> Vec<u8> {
        let rtype = if have.is_some() { RecordType::IXFR } else { RecordType::AXFR };
        let mut writer = MessageWriter::new(Vec::new(), id, Flags::default(), 1024);
        let question = Question { name: zone.clone(), rtype, class: Class::IN };
        const FITS: &str = "a question and one SOA record take less than 1024 bytes";
        writer.question(&question).expect(FITS);
        if let Some(soa) = have {
            writer.record(Section::Authority, soa).expect(FITS);
        }
        writer.finish()
    }
}

/// A query for a zone's SOA record, by which a secondary learns the serial.
pub fn soa_query(id: u16, zone: &Name) -> Vec<u8> {
    let mut writer = MessageWriter::new(Vec::new(), id, Flags::default(), 512);
    let question = Question { name: zone.clone(), rtype: RecordType::SOA, class: Class::IN };
    writer.question(&question).expect("a question takes less than 512 bytes");
    writer.finish()
}

/// The serial in an authoritative answer to [`soa_query`]; nothing if it is none.
pub fn soa_answer(message: &[u8], id: u16, zone: &Name) -> Option<Serial> {
    let mut reader = MessageReader::new(message).ok()?;
    let header = *reader.header();
    let right =
        header.id == id && header.flags.has(Flags::QR.with(Flags::AA)) && !header.flags.has(Flags::TC);
    if !right || header.flags.rcode() != Rcode::NOERROR {
        return None;
    }
    let question = reader.question().ok()??;
    if question.name != *zone || question.rtype != RecordType::SOA {
        return None;
    }
    loop {
        let (section, record) = reader.record().ok()??;
        if section == Section::Answer && record.owner == *zone && record.rtype() == RecordType::SOA {
            return Soa::from_rdata(&record.data).map(|soa| soa.serial);
        }
    }
}

#[cfg(test)]
mod tests;
