//! An update and a zone (RFC 2136 §3.2, §3.4.2).

use super::*;
use crate::rdata::Soa;
use crate::zone::ZoneData;

impl Update {
    /// Whether it may be done in `zone`: its prerequisites hold, and nothing that it changes is looked after
    /// by somebody else, whom `owner` tells for a name and type.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn check(
        &self,
        zone: &ZoneData,
        owner: impl Fn(&Name, RecordType) -> Option<String>,
    ) -> Result<(), Refusal> {
        if *zone.apex() != self.zone.name {
            return Err(Refusal::Code(Rcode::NOTAUTH));
        }
        for prerequisite in &self.prerequisites {
            self.holds(prerequisite, zone).map_err(Refusal::Code)?;
        }
        for change in &self.changes {
            let name = change.name();
            // To remove a name is to remove each of its sets.
            let present = zone.node(name).into_iter().flat_map(|node| node.sets()).map(|set| set.rtype());
            let types: Vec<RecordType> = match change.rtype() {
                Some(rtype) => vec![rtype],
                None => present.filter(|rtype| !stays(name, *rtype, zone)).collect(),
            };
            for rtype in types {
                // Of a whole name what the signer made goes with it; to name it is another matter.
                if change.rtype().is_some() && is_signers(rtype) {
                    return Err(Refusal::Managed(name.clone(), rtype, "the signer".into()));
                }
                if let Some(owner) = owner(name, rtype) {
                    return Err(Refusal::Managed(name.clone(), rtype, owner));
                }
            }
        }
        Ok(())
    }

    fn holds(&self, prerequisite: &Prerequisite, zone: &ZoneData) -> Result<(), Rcode> {
        let (holds, code) = match prerequisite {
            Prerequisite::NameInUse(name) => (zone.node(name).is_some(), Rcode::NXDOMAIN),
            Prerequisite::NameNotInUse(name) => (zone.node(name).is_none(), Rcode::YXDOMAIN),
            Prerequisite::SetExists(name, rtype) => (zone.get(name, *rtype).is_some(), Rcode::NXRRSET),
            Prerequisite::SetMissing(name, rtype) => (zone.get(name, *rtype).is_none(), Rcode::YXRRSET),
            Prerequisite::SetIs(name, data) => {
                // All that is said of this set, compared with all that is there (RFC 2136 §3.2.3).
                let mut said: Vec<&RData> = self
                    .prerequisites
                    .iter()
                    .filter_map(|other| match other {
                        Prerequisite::SetIs(n, d) if n == name && d.rtype() == data.rtype() => Some(d),
                        _ => None,
                    })
                    .collect();
                said.sort();
                said.dedup();
                let present = zone.get(name, data.rtype()).map_or(&[][..], |set| set.data());
                (present.iter().eq(said), Rcode::NXRRSET)
            }
        };
        if holds { Ok(()) } else { Err(code) }
    }

    /// Makes the changes in a zone for which [`Update::check`] found nothing; what RFC 2136 §3.4.2 says is
    /// to be passed over is passed over. Whether anything changed; the serial is the caller's, unless the
    /// update set it.
    pub fn apply(&self, zone: &mut ZoneData) -> bool {
        let mut changed = false;
        for change in &self.changes {
            changed |= match change {
                Change::Add(record) => add(record, zone),
                Change::RemoveSet(name, rtype) => {
                    !stays(name, *rtype, zone) && zone.remove_set(name, *rtype).is_some()
                }
                Change::RemoveName(name) => remove_name(name, zone),
                Change::Remove(name, data) => !is_last_of_apex(name, data, zone) && zone.remove(name, data),
            };
        }
        changed
    }
}

/// RFC 2136 §3.4.2.2.
fn add(record: &Record, zone: &mut ZoneData) -> bool {
    let rtype = record.rtype();
    let present = zone.node(&record.owner);
    let has_cname = present.is_some_and(|node| node.has(RecordType::CNAME));
    // What may stand beside a CNAME is what signing adds (RFC 4034 §2.5, RFC 4035 §2.5).
    let has_other = present.is_some_and(|node| {
        node.sets().iter().any(|set| set.rtype() != RecordType::CNAME && !is_signers(set.rtype()))
    });
    match rtype {
        RecordType::SOA => return add_soa(record, zone),
        RecordType::CNAME if has_other => return false,
        RecordType::CNAME if has_cname => {
            zone.remove_set(&record.owner, RecordType::CNAME);
        }
        RecordType::CNAME => {}
        _ if has_cname && !is_signers(rtype) => return false,
        _ => {}
    }
    let same_ttl = zone.get(&record.owner, rtype).is_none_or(|set| set.ttl == record.ttl);
    zone.insert(record.clone()).is_ok_and(|added| added) || !same_ttl
}

/// An SOA record counts only at the top and only forward (RFC 2136 §3.4.2.2).
fn add_soa(record: &Record, zone: &mut ZoneData) -> bool {
    let (Some((_, old)), Some(new)) = (zone.soa(), Soa::from_rdata(&record.data)) else { return false };
    if record.owner != *zone.apex() || !new.serial.is_after(old.serial) {
        return false;
    }
    let apex = zone.apex().clone();
    zone.set(&apex, crate::record::RRset::new(record.ttl, record.data.clone())).is_ok()
}

/// SOA and NS of the top are not removed as sets (RFC 2136 §3.4.2.3).
fn stays(name: &Name, rtype: RecordType, zone: &ZoneData) -> bool {
    name == zone.apex() && (matches!(rtype, RecordType::SOA | RecordType::NS) || is_signers(rtype))
}

fn remove_name(name: &Name, zone: &mut ZoneData) -> bool {
    if name != zone.apex() {
        return zone.remove_name(name).is_some();
    }
    let types: Vec<RecordType> =
        zone.node(name).into_iter().flat_map(|node| node.sets()).map(|set| set.rtype()).collect();
    let mut changed = false;
    for rtype in types {
        changed |= !stays(name, rtype, zone) && zone.remove_set(name, rtype).is_some();
    }
    changed
}

/// Neither the SOA record nor the last NS record of the top is removed (RFC 2136 §3.4.2.4).
fn is_last_of_apex(name: &Name, data: &RData, zone: &ZoneData) -> bool {
    let is_last_ns =
        || zone.get(name, RecordType::NS).is_some_and(|set| set.data() == std::slice::from_ref(data));
    name == zone.apex()
        && match data.rtype() {
            RecordType::SOA => true,
            RecordType::NS => is_last_ns(),
            _ => false,
        }
}
