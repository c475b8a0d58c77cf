//! The buffer that an answer is written into.

use super::query::{
    OPTION_COOKIE, OPTION_EXTENDED_ERROR, OPTION_KEEPALIVE, OPTION_NSID, OPTION_PADDING, Query,
};
use super::{Context, CookieVerdict, PADDING_BLOCK_BYTES, Transport, Verdict};
use crate::code::RecordType;
use crate::compiled::{
    CompressedPiece, NodeRef, QNAME_AT, RECORD_HEAD_BYTES, RawRecords, each_piece, expand_against,
    is_compressible,
};
use crate::message::{Flags, Section};
use crate::name::NAME_LEN_MAX_BYTES;

/// A pointer reaches no further than this (RFC 1035 §4.1.4).
pub(super) const POINTER_MAX: usize = 0x3fff;

/// There is no room for what should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// An answer that is being written. Names are told by their **place**, the offset at which they stand.
pub(super) struct Out<'o> {
    buffer: &'o mut [u8],
    at: usize,
    limit: usize,
    question_end: usize,
    counts: [u16; 3],
    /// Whether an address was left out without which a delegation cannot be followed.
    pub(super) glue_missing: bool,
}

/// Where writing can go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    at: usize,
    counts: [u16; 3],
}

impl<'o> Out<'o> {
    /// Begins with header and question of `query`.
    pub(super) fn new(buffer: &'o mut [u8], query: &[u8], question_end: usize, limit: usize) -> Self {
        let limit = limit.max(question_end).min(buffer.len());
        buffer[..question_end].copy_from_slice(&query[..question_end]);
        Out { buffer, at: question_end, limit, question_end, counts: [0; 3], glue_missing: false }
    }

    /// The bytes written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.at]
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { at: self.at, counts: self.counts }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        (self.at, self.counts) = (mark.at, mark.counts);
    }

    /// Takes all records back.
    pub(super) fn clear(&mut self) {
        (self.at, self.counts) = (self.question_end, [0; 3]);
    }

    fn put(&mut self, bytes: &[u8]) -> Result<usize, Full> {
        let (start, end) = (self.at, self.at + bytes.len());
        if end > self.limit {
            return Err(Full);
        }
        self.buffer[start..end].copy_from_slice(bytes);
        self.at = end;
        Ok(start)
    }

    /// Where the name asked for ends.
    fn qname_end(&self) -> usize {
        self.question_end - 4
    }

    /// Writes `count` records of the arena whose owner stands at `place`, and is `owner` in the zone. Gives
    /// where they begin.
    pub(super) fn records(
        &mut self,
        section: Section,
        (bytes, count): (&[u8], u16),
        place: usize,
        owner: &[u8],
    ) -> Result<usize, Full> {
        let rtype = RecordType(u16::from_be_bytes([bytes[2], bytes[3]]));
        let start = self.at;
        if place == QNAME_AT {
            self.put(bytes)?;
        } else if !is_compressible(rtype) || place < self.qname_end() {
            self.put(bytes)?;
            self.move_records(start, place, rtype);
        } else {
            // Pointers in the data lead into the owner as the zone has it, which stands nowhere in one piece.
            for raw in (RawRecords { rest: bytes }) {
                let head = self.put(&raw.bytes[..RECORD_HEAD_BYTES])?;
                self.point(head, place);
                let data = self.at;
                let mut result = Ok(0);
                each_piece(rtype, &raw.bytes[RECORD_HEAD_BYTES..], |piece| {
                    let mut buf = [0; NAME_LEN_MAX_BYTES];
                    let bytes = match piece {
                        CompressedPiece::Bytes(bytes) => bytes,
                        CompressedPiece::Name(name) => {
                            let len = expand_against(name, owner, &mut buf);
                            &buf[..len]
                        }
                    };
                    result = result.and(self.put(bytes));
                });
                result?;
                let len = (self.at - data) as u16;
                self.buffer[data - 2..data].copy_from_slice(&len.to_be_bytes());
            }
        }
        self.counts[section.index() - 1] += count;
        Ok(start)
    }

    /// Writes at `at` a pointer to `place`.
    fn point(&mut self, at: usize, place: usize) {
        self.buffer[at..at + 2].copy_from_slice(&(0xc000 | place as u16).to_be_bytes());
    }

    /// Points the records from `start` on to an owner at `place`, and what points into that owner along.
    fn move_records(&mut self, start: usize, place: usize, rtype: RecordType) {
        let (before, names) = match rtype {
            RecordType::NS | RecordType::CNAME | RecordType::PTR => (0, 1),
            RecordType::MX => (2, 1),
            RecordType::SOA | RecordType::MINFO => (0, 2),
            _ => (0, 0),
        };
        let mut at = start;
        while at < self.at {
            self.point(at, place);
            let data = at + RECORD_HEAD_BYTES;
            let mut name = data + before;
            for _ in 0..names {
                name = self.move_name(name, place - QNAME_AT);
            }
            at = data + usize::from(u16::from_be_bytes([self.buffer[data - 2], self.buffer[data - 1]]));
        }
    }

    /// Moves the pointer at the end of the name at `at`, if there is one; gives the offset behind the name.
    fn move_name(&mut self, at: usize, by: usize) -> usize {
        let mut at = at;
        loop {
            match self.buffer[at] {
                0 => return at + 1,
                192.. => {
                    let target = u16::from_be_bytes([self.buffer[at], self.buffer[at + 1]]) + by as u16;
                    self.buffer[at..at + 2].copy_from_slice(&target.to_be_bytes());
                    return at + 2;
                }
                len => at += 1 + usize::from(len),
            }
        }
    }

    /// Writes records of a node whose name may stand nowhere: its labels down to the zone's name, which stands
    /// at `apex_place`, are written once. For the types that have no compressed names.
    pub(super) fn named_records(
        &mut self,
        (bytes, count): (&[u8], u16),
        node: NodeRef<'_>,
        (apex_place, apex_len): (usize, usize),
        place: Option<usize>,
    ) -> Result<usize, Full> {
        let own = &node.name()[..node.name().len() - apex_len];
        let mut place = if own.is_empty() { Some(apex_place) } else { place };
        for raw in (RawRecords { rest: bytes }) {
            match place {
                Some(place) => {
                    let start = self.put(&raw.bytes[..2])?;
                    self.point(start, place);
                }
                None => {
                    let start = self.put(own)?;
                    self.put(&(0xc000 | apex_place as u16).to_be_bytes())?;
                    place = Some(start).filter(|start| *start <= POINTER_MAX);
                }
            }
            self.put(&raw.bytes[2..])?;
        }
        self.counts[Section::Authority.index() - 1] += count;
        Ok(place.unwrap_or(apex_place))
    }

    /// Writes a record of which the data is given as wire form, the owner standing at `place`.
    pub(super) fn made_record(
        &mut self,
        place: usize,
        (rtype, class): (RecordType, u16),
        ttl: [u8; 4],
        data: &[u8],
    ) -> Result<usize, Full> {
        let start = self.put(&(0xc000 | place as u16).to_be_bytes())?;
        self.put(&rtype.0.to_be_bytes())?;
        self.put(&class.to_be_bytes())?;
        self.put(&ttl)?;
        self.put(&(data.len() as u16).to_be_bytes())?;
        self.put(data)?;
        self.counts[0] += 1;
        Ok(start)
    }

    /// Where the name at `place` really begins, if a pointer stands there.
    pub(super) fn resolve_place(&self, place: usize) -> usize {
        match self.buffer[place] {
            high @ 192.. => usize::from(high & 0x3f) << 8 | usize::from(self.buffer[place + 1]),
            _ => place,
        }
    }

    /// Where the tail of the name at `place` stands that is left without its first `labels` labels.
    pub(super) fn place_of_tail(&self, place: usize, labels: usize) -> usize {
        let mut at = self.resolve_place(place);
        for _ in 0..labels {
            at = self.resolve_place(at + 1 + usize::from(self.buffer[at]));
        }
        at
    }

    /// Writes the counts and `flags` into the header; gives the length of the message.
    pub(super) fn finish(self, flags: Flags) -> usize {
        self.buffer[2..4].copy_from_slice(&flags.0.to_be_bytes());
        for (at, count) in self.counts.iter().enumerate() {
            self.buffer[6 + at * 2..8 + at * 2].copy_from_slice(&count.to_be_bytes());
        }
        self.at
    }
}

/// What the answer's OPT record is made of.
pub(super) struct OptParts {
    edns: bool,
    dnssec: bool,
    nsid: bool,
    keepalive: bool,
    padding: bool,
    cookie: Option<([u8; 8], CookieVerdict)>,
    nsid_len: usize,
}

impl OptParts {
    pub(super) fn new(query: &Query<'_>, context: &Context<'_>) -> Self {
        let edns = query.edns.as_ref();
        let stream = context.transport != Transport::Udp;
        let cookie = edns.and_then(|edns| edns.cookie).zip(context.cookies);
        OptParts {
            edns: edns.is_some(),
            dnssec: edns.is_some_and(|edns| edns.dnssec),
            nsid: edns.is_some_and(|edns| edns.nsid) && !context.nsid.is_empty(),
            // RFC 7828 §3.2.1: never over UDP.
            keepalive: edns.is_some_and(|edns| edns.keepalive)
                && stream
                && context.keepalive_tenths.is_some(),
            // RFC 7830 §4: only where it hides something.
            padding: edns.is_some_and(|edns| edns.padding) && context.transport == Transport::Tls,
            cookie: cookie.map(|((client, server), cookies)| (*client, cookies.check(client, server))),
            nsid_len: context.nsid.len().min(255),
        }
    }

    pub(super) fn cookie_valid(&self) -> bool {
        self.cookie.is_some_and(|(_, verdict)| verdict.valid)
    }

    /// RFC 7873 §5.2.4; a stream proves the address well enough.
    pub(super) fn cookie_refused(&self, transport: Transport) -> bool {
        transport == Transport::Udp
            && self.cookie.is_some_and(|(_, verdict)| verdict.insist && !verdict.valid)
    }

    /// The most bytes it will take, an extended error included.
    pub(super) fn reserve(&self) -> usize {
        if !self.edns {
            return 0;
        }
        let nsid = if self.nsid { 4 + self.nsid_len } else { 0 };
        let cookie = if self.cookie.is_some() { 28 } else { 0 };
        11 + nsid + cookie + if self.keepalive { 6 } else { 0 } + 6
    }

    /// Writes it at the end; gives where it begins, 0 if there is none.
    pub(super) fn write(
        &self,
        out: &mut Out<'_>,
        limit: usize,
        verdict: &Verdict,
        context: &Context<'_>,
    ) -> usize {
        if !self.edns {
            return 0;
        }
        out.limit = limit.max(out.at + self.reserve()).min(out.buffer.len());
        let mark = out.mark();
        match self.try_write(out, verdict, context) {
            Ok(()) => mark.at,
            // Only in a buffer too small for an OPT record at all.
            Err(Full) => {
                out.back_to(mark);
                0
            }
        }
    }

    fn try_write(&self, out: &mut Out<'_>, verdict: &Verdict, context: &Context<'_>) -> Result<(), Full> {
        let start = out.put(&[0])?;
        out.put(&RecordType::OPT.0.to_be_bytes())?;
        out.put(&context.udp_payload_max_bytes.to_be_bytes())?;
        let dnssec = if self.dnssec { 0x80 } else { 0 };
        out.put(&[(verdict.rcode.0 >> 4) as u8, 0, dnssec, 0, 0, 0])?;
        if self.nsid {
            option(out, OPTION_NSID, &context.nsid[..self.nsid_len])?;
        }
        if let Some((client, CookieVerdict { server, .. })) = &self.cookie {
            let mut cookie = [0; 24];
            cookie[..8].copy_from_slice(client);
            cookie[8..].copy_from_slice(server);
            option(out, OPTION_COOKIE, &cookie)?;
        }
        if let Some(tenths) = context.keepalive_tenths.filter(|_| self.keepalive) {
            option(out, OPTION_KEEPALIVE, &tenths.to_be_bytes())?;
        }
        if let Some(code) = verdict.extended_error {
            option(out, OPTION_EXTENDED_ERROR, &code.to_be_bytes())?;
        }
        if self.padding {
            pad(out)?;
        }
        let len = (out.at - start - 11) as u16;
        out.buffer[start + 9..start + 11].copy_from_slice(&len.to_be_bytes());
        out.counts[2] += 1;
        Ok(())
    }
}

fn option(out: &mut Out<'_>, code: u16, value: &[u8]) -> Result<(), Full> {
    out.put(&code.to_be_bytes())?;
    out.put(&(value.len() as u16).to_be_bytes())?;
    out.put(value)?;
    Ok(())
}

/// RFC 8467 §4.1.
fn pad(out: &mut Out<'_>) -> Result<(), Full> {
    const ZEROS: [u8; PADDING_BLOCK_BYTES] = [0; PADDING_BLOCK_BYTES];
    let len = (out.at + 4).next_multiple_of(PADDING_BLOCK_BYTES) - out.at - 4;
    option(out, OPTION_PADDING, &ZEROS[..len.min(out.limit.saturating_sub(out.at + 4))])
}
