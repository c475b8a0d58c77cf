//! Proofs that something does not exist (RFC 4035 §3.1.3, RFC 5155 §7.2).

use super::out::Full;
use super::resolve::{Resolution, Spot};
use crate::code::RecordType;
use crate::compiled::{Denial, NodeRef};
use crate::name::NAME_LEN_MAX_BYTES;

impl<'z> Resolution<'z, '_, '_> {
    /// The name does not exist (RFC 4035 §3.1.3.2, RFC 5155 §7.2.2).
    pub(super) fn prove_nothing(&mut self, spot: Spot<'z>) -> Result<(), Full> {
        let Spot::Nothing { encloser, label } = spot else { return Ok(()) };
        match self.chain() {
            Chain::None => Ok(()),
            Chain::Nsec => {
                self.covering_nsec(self.key_name(0).as_slice())?;
                self.covering_nsec(self.wildcard_name(label).as_slice())
            }
            Chain::Nsec3 => {
                let label = self.prove_encloser(encloser, label)?;
                self.covering_nsec3(self.wildcard_name(label).as_slice())
            }
        }
    }

    /// The name exists, the type does not (RFC 4035 §3.1.3.1 and §3.1.3.4, RFC 5155 §7.2.3 to §7.2.5).
    pub(super) fn prove_no_data(&mut self, spot: Spot<'z>) -> Result<(), Full> {
        match (spot, self.chain()) {
            (_, Chain::None) => Ok(()),
            (Spot::Exact(node), Chain::Nsec) => self.nsec_at(node, 0),
            (Spot::Exact(node), Chain::Nsec3) => match node.nsec3() {
                Some(nsec3) => self.denial(nsec3),
                // A delegation under opt-out, or a name that exists for the sake of one.
                None => self.prove_encloser(node, 0).map(|_| ()),
            },
            (Spot::Wildcard { node, .. }, Chain::Nsec) => {
                self.covering_nsec(self.key_name(0).as_slice())?;
                match node.set(RecordType::NSEC) {
                    Some(_) => self.denial(node),
                    None => self.covering_nsec(node.name()),
                }
            }
            (Spot::Wildcard { node, encloser, label }, Chain::Nsec3) => {
                self.prove_encloser(encloser, label)?;
                node.nsec3().map_or(Ok(()), |nsec3| self.denial(nsec3))
            }
            _ => Ok(()),
        }
    }

    /// The name was made by a wildcard, and does not exist itself (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6): notes what
    /// shows it. The name may be an alias, and what it leads to stands before all proofs.
    pub(super) fn owe_wildcard(&mut self, spot: Spot<'z>) {
        let Spot::Wildcard { label, .. } = spot else { return };
        let covering = match self.chain() {
            Chain::None => None,
            Chain::Nsec => self.zone.nsec_covering(self.key_name(0).as_slice()),
            Chain::Nsec3 => self.zone.nsec3_covering(self.key_name(label - 1).as_slice()),
        };
        if let Some(node) = covering {
            self.owed.add(node);
        }
    }

    /// The delegation at `node` is not signed (RFC 4035 §3.1.4.1, RFC 5155 §7.2.7).
    pub(super) fn prove_insecure(&mut self, node: NodeRef<'z>, label: usize) -> Result<(), Full> {
        match self.chain() {
            Chain::None => Ok(()),
            Chain::Nsec => self.nsec_at(node, label),
            Chain::Nsec3 => match node.nsec3() {
                Some(nsec3) => self.denial(nsec3),
                None => self.prove_encloser(node, label).map(|_| ()),
            },
        }
    }

    /// The NSEC record of a node; of one without records, that which covers it.
    fn nsec_at(&mut self, node: NodeRef<'z>, label: usize) -> Result<(), Full> {
        match node.set(RecordType::NSEC) {
            Some(_) => self.denial(node),
            None => self.covering_nsec(self.key_name(label).as_slice()),
        }
    }

    /// RFC 5155 §7.2.1: the closest encloser that has an NSEC3 record, and the next name below it, which has
    /// none. Gives the number of the encloser's first label.
    fn prove_encloser(&mut self, encloser: NodeRef<'z>, label: usize) -> Result<usize, Full> {
        let (mut node, mut label) = (Some(encloser), label);
        let apex_label = self.key.labels - self.zone.apex_labels;
        while node.is_none_or(|node| node.nsec3().is_none()) && label < apex_label {
            label += 1;
            node = self.zone.find(self.key.suffix(label), self.key.hash(label));
        }
        if let Some(nsec3) = node.and_then(NodeRef::nsec3) {
            self.denial(nsec3)?;
        }
        if label > 0 {
            self.covering_nsec3(self.key_name(label - 1).as_slice())?;
        }
        Ok(label)
    }

    fn covering_nsec(&mut self, name: &[u8]) -> Result<(), Full> {
        match self.zone.nsec_covering(name) {
            Some(node) => self.denial(node),
            None => Ok(()),
        }
    }

    fn covering_nsec3(&mut self, name: &[u8]) -> Result<(), Full> {
        match self.zone.nsec3_covering(name) {
            Some(node) => self.denial(node),
            None => Ok(()),
        }
    }

    /// Writes the NSEC or NSEC3 record of a node, once.
    pub(super) fn denial(&mut self, node: NodeRef<'z>) -> Result<(), Full> {
        let rtype =
            if matches!(self.zone.denial, Denial::Nsec(_)) { RecordType::NSEC } else { RecordType::NSEC3 };
        let Some(set) = node.set(rtype) else { return Ok(()) };
        if !self.proven.add(node) {
            return Ok(());
        }
        let apex = (self.apex_place, self.zone.apex.as_wire().len());
        let place = self.out.named_records((set.bytes(), set.count()), node, apex, None)?;
        let sigs = set.sig_bytes();
        if sigs.1 > 0 {
            self.out.named_records(sigs, node, apex, Some(place))?;
        }
        Ok(())
    }

    fn chain(&self) -> Chain {
        match (&self.zone.denial, self.dnssec) {
            (Denial::Nsec(_), true) => Chain::Nsec,
            (Denial::Nsec3 { .. }, true) => Chain::Nsec3,
            _ => Chain::None,
        }
    }

    /// The name from the label number `label` on.
    fn key_name(&self, label: usize) -> OnStack {
        OnStack::new(b"", self.key.suffix(label))
    }

    /// `*.` and the name from the label number `label` on.
    fn wildcard_name(&self, label: usize) -> OnStack {
        OnStack::new(b"\x01*", self.key.suffix(label))
    }
}

#[derive(Clone, Copy)]
enum Chain {
    None,
    Nsec,
    Nsec3,
}

/// A name on the stack; longer by a `*` than names can be, since it is only looked for.
struct OnStack {
    bytes: [u8; NAME_LEN_MAX_BYTES + 2],
    len: usize,
}

impl OnStack {
    fn new(head: &[u8], tail: &[u8]) -> Self {
        let mut bytes = [0; NAME_LEN_MAX_BYTES + 2];
        let len = head.len() + tail.len();
        bytes[..head.len()].copy_from_slice(head);
        bytes[head.len()..len].copy_from_slice(tail);
        OnStack { bytes, len }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
