//! Catalogue zones (RFC 9432), as their producer: a zone that lists zones, so that secondaries learn by
//! transfer which zones to serve.

use crate::code::{RecordType, Serial, Ttl};
use crate::name::{Name, NameError};
use crate::rdata::{RData, Soa};
use crate::record::Record;
use crate::zone::{OutOfZone, ZoneData};
use sha2::{Digest, Sha256};
use std::fmt;

/// The version of the schema (RFC 9432 §4.2.1).
const VERSION: &[u8] = b"2";
/// Records of catalogues are not for caches (RFC 9432 §4.1).
const TTL: Ttl = Ttl::ZERO;
/// Bytes of the hash that make a member's label: no two names share them.
const HASH_LEN_BYTES: usize = 16;

/// Why there is no catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueError {
    /// The catalogue's own name leaves no room for its members' labels.
    Name(NameError),
    /// Cannot be, unless the name above is wrong.
    OutOfZone(OutOfZone),
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatalogueError::Name(error) => write!(f, "the catalogue's name: {error}"),
            CatalogueError::OutOfZone(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CatalogueError {}

impl From<NameError> for CatalogueError {
    fn from(error: NameError) -> CatalogueError {
        CatalogueError::Name(error)
    }
}

impl From<OutOfZone> for CatalogueError {
    fn from(error: OutOfZone) -> CatalogueError {
        CatalogueError::OutOfZone(error)
    }
}

/// The label that stands for a member: the same as long as the zone is a member (RFC 9432 §4.1), hence made
/// of its name and nothing else.
pub fn member_label(member: &Name) -> String {
    let digest = Sha256::digest(member.to_lowercase().as_wire());
    digest[..HASH_LEN_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The catalogue `apex` of `members` at `serial`.
///
/// # Errors
/// See [`CatalogueError`].
pub fn catalogue<'a>(
    apex: &Name,
    members: impl IntoIterator<Item = &'a Name>,
    serial: Serial,
) -> Result<ZoneData, CatalogueError> {
    let invalid: Name = "invalid.".parse()?;
    let soa = Soa {
        mname: invalid.clone(),
        rname: invalid.clone(),
        serial,
        refresh: 3600,
        retry: 600,
        expire: 2_147_483_646,
        minimum: 0,
    };
    let mut zone = ZoneData::new(apex.clone());
    zone.insert(Record::new(apex.clone(), TTL, soa.to_rdata()))?;
    // Nobody is delegated to; RFC 9432 §4.1 wants this name.
    zone.insert(Record::new(apex.clone(), TTL, RData::ns(&invalid)))?;
    let version = RData::from_wire(RecordType::TXT, &[&[1], VERSION].concat()).expect("a text of one byte");
    zone.insert(Record::new(apex.prepend(b"version")?, TTL, version))?;
    let zones = apex.prepend(b"zones")?;
    for member in members {
        let owner = zones.prepend(member_label(member).as_bytes())?;
        zone.insert(Record::new(owner, TTL, RData::ptr(member)))?;
    }
    Ok(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_as_rfc_9432_draws_it() {
        let apex: Name = "catalog.example.".parse().unwrap();
        let members: Vec<Name> = ["b.example.", "A.Example."].map(|name| name.parse().unwrap()).into();
        let zone = catalogue(&apex, &members, Serial(7)).unwrap();
        let lines: Vec<String> = zone.records().map(|record| record.to_string()).collect();
        assert!(lines.contains(&"version.catalog.example. 0 IN TXT \"2\"".to_string()), "{lines:#?}");
        assert!(lines.contains(&"catalog.example. 0 IN NS invalid.".to_string()));
        let members: Vec<&String> = lines.iter().filter(|line| line.contains(" PTR ")).collect();
        assert_eq!(members.len(), 2);
        assert!(members.iter().all(|line| line.contains(".zones.catalog.example. 0 IN PTR ")));
        assert_eq!(member_label(&"a.example".parse().unwrap()), member_label(&"A.EXAMPLE".parse().unwrap()));
        assert_eq!(zone.serial(), Some(Serial(7)));
    }

    #[test]
    fn a_name_without_room_is_refused() {
        let apex: Name = format!("{}.", ["a".repeat(60).as_str(); 4].join(".")).parse().unwrap();
        let member: Name = "b.example.".parse().unwrap();
        assert_eq!(catalogue(&apex, [&member], Serial(1)), Err(CatalogueError::Name(NameError::NameTooLong)));
    }
}
