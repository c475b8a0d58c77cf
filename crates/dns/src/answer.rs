//! From a query to its answer: one pure call, the same for UDP, TCP and TLS, without allocation.
//!
//! What is not a query for records (NOTIFY, UPDATE, transfers, messages signed by TSIG) is told to the caller
//! by its [`Outcome`]. Choices that the RFCs leave: bytes behind the last record, records in the answer or
//! authority section of a query, and more than [`OPTIONS_MAX`] EDNS options get FORMERR; client subnets (RFC
//! 7871) are passed over like any unknown option; an answer that does not fit is sent empty with TC.

use crate::catalogue::{Catalogue, Served};
use crate::code::{Class, Rcode, RecordType};
use crate::compiled::{Key, QNAME_AT};
use crate::message::Flags;

mod additional;
mod chaos;
mod out;
mod proof;
mod query;
mod resolve;

use out::{Full, OptParts, Out};
use query::{Parsed, Query};

/// A query has at most this many EDNS options.
pub const OPTIONS_MAX: usize = 16;
/// Without EDNS, an answer over UDP has at most this many bytes (RFC 1035 §4.2.1).
pub const UDP_PLAIN_MAX_BYTES: usize = 512;
/// With EDNS, unless the operator says otherwise: what passes everywhere in one piece (RFC 9715 §3.1).
pub const UDP_EDNS_MAX_BYTES: u16 = 1232;
/// At most this many CNAME and DNAME records are followed; then the answer ends as it is.
pub const CHAIN_MAX: usize = 16;
/// Padded answers are a multiple of this many bytes (RFC 8467 §4.1).
pub const PADDING_BLOCK_BYTES: usize = 468;

/// How a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// In a stream, in the clear.
    Tcp,
    /// In a stream under TLS (RFC 7858).
    Tls,
}

/// What [`Cookies::check`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieVerdict {
    /// The server part to be given back (RFC 9018 §4).
    pub server: [u8; 16],
    /// Whether the server part sent is one of ours and fresh enough.
    pub valid: bool,
    /// Whether a client without a valid one is to get BADCOOKIE instead of an answer (RFC 7873 §5.2.4).
    pub insist: bool,
}

/// DNS cookies (RFC 7873), whose secret and clock are the caller's.
pub trait Cookies {
    /// Looks at the cookie that a query came with: the client's 8 bytes, and the server part, empty or of 8 to
    /// 32 bytes.
    fn check(&self, client: &[u8; 8], server: &[u8]) -> CookieVerdict;
}

/// What an answer depends on besides query and zones.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// How the query came.
    pub transport: Transport,
    /// The most bytes of an answer over UDP to a client with EDNS, usually [`UDP_EDNS_MAX_BYTES`].
    pub udp_payload_max_bytes: u16,
    /// Left free at the end for a signature (RFC 8945).
    pub reserve_bytes: usize,
    /// The server's identifier for those who ask (NSID, RFC 5001); empty: none.
    pub nsid: &'a [u8],
    /// The answer to `id.server` and `hostname.bind` in class CH (RFC 4892); empty: refused.
    pub server_id: &'a [u8],
    /// The answer to `version.server` and `version.bind` in class CH; empty: refused.
    pub version: &'a [u8],
    /// How long an idle connection stays, in tenths of a second, for clients that ask (RFC 7828).
    pub keepalive_tenths: Option<u16>,
    /// Cookies, if they are used.
    pub cookies: Option<&'a dyn Cookies>,
}

impl Context<'_> {
    /// The usual for `transport`: nothing told about the server, no cookies.
    pub fn new(transport: Transport) -> Self {
        Context {
            transport,
            udp_payload_max_bytes: UDP_EDNS_MAX_BYTES,
            reserve_bytes: 0,
            nsid: b"",
            server_id: b"",
            version: b"",
            keepalive_tenths: None,
            cookies: None,
        }
    }
}

/// What an answer says, for limits of rate and for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Records.
    Positive,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// A delegation.
    Referral,
    /// Any other response code.
    Error,
}

/// An answer that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Its length in bytes.
    pub len: usize,
    /// The response code, all twelve bits.
    pub rcode: Rcode,
    /// What it says.
    pub kind: Kind,
    /// The same for answers that are the same to a limit of rate: a hash of zone and name, the name being the
    /// closest encloser where the name asked for does not exist, and the wildcard where one answered.
    pub rate_key: u64,
    /// Whether TC is set.
    pub truncated: bool,
    /// Whether the query had a valid cookie: it does not come from a forged address.
    pub cookie_valid: bool,
    /// The type asked for; 0 if the question was not read.
    pub rtype: RecordType,
    /// Whether DNSSEC records were asked for (DO).
    pub dnssec: bool,
    question_end: usize,
    opt_at: usize,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer is in the buffer.
    Reply(Reply),
    /// Nothing is to be sent: the message is no query, or too short to be answered.
    Drop,
    /// A NOTIFY (RFC 1996), not looked at.
    Notify,
    /// An UPDATE (RFC 2136), not looked at.
    Update,
    /// A query for AXFR (over a stream) or IXFR, well formed.
    Transfer,
    /// A well-formed query whose last record is a TSIG, which begins at this offset. Verify it, take it off
    /// (and one from ARCOUNT), and answer what is left, with [`Context::reserve_bytes`] for the signature.
    Signed(usize),
}

/// Answers `query` from `zones` into `out`, which should have room for
/// [`crate::message::MESSAGE_LEN_MAX_BYTES`] for streams and [`Context::udp_payload_max_bytes`] (at least 512)
/// for UDP.
///
/// # Standards
/// RFC 1034 §4.3.2 as amended by RFC 4592 §3.3.1 and RFC 6672 §3.2; RFC 2308 for negative answers; RFC 4035 §3.1
/// and RFC 5155 §7.2 for their proofs; RFC 6891 for EDNS; RFC 8482 for ANY; RFC 8906 for odd queries; RFC 9471
/// for glue.
pub fn answer(query: &[u8], context: &Context<'_>, zones: &Catalogue, out: &mut [u8]) -> Outcome {
    let mut key = Key::new();
    match query::parse(query, context.transport, &mut key) {
        Parsed::Query(parsed) => Outcome::Reply(answer_query(query, &parsed, context, zones, &mut key, out)),
        Parsed::Fault(rcode, question_end) => Outcome::Reply(fault(query, rcode, question_end, out)),
        Parsed::Other(outcome) => outcome,
    }
}

/// Makes of an answer in `out` the one that asks to come again over TCP: question and OPT, TC set. Gives its
/// length. For the limit of rate, which lets every nth answer slip through like this.
pub fn truncate(out: &mut [u8], reply: &Reply) -> usize {
    let opt = if reply.opt_at > 0 { reply.opt_at..reply.len } else { 0..0 };
    let opt_len = opt.len();
    out.copy_within(opt, reply.question_end);
    let flags = Flags(u16::from_be_bytes([out[2], out[3]])).with(Flags::TC);
    out[2..4].copy_from_slice(&flags.0.to_be_bytes());
    out[6..12].copy_from_slice(&[0, 0, 0, 0, 0, u8::from(opt_len > 0)]);
    reply.question_end + opt_len
}

/// An answer that is an error alone: header, and the question if it could be read.
fn fault(query: &[u8], rcode: Rcode, question_end: usize, out: &mut [u8]) -> Reply {
    let flags = Flags(u16::from_be_bytes([query[2], query[3]]));
    let len = question_end.min(out.len()).max(QNAME_AT);
    out[..len].copy_from_slice(&query[..len]);
    let flags = Flags(flags.0 & 0x7900).with(Flags::QR).with_rcode(rcode);
    out[2..4].copy_from_slice(&flags.0.to_be_bytes());
    out[4..12].copy_from_slice(&[0, u8::from(len > QNAME_AT), 0, 0, 0, 0, 0, 0]);
    Reply {
        len,
        rcode,
        kind: Kind::Error,
        rate_key: u64::from(rcode.0),
        truncated: false,
        cookie_valid: false,
        rtype: RecordType(0),
        dnssec: false,
        question_end: len,
        opt_at: 0,
    }
}

/// What is said besides records.
pub(crate) struct Verdict {
    rcode: Rcode,
    kind: Kind,
    authoritative: bool,
    rate_key: u64,
    /// An extended error (RFC 8914 §4), 0 for none but never sent as such.
    extended_error: Option<u16>,
}

impl Verdict {
    fn error(rcode: Rcode, extended_error: Option<u16>) -> Self {
        let rate_key = u64::from(rcode.0);
        Verdict { rcode, kind: Kind::Error, authoritative: false, rate_key, extended_error }
    }
}

/// RFC 8914 §4.15: not ready.
const EDE_NOT_READY: u16 = 14;
/// RFC 8914 §4.21: not authoritative.
const EDE_NOT_AUTHORITATIVE: u16 = 20;

fn answer_query(
    query: &[u8],
    parsed: &Query<'_>,
    context: &Context<'_>,
    zones: &Catalogue,
    key: &mut Key,
    buffer: &mut [u8],
) -> Reply {
    let opt = OptParts::new(parsed, context);
    let limit = limit_bytes(parsed, context).min(buffer.len());
    let mut out = Out::new(buffer, query, parsed.question_end, limit.saturating_sub(opt.reserve()));
    let cookie_valid = opt.cookie_valid();
    let (verdict, truncated) = match verdict(parsed, context, (zones, &opt), key, &mut out) {
        Ok(verdict) => (verdict, out.glue_missing),
        Err((Full, verdict)) => {
            out.clear();
            (verdict, true)
        }
    };
    let mut flags = Flags(parsed.flags.0 & Flags::RD.0).with(Flags::QR).with_rcode(verdict.rcode);
    if verdict.authoritative {
        flags = flags.with(Flags::AA);
    }
    if truncated {
        flags = flags.with(Flags::TC);
    }
    let opt_at = opt.write(&mut out, limit, &verdict, context);
    let len = out.finish(flags);
    Reply {
        len,
        rcode: verdict.rcode,
        kind: verdict.kind,
        rate_key: verdict.rate_key,
        truncated,
        cookie_valid,
        rtype: parsed.rtype,
        dnssec: parsed.edns.as_ref().is_some_and(|edns| edns.dnssec),
        question_end: parsed.question_end,
        opt_at,
    }
}

/// RFC 6891 §6.2.3 to §6.2.5.
fn limit_bytes(parsed: &Query<'_>, context: &Context<'_>) -> usize {
    let limit = match (&parsed.edns, context.transport) {
        (_, Transport::Tcp | Transport::Tls) => crate::message::MESSAGE_LEN_MAX_BYTES,
        (None, Transport::Udp) => UDP_PLAIN_MAX_BYTES,
        (Some(edns), Transport::Udp) => {
            let most = usize::from(context.udp_payload_max_bytes).max(UDP_PLAIN_MAX_BYTES);
            usize::from(edns.payload).clamp(UDP_PLAIN_MAX_BYTES, most)
        }
    };
    limit.saturating_sub(context.reserve_bytes)
}

/// Writes the records of the answer; if they do not fit, gives the verdict all the same.
fn verdict(
    parsed: &Query<'_>,
    context: &Context<'_>,
    (zones, opt): (&Catalogue, &OptParts),
    key: &mut Key,
    out: &mut Out<'_>,
) -> Result<Verdict, (Full, Verdict)> {
    if parsed.edns.as_ref().is_some_and(|edns| edns.version > 0) {
        return Ok(Verdict::error(Rcode::BADVERS, None));
    }
    if opt.cookie_refused(context.transport) {
        return Ok(Verdict::error(Rcode::BADCOOKIE, None));
    }
    if parsed.question_end == QNAME_AT {
        // RFC 7873 §5.4: no question, only a cookie.
        return Ok(Verdict::error(Rcode::NOERROR, None));
    }
    match parsed.class {
        Class::IN => {}
        Class::CH => return chaos::answer(parsed.rtype, key, context, out),
        _ => return Ok(Verdict::error(Rcode::REFUSED, Some(EDE_NOT_AUTHORITATIVE))),
    }
    match zones.find(key, parsed.rtype) {
        None => Ok(Verdict::error(Rcode::REFUSED, Some(EDE_NOT_AUTHORITATIVE))),
        Some(Served::NotReady(_)) => Ok(Verdict::error(Rcode::SERVFAIL, Some(EDE_NOT_READY))),
        Some(Served::Zone(zone)) => {
            let dnssec = parsed.edns.as_ref().is_some_and(|edns| edns.dnssec);
            resolve::resolve(zone, parsed.rtype, dnssec, key, out)
        }
    }
}
