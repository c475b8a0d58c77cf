//! The numbers of signature algorithms and of DS digests.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A DNSSEC algorithm number (RFC 8624 §3.1). Any number can be carried; keys are made of 13 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Algorithm(pub u8);

impl Algorithm {
    /// RSA with SHA-256 (RFC 5702).
    pub const RSASHA256: Algorithm = Algorithm(8);
    /// ECDSA on P-256 with SHA-256 (RFC 6605).
    pub const ECDSAP256SHA256: Algorithm = Algorithm(13);
    /// ECDSA on P-384 with SHA-384 (RFC 6605).
    pub const ECDSAP384SHA384: Algorithm = Algorithm(14);
    /// Ed25519 (RFC 8080).
    pub const ED25519: Algorithm = Algorithm(15);

    /// Its mnemonic (RFC 4034 App. A.1 and the registry), if it is one that we know.
    pub const fn mnemonic(self) -> Option<&'static str> {
        match self.0 {
            5 => Some("RSASHA1"),
            7 => Some("NSEC3RSASHA1"),
            8 => Some("RSASHA256"),
            10 => Some("RSASHA512"),
            13 => Some("ECDSAP256SHA256"),
            14 => Some("ECDSAP384SHA384"),
            15 => Some("ED25519"),
            16 => Some("ED448"),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.write_str(mnemonic),
            None => write!(f, "algorithm {}", self.0),
        }
    }
}
