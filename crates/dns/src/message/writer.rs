//! Writing messages, with names compressed (RFC 1035 §4.1.4).

use super::{Flags, HEADER_LEN_BYTES, Header, MESSAGE_LEN_MAX_BYTES, Question, Section};
use crate::code::{Class, RecordType, Ttl};
use crate::name::{LABELS_MAX, Name, label_offsets};
use crate::rdata::{Piece, RData, pieces, schema};
use crate::record::Record;

/// So many places of names are remembered as targets of compression, the first ones: search is bounded
/// whatever the names are (RUSTSEC-2026-0119 was a quadratic search).
const TARGETS_MAX: usize = 64;

/// The entry does not fit below the limit; the message is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the message is full")
    }
}

impl std::error::Error for Full {}

/// Builds a message in the order of its sections.
#[derive(Debug)]
pub struct MessageWriter {
    bytes: Vec<u8>,
    limit_bytes: usize,
    header: Header,
    /// Where names begin that later ones may point at: offset, and hash of the name from there on.
    targets: Vec<(u16, u32)>,
}

impl MessageWriter {
    /// A message with `id` and `flags`, of at most `limit_bytes`, in `buffer`, whose content is dropped.
    pub fn new(buffer: Vec<u8>, id: u16, flags: Flags, limit_bytes: usize) -> Self {
        let mut bytes = buffer;
        bytes.clear();
        bytes.resize(HEADER_LEN_BYTES, 0);
        let limit_bytes = limit_bytes.clamp(HEADER_LEN_BYTES, MESSAGE_LEN_MAX_BYTES);
        let header = Header { id, flags, counts: [0; 4] };
        MessageWriter { bytes, limit_bytes, header, targets: Vec::new() }
    }

    /// The bytes written so far, the header's included.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing but the header.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_LEN_BYTES
    }

    /// The entries of each section so far.
    pub fn counts(&self) -> [u16; 4] {
        self.header.counts
    }

    /// Changes the limit, for instance to leave room for a signature.
    pub fn set_limit(&mut self, limit_bytes: usize) {
        self.limit_bytes = limit_bytes.clamp(HEADER_LEN_BYTES, MESSAGE_LEN_MAX_BYTES);
    }

    /// Adds a question.
    ///
    /// # Errors
    /// [`Full`].
    pub fn question(&mut self, question: &Question) -> Result<(), Full> {
        self.entry(0, |writer| {
            writer.name(question.name.as_wire(), true);
            writer.bytes.extend_from_slice(&question.rtype.0.to_be_bytes());
            writer.bytes.extend_from_slice(&question.class.0.to_be_bytes());
        })
    }

    /// Adds a record to a section.
    ///
    /// # Errors
    /// [`Full`].
    pub fn record(&mut self, section: Section, record: &Record) -> Result<(), Full> {
        self.fields(section, (&record.owner, record.class, record.ttl), &record.data)
    }

    /// Adds a record of the given owner, class and TTL to a section.
    ///
    /// # Errors
    /// [`Full`].
    pub fn fields(
        &mut self,
        section: Section,
        (owner, class, ttl): (&Name, Class, Ttl),
        data: &RData,
    ) -> Result<(), Full> {
        let compress = schema(data.rtype()).is_some_and(|schema| schema.compress);
        self.entry(section.index(), |writer| {
            writer.name(owner.as_wire(), true);
            writer.fixed(data.rtype(), class, ttl.seconds());
            let start = writer.bytes.len();
            for piece in pieces(data.rtype(), data.as_wire()) {
                match piece {
                    Piece::Bytes(bytes) => writer.bytes.extend_from_slice(bytes),
                    Piece::Name(name) => writer.name(name, compress),
                }
            }
            let len = writer.bytes.len() - start;
            writer.bytes[start - 2..start].copy_from_slice(&(len as u16).to_be_bytes());
        })
    }

    /// Adds a record whose class and TTL mean something else, and whose data is taken as it is: OPT, TSIG,
    /// entries of updates.
    ///
    /// # Errors
    /// [`Full`].
    pub fn raw(
        &mut self,
        section: Section,
        owner: &Name,
        (rtype, class, ttl_bits): (RecordType, Class, u32),
        data: &[u8],
    ) -> Result<(), Full> {
        let len = u16::try_from(data.len()).map_err(|_| Full)?;
        self.entry(section.index(), |writer| {
            // TSIG's owner must not be compressed (RFC 8945 §4.2), and OPT's is the root.
            writer.name(owner.as_wire(), false);
            writer.fixed(rtype, class, ttl_bits);
            let start = writer.bytes.len();
            writer.bytes[start - 2..].copy_from_slice(&len.to_be_bytes());
            writer.bytes.extend_from_slice(data);
        })
    }

    /// The message.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes[..HEADER_LEN_BYTES].copy_from_slice(&self.header.to_bytes());
        self.bytes
    }

    /// Writes an entry, or nothing of it.
    fn entry(&mut self, section: usize, write: impl FnOnce(&mut Self)) -> Result<(), Full> {
        let (len, targets) = (self.bytes.len(), self.targets.len());
        write(self);
        if self.bytes.len() > self.limit_bytes || self.header.counts[section] == u16::MAX {
            self.bytes.truncate(len);
            self.targets.truncate(targets);
            return Err(Full);
        }
        self.header.counts[section] += 1;
        Ok(())
    }

    fn fixed(&mut self, rtype: RecordType, class: Class, ttl_bits: u32) {
        self.bytes.extend_from_slice(&rtype.0.to_be_bytes());
        self.bytes.extend_from_slice(&class.0.to_be_bytes());
        self.bytes.extend_from_slice(&ttl_bits.to_be_bytes());
        self.bytes.extend_from_slice(&[0, 0]);
    }

    /// Writes a name, its tail as a pointer if `compress` and the tail stands somewhere already.
    fn name(&mut self, wire: &[u8], compress: bool) {
        let mut offsets = [0u8; LABELS_MAX];
        let count = label_offsets(wire, &mut offsets);
        // Hashes of all suffixes, from the right, so that each label is read once.
        let mut hashes = [0u32; LABELS_MAX];
        let mut hash = 0x811c_9dc5u32;
        for at in (0..count).rev() {
            let from = usize::from(offsets[at]);
            for byte in &wire[from..=from + usize::from(wire[from])] {
                hash = (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
            }
            hashes[at] = hash;
        }
        for at in 0..count {
            let from = usize::from(offsets[at]);
            if compress && let Some(target) = self.target(&wire[from..], hashes[at]) {
                self.bytes.extend_from_slice(&(0xc000 | target).to_be_bytes());
                return;
            }
            let here = self.bytes.len();
            if here < 0x4000 && self.targets.len() < TARGETS_MAX {
                self.targets.push((here as u16, hashes[at]));
            }
            self.bytes.extend_from_slice(&wire[from..=from + usize::from(wire[from])]);
        }
        self.bytes.push(0);
    }

    /// Where `suffix` was written before. Case must be the same: names are given back as they were.
    fn target(&self, suffix: &[u8], hash: u32) -> Option<u16> {
        let equal = |at: u16| {
            let mut buf = [0; crate::name::NAME_LEN_MAX_BYTES];
            crate::name::expand(&self.bytes, usize::from(at), &mut buf)
                .is_ok_and(|(len, _)| buf[..len] == *suffix)
        };
        self.targets.iter().find(|(at, other)| *other == hash && equal(*at)).map(|(at, _)| *at)
    }
}
