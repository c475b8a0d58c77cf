//! Addresses of the names that an answer leads to.

use super::out::POINTER_MAX;
use super::resolve::Resolution;
use crate::code::RecordType;
use crate::compiled::{NodeRef, OCCLUDED, RECORD_HEAD_BYTES, SetRef};
use crate::message::Section;
use crate::name::wire_is_at_or_below;

/// The addresses of at most so many names are added.
const TARGETS_MAX: usize = 32;

impl<'z> Resolution<'z, '_, '_> {
    /// Adds the addresses of the names to which the records of `set` lead, which begin at `start` and whose
    /// owner stands at `owner_place`. `cut`: the delegation that the set is of; then an address below it that
    /// does not fit makes the answer a truncated one (RFC 9471 §3.1), while anything else may be left out.
    pub(super) fn additional(
        &mut self,
        set: SetRef<'z>,
        start: usize,
        owner_place: usize,
        cut: Option<NodeRef<'z>>,
    ) {
        let name_at = match set.rtype() {
            RecordType::NS => 0,
            RecordType::SRV => 6,
            _ => 2,
        };
        let mut at = start;
        for index in 0..usize::from(set.count()).min(TARGETS_MAX) {
            let bytes = self.out.bytes();
            let data = at + RECORD_HEAD_BYTES;
            at = data + usize::from(u16::from_be_bytes([bytes[data - 2], bytes[data - 1]]));
            let Some(target) = set.target(index) else { continue };
            // Only at a delegation is what lies below one worth telling.
            let foreign = target.has(OCCLUDED) && set.rtype() != RecordType::NS;
            let before = (0..index).any(|other| set.target(other).is_some_and(|other| other.at == target.at));
            if foreign || before {
                continue;
            }
            let place = data + name_at;
            let place = if bytes[place] == 0 { owner_place } else { self.out.resolve_place(place) };
            let needed = cut.is_some_and(|cut| wire_is_at_or_below(target.name(), cut.name()));
            if place > POINTER_MAX || !self.addresses(set.rtype(), target, place) {
                self.out.glue_missing |= needed;
            }
        }
    }

    /// Adds what helps at `target`; false if not all fits.
    fn addresses(&mut self, rtype: RecordType, target: NodeRef<'z>, place: usize) -> bool {
        let mut complete = true;
        let service = matches!(rtype, RecordType::SVCB | RecordType::HTTPS) && place != self.place;
        // RFC 9460 §4.1: for an alias, the services that it leads to.
        let wanted = [Some(RecordType::A), Some(RecordType::AAAA), Some(rtype).filter(|_| service)];
        for rtype in wanted.into_iter().flatten() {
            let Some(set) = target.set(rtype) else { continue };
            let mark = self.out.mark();
            if self.set(Section::Additional, set, place, target).is_err() {
                self.out.back_to(mark);
                complete = false;
            }
        }
        complete
    }
}
