//! The request as it comes (RFC 2136 §2, and the checks of §3.1.1, §3.2.5, §3.4.1.3 that need no zone).

use super::*;

impl Update {
    /// Reads an UPDATE request; a TSIG and an OPT may stand at its end.
    ///
    /// # Errors
    /// The code to be answered: FORMERR for what breaks the form, NOTZONE for names outside of the zone,
    /// NOTAUTH for a zone of another class.
    pub fn parse(message: &[u8]) -> Result<Update, Rcode> {
        let header = Header::read(message).ok_or(Rcode::FORMERR)?;
        let mut reader = MessageReader::new(message).map_err(|_| Rcode::FORMERR)?;
        // RFC 2136 §3.1.1: exactly one zone, of type SOA.
        if header.flags.opcode() != Opcode::UPDATE || header.counts[0] != 1 {
            return Err(Rcode::FORMERR);
        }
        let zone = reader.question().ok().flatten().ok_or(Rcode::FORMERR)?;
        if zone.rtype != RecordType::SOA {
            return Err(Rcode::FORMERR);
        }
        if zone.class != Class::IN {
            return Err(Rcode::NOTAUTH);
        }
        if usize::from(header.counts[1]) + usize::from(header.counts[2]) > RECORDS_MAX {
            return Err(Rcode::REFUSED);
        }
        let mut update = Update { id: header.id, zone, prerequisites: Vec::new(), changes: Vec::new() };
        while let Some(raw) = reader.raw_record().map_err(|_| Rcode::FORMERR)? {
            match raw.section {
                Section::Answer => {
                    let prerequisite = update.prerequisite(&raw)?;
                    update.prerequisites.push(prerequisite);
                }
                Section::Authority => {
                    let change = update.change(&raw)?;
                    update.changes.push(change);
                }
                Section::Additional => {}
            }
        }
        if reader.finish().is_err() {
            return Err(Rcode::FORMERR);
        }
        Ok(update)
    }

    /// What it would change, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// RFC 2136 §3.2.5, the parts that need no zone.
    fn prerequisite(&self, raw: &RawRecord<'_>) -> Result<Prerequisite, Rcode> {
        if raw.ttl_bits != 0 {
            return Err(Rcode::FORMERR);
        }
        if !raw.owner.is_at_or_below(&self.zone.name) {
            return Err(Rcode::NOTZONE);
        }
        let name = raw.owner.clone();
        match (raw.class, raw.rtype) {
            (Class::ANY | Class::NONE, _) if !raw.data.is_empty() => Err(Rcode::FORMERR),
            (Class::ANY, RecordType::ANY) => Ok(Prerequisite::NameInUse(name)),
            (Class::NONE, RecordType::ANY) => Ok(Prerequisite::NameNotInUse(name)),
            (_, rtype) if rtype.is_meta() => Err(Rcode::FORMERR),
            (Class::ANY, rtype) => Ok(Prerequisite::SetExists(name, rtype)),
            (Class::NONE, rtype) => Ok(Prerequisite::SetMissing(name, rtype)),
            (Class::IN, _) => {
                let record = raw.to_record().map_err(|_| Rcode::FORMERR)?;
                Ok(Prerequisite::SetIs(name, record.data))
            }
            _ => Err(Rcode::FORMERR),
        }
    }

    /// RFC 2136 §3.4.1.3.
    fn change(&self, raw: &RawRecord<'_>) -> Result<Change, Rcode> {
        if !raw.owner.is_at_or_below(&self.zone.name) {
            return Err(Rcode::NOTZONE);
        }
        let name = raw.owner.clone();
        let is_plain_removal = raw.ttl_bits == 0;
        match (raw.class, raw.rtype) {
            (Class::IN, rtype) if !rtype.is_meta() => {
                raw.to_record().map(Change::Add).map_err(|_| Rcode::FORMERR)
            }
            (Class::ANY, _) if !is_plain_removal || !raw.data.is_empty() => Err(Rcode::FORMERR),
            (Class::ANY, RecordType::ANY) => Ok(Change::RemoveName(name)),
            (Class::ANY, rtype) if !rtype.is_meta() => Ok(Change::RemoveSet(name, rtype)),
            (Class::NONE, rtype) if !rtype.is_meta() && is_plain_removal => {
                let record = raw.to_record().map_err(|_| Rcode::FORMERR)?;
                Ok(Change::Remove(name, record.data))
            }
            _ => Err(Rcode::FORMERR),
        }
    }
}
