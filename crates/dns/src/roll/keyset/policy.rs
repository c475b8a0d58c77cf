//! How keys are made, how long they live, and how careful rolls are.

use serde::{Deserialize, Serialize};

use crate::dnssec::algorithm::Algorithm;
use crate::time::{DAY_SECONDS, HOUR_SECONDS};

/// One key for all, or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One CSK.
    Single,
    /// A KSK and a ZSK.
    Split,
}

/// How keys are made, how long they live, and how careful rolls are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The algorithm of new keys. What is in use changes by [`Request::Replace`] only.
    pub algorithm: Algorithm,
    /// One key or two; changes by [`Request::Replace`] only.
    pub layout: Layout,
    /// The TTL of DNSKEY, CDS and CDNSKEY.
    pub dnskey_ttl_seconds: u32,
    /// How long a ZSK signs before it is rolled; `None`: until asked.
    pub zsk_lifetime_seconds: Option<u32>,
    /// How long a KSK or CSK signs before it is rolled; `None`: until asked. Give it a time only where
    /// the parent was seen to follow CDS records: else each roll waits for the owner.
    pub top_lifetime_seconds: Option<u32>,
    /// Added to each wait for caches: what caches keep beyond the TTL, and clocks that differ.
    pub safety_seconds: u32,
    /// How long after all of the parent's addresses showed a change one of the machines behind them
    /// may still not.
    pub parent_propagation_seconds: u32,
    /// Whether CDS and CDNSKEY are published.
    pub cds: bool,
}

impl Default for Policy {
    /// A CSK of algorithm 13 without scheduled rolls; should there be a ZSK, sixty days.
    fn default() -> Policy {
        Policy {
            algorithm: Algorithm::ECDSAP256SHA256,
            layout: Layout::Single,
            dnskey_ttl_seconds: HOUR_SECONDS,
            zsk_lifetime_seconds: Some(60 * DAY_SECONDS),
            top_lifetime_seconds: None,
            safety_seconds: HOUR_SECONDS,
            parent_propagation_seconds: HOUR_SECONDS,
            cds: true,
        }
    }
}

/// The waits for caches, safety included. In seconds.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// For the data of the zone, and for knowing that something is not there.
    pub data_seconds: u32,
    /// For the key set.
    pub keys_seconds: u32,
    /// For the DS at the parent.
    pub ds_seconds: u32,
}

impl Delays {
    /// For anything of the zone.
    pub(in crate::roll) fn all_seconds(self) -> u32 {
        self.data_seconds.max(self.keys_seconds)
    }
}
