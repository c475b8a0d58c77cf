//! Messages (RFC 1035 §4): a reader that decompresses and checks, and a writer that compresses.
//!
//! Answers to queries are not made with these but by [`crate::answer`](mod@crate::answer), which copies what
//! was made ready before. These are for what comes seldom: transfers, updates, responses of other servers.

use std::fmt;

use crate::code::{Class, Opcode, Rcode, RecordType, Ttl};
use crate::name::{Name, NameError};
use crate::rdata::{RData, RDataError};
use crate::record::Record;

mod writer;

pub use writer::{Full, MessageWriter};

/// A message is at most this many bytes: its length over TCP is 16 bits (RFC 1035 §4.2.2).
pub const MESSAGE_LEN_MAX_BYTES: usize = 65_535;
/// The header of every message (RFC 1035 §4.1.1).
pub const HEADER_LEN_BYTES: usize = 12;

/// The header of a message (RFC 1035 §4.1.1; AD and CD: RFC 4035 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the asker chose, to tell answers apart.
    pub id: u16,
    /// The flag bits and codes: QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode.
    pub flags: Flags,
    /// How many entries the four sections have: question, answer, authority, additional.
    pub counts: [u16; 4],
}

/// The second two bytes of a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// A response.
    pub const QR: Flags = Flags(0x8000);
    /// An authoritative answer.
    pub const AA: Flags = Flags(0x0400);
    /// Truncated.
    pub const TC: Flags = Flags(0x0200);
    /// Recursion desired.
    pub const RD: Flags = Flags(0x0100);
    /// Recursion available.
    pub const RA: Flags = Flags(0x0080);
    /// Authentic data (RFC 4035 §3.2.3).
    pub const AD: Flags = Flags(0x0020);
    /// Checking disabled (RFC 4035 §3.2.2).
    pub const CD: Flags = Flags(0x0010);

    /// Whether all bits of `flag` are set.
    pub fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// With the bits of `flag` set.
    #[must_use]
    pub fn with(self, flag: Flags) -> Flags {
        Flags(self.0 | flag.0)
    }

    /// What the message asks for.
    pub fn opcode(self) -> Opcode {
        Opcode((self.0 >> 11 & 15) as u8)
    }

    /// The same with another opcode.
    #[must_use]
    pub fn with_opcode(self, opcode: Opcode) -> Flags {
        Flags(self.0 & !0x7800 | u16::from(opcode.0 & 15) << 11)
    }

    /// The lower four bits of the response code.
    pub fn rcode(self) -> Rcode {
        Rcode(self.0 & 15)
    }

    /// The same with another response code, of which the lower four bits are kept.
    #[must_use]
    pub fn with_rcode(self, rcode: Rcode) -> Flags {
        Flags(self.0 & !15 | rcode.0 & 15)
    }
}

impl Header {
    /// The header at the beginning of `message`; `None` under [`HEADER_LEN_BYTES`].
    pub fn read(message: &[u8]) -> Option<Header> {
        let bytes = message.first_chunk::<HEADER_LEN_BYTES>()?;
        let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Some(Header {
            id: number(0),
            flags: Flags(number(2)),
            counts: [number(4), number(6), number(8), number(10)],
        })
    }

    /// The wire form.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN_BYTES] {
        let mut bytes = [0; HEADER_LEN_BYTES];
        let numbers = [self.id, self.flags.0].into_iter().chain(self.counts);
        for (pair, number) in bytes.chunks_exact_mut(2).zip(numbers) {
            pair.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }
}

/// An entry of the question section (RFC 1035 §4.1.2); in updates, the zone (RFC 2136 §2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: RecordType,
    /// The class asked for.
    pub class: Class,
}

/// The three sections of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Answers; in updates, prerequisites.
    Answer,
    /// Authority; in updates, the changes.
    Authority,
    /// Additional data.
    Additional,
}

impl Section {
    pub(crate) const ALL: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

    pub(crate) fn index(self) -> usize {
        self as usize + 1
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// It ends inside a field, or before all entries that the header counts.
    Truncated,
    /// Bytes follow the last record.
    TrailingBytes,
    /// A name in it is none.
    Name(NameError),
    /// The data of a record is not valid for its type.
    Data(RecordType, RDataError),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageError::Truncated => f.write_str("the message is cut short"),
            MessageError::TrailingBytes => f.write_str("bytes follow the message"),
            MessageError::Name(error) => error.fmt(f),
            MessageError::Data(rtype, error) => write!(f, "{rtype}: {error}"),
        }
    }
}

impl std::error::Error for MessageError {}

impl From<NameError> for MessageError {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Truncated => MessageError::Truncated,
            error => MessageError::Name(error),
        }
    }
}

/// A record as it stands in a message, its data not looked at: for OPT, TSIG and the records of updates,
/// which use class, TTL and empty data for other things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Where it stands.
    pub section: Section,
    /// The name, decompressed.
    pub owner: Name,
    /// Its type.
    pub rtype: RecordType,
    /// Its class, or what stands in its place.
    pub class: Class,
    /// Its TTL, or what stands in its place: all 32 bits.
    pub ttl_bits: u32,
    /// Its data as sent, perhaps with compressed names.
    pub data: &'a [u8],
    /// The offset of the record's first byte in the message.
    pub start: usize,
    data_start: usize,
    message: &'a [u8],
}

impl RawRecord<'_> {
    /// The offset behind the record's last byte in the message.
    pub fn end(&self) -> usize {
        self.data_start + self.data.len()
    }

    /// The record with its data checked and decompressed.
    ///
    /// # Errors
    /// [`MessageError::Data`].
    pub fn to_record(&self) -> Result<Record, MessageError> {
        let data = RData::from_message(self.rtype, self.message, self.data_start, self.data.len())
            .map_err(|error| MessageError::Data(self.rtype, error))?;
        Ok(Record { owner: self.owner.clone(), class: self.class, ttl: Ttl::from_wire(self.ttl_bits), data })
    }
}

/// Reads a message from front to back: questions, then records.
#[derive(Debug, Clone)]
pub struct MessageReader<'a> {
    message: &'a [u8],
    at: usize,
    header: Header,
    /// Entries of each section still to be read.
    left: [u16; 4],
}

impl<'a> MessageReader<'a> {
    /// Begins to read `message`.
    ///
    /// # Errors
    /// [`MessageError::Truncated`] under [`HEADER_LEN_BYTES`].
    pub fn new(message: &'a [u8]) -> Result<Self, MessageError> {
        let header = Header::read(message).ok_or(MessageError::Truncated)?;
        Ok(MessageReader { message, at: HEADER_LEN_BYTES, header, left: header.counts })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The offset of the next entry.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next question; `None` after the last.
    ///
    /// # Errors
    /// [`MessageError::Truncated`], [`MessageError::Name`].
    pub fn question(&mut self) -> Result<Option<Question>, MessageError> {
        if self.left[0] == 0 {
            return Ok(None);
        }
        let (name, at) = Name::from_message(self.message, self.at)?;
        let [t1, t2, c1, c2] = *self.chunk(at)?;
        self.at = at + 4;
        self.left[0] -= 1;
        Ok(Some(Question {
            name,
            rtype: RecordType(u16::from_be_bytes([t1, t2])),
            class: Class(u16::from_be_bytes([c1, c2])),
        }))
    }

    /// The next record with its data unread; questions before it are passed over. `None` after the last.
    ///
    /// # Errors
    /// [`MessageError::Truncated`], [`MessageError::Name`].
    pub fn raw_record(&mut self) -> Result<Option<RawRecord<'a>>, MessageError> {
        while self.question()?.is_some() {}
        let Some(section) = Section::ALL.into_iter().find(|section| self.left[section.index()] > 0) else {
            return Ok(None);
        };
        let start = self.at;
        let (owner, at) = Name::from_message(self.message, start)?;
        let [t1, t2, c1, c2, s1, s2, s3, s4, l1, l2] = *self.chunk(at)?;
        let data_start = at + 10;
        let len = usize::from(u16::from_be_bytes([l1, l2]));
        let data = self.message.get(data_start..data_start + len).ok_or(MessageError::Truncated)?;
        self.at = data_start + len;
        self.left[section.index()] -= 1;
        Ok(Some(RawRecord {
            section,
            owner,
            rtype: RecordType(u16::from_be_bytes([t1, t2])),
            class: Class(u16::from_be_bytes([c1, c2])),
            ttl_bits: u32::from_be_bytes([s1, s2, s3, s4]),
            data,
            start,
            data_start,
            message: self.message,
        }))
    }

    /// The next record with its data checked and decompressed; questions before it are passed over. `None`
    /// after the last.
    ///
    /// # Errors
    /// Any [`MessageError`] but trailing bytes.
    pub fn record(&mut self) -> Result<Option<(Section, Record)>, MessageError> {
        match self.raw_record()? {
            Some(raw) => Ok(Some((raw.section, raw.to_record()?))),
            None => Ok(None),
        }
    }

    /// Reads what is left and sees that nothing follows.
    ///
    /// # Errors
    /// Any [`MessageError`].
    pub fn finish(mut self) -> Result<(), MessageError> {
        while self.raw_record()?.is_some() {}
        if self.at == self.message.len() { Ok(()) } else { Err(MessageError::TrailingBytes) }
    }

    fn chunk<const N: usize>(&self, at: usize) -> Result<&'a [u8; N], MessageError> {
        self.message.get(at..).and_then(|rest| rest.first_chunk()).ok_or(MessageError::Truncated)
    }
}
