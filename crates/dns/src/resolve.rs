//! A resolver that believes nobody: it asks from the root downwards or through forwarders, and validates every
//! answer itself.
//!
//! Nothing here has a socket or a clock. A [`Request`] is stepped: each [`Request::step`] goes as far as what is
//! known allows, and ends with the [`Outcome`] or with a message to be sent ([`Ask`]); what comes of that is given
//! to [`Request::event`], and the next step begins again from the question. All that was learned is in the
//! [`Engine`]'s cache meanwhile, so a step never waits and holds nothing half done.
//!
//! | module | what it knows |
//! |---|---|
//! | [`anchor`] | where trust and the search begin |
//! | `request`, `iterate` | one question, from its first step to its outcome |
//! | `response` | which records of a message are believed, and for what |
//! | `trust`, `validate`, `denial` | the chain of keys, signatures, proofs that something is not there |
//! | `evidence` | what a client is shown of an answer: signatures and proofs |
//! | `cache`, `server` | what was learned of names and of servers |
//! | `special` | names that nobody is asked about |
//!
//! # Standards
//! RFC 1034 §5.3.3, RFC 2181 §5.4.1, RFC 2308, RFC 4035 §3.2, §4 and §5, RFC 5155 §8, RFC 6303, RFC 6672, RFC 6761, RFC 6840,
//! RFC 7873, RFC 8767, RFC 8914, RFC 9156, RFC 9276 §3.2, RFC 9520, RFC 9609.
//!
//! # Hostile input
//! Every answer may be forged and every zone may be made to cost time. Records count only for the question that
//! was asked, and only below the zone whose server said them; a delegation is learned from the parent alone; the
//! [`Limits`] bound questions, referrals, look-ups of servers, signatures and hashes, and nothing that happens
//! during a request gives any of them back.

use std::fmt;
use std::time::Duration;

use crate::code::{RecordType, Ttl};
use crate::name::Name;
use crate::rdata::RData;
use crate::record::RRset;

pub mod anchor;
mod cache;
mod denial;
mod evidence;
mod iterate;
mod request;
mod response;
mod server;
mod special;
mod trust;
mod validate;

pub use anchor::{Anchor, AnchorError};
pub use evidence::{Evidence, Sections};
pub use request::{Ask, Engine, Event, Exchange, Mode, Moment, Request, Settings, Step, World};
pub use response::AnswerCheck;
pub use trust::{Link, LinkStatus};

/// What DNSSEC says of an outcome (RFC 4035 §4.3), the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Signed, from a trust anchor down to the records or to the proof of their absence.
    Secure,
    /// Proven to be below a delegation without signatures.
    Insecure,
    /// Nothing can be said: servers did not answer, or there is no trust anchor.
    Indeterminate,
    /// It should be signed and is not, or not rightly. Nothing of it is given out, but by
    /// [`Request::unvalidated`].
    Bogus,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Secure => "secure",
            Verdict::Insecure => "insecure",
            Verdict::Indeterminate => "indeterminate",
            Verdict::Bogus => "bogus",
        })
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The records asked for, at [`Outcome::name`].
    Records(RRset),
    /// The name exists, records of the type do not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Nothing that could be given out: no server helped, a limit was reached, or the verdict is bogus. For
    /// whoever sends mail: try again later.
    Failed,
}

/// Why, in the terms of RFC 8914.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedError {
    /// The number of the registry.
    pub code: u16,
    /// A sentence for people.
    pub text: String,
}

impl ExtendedError {
    pub(crate) fn new(code: u16, text: impl Into<String>) -> ExtendedError {
        ExtendedError { code, text: text.into() }
    }

    /// The registry's word for it.
    pub fn title(&self) -> &'static str {
        match self.code {
            1 => "Unsupported DNSKEY Algorithm",
            2 => "Unsupported DS Digest Type",
            3 => "Stale Answer",
            5 => "DNSSEC Indeterminate",
            6 => "DNSSEC Bogus",
            7 => "Signature Expired",
            8 => "Signature Not Yet Valid",
            9 => "DNSKEY Missing",
            10 => "RRSIGs Missing",
            12 => "NSEC Missing",
            13 => "Cached Error",
            18 => "Prohibited",
            19 => "Stale NXDOMAIN Answer",
            22 => "No Reachable Authority",
            23 => "Network Error",
            27 => "Unsupported NSEC3 Iterations Value",
            _ => "Other",
        }
    }
}

impl fmt::Display for ExtendedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.title(), self.text)
    }
}

/// The numbers of RFC 8914 that are given here.
pub(crate) mod ede {
    pub(crate) const OTHER: u16 = 0;
    pub(crate) const UNSUPPORTED_ALGORITHM: u16 = 1;
    pub(crate) const UNSUPPORTED_DIGEST: u16 = 2;
    pub(crate) const STALE: u16 = 3;
    pub(crate) const INDETERMINATE: u16 = 5;
    pub(crate) const BOGUS: u16 = 6;
    pub(crate) const EXPIRED: u16 = 7;
    pub(crate) const NOT_YET_VALID: u16 = 8;
    pub(crate) const DNSKEY_MISSING: u16 = 9;
    pub(crate) const RRSIGS_MISSING: u16 = 10;
    pub(crate) const NSEC_MISSING: u16 = 12;
    pub(crate) const CACHED_ERROR: u16 = 13;
    pub(crate) const STALE_NXDOMAIN: u16 = 19;
    pub(crate) const NO_REACHABLE_AUTHORITY: u16 = 22;
    pub(crate) const NSEC3_ITERATIONS: u16 = 27;
}

/// One alias on the way from the name asked for to the one answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name that is an alias.
    pub name: Name,
    /// What it is an alias of.
    pub target: Name,
    /// [`RecordType::CNAME`], or [`RecordType::DNAME`] where a name above it is rewritten.
    pub by: RecordType,
    /// What DNSSEC says of this step alone.
    pub verdict: Verdict,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Of the whole: that of the weakest step.
    pub verdict: Verdict,
    /// What was found.
    pub answer: Answer,
    /// The name it was found at, or not: the one asked for, or where its aliases lead.
    pub name: Name,
    /// The aliases followed, in order.
    pub aliases: Vec<Alias>,
    /// How long all of it may be remembered.
    pub ttl: Ttl,
    /// Why, if something is wrong or old.
    pub error: Option<ExtendedError>,
    /// What it rests on, for [`Outcome::sections`].
    pub evidence: Evidence,
}

impl Outcome {
    /// A look-up that came to nothing for a reason that has nothing to do with names.
    pub fn broken_off(name: &Name, why: impl Into<String>) -> Outcome {
        Outcome::failed(name.clone(), Verdict::Indeterminate, ExtendedError::new(0, why))
    }

    /// The data found; empty for every other answer.
    pub fn records(&self) -> &[RData] {
        match &self.answer {
            Answer::Records(set) => set.data(),
            _ => &[],
        }
    }

    /// Whether a later question may be answered differently: nothing was learned.
    pub fn is_failure(&self) -> bool {
        self.answer == Answer::Failed
    }

    pub(crate) fn failed(name: Name, verdict: Verdict, error: ExtendedError) -> Outcome {
        Outcome {
            verdict,
            answer: Answer::Failed,
            name,
            aliases: Vec::new(),
            ttl: Ttl::ZERO,
            error: Some(error),
            evidence: Evidence::default(),
        }
    }
}

/// What one request may cost. Nothing refills during a request, whatever it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages sent for one request, look-ups for its sake included.
    pub questions_max: u32,
    /// Referrals followed for one request (Unbound allows 130).
    pub referrals_max: u32,
    /// Look-ups of servers' addresses for one request (NXNSAttack; Unbound allows 64).
    pub targets_max: u32,
    /// Servers of one delegation that are looked at.
    pub delegation_servers_max: usize,
    /// Servers of one delegation that are looked up because it came without their addresses.
    pub glueless_max: usize,
    /// Look-ups for the sake of look-ups.
    pub depth_max: usize,
    /// Aliases followed.
    pub aliases_max: usize,
    /// Short questions before the whole name is shown (RFC 9156 §2.3).
    pub minimised_max: usize,
    /// Signatures looked at of one set (KeyTrap, CVE-2023-50387).
    pub signatures_per_set_max: usize,
    /// Keys tried for one signature, where tags are the same.
    pub tag_collisions_max: usize,
    /// Signatures verified for one response.
    pub verifies_per_response_max: u32,
    /// Signatures verified for one request.
    pub verifies_max: u32,
    /// Hashes of NSEC3 with iterations for one response (CVE-2023-50868); without, [`Limits::plain_hashes_max`].
    pub nsec3_hashes_max: u32,
    /// Hashes of NSEC3 without iterations for one response: one costs a hundredth of what the others may.
    pub plain_hashes_max: u32,
    /// With more iterations a zone counts as insecure (RFC 9276 §3.2).
    pub nsec3_iterations_secure_max: u16,
    /// With more iterations a zone counts as bogus (RFC 9276 §3.2).
    pub nsec3_iterations_max: u16,
    /// A request ends after this time.
    pub request_time_max: Duration,
    /// Memory of the cache in bytes.
    pub cache_max_bytes: usize,
    /// Nothing is remembered longer, whatever its TTL.
    pub ttl_max: Ttl,
    /// Nothing negative is remembered longer (RFC 2308 §5 advises one to three hours).
    pub negative_ttl_max: Ttl,
    /// What is over may still be told for so long when no server answers (RFC 8767 §5 advises one to three days).
    pub stale_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            questions_max: 150,
            referrals_max: 130,
            targets_max: 64,
            delegation_servers_max: 16,
            glueless_max: 5,
            depth_max: 7,
            aliases_max: 12,
            minimised_max: 10,
            signatures_per_set_max: 8,
            tag_collisions_max: 2,
            verifies_per_response_max: 16,
            verifies_max: 128,
            nsec3_hashes_max: 8,
            plain_hashes_max: 64,
            nsec3_iterations_secure_max: 100,
            nsec3_iterations_max: 500,
            request_time_max: Duration::from_secs(15),
            cache_max_bytes: 32 << 20,
            ttl_max: Ttl::from_wire(86_400),
            negative_ttl_max: Ttl::from_wire(10_800),
            stale_max: Duration::from_hours(24),
        }
    }
}
