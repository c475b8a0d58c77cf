//! Signatures: their record data, and the bytes that are signed.

use super::algorithm::Algorithm;
use crate::code::{Class, RecordType};
use crate::name::Name;
use crate::rdata::RData;
use crate::record::RRset;

/// The record data of an RRSIG (RFC 4034 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rrsig {
    /// The type of the set that is signed.
    pub covered: RecordType,
    /// The algorithm of the key.
    pub algorithm: Algorithm,
    /// How many labels the owner has, without root and without a leading `*`.
    pub labels: u8,
    /// The TTL of the set in the zone, in seconds.
    pub original_ttl_seconds: u32,
    /// The moment at which it ends: seconds since 1970, the low 32 bits.
    pub expiration: u32,
    /// The moment at which it begins, likewise.
    pub inception: u32,
    /// The key tag of the key.
    pub key_tag: u16,
    /// The zone.
    pub signer: Name,
    /// The signature, in the form of the algorithm.
    pub signature: Vec<u8>,
}

/// Bytes of the record data before the name of the zone.
const FIXED_LEN_BYTES: usize = 18;

impl Rrsig {
    /// Reads the data of an RRSIG record. `None` if it is not of that form.
    pub fn from_wire(data: &[u8]) -> Option<Rrsig> {
        let (fixed, rest) = data.split_at_checked(FIXED_LEN_BYTES)?;
        let short = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| u32::from(short(at)) << 16 | u32::from(short(at + 2));
        let signer = Name::from_wire_prefix(rest).ok()?;
        let signature = rest[signer.as_wire().len()..].to_vec();
        Some(Rrsig {
            covered: RecordType(short(0)),
            algorithm: Algorithm(fixed[2]),
            labels: fixed[3],
            original_ttl_seconds: long(4),
            expiration: long(8),
            inception: long(12),
            key_tag: short(16),
            signer,
            signature,
        })
    }

    fn head(&self) -> Vec<u8> {
        let mut wire = self.covered.0.to_be_bytes().to_vec();
        wire.extend([self.algorithm.0, self.labels]);
        wire.extend(self.original_ttl_seconds.to_be_bytes());
        wire.extend(self.expiration.to_be_bytes());
        wire.extend(self.inception.to_be_bytes());
        wire.extend(self.key_tag.to_be_bytes());
        wire.extend(self.signer.to_lowercase().as_wire());
        wire
    }

    /// The record data.
    pub fn to_rdata(&self) -> RData {
        let mut wire = self.head();
        wire.extend(&self.signature);
        super::ds::data(RecordType::RRSIG, &wire)
    }

    /// The bytes that are signed for `set` at `owner` (RFC 4034 §3.1.8.1, §6.2, RFC 6840 §5.1): the record
    /// data without the signature, and each record in canonical form and order.
    ///
    /// An owner with more labels than [`Rrsig::labels`] was made from a wildcard; the wildcard is signed
    /// (RFC 4035 §5.3.2).
    pub fn signed_bytes(&self, owner: &Name, set: &RRset) -> Vec<u8> {
        let mut bytes = self.head();
        let mut name = owner.to_lowercase();
        if usize::from(self.labels) < label_count(owner).into() {
            let closest = name.suffix(self.labels.into());
            name = closest.wildcard().unwrap_or(closest);
        }
        let mut start = name.as_wire().to_vec();
        start.extend(set.rtype().0.to_be_bytes());
        start.extend(Class::IN.0.to_be_bytes());
        start.extend(self.original_ttl_seconds.to_be_bytes());
        for data in set.data() {
            let data = data.canonical();
            bytes.extend(&start);
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data.iter());
        }
        bytes
    }
}

/// The labels of an owner as signatures count them (RFC 4034 §3.1.3).
pub(super) fn label_count(owner: &Name) -> u8 {
    let labels = owner.label_count() - usize::from(owner.is_wildcard());
    u8::try_from(labels).expect("a name has at most 127 labels")
}

/// The signatures of a name, those of type `covered` only.
pub(super) fn covering(signatures: Option<&RRset>, covered: RecordType) -> impl Iterator<Item = Rrsig> {
    let data = signatures.map(RRset::data).unwrap_or_default().iter();
    let wanted = covered.0.to_be_bytes();
    data.filter(move |data| data.as_wire().starts_with(&wanted))
        .filter_map(|data| Rrsig::from_wire(data.as_wire()))
}
