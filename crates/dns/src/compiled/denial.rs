//! Finding the records that prove that something does not exist.

use super::{CompiledZone, NodeRef};
use crate::name::NAME_LEN_MAX_BYTES;
use crate::nsec3;

/// How a zone proves absence.
pub(crate) enum Denial {
    /// It does not: unsigned.
    None,
    /// The nodes with NSEC records, in canonical order (RFC 4034 §4).
    Nsec(Box<[u32]>),
    /// The nodes with NSEC3 records in the order of hashes, which is the canonical one (RFC 5155).
    Nsec3 { order: Box<[u32]>, iterations: u16, salt: Box<[u8]> },
}

/// A hash as the first label of an owner, its length byte before it.
pub(super) fn hash_label(hash: &[u8; nsec3::HASH_LEN_BYTES]) -> [u8; 33] {
    let mut label = [32; 33];
    label[1..].copy_from_slice(&nsec3::label(hash));
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
        let label = hash_label(&nsec3::hash(name, *iterations, salt));
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
