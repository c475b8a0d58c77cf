//! The data of records: validated wire form with its type.
//!
//! One table ([`schema`]) says what fields each type has. Reading from messages, canonical form, names
//! inside and (in [`text`]) the presentation form all walk it, so that a type is added by one row.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::code::{RecordType, Serial, Ttl};
use crate::name::{self, NAME_LEN_MAX_BYTES, Name, NameError};

mod bitmap;
mod schema;
mod special;
pub(crate) mod svcb;

pub use bitmap::TypeBitmap;
pub(crate) use schema::{Field, schema};

/// Data of a record is at most this many bytes: its length is 16 bits on the wire (RFC 1035 §3.2.1).
pub const RDATA_LEN_MAX_BYTES: usize = 65_535;

/// The data of one record: its type, and the uncompressed wire form, valid for that type.
///
/// Of a type that is not in [`crate::code::RECORD_TYPES`] any bytes are valid (RFC 3597). Equality and
/// order are those of the canonical form (RFC 4034 §6.2, §6.3): names inside are compared in lower case where
/// that section says so.
#[derive(Clone)]
pub struct RData {
    rtype: RecordType,
    wire: Box<[u8]>,
}

/// Why bytes are not the data of a record of their type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RDataError {
    /// The data ends inside a field, or runs past the message.
    Truncated,
    /// Bytes follow the last field.
    TrailingBytes,
    /// A name inside is none.
    Name(NameError),
    /// A field holds what its type forbids; the text says what is wrong.
    Invalid(&'static str),
}

impl fmt::Display for RDataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RDataError::Truncated => f.write_str("the data is cut short"),
            RDataError::TrailingBytes => f.write_str("bytes follow the data"),
            RDataError::Name(error) => error.fmt(f),
            RDataError::Invalid(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for RDataError {}

impl From<NameError> for RDataError {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Truncated => RDataError::Truncated,
            error => RDataError::Name(error),
        }
    }
}

/// A piece of record data: plain bytes, or a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Bytes to be copied.
    Bytes(&'a [u8]),
    /// An uncompressed name.
    Name(&'a [u8]),
}

impl RData {
    /// The data of type `rtype` whose uncompressed wire form is `wire`.
    ///
    /// # Errors
    /// [`RDataError`] if it is not valid for the type; a compressed name is not.
    pub fn from_wire(rtype: RecordType, wire: &[u8]) -> Result<Self, RDataError> {
        if wire.len() > RDATA_LEN_MAX_BYTES {
            return Err(RDataError::Invalid("over 65535 bytes"));
        }
        check(rtype, wire)?;
        Ok(RData { rtype, wire: wire.into() })
    }

    /// The data of type `rtype` in `len` bytes at `at` of a message, with the names decompressed that may
    /// be compressed (RFC 3597 §4).
    ///
    /// # Errors
    /// [`RDataError`] if it is not valid for the type.
    pub fn from_message(
        rtype: RecordType,
        message: &[u8],
        at: usize,
        len: usize,
    ) -> Result<Self, RDataError> {
        let end = at.checked_add(len).filter(|end| *end <= message.len()).ok_or(RDataError::Truncated)?;
        let names = schema(rtype).filter(|schema| schema.decompress).map(|schema| schema.fields);
        let Some(fields) = names else { return RData::from_wire(rtype, &message[at..end]) };
        let mut wire = Vec::with_capacity(len + 32);
        let mut at = at;
        for field in fields {
            if *field == Field::Name {
                let mut buf = [0u8; NAME_LEN_MAX_BYTES];
                let (used, next) = name::expand(&message[..end], at, &mut buf)?;
                wire.extend_from_slice(&buf[..used]);
                at = next;
            } else {
                let used = field.wire_len(&message[at..end])?;
                wire.extend_from_slice(&message[at..at + used]);
                at += used;
            }
        }
        if at != end {
            return Err(RDataError::TrailingBytes);
        }
        RData::from_wire(rtype, &wire)
    }

    /// For data that the caller has made by the rules of `schema`.
    pub(crate) fn from_checked(rtype: RecordType, wire: &[u8]) -> Self {
        debug_assert!(check(rtype, wire).is_ok(), "{rtype} {wire:?}");
        RData { rtype, wire: wire.into() }
    }

    /// Which type it is.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The uncompressed wire form.
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The canonical wire form (RFC 4034 §6.2, RFC 6840 §5.1): names of the types listed there in lower case.
    pub fn canonical(&self) -> Cow<'_, [u8]> {
        canonical(self.rtype, &self.wire)
    }

    /// The address of an A or AAAA record. `None` for other types.
    pub fn address(&self) -> Option<IpAddr> {
        match self.rtype {
            RecordType::A => <[u8; 4]>::try_from(self.as_wire()).ok().map(IpAddr::from),
            RecordType::AAAA => <[u8; 16]>::try_from(self.as_wire()).ok().map(IpAddr::from),
            _ => None,
        }
    }

    /// An A record's (RFC 1035 §3.4.1).
    pub fn a(address: Ipv4Addr) -> Self {
        RData::from_checked(RecordType::A, &address.octets())
    }

    /// An AAAA record's (RFC 3596 §2.2).
    pub fn aaaa(address: Ipv6Addr) -> Self {
        RData::from_checked(RecordType::AAAA, &address.octets())
    }

    /// An NS record's (RFC 1035 §3.3.11).
    pub fn ns(target: &Name) -> Self {
        RData::from_checked(RecordType::NS, target.as_wire())
    }

    /// A CNAME record's (RFC 1035 §3.3.1).
    pub fn cname(target: &Name) -> Self {
        RData::from_checked(RecordType::CNAME, target.as_wire())
    }

    /// A PTR record's (RFC 1035 §3.3.12).
    pub fn ptr(target: &Name) -> Self {
        RData::from_checked(RecordType::PTR, target.as_wire())
    }

    /// An MX record's (RFC 1035 §3.3.9).
    pub fn mx(preference: u16, exchange: &Name) -> Self {
        RData::from_checked(RecordType::MX, &[&preference.to_be_bytes(), exchange.as_wire()].concat())
    }

    /// An SRV record's (RFC 2782).
    pub fn srv(priority: u16, weight: u16, port: u16, target: &Name) -> Self {
        let (priority, weight, port) = (priority.to_be_bytes(), weight.to_be_bytes(), port.to_be_bytes());
        RData::from_checked(RecordType::SRV, &[&priority, &weight, &port, target.as_wire()].concat())
    }

    /// A TXT record's, `text` being cut into strings of 255 bytes (RFC 1035 §3.3.14); readers of SPF and
    /// DKIM join them again (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    ///
    /// # Errors
    /// [`RDataError::Invalid`] if it does not fit in [`RDATA_LEN_MAX_BYTES`].
    pub fn txt(text: &[u8]) -> Result<Self, RDataError> {
        let mut wire = Vec::with_capacity(text.len() + text.len() / 255 + 1);
        for string in text.chunks(255) {
            wire.push(string.len() as u8);
            wire.extend_from_slice(string);
        }
        if wire.is_empty() {
            wire.push(0);
        }
        RData::from_wire(RecordType::TXT, &wire)
    }

    /// The name that an answer leads to, or whose addresses help: of NS, CNAME, DNAME, PTR, MX, KX, AFSDB,
    /// SRV, NAPTR, SVCB and HTTPS. `None` for other types.
    pub fn target(&self) -> Option<Name> {
        target_range(self.rtype, &self.wire).map(|range| {
            Name::from_wire_prefix(&self.wire[range]).expect("a field that was checked to be a name")
        })
    }
}

impl PartialEq for RData {
    fn eq(&self, other: &Self) -> bool {
        self.rtype == other.rtype && (self.wire == other.wire || self.canonical() == other.canonical())
    }
}

impl Eq for RData {}

impl Ord for RData {
    /// By type, then by canonical bytes (RFC 4034 §6.3).
    fn cmp(&self, other: &Self) -> Ordering {
        self.rtype.cmp(&other.rtype).then_with(|| match self.wire == other.wire {
            true => Ordering::Equal,
            false => self.canonical().cmp(&other.canonical()),
        })
    }
}

impl PartialOrd for RData {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for RData {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.rtype.hash(state);
        self.canonical().hash(state);
    }
}

/// Checks uncompressed data of a type.
pub(crate) fn check(rtype: RecordType, wire: &[u8]) -> Result<(), RDataError> {
    let Some(schema) = schema(rtype) else { return Ok(()) };
    let mut rest = wire;
    for field in schema.fields {
        rest = &rest[field.wire_len(rest)?..];
    }
    if !rest.is_empty() {
        return Err(RDataError::TrailingBytes);
    }
    match schema.extra {
        Some(check) => check(wire),
        None => Ok(()),
    }
}

/// The pieces of checked data, names apart.
pub(crate) fn pieces(rtype: RecordType, wire: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let fields = schema(rtype).map_or(&[][..], |schema| schema.fields);
    let (mut rest, mut at) = (wire, 0);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // Bytes up to the next name, or the name.
        let mut len = 0;
        while let Some(field) = fields.get(at) {
            if *field == Field::Name && len > 0 {
                break;
            }
            at += 1;
            let used = field.wire_len(&rest[len..]).expect("checked when the data was made");
            len += used;
            if *field == Field::Name {
                let (name, after) = rest.split_at(len);
                rest = after;
                return Some(Piece::Name(name));
            }
        }
        let len = if at == fields.len() { rest.len() } else { len };
        let (bytes, after) = rest.split_at(len);
        rest = after;
        Some(Piece::Bytes(bytes))
    })
}

/// See [`RData::canonical`].
pub(crate) fn canonical(rtype: RecordType, wire: &[u8]) -> Cow<'_, [u8]> {
    let lower = schema(rtype).is_some_and(|schema| schema.lowercase);
    if !lower || !wire.iter().any(u8::is_ascii_uppercase) {
        return Cow::Borrowed(wire);
    }
    let mut out = Vec::with_capacity(wire.len());
    for piece in pieces(rtype, wire) {
        match piece {
            Piece::Bytes(bytes) => out.extend_from_slice(bytes),
            Piece::Name(name) => out.extend(name.iter().map(u8::to_ascii_lowercase)),
        }
    }
    Cow::Owned(out)
}

/// Where the name lies that [`RData::target`] gives.
pub(crate) fn target_range(rtype: RecordType, wire: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = match rtype {
        RecordType::NS | RecordType::CNAME | RecordType::DNAME | RecordType::PTR => 0,
        RecordType::MX | RecordType::KX | RecordType::AFSDB | RecordType::SVCB | RecordType::HTTPS => 2,
        RecordType::SRV => 6,
        RecordType::NAPTR => {
            let mut at = 4;
            for _ in 0..3 {
                at += 1 + usize::from(*wire.get(at)?);
            }
            at
        }
        _ => return None,
    };
    let len = name::wire_len(wire.get(start..)?).ok()?;
    Some(start..start + len)
}

/// The fields of an SOA record (RFC 1035 §3.3.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// The primary server.
    pub mname: Name,
    /// The mailbox of who is responsible, its first label being the local part.
    pub rname: Name,
    /// The version of the zone.
    pub serial: Serial,
    /// Seconds between a secondary's looks at the serial.
    pub refresh: u32,
    /// Seconds before a failed look is repeated.
    pub retry: u32,
    /// Seconds after which a secondary that could not look stops answering.
    pub expire: u32,
    /// With the TTL of the SOA, the longest a negative answer is remembered, in seconds (RFC 2308 §5).
    pub minimum: u32,
}

impl Soa {
    /// The fields of `data`; `None` if it is of another type.
    pub fn from_rdata(data: &RData) -> Option<Soa> {
        if data.rtype() != RecordType::SOA {
            return None;
        }
        let wire = data.as_wire();
        let mname = Name::from_wire_prefix(wire).ok()?;
        let rest = &wire[mname.as_wire().len()..];
        let rname = Name::from_wire_prefix(rest).ok()?;
        let numbers = &rest[rname.as_wire().len()..];
        let number = |at: usize| Some(u32::from_be_bytes(numbers.get(at * 4..at * 4 + 4)?.try_into().ok()?));
        Some(Soa {
            serial: Serial(number(0)?),
            refresh: number(1)?,
            retry: number(2)?,
            expire: number(3)?,
            minimum: number(4)?,
            mname,
            rname,
        })
    }

    /// The data of an SOA record with these fields.
    pub fn to_rdata(&self) -> RData {
        let mut wire = [self.mname.as_wire(), self.rname.as_wire()].concat();
        for number in [self.serial.0, self.refresh, self.retry, self.expire, self.minimum] {
            wire.extend_from_slice(&number.to_be_bytes());
        }
        RData::from_checked(RecordType::SOA, &wire)
    }

    /// How long a negative answer may be remembered, the SOA record's TTL being `ttl` (RFC 2308 §5).
    pub fn negative_ttl(&self, ttl: Ttl) -> Ttl {
        ttl.min(Ttl::from_wire(self.minimum))
    }
}
