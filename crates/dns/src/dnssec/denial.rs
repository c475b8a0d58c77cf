//! The chains that prove what is not there: NSEC (RFC 4034 §4) and NSEC3 (RFC 5155).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ds::data;
use super::sign::SigningError;
use super::territory::{Standing, shown_types, standings};
use crate::code::{RecordType, Ttl};
use crate::name::Name;
use crate::nsec3::{self, HASH_LEN_BYTES};
use crate::rdata::{RData, TypeBitmap};
use crate::record::RRset;
use crate::zone::{Node, ZoneData};

/// The only hash of NSEC3 (RFC 5155 §11).
const SHA1: u8 = 1;
/// The flag of an NSEC3 whose gap may hide delegations without DS (RFC 5155 §3.1.2.1).
const OPT_OUT: u8 = 1;

/// How a zone proves what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Denial {
    /// By names: simple and small, and anyone can list the zone.
    #[default]
    Nsec,
    /// By hashes of names, no iterations, no salt (RFC 9276 §3.1).
    Nsec3,
    /// The same, and delegations without DS have no record of their own: for large zones of those only.
    Nsec3OptOut,
}

/// The NSEC3 hash of a name (RFC 5155 §5).
pub fn nsec3_hash(name: &Name, iterations: u16, salt: &[u8]) -> [u8; HASH_LEN_BYTES] {
    nsec3::hash(name.to_lowercase().as_wire(), iterations, salt)
}

impl Denial {
    /// The NSEC3PARAM data, if there is to be one (RFC 5155 §4: flags are zero there).
    pub(super) fn parameters(self) -> Option<RData> {
        let hashed = self != Denial::Nsec;
        hashed.then(|| data(RecordType::NSEC3PARAM, &[SHA1, 0, 0, 0, 0]))
    }

    /// The records of the chain for a zone that already has all else but signatures. `also` is a type
    /// that the apex will have and has not yet.
    pub(super) fn chain(
        self,
        zone: &ZoneData,
        also: Option<RecordType>,
    ) -> Result<Vec<(Name, RRset)>, SigningError> {
        // The smaller of the SOA's TTL and its minimum (RFC 9077 §3).
        let ttl = zone.negative_ttl().ok_or(SigningError::NoSoa)?;
        match self {
            Denial::Nsec => Ok(nsec_chain(zone, ttl, also)),
            Denial::Nsec3 => nsec3_chain(zone, ttl, also, false),
            Denial::Nsec3OptOut => nsec3_chain(zone, ttl, also, true),
        }
    }
}

fn nsec_chain(zone: &ZoneData, ttl: Ttl, also: Option<RecordType>) -> Vec<(Name, RRset)> {
    let all: Vec<_> = standings(zone).collect();
    let next = all.iter().skip(1).chain(all.first()).map(|(name, ..)| *name);
    let set = |((name, node, standing), next): (&(&Name, &Node, Standing), &Name)| {
        let own = [RecordType::NSEC, RecordType::RRSIG];
        let apex = also.filter(|_| *name == zone.apex());
        let types: TypeBitmap = shown_types(node, *standing).chain(own).chain(apex).collect();
        let mut wire = next.as_wire().to_vec();
        wire.extend(types.to_wire());
        ((*name).clone(), RRset::new(ttl, data(RecordType::NSEC, &wire)))
    };
    all.iter().zip(next).map(set).collect()
}

/// A name with the types that its record shows.
type Named = (Name, TypeBitmap);

fn nsec3_chain(
    zone: &ZoneData,
    ttl: Ttl,
    also: Option<RecordType>,
    opt_out: bool,
) -> Result<Vec<(Name, RRset)>, SigningError> {
    let mut hashed: BTreeMap<[u8; 20], Named> = BTreeMap::new();
    let mut add = |name: Name, types: TypeBitmap| match hashed
        .insert(nsec3_hash(&name, 0, &[]), (name.clone(), types))
    {
        Some((other, _)) if other != name => Err(SigningError::HashCollision(name, other)),
        _ => Ok(()),
    };
    let depth = zone.apex().label_count();
    let mut before: Option<&Name> = None;
    for (name, node, standing) in standings(zone) {
        let insecure = standing == Standing::Delegation && !node.has(RecordType::DS);
        // Those and names that exist only through those need no record (RFC 5155 §7.1).
        if insecure && opt_out {
            continue;
        }
        // Between a name and its nearest ancestor with a record all are empty (RFC 5155 §7.1). In canonical
        // order it is enough to look back one name for those that were met already.
        for labels in depth + 1..name.label_count() {
            let ancestor = name.suffix(labels);
            let met = before.is_some_and(|before| before.is_at_or_below(&ancestor));
            if !met {
                add(ancestor, TypeBitmap::default())?;
            }
        }
        let signatures = (!insecure).then_some(RecordType::RRSIG);
        let apex = also.filter(|_| name == zone.apex());
        add(name.clone(), shown_types(node, standing).chain(signatures).chain(apex).collect())?;
        before = Some(name);
    }
    let next = hashed.keys().skip(1).chain(hashed.keys().next());
    let flags = if opt_out { OPT_OUT } else { 0 };
    let set = |((hash, (_, types)), next): ((&[u8; 20], &Named), &[u8; 20])| {
        let owner = zone.apex().prepend(&nsec3::label(hash)).map_err(|_| SigningError::NameTooLong)?;
        let mut wire = vec![SHA1, flags, 0, 0, 0, 20];
        wire.extend(next);
        wire.extend(types.to_wire());
        Ok((owner, RRset::new(ttl, data(RecordType::NSEC3, &wire))))
    };
    hashed.iter().zip(next).map(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5155 App. A: twelve iterations, salt `aabbccdd`.
    #[test]
    fn hashes_are_those_of_the_rfc() {
        for (name, label) in [
            ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"),
            ("ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
            ("NS2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r"),
            ("w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h"),
            ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
            ("x.w.example.", "b4um86eghhds6nea196smvmlo4ors995"),
            ("y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"),
            ("x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"),
            ("xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"),
        ] {
            let hash = nsec3_hash(&name.parse().unwrap(), 12, &[0xaa, 0xbb, 0xcc, 0xdd]);
            assert_eq!(std::str::from_utf8(&nsec3::label(&hash)).unwrap(), label, "{name}");
        }
    }
}
