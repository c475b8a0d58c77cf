//! Finding the records that prove that something does not exist.

use sha1::{Digest, Sha1};

use super::{CompiledZone, NodeRef};
use crate::name::NAME_LEN_MAX_BYTES;

/// How a zone proves absence.
pub(crate) enum Denial {
    /// It does not: unsigned.
    None,
    /// The nodes with NSEC records, in canonical order (RFC 4034 §4).
    Nsec(Box<[u32]>),
    /// The nodes with NSEC3 records in the order of hashes, which is the canonical one (RFC 5155).
    Nsec3 { order: Box<[u32]>, iterations: u16, salt: Box<[u8]> },
}

/// The hash of `name`, in lower case (RFC 5155 §5).
pub(crate) fn nsec3_hash(name: &[u8], iterations: u16, salt: &[u8]) -> [u8; 20] {
    let mut hash: [u8; 20] = Sha1::new().chain_update(name).chain_update(salt).finalize().into();
    for _ in 0..iterations {
        hash = Sha1::new().chain_update(hash).chain_update(salt).finalize().into();
    }
    hash
}

/// A hash as the first label of an owner: the length byte, and base32hex in lower case.
pub(super) fn hash_label(hash: &[u8; 20]) -> [u8; 33] {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut label = [32; 33];
    for (group, out) in hash.chunks_exact(5).zip(label[1..].chunks_exact_mut(8)) {
        let bits = group.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for (at, digit) in out.iter_mut().enumerate() {
            *digit = DIGITS[(bits >> (35 - 5 * at) & 31) as usize];
        }
    }
    label
}

impl CompiledZone {
    /// The node whose NSEC record covers `name`, or is at it (RFC 4034 §4.1.1).
    pub(crate) fn nsec_covering(&self, name: &[u8]) -> Option<NodeRef<'_>> {
        match &self.denial {
            Denial::Nsec(order) => self.not_after(order, name),
            _ => None,
        }
    }

    /// The node whose NSEC3 record covers the hash of `name`, which is in lower case, or matches it.
    pub(crate) fn nsec3_covering(&self, name: &[u8]) -> Option<NodeRef<'_>> {
        let Denial::Nsec3 { order, iterations, salt } = &self.denial else { return None };
        let label = hash_label(&nsec3_hash(name, *iterations, salt));
        let mut owner = [0; NAME_LEN_MAX_BYTES];
        let apex = self.apex.as_wire();
        let len = label.len() + apex.len();
        // The builder takes NSEC3 records only of owners that fit.
        let owner = owner.get_mut(..len)?;
        owner[..label.len()].copy_from_slice(&label);
        owner[label.len()..].copy_from_slice(apex);
        self.not_after(order, owner)
    }
}
