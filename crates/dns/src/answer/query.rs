//! Reading a query (RFC 1035 §4, RFC 6891 §6).

use super::{OPTIONS_MAX, Outcome, Transport};
use crate::code::{Class, Opcode, Rcode, RecordType};
use crate::compiled::{Key, QNAME_AT};
use crate::message::{Flags, Header};
use crate::name::{self, NAME_LEN_MAX_BYTES};

/// EDNS options (RFC 5001, RFC 7873, RFC 7828, RFC 7830, RFC 8914).
pub(super) const OPTION_NSID: u16 = 3;
pub(super) const OPTION_COOKIE: u16 = 10;
pub(super) const OPTION_KEEPALIVE: u16 = 11;
pub(super) const OPTION_PADDING: u16 = 12;
pub(super) const OPTION_EXTENDED_ERROR: u16 = 15;

/// What came of reading.
pub(super) enum Parsed<'a> {
    Query(Query<'a>),
    /// To be answered with an error, with the question up to this offset.
    Fault(Rcode, usize),
    Other(Outcome),
}

/// A query for records.
pub(super) struct Query<'a> {
    pub(super) flags: Flags,
    /// Where the question ends; [`QNAME_AT`] if there is none.
    pub(super) question_end: usize,
    pub(super) rtype: RecordType,
    pub(super) class: Class,
    pub(super) edns: Option<Edns<'a>>,
}

/// What the OPT record says (RFC 6891 §6.1).
pub(super) struct Edns<'a> {
    pub(super) payload: u16,
    pub(super) version: u8,
    pub(super) dnssec: bool,
    pub(super) nsid: bool,
    pub(super) keepalive: bool,
    pub(super) padding: bool,
    /// The client's part and the server's, which may be empty.
    pub(super) cookie: Option<(&'a [u8; 8], &'a [u8])>,
}

/// A message that is to be answered with FORMERR, the question being good up to an offset.
struct Malformed(usize);

/// Reads `query`; the name asked for goes to `key`.
pub(super) fn parse<'a>(query: &'a [u8], transport: Transport, key: &mut Key) -> Parsed<'a> {
    // Too short for an id to be answered, or an answer itself, which an answer would set a loop going with.
    let Some(header) = Header::read(query).filter(|header| !header.flags.has(Flags::QR)) else {
        return Parsed::Other(Outcome::Drop);
    };
    match header.flags.opcode() {
        Opcode::QUERY => {}
        Opcode::NOTIFY => return Parsed::Other(Outcome::Notify),
        Opcode::UPDATE => return Parsed::Other(Outcome::Update),
        _ => {
            let end = question(query, key).filter(|_| header.counts[0] == 1);
            return Parsed::Fault(Rcode::NOTIMP, end.map_or(QNAME_AT, |(end, _, _)| end));
        }
    }
    match standard_query(query, &header, transport, key) {
        Ok(parsed) => parsed,
        Err(Malformed(question_end)) => Parsed::Fault(Rcode::FORMERR, question_end),
    }
}

fn standard_query<'a>(
    query: &'a [u8],
    header: &Header,
    transport: Transport,
    key: &mut Key,
) -> Result<Parsed<'a>, Malformed> {
    let [questions, answers, authorities, additionals] = header.counts;
    let (question_end, rtype, class) = match questions {
        0 => (QNAME_AT, RecordType(0), Class::IN),
        1 => question(query, key).ok_or(Malformed(QNAME_AT))?,
        // RFC 9619 §3.
        _ => return Err(Malformed(QNAME_AT)),
    };
    let malformed = || Malformed(question_end);
    // A query for IXFR has the asker's SOA record there (RFC 1995 §3).
    if answers > 0 || (authorities > 0 && rtype != RecordType::IXFR) {
        return Err(malformed());
    }
    let mut at = question_end;
    for _ in 0..authorities {
        at = skip_record(query, at).ok_or_else(malformed)?;
    }
    let (edns, signed) = additional(query, &mut at, additionals).ok_or_else(malformed)?;
    if at != query.len() || (questions == 0 && edns.as_ref().is_none_or(|edns| edns.cookie.is_none())) {
        return Err(malformed());
    }
    if let Some(at) = signed {
        return Ok(Parsed::Other(Outcome::Signed(at)));
    }
    match rtype {
        // RFC 5936 §4.2: not over UDP.
        RecordType::AXFR if transport == Transport::Udp => return Err(malformed()),
        RecordType::AXFR | RecordType::IXFR => return Ok(Parsed::Other(Outcome::Transfer)),
        RecordType::OPT | RecordType::TSIG | RecordType::TKEY => return Err(malformed()),
        RecordType::MAILA | RecordType::MAILB => return Ok(Parsed::Fault(Rcode::NOTIMP, question_end)),
        _ => {}
    }
    Ok(Parsed::Query(Query { flags: header.flags, question_end, rtype, class, edns }))
}

/// The question: where it ends, type and class. A name there is never compressed, since nothing stands before
/// it.
fn question(query: &[u8], key: &mut Key) -> Option<(usize, RecordType, Class)> {
    let len = name::wire_len(query.get(QNAME_AT..)?).ok()?;
    let [t1, t2, c1, c2] = *query.get(QNAME_AT + len..)?.first_chunk()?;
    key.set(&query[QNAME_AT..QNAME_AT + len]);
    let end = QNAME_AT + len + 4;
    Some((end, RecordType(u16::from_be_bytes([t1, t2])), Class(u16::from_be_bytes([c1, c2]))))
}

/// The head of the record at `at`: whether its owner is the root, type, class, bits of TTL, and where its data
/// begins and ends.
fn record_head(query: &[u8], at: usize) -> Option<(bool, u16, u16, u32, std::ops::Range<usize>)> {
    let (is_root, at) = match query.get(at)? {
        0 => (true, at + 1),
        _ => {
            let mut buf = [0; NAME_LEN_MAX_BYTES];
            let (len, at) = name::expand(query, at, &mut buf).ok()?;
            (len == 1, at)
        }
    };
    let [t1, t2, c1, c2, b1, b2, b3, b4, l1, l2] = *query.get(at..)?.first_chunk()?;
    let start = at + 10;
    let end = start + usize::from(u16::from_be_bytes([l1, l2]));
    if end > query.len() {
        return None;
    }
    let bits = u32::from_be_bytes([b1, b2, b3, b4]);
    Some((is_root, u16::from_be_bytes([t1, t2]), u16::from_be_bytes([c1, c2]), bits, start..end))
}

fn skip_record(query: &[u8], at: usize) -> Option<usize> {
    record_head(query, at).map(|(.., data)| data.end)
}

/// The OPT record, and where a TSIG record begins; `None` if the section is malformed.
fn additional<'a>(query: &'a [u8], at: &mut usize, count: u16) -> Option<(Option<Edns<'a>>, Option<usize>)> {
    let (mut edns, mut signed) = (None, None);
    for left in (0..count).rev() {
        let start = *at;
        let (is_root, rtype, class, bits, data) = record_head(query, start)?;
        *at = data.end;
        match RecordType(rtype) {
            // RFC 6891 §6.1.1: one, and of the root.
            RecordType::OPT if edns.is_some() || !is_root => return None,
            RecordType::OPT => edns = Some(read_edns(class, bits, &query[data])?),
            // RFC 8945 §5.1: the last.
            RecordType::TSIG if left > 0 => return None,
            RecordType::TSIG => signed = Some(start),
            _ => {}
        }
    }
    Some((edns, signed))
}

fn read_edns(payload: u16, bits: u32, data: &[u8]) -> Option<Edns<'_>> {
    let mut edns = Edns {
        payload,
        version: (bits >> 16) as u8,
        dnssec: bits & 0x8000 != 0,
        nsid: false,
        keepalive: false,
        padding: false,
        cookie: None,
    };
    let mut rest = data;
    for _ in 0..=OPTIONS_MAX {
        if rest.is_empty() {
            return Some(edns);
        }
        let ([c1, c2, l1, l2], after) = rest.split_first_chunk::<4>()?;
        let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes([*l1, *l2])))?;
        rest = after;
        // A known option twice has no meaning that the two ends agree on.
        let first = match u16::from_be_bytes([*c1, *c2]) {
            OPTION_NSID => !std::mem::replace(&mut edns.nsid, true),
            OPTION_KEEPALIVE => !std::mem::replace(&mut edns.keepalive, true),
            OPTION_PADDING => !std::mem::replace(&mut edns.padding, true),
            OPTION_COOKIE => edns.cookie.replace(read_cookie(value)?).is_none(),
            _ => true,
        };
        if !first {
            return None;
        }
    }
    None
}

/// RFC 7873 §5.2.2: 8 bytes, or 16 to 40.
fn read_cookie(value: &[u8]) -> Option<(&[u8; 8], &[u8])> {
    let (client, server) = value.split_first_chunk::<8>()?;
    matches!(server.len(), 0 | 8..=32).then_some((client, server))
}
