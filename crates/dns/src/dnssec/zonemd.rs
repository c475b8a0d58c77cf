//! The digest over a whole zone (RFC 8976).

use sha2::{Digest, Sha384};

use super::ds::data;
use super::rrsig::Rrsig;
use crate::code::{Class, RecordType, Serial};
use crate::name::Name;
use crate::rdata::RData;
use crate::zone::ZoneData;

/// All records one after the other (RFC 8976 §2.2.2).
const SIMPLE: u8 = 1;
/// SHA-384 (RFC 8976 §2.2.3).
const SHA384: u8 = 1;

/// The digest, by SHA-384, of all records in canonical form and order (RFC 8976 §3.3): all but the digest
/// itself and its signatures, glue and what is hidden by delegations included.
pub fn digest(zone: &ZoneData) -> [u8; 48] {
    let mut hash = Sha384::new();
    for (name, node) in zone.nodes() {
        let apex = name == zone.apex();
        let owner = name.to_lowercase();
        for set in node.sets().iter().filter(|set| !(apex && set.rtype() == RecordType::ZONEMD)) {
            for data in set.data() {
                if !(apex && covers_digest(data)) {
                    hash_record(&mut hash, &owner, set.ttl_of(data).seconds(), data);
                }
            }
        }
    }
    hash.finalize().into()
}

fn covers_digest(data: &RData) -> bool {
    data.rtype() == RecordType::RRSIG
        && Rrsig::from_wire(data.as_wire()).is_some_and(|signature| signature.covered == RecordType::ZONEMD)
}

fn hash_record(hash: &mut Sha384, owner: &Name, ttl_seconds: u32, data: &RData) {
    let wire = data.canonical();
    hash.update(owner.as_wire());
    hash.update(data.rtype().0.to_be_bytes());
    hash.update(Class::IN.0.to_be_bytes());
    hash.update(ttl_seconds.to_be_bytes());
    hash.update((wire.len() as u16).to_be_bytes());
    hash.update(wire);
}

/// The data of the ZONEMD record.
pub fn record(serial: Serial, digest: &[u8; 48]) -> RData {
    let mut wire = serial.0.to_be_bytes().to_vec();
    wire.extend([SIMPLE, SHA384]);
    wire.extend(digest);
    data(RecordType::ZONEMD, &wire)
}

/// Whether the zone's digest is right; `None` if it has none of the kind that we can check, for its present
/// serial.
pub fn verify(zone: &ZoneData) -> Option<bool> {
    let set = zone.get(zone.apex(), RecordType::ZONEMD)?;
    let serial = zone.serial()?.0.to_be_bytes();
    let ours = |data: &&RData| {
        data.as_wire().starts_with(&[serial[0], serial[1], serial[2], serial[3], SIMPLE, SHA384])
    };
    let found = set.data().iter().find(ours)?;
    Some(found.as_wire()[6..] == digest(zone))
}
