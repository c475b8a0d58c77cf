//! DNSSEC: keys and digests, signing a zone, denial of existence, and an independent check of the result.
//!
//! # Standards
//! RFC 4033, 4034, 4035, 5155, 6840, 9276; keys by RFC 6605 (13), RFC 3110 and 5702 (8), RFC 8080 (15);
//! DS by RFC 4509 and 6605; CDS by RFC 7344 and 8078; signalling names by RFC 9615; digests of zones by RFC 8976;
//! TTLs of denials by RFC 9077.
//!
//! # Hostile input
//! Keys and zones that are imported come from elsewhere: what does not parse is refused whole. The
//! private halves of keys never enter this crate: it asks for signatures through a trait.

pub mod algorithm;
pub mod bind;
pub mod check;
pub mod denial;
pub mod ds;
pub mod key;
pub mod plan;
pub mod rrsig;
pub mod sign;
pub mod signalling;
pub mod zonemd;

mod territory;

pub use algorithm::Algorithm;
pub use check::{Fault, check_signed, check_zone};
pub use denial::Denial;
pub use ds::{DigestType, Ds};
pub use key::DnsKey;
pub use plan::SigningPlan;
pub use rrsig::Rrsig;
pub use sign::{Sign, Signed, SigningError, SigningPolicy, Verify, first_expiry, is_expired, sign_zone};
