//! DNSSEC: keys and digests, signing a zone, denial of existence, and an independent check of the result.
//!
//! # Standards
//! RFC 4033, 4034, 4035, 5155, 6840, 9276; keys by RFC 6605 (13), RFC 3110 and 5702 (8), RFC 8080 (15);
//! DS by RFC 4509 and 6605; CDS by RFC 7344 and 8078.
//!
//! # Hostile input
//! Keys and zones that are imported come from elsewhere: what does not parse is refused whole. The
//! private halves of keys never enter this crate: it asks for signatures through a trait.

pub mod algorithm;
pub mod key;
