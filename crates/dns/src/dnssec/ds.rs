//! DS records, and the CDS and CDNSKEY records by which a zone asks for them.

use std::fmt;

use sha2::{Digest, Sha256, Sha384};

use super::algorithm::Algorithm;
use super::key::DnsKey;
use crate::code::RecordType;
use crate::name::Name;
use crate::rdata::RData;

/// How a DS names its key (RFC 8624 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestType(pub u8);

impl DigestType {
    /// SHA-256 (RFC 4509): the one that everybody understands.
    pub const SHA256: DigestType = DigestType(2);
    /// SHA-384 (RFC 6605 §2).
    pub const SHA384: DigestType = DigestType(4);
}

/// The record data of a DS or CDS (RFC 4034 §5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ds {
    /// The key tag of the key.
    pub key_tag: u16,
    /// The algorithm of the key.
    pub algorithm: Algorithm,
    /// How the digest was made.
    pub digest_type: DigestType,
    /// The digest.
    pub digest: Vec<u8>,
}

impl Ds {
    /// The DS of `key` as a key of the zone `zone` (RFC 4034 §5.1.4); `None` for a digest that is neither
    /// SHA-256 nor SHA-384.
    pub fn of(zone: &Name, key: &DnsKey, digest_type: DigestType) -> Option<Ds> {
        let (owner, data) = (zone.to_lowercase(), key.to_wire());
        let digest = match digest_type {
            DigestType::SHA256 => {
                Sha256::new().chain_update(owner.as_wire()).chain_update(data).finalize().to_vec()
            }
            DigestType::SHA384 => {
                Sha384::new().chain_update(owner.as_wire()).chain_update(data).finalize().to_vec()
            }
            _ => return None,
        };
        Some(Ds { key_tag: key.key_tag(), algorithm: key.algorithm(), digest_type, digest })
    }

    /// Reads the data of a DS or CDS record. `None` if it is too short to be one.
    pub fn from_wire(data: &[u8]) -> Option<Ds> {
        let ([high, low, algorithm, digest_type], digest) = data.split_first_chunk::<4>()?;
        Some(Ds {
            key_tag: u16::from_be_bytes([*high, *low]),
            algorithm: Algorithm(*algorithm),
            digest_type: DigestType(*digest_type),
            digest: digest.to_vec(),
        })
    }

    /// The record data.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = self.key_tag.to_be_bytes().to_vec();
        wire.extend([self.algorithm.0, self.digest_type.0]);
        wire.extend(&self.digest);
        wire
    }

    /// True if it is the digest of `key` as a key of `zone`. Digests of unknown kinds never are.
    pub fn is_of(&self, zone: &Name, key: &DnsKey) -> bool {
        self.key_tag == key.key_tag() && Ds::of(zone, key, self.digest_type).as_ref() == Some(self)
    }
}

impl fmt::Display for Ds {
    /// As master files and registrars write it: `12345 13 2 0123ABCD…` (RFC 4034 §5.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.key_tag, self.algorithm.0, self.digest_type.0)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The data of type `rtype` with these bytes, which have the form of that type.
pub(super) fn data(rtype: RecordType, wire: &[u8]) -> RData {
    RData::from_wire(rtype, wire).expect("made in the form of its type")
}

/// The CDS and the CDNSKEY data that ask for the DS of these keys and no others (RFC 7344 §3).
pub fn cds_for(zone: &Name, keys: &[&DnsKey]) -> (Vec<RData>, Vec<RData>) {
    // SHA-256 alone: more digests give a parent more to get wrong (RFC 8624 §3.3, RFC 7344 §4).
    let ds = keys.iter().filter_map(|key| Ds::of(zone, key, DigestType::SHA256));
    let cds = ds.map(|ds| data(RecordType::CDS, &ds.to_wire())).collect();
    let cdnskey = keys.iter().map(|key| data(RecordType::CDNSKEY, &key.to_wire())).collect();
    (cds, cdnskey)
}

/// The CDS and the CDNSKEY data that ask for the removal of all DS (RFC 8078 §4).
pub fn cds_delete() -> (RData, RData) {
    (data(RecordType::CDS, &[0, 0, 0, 0, 0]), data(RecordType::CDNSKEY, &[0, 0, 3, 0, 0]))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn key(flags: u16, algorithm: u8, base64: &str) -> DnsKey {
        let mut wire = flags.to_be_bytes().to_vec();
        wire.extend([3, algorithm]);
        wire.extend(STANDARD.decode(base64).unwrap());
        DnsKey::from_wire(&wire).unwrap()
    }

    fn of(zone: &str, key: &DnsKey, digest_type: u8) -> String {
        Ds::of(&zone.parse().unwrap(), key, DigestType(digest_type)).unwrap().to_string()
    }

    /// RFC 6605 §6.1 and §6.2, RFC 8080 §6.1, RFC 4509 §2.3.
    #[test]
    fn digests_and_tags_are_those_of_the_rfcs() {
        let p256 = key(
            257,
            13,
            "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        );
        assert_eq!(
            of("example.net.", &p256, 2),
            "55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17"
        );
        let p384 = key(
            257,
            14,
            "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp\
             65F6Glur8I/mlVNgF6W/qTI37m40",
        );
        assert_eq!(
            of("example.net.", &p384, 4),
            "10771 14 4 72D7B62976CE06438E9C0BF319013CF801F09ECC84B8D7E9495F27E305C6A9B0563A9B5F4D288405C3008A946DF983D6"
        );
        let ed25519 = key(257, 15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");
        assert_eq!(
            of("example.com.", &ed25519, 2),
            "3613 15 2 3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B"
        );
        let rsa = key(
            256,
            5,
            "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
        );
        assert_eq!(
            of("dskey.example.com.", &rsa, 2),
            "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"
        );
    }

    #[test]
    fn a_request_to_delete_is_that_of_the_rfc() {
        let (cds, cdnskey) = cds_delete();
        assert_eq!((cds.to_string(), cdnskey.to_string()), ("0 0 0 00".into(), "0 3 0 AA==".into()));
    }

    #[test]
    fn a_ds_is_of_its_key_and_its_zone_only() {
        let (zone, other): (Name, Name) = ("Example.".parse().unwrap(), "other.".parse().unwrap());
        let key = key(257, 15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");
        let ds = Ds::of(&"example.".parse().unwrap(), &key, DigestType::SHA384).unwrap();
        assert!(ds.is_of(&zone, &key) && !ds.is_of(&other, &key));
        assert_eq!(Ds::from_wire(&ds.to_wire()), Some(ds.clone()));
        assert!(!Ds { digest_type: DigestType(1), ..ds }.is_of(&zone, &key));
    }
}
