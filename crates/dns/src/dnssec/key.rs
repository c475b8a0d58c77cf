//! DNSKEY and what is made from it.

use super::algorithm::Algorithm;
use crate::roll::Role;

/// The bit of a key that signs zones (RFC 4034 §2.1.1).
const ZONE_KEY: u16 = 0x0100;
/// The bit of a key that the DS speaks of (RFC 4034 §2.1.1, RFC 3757).
const SECURE_ENTRY_POINT: u16 = 0x0001;
/// The bit of a key that its owner revoked (RFC 5011 §7).
const REVOKED: u16 = 0x0080;
/// The only protocol number (RFC 4034 §2.1.2).
const PROTOCOL: u8 = 3;

/// The record data of a DNSKEY or CDNSKEY (RFC 4034 §2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsKey {
    flags: u16,
    algorithm: Algorithm,
    public_key: Vec<u8>,
}

impl DnsKey {
    /// The DNSKEY of a key of that role; `public_key` in the form of its algorithm.
    pub fn new(role: Role, algorithm: Algorithm, public_key: Vec<u8>) -> DnsKey {
        let flags = match role {
            Role::Zsk => ZONE_KEY,
            Role::Ksk | Role::Csk => ZONE_KEY | SECURE_ENTRY_POINT,
        };
        DnsKey { flags, algorithm, public_key }
    }

    /// Reads record data: flags, protocol 3, algorithm, public key. `None` if it is not that.
    pub fn from_wire(data: &[u8]) -> Option<DnsKey> {
        let ([high, low, PROTOCOL, algorithm], public_key) = data.split_first_chunk::<4>()? else {
            return None;
        };
        let flags = u16::from_be_bytes([*high, *low]);
        Some(DnsKey { flags, algorithm: Algorithm(*algorithm), public_key: public_key.to_vec() })
    }

    /// The record data.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = self.flags.to_be_bytes().to_vec();
        wire.extend([PROTOCOL, self.algorithm.0]);
        wire.extend(&self.public_key);
        wire
    }

    /// The flags field.
    pub fn flags(&self) -> u16 {
        self.flags
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key in the form of its algorithm.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// True if it may sign records of a zone (RFC 4034 §2.1.1), and was not revoked (RFC 5011 §2.1).
    pub fn is_zone_key(&self) -> bool {
        self.flags & ZONE_KEY != 0 && self.flags & REVOKED == 0
    }

    /// True if it is marked as one that a DS speaks of.
    pub fn is_entry_point(&self) -> bool {
        self.flags & SECURE_ENTRY_POINT != 0
    }

    /// The key tag: a checksum by which signatures and DS records name the key (RFC 4034 App. B).
    pub fn key_tag(&self) -> u16 {
        let sum: u32 = self.to_wire().iter().enumerate().fold(0, |sum, (at, byte)| {
            let byte = u32::from(*byte);
            sum.wrapping_add(if at % 2 == 0 { byte << 8 } else { byte })
        });
        (sum.wrapping_add(sum >> 16) & 0xffff) as u16
    }
}

/// Public keys as the store's text holds them: hexadecimal.
pub(crate) mod written {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(key: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        match key {
            Some(key) => to.serialize_some(&key.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.map(Some).ok_or_else(|| D::Error::custom("a public key is not hexadecimal"))
    }
}
