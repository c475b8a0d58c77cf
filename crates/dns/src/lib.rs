//! The names of a domain (DNS), free of sockets, files, clocks and chance.
//!
//! | module | what it knows |
//! |---|---|
//! | [`name`] | names: wire form, text, canonical order |
//! | [`code`] | types, classes, response codes, TTLs, serials |
//! | [`rdata`], [`record`] | the data of records, records, sets |
//! | [`text`] | the presentation form of record data |
//! | [`zone`] | a zone as it is edited, and what changes between versions |
//! | [`master`] | master files: reading and writing zones as text |
//! | [`check`](mod@check) | what is wrong with a zone before it is served |
//! | [`dnssec`], [`nsec3`] | keys, signing, denial of existence, checking a signed zone |
//! | [`roll`] | how keys change: of DNSSEC, DKIM and TLSA |
//! | [`time`] | time of the calendar |
//! | [`compiled`], [`catalogue`] | zones made ready for answering, and all of them together |
//! | [`answer`](mod@answer) | from a query to its answer |
//! | [`message`] | reading and writing messages |
//! | [`cookie`], [`rrl`] | who asks from a true address, and how much a network may be sent |
//! | [`tsig`] | messages signed with a shared secret |
//! | [`transfer`], [`notify`] | zones between servers, and word of their changes |
//! | [`update`] | changes asked for by messages |
//! | [`resolve`] | asking others, and believing only what is proven |
//! | [`catalog`] | zones that list zones |
//!
//! # Standards
//! Names and messages: RFC 1035, RFC 2181, RFC 4343, RFC 3597. Canonical form: RFC 4034 §6. Serials: RFC
//! 1982. Master files: RFC 1035 §5, RFC 2308 §4. Checks: RFC 2181 §10, RFC 9460. Differences of zones: RFC 1995 §4.
//!
//! # Hostile input
//! Compression pointers must lead strictly backwards, so that no name takes more than 127 steps; the writer
//! compares with at most 64 earlier names. Data of records is checked field by field when it enters, and never
//! afterwards.

pub mod answer;
pub mod catalog;
pub mod catalogue;
pub mod check;
pub mod code;
pub mod compiled;
pub mod cookie;
pub mod dnssec;
pub mod master;
pub mod message;
pub mod name;
pub mod notify;
pub mod nsec3;
pub mod rdata;
pub mod record;
pub mod resolve;
pub mod roll;
pub mod rrl;
pub mod text;
pub mod time;
pub mod transfer;
pub mod tsig;
pub mod update;
pub mod zone;

pub use answer::{Context, CookieVerdict, Cookies, Kind, Outcome, Reply, Transport, answer};
pub use catalogue::Catalogue;
pub use code::{Class, Opcode, Rcode, RecordType, Serial, Ttl};
pub use compiled::{CompileError, CompiledZone};
pub use message::{
    Flags, Full, Header, MessageError, MessageReader, MessageWriter, Question, RawRecord, Section,
};
pub use name::{Name, NameError};
pub use rdata::{RData, RDataError, Soa, TypeBitmap};
pub use record::{RRset, Record};
pub use text::TextError;
pub use zone::{ApplyError, DiffError, Node, OutOfZone, ZoneData, ZoneDiff};
