//! Which fields the data of each type has.

use super::{RDataError, bitmap, special, svcb};
use crate::code::RecordType;
use crate::name;

/// One field of record data: how long it is on the wire, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    U8,
    U16,
    U32,
    /// Seconds; in master files also with units as in `1h30m`.
    Period,
    /// The expiration or inception of a signature (RFC 4034 §3.2).
    Time,
    /// A record type, written by its name.
    Type,
    /// A DNSSEC algorithm, by number or name (RFC 4034 App. A.1).
    Algorithm,
    /// A certificate type, by number or name (RFC 4398 §2.1).
    CertType,
    Ipv4,
    Ipv6,
    Name,
    /// A length byte and as many bytes.
    CharString,
    /// One or more of these, to the end.
    CharStrings,
    /// All that follows, one byte at least, written as one string (CAA, URI).
    Text,
    /// As [`Field::Text`], but may be empty.
    TextOrEmpty,
    /// A tag of CAA: letters and digits with a length byte (RFC 8659 §4.1).
    Tag,
    /// All that follows, in hexadecimal, at least this many bytes.
    Hex(u8),
    /// All that follows, in base64, at least this many bytes.
    Base64(u8),
    /// A length byte and as many bytes, in hexadecimal without blanks, `-` for none (RFC 5155 §3.3).
    Salt,
    /// A length byte and as many bytes, at least one, in base32hex without padding (RFC 5155 §3.3).
    Hash,
    /// The bitmap of types of NSEC, NSEC3 and CSYNC (RFC 4034 §4.1.2).
    Types,
    /// The parameters of SVCB and HTTPS (RFC 9460 §2.1).
    SvcParams,
    /// All of LOC (RFC 1876).
    Location,
    /// All of APL (RFC 3123).
    Prefixes,
    /// As many bytes, written in hexadecimal with hyphens (RFC 7043).
    Eui(u8),
}

/// A check of the whole data.
type Check = fn(&[u8]) -> Result<(), RDataError>;

/// A row of the table.
pub(crate) struct Schema {
    pub(crate) fields: &'static [Field],
    /// Whether names inside may be compressed in messages that we read (RFC 3597 §4).
    pub(crate) decompress: bool,
    /// Whether names inside are compressed in messages that we write: only those of RFC 1035 (RFC 3597 §4).
    pub(crate) compress: bool,
    /// Whether names inside are in lower case in the canonical form (RFC 4034 §6.2, RFC 6840 §5.1).
    pub(crate) lowercase: bool,
    /// What concerns more than one field.
    pub(crate) extra: Option<Check>,
}

const fn plain(fields: &'static [Field]) -> Schema {
    Schema { fields, decompress: false, compress: false, lowercase: false, extra: None }
}

const fn classic(fields: &'static [Field]) -> Schema {
    Schema { fields, decompress: true, compress: true, lowercase: true, extra: None }
}

const fn later(fields: &'static [Field]) -> Schema {
    Schema { fields, decompress: true, compress: false, lowercase: true, extra: None }
}

const fn lowered(fields: &'static [Field]) -> Schema {
    Schema { fields, decompress: false, compress: false, lowercase: true, extra: None }
}

const fn checked(fields: &'static [Field], extra: Check) -> Schema {
    Schema { fields, decompress: false, compress: false, lowercase: false, extra: Some(extra) }
}

use Field::*;

static A: Schema = plain(&[Ipv4]);
static AAAA: Schema = plain(&[Ipv6]);
static NAME: Schema = classic(&[Name]);
static SOA: Schema = classic(&[Name, Name, U32, Period, Period, Period, Period]);
static MINFO: Schema = classic(&[Name, Name]);
static MX: Schema = classic(&[U16, Name]);
static HINFO: Schema = plain(&[CharString, CharString]);
static TXT: Schema = plain(&[CharStrings]);
static RP: Schema = later(&[Name, Name]);
static AFSDB: Schema = later(&[U16, Name]);
static KX: Schema = lowered(&[U16, Name]);
static SRV: Schema = later(&[U16, U16, U16, Name]);
static NAPTR: Schema = later(&[U16, U16, CharString, CharString, CharString, Name]);
static DNAME: Schema = lowered(&[Name]);
static CERT: Schema = plain(&[CertType, U16, Algorithm, Base64(1)]);
static LOC: Schema = plain(&[Location]);
static APL: Schema = plain(&[Prefixes]);
static DS: Schema = checked(&[U16, Algorithm, U8, Hex(1)], special::check_ds);
static SSHFP: Schema = plain(&[U8, U8, Hex(1)]);
static RRSIG: Schema = lowered(&[Type, Algorithm, U8, U32, Time, Time, U16, Name, Base64(1)]);
static NSEC: Schema = plain(&[Name, Types]);
static DNSKEY: Schema = plain(&[U16, U8, Algorithm, Base64(1)]);
static BASE64: Schema = plain(&[Base64(1)]);
static NSEC3: Schema = plain(&[U8, U8, U16, Salt, Hash, Types]);
static NSEC3PARAM: Schema = plain(&[U8, U8, U16, Salt]);
static TLSA: Schema = plain(&[U8, U8, U8, Hex(1)]);
static CSYNC: Schema = plain(&[U32, U16, Types]);
static ZONEMD: Schema = plain(&[U32, U8, U8, Hex(12)]);
static SVCB: Schema = plain(&[U16, Name, SvcParams]);
static DSYNC: Schema = plain(&[Type, U8, U16, Name]);
static EUI48: Schema = plain(&[Eui(6)]);
static EUI64: Schema = plain(&[Eui(8)]);
static URI: Schema = plain(&[U16, U16, Text]);
static CAA: Schema = plain(&[U8, Tag, TextOrEmpty]);

/// The fields of `rtype`; `None` for types whose data is any bytes.
pub(crate) fn schema(rtype: RecordType) -> Option<&'static Schema> {
    Some(match rtype {
        RecordType::A => &A,
        RecordType::AAAA => &AAAA,
        RecordType::NS | RecordType::CNAME | RecordType::PTR => &NAME,
        RecordType::SOA => &SOA,
        RecordType::MINFO => &MINFO,
        RecordType::MX => &MX,
        RecordType::HINFO => &HINFO,
        RecordType::TXT | RecordType::SPF => &TXT,
        RecordType::RP => &RP,
        RecordType::AFSDB => &AFSDB,
        RecordType::KX => &KX,
        RecordType::SRV => &SRV,
        RecordType::NAPTR => &NAPTR,
        RecordType::DNAME => &DNAME,
        RecordType::CERT => &CERT,
        RecordType::LOC => &LOC,
        RecordType::APL => &APL,
        RecordType::DS | RecordType::CDS => &DS,
        RecordType::SSHFP => &SSHFP,
        RecordType::RRSIG => &RRSIG,
        RecordType::NSEC => &NSEC,
        RecordType::DNSKEY | RecordType::CDNSKEY => &DNSKEY,
        RecordType::DHCID | RecordType::OPENPGPKEY => &BASE64,
        RecordType::NSEC3 => &NSEC3,
        RecordType::NSEC3PARAM => &NSEC3PARAM,
        RecordType::TLSA | RecordType::SMIMEA => &TLSA,
        RecordType::CSYNC => &CSYNC,
        RecordType::ZONEMD => &ZONEMD,
        RecordType::SVCB | RecordType::HTTPS => &SVCB,
        RecordType::DSYNC => &DSYNC,
        RecordType::EUI48 => &EUI48,
        RecordType::EUI64 => &EUI64,
        RecordType::URI => &URI,
        RecordType::CAA => &CAA,
        _ => return None,
    })
}

impl Field {
    /// The length of this field at the beginning of `wire`, which is checked.
    pub(crate) fn wire_len(self, wire: &[u8]) -> Result<usize, RDataError> {
        let len = match self {
            U8 => 1,
            Algorithm => 1,
            U16 | Type | CertType => 2,
            U32 | Period | Time | Ipv4 => 4,
            Ipv6 => 16,
            Eui(len) => usize::from(len),
            Name => name::wire_len(wire)?,
            CharString | Salt => 1 + usize::from(*wire.first().ok_or(RDataError::Truncated)?),
            Hash => match *wire.first().ok_or(RDataError::Truncated)? {
                0 => return Err(RDataError::Invalid("an empty hash")),
                len => 1 + usize::from(len),
            },
            Tag => tag_len(wire)?,
            CharStrings => strings_len(wire)?,
            Text | Hex(1) | Base64(1) if wire.is_empty() => return Err(RDataError::Truncated),
            Hex(least) | Base64(least) if wire.len() < usize::from(least) => {
                return Err(RDataError::Truncated);
            }
            Text | TextOrEmpty | Hex(_) | Base64(_) => wire.len(),
            Types => {
                bitmap::check(wire)?;
                wire.len()
            }
            SvcParams => {
                svcb::check(wire)?;
                wire.len()
            }
            Location => {
                special::check_location(wire)?;
                wire.len()
            }
            Prefixes => {
                special::check_prefixes(wire)?;
                wire.len()
            }
        };
        if len > wire.len() { Err(RDataError::Truncated) } else { Ok(len) }
    }
}

fn tag_len(wire: &[u8]) -> Result<usize, RDataError> {
    let len = usize::from(*wire.first().ok_or(RDataError::Truncated)?);
    let tag = wire.get(1..1 + len).ok_or(RDataError::Truncated)?;
    // RFC 8659 §4.1: at least one letter or digit.
    if tag.is_empty() || !tag.iter().all(u8::is_ascii_alphanumeric) {
        return Err(RDataError::Invalid("a tag of anything but letters and digits"));
    }
    Ok(1 + len)
}

fn strings_len(wire: &[u8]) -> Result<usize, RDataError> {
    if wire.is_empty() {
        return Err(RDataError::Truncated);
    }
    let mut at = 0;
    while at < wire.len() {
        at += 1 + usize::from(wire[at]);
    }
    if at == wire.len() { Ok(at) } else { Err(RDataError::Truncated) }
}
