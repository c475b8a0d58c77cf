//! The small numbers of the protocol: types, classes, opcodes, response codes, TTLs and serials.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The type of a record, or of a question (RFC 1035 §3.2.2, §3.2.3; the IANA registry).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

macro_rules! record_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl RecordType {
            $($(#[$doc])* pub const $name: RecordType = RecordType($number);)*
        }
        /// Every type known by a name here, with the name.
        pub const RECORD_TYPES: &[(RecordType, &str)] = &[$((RecordType::$name, $text),)*];
    };
}

record_types! {
    /// RFC 1035 §3.4.1.
    A = 1, "A";
    /// RFC 1035 §3.3.11.
    NS = 2, "NS";
    /// RFC 1035 §3.3.1.
    CNAME = 5, "CNAME";
    /// RFC 1035 §3.3.13.
    SOA = 6, "SOA";
    /// RFC 1035 §3.3.12.
    PTR = 12, "PTR";
    /// RFC 1035 §3.3.2.
    HINFO = 13, "HINFO";
    /// RFC 1035 §3.3.7 (experimental).
    MINFO = 14, "MINFO";
    /// RFC 1035 §3.3.9.
    MX = 15, "MX";
    /// RFC 1035 §3.3.14.
    TXT = 16, "TXT";
    /// RFC 1183 §2.2.
    RP = 17, "RP";
    /// RFC 1183 §1.
    AFSDB = 18, "AFSDB";
    /// RFC 3596 §2.1.
    AAAA = 28, "AAAA";
    /// RFC 1876 §2.
    LOC = 29, "LOC";
    /// RFC 2782.
    SRV = 33, "SRV";
    /// RFC 3403 §4.1.
    NAPTR = 35, "NAPTR";
    /// RFC 2230 §2.
    KX = 36, "KX";
    /// RFC 4398 §2.
    CERT = 37, "CERT";
    /// RFC 6672 §2.1.
    DNAME = 39, "DNAME";
    /// RFC 6891 §6.1.2; never in a zone.
    OPT = 41, "OPT";
    /// RFC 3123 §4.
    APL = 42, "APL";
    /// RFC 4034 §5.
    DS = 43, "DS";
    /// RFC 4255 §3.
    SSHFP = 44, "SSHFP";
    /// RFC 4034 §3.
    RRSIG = 46, "RRSIG";
    /// RFC 4034 §4.
    NSEC = 47, "NSEC";
    /// RFC 4034 §2.
    DNSKEY = 48, "DNSKEY";
    /// RFC 4701.
    DHCID = 49, "DHCID";
    /// RFC 5155 §3.
    NSEC3 = 50, "NSEC3";
    /// RFC 5155 §4.
    NSEC3PARAM = 51, "NSEC3PARAM";
    /// RFC 6698 §2.
    TLSA = 52, "TLSA";
    /// RFC 8162 §2.
    SMIMEA = 53, "SMIMEA";
    /// RFC 7344 §3.1.
    CDS = 59, "CDS";
    /// RFC 7344 §3.2.
    CDNSKEY = 60, "CDNSKEY";
    /// RFC 7929 §2.
    OPENPGPKEY = 61, "OPENPGPKEY";
    /// RFC 7477 §2.1.
    CSYNC = 62, "CSYNC";
    /// RFC 8976 §2.
    ZONEMD = 63, "ZONEMD";
    /// RFC 9460 §2.
    SVCB = 64, "SVCB";
    /// RFC 9460 §9.
    HTTPS = 65, "HTTPS";
    /// RFC 9859 §2.
    DSYNC = 66, "DSYNC";
    /// RFC 7208 §3.1: no longer published, still read.
    SPF = 99, "SPF";
    /// RFC 7043 §3.
    EUI48 = 108, "EUI48";
    /// RFC 7043 §4.
    EUI64 = 109, "EUI64";
    /// RFC 2930; never in a zone.
    TKEY = 249, "TKEY";
    /// RFC 8945 §4.2; never in a zone.
    TSIG = 250, "TSIG";
    /// RFC 1995 §2; a question only.
    IXFR = 251, "IXFR";
    /// RFC 5936 §2.1; a question only.
    AXFR = 252, "AXFR";
    /// RFC 1035 §3.2.3; a question only.
    MAILB = 253, "MAILB";
    /// RFC 1035 §3.2.3; a question only.
    MAILA = 254, "MAILA";
    /// RFC 1035 §3.2.3, RFC 8482; a question only.
    ANY = 255, "ANY";
    /// RFC 7553 §4.
    URI = 256, "URI";
    /// RFC 8659 §4.1.
    CAA = 257, "CAA";
}

impl RecordType {
    /// Whether the type is for questions and for messages only, and never stands in a zone (RFC 6895 §3.1).
    pub fn is_meta(self) -> bool {
        self.0 == 0 || self.0 == 41 || (128..=255).contains(&self.0)
    }
}

impl fmt::Display for RecordType {
    /// The name, or `TYPE` and the number (RFC 3597 §5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match RECORD_TYPES.iter().find(|(rtype, _)| rtype == self) {
            Some((_, text)) => f.pad(text),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that names no type or class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCode;

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither a known name nor a number as RFC 3597 writes it")
    }
}

impl std::error::Error for UnknownCode {}

impl FromStr for RecordType {
    type Err = UnknownCode;

    /// A name in any case, or `TYPE` and a number (RFC 3597 §5).
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        if let Some((rtype, _)) = RECORD_TYPES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(*rtype);
        }
        numbered(text, "TYPE").map(RecordType)
    }
}

fn numbered(text: &str, prefix: &str) -> Result<u16, UnknownCode> {
    let (head, digits) = text.split_at_checked(prefix.len()).ok_or(UnknownCode)?;
    if !head.eq_ignore_ascii_case(prefix) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UnknownCode);
    }
    digits.parse().map_err(|_| UnknownCode)
}

/// The class of a record or question (RFC 1035 §3.2.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Class = Class(1);
    /// Chaos: names of the server itself (RFC 4892).
    pub const CH: Class = Class(3);
    /// Hesiod.
    pub const HS: Class = Class(4);
    /// No class: in updates (RFC 2136 §2.4).
    pub const NONE: Class = Class(254);
    /// Any class.
    pub const ANY: Class = Class(255);
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Class::IN => f.pad("IN"),
            Class::CH => f.pad("CH"),
            Class::HS => f.pad("HS"),
            Class::NONE => f.pad("NONE"),
            Class::ANY => f.pad("ANY"),
            Class(number) => write!(f, "CLASS{number}"),
        }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Class {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let known = [("IN", Class::IN), ("CH", Class::CH), ("HS", Class::HS)];
        match known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, class)) => Ok(*class),
            None => numbered(text, "CLASS").map(Class),
        }
    }
}

/// How long a record may be remembered, in seconds, below 2³¹ (RFC 2181 §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// The longest, 2³¹ − 1 seconds.
    pub const MAX: Ttl = Ttl(0x7fff_ffff);
    /// Zero: not to be remembered.
    pub const ZERO: Ttl = Ttl(0);

    /// `seconds`, or `None` from 2³¹ on.
    pub const fn new(seconds: u32) -> Option<Ttl> {
        if seconds > Ttl::MAX.0 { None } else { Some(Ttl(seconds)) }
    }

    /// A TTL as it came in a message; from 2³¹ on it counts as zero (RFC 2181 §8).
    pub const fn from_wire(seconds: u32) -> Ttl {
        if seconds > Ttl::MAX.0 { Ttl(0) } else { Ttl(seconds) }
    }

    /// In seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The serial of a zone, in the arithmetic of RFC 1982. There is no `Ord`: it would not be transitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl Serial {
    /// The serial `by` steps on; RFC 1982 §3.1 allows at most 2³¹ − 1.
    #[must_use]
    pub fn plus(self, by: u32) -> Serial {
        Serial(self.0.wrapping_add(by & 0x7fff_ffff))
    }

    /// Whether `self` is after `other` (RFC 1982 §3.2); false for the undefined pair at a distance of 2³¹.
    pub fn is_after(self, other: Serial) -> bool {
        self.compare(other) == Some(Ordering::Greater)
    }

    /// The order of RFC 1982 §3.2; `None` at a distance of exactly 2³¹.
    pub fn compare(self, other: Serial) -> Option<Ordering> {
        match self.0.wrapping_sub(other.0) {
            0 => Some(Ordering::Equal),
            0x8000_0000 => None,
            distance if distance < 0x8000_0000 => Some(Ordering::Greater),
            _ => Some(Ordering::Less),
        }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a message asks for (RFC 1035 §4.1.1): four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A standard query.
    pub const QUERY: Opcode = Opcode(0);
    /// Obsolete (RFC 3425).
    pub const IQUERY: Opcode = Opcode(1);
    /// Server status; never specified.
    pub const STATUS: Opcode = Opcode(2);
    /// A zone changed (RFC 1996).
    pub const NOTIFY: Opcode = Opcode(4);
    /// Change a zone (RFC 2136).
    pub const UPDATE: Opcode = Opcode(5);
}

/// How a query went: twelve bits, of which the header holds the lower four (RFC 1035 §4.1.1, RFC 6891
/// §6.1.3, RFC 8945 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Rcode = Rcode(0);
    /// The query could not be read.
    pub const FORMERR: Rcode = Rcode(1);
    /// A fault of the server.
    pub const SERVFAIL: Rcode = Rcode(2);
    /// The name does not exist.
    pub const NXDOMAIN: Rcode = Rcode(3);
    /// The kind of query is not supported.
    pub const NOTIMP: Rcode = Rcode(4);
    /// Refused by policy.
    pub const REFUSED: Rcode = Rcode(5);
    /// A name exists that should not (RFC 2136 §2.2), or DNAME made too long a name (RFC 6672 §2.2).
    pub const YXDOMAIN: Rcode = Rcode(6);
    /// A set exists that should not (RFC 2136 §2.2).
    pub const YXRRSET: Rcode = Rcode(7);
    /// A set does not exist that should (RFC 2136 §2.2).
    pub const NXRRSET: Rcode = Rcode(8);
    /// Not authoritative for the zone (RFC 2136 §2.2), or not authorised (RFC 8945 §5.2).
    pub const NOTAUTH: Rcode = Rcode(9);
    /// A name is not in the zone (RFC 2136 §2.2).
    pub const NOTZONE: Rcode = Rcode(10);
    /// An EDNS version that is not spoken (RFC 6891 §6.1.3).
    pub const BADVERS: Rcode = Rcode(16);
    /// In TSIG: the MAC is wrong (RFC 8945 §5.2.2).
    pub const BADSIG: Rcode = Rcode(16);
    /// In TSIG: the key is unknown (RFC 8945 §5.2.1).
    pub const BADKEY: Rcode = Rcode(17);
    /// In TSIG: the clocks differ (RFC 8945 §5.2.3).
    pub const BADTIME: Rcode = Rcode(18);
    /// In TSIG: the MAC is cut too short (RFC 8945 §5.2.4).
    pub const BADTRUNC: Rcode = Rcode(22);
    /// The server part of a cookie is missing or wrong (RFC 7873 §5.2.4).
    pub const BADCOOKIE: Rcode = Rcode(23);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 11] = [
            "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
            "NXRRSET", "NOTAUTH", "NOTZONE",
        ];
        match (NAMES.get(usize::from(self.0)), self.0) {
            (Some(name), _) => f.pad(name),
            (None, 16) => f.pad("BADVERS"),
            (None, 23) => f.pad("BADCOOKIE"),
            (None, number) => write!(f, "RCODE{number}"),
        }
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
