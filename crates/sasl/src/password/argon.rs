//! Argon2 in PHC form: `$argon2id$v=19$m=…,t=…,p=…$salt$hash` (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::UnsupportedHash;
use crate::secret::same_bytes;

/// Memory of new hashes, in KiB. 19 MiB, two passes and one lane are the smallest that OWASP's
/// password storage guide recommends: a server that shares its machine with everything else checks
/// passwords several at a time, and some 25 ms each keeps logins unnoticeable.
pub const ARGON2_MEMORY_KIB: u32 = 19_456;
/// Passes of new hashes; see [`ARGON2_MEMORY_KIB`].
pub const ARGON2_PASSES: u32 = 2;
/// Lanes of new hashes. One: parallel logins already use all processors.
pub const ARGON2_LANES: u32 = 1;

/// Most memory of an imported hash, in KiB: 256 MiB, so that a few logins at once fit in memory.
pub const ARGON2_MEMORY_MAX_KIB: u32 = 262_144;
/// Most passes of an imported hash. RFC 9106 §4 uses 1 to 3.
pub const ARGON2_PASSES_MAX: u32 = 32;
/// Most lanes of an imported hash. RFC 9106 §4 uses 4, passlib 8.
pub const ARGON2_LANES_MAX: u32 = 16;
/// Most memory times passes of an imported hash, in KiB: a gibibyte written takes about a second.
pub const ARGON2_WORK_MAX_KIB: u32 = 1_048_576;

/// Bytes of a new hash.
const HASH_LEN_BYTES: usize = 32;
/// Shortest and longest hash that is accepted, in bytes; a shorter one could be guessed.
const HASH_LEN_RANGE_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Longest salt that is accepted, in bytes.
const SALT_LEN_MAX_BYTES: usize = 64;

/// A parsed hash within the limits.
pub(super) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl std::fmt::Debug for Argon2Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Argon2Hash")
    }
}

/// Parses what follows `$argon2id$` or `$argon2i$`.
pub(super) fn parse(id: &str, rest: &str) -> Result<Argon2Hash, UnsupportedHash> {
    let malformed = UnsupportedHash::Malformed;
    let algorithm = if id == "argon2id" { Algorithm::Argon2id } else { Algorithm::Argon2i };
    // Hashes from before version 1.3 have no version field.
    let (version, rest) = match rest.strip_prefix("v=").and_then(|r| r.split_once('$')) {
        Some(("19", rest)) => (Version::V0x13, rest),
        Some(("16", rest)) => (Version::V0x10, rest),
        Some(_) => return Err(malformed),
        None => (Version::V0x10, rest),
    };
    let fields: Vec<&str> = rest.split('$').collect();
    let [costs, salt, hash] = fields[..] else { return Err(malformed) };
    let decode = |text| STANDARD_NO_PAD.decode(text).map_err(|_| malformed);
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    let salt_ok = (argon2::MIN_SALT_LEN..=SALT_LEN_MAX_BYTES).contains(&salt.len());
    if !salt_ok || !HASH_LEN_RANGE_BYTES.contains(&hash.len()) {
        return Err(malformed);
    }
    let (memory, passes, lanes) = parse_costs(costs)?;
    let params = Params::new(memory, passes, lanes, Some(hash.len())).map_err(|_| malformed)?;
    Ok(Argon2Hash { algorithm, version, params, salt, hash })
}

/// `m=…,t=…,p=…`, within the limits.
fn parse_costs(costs: &str) -> Result<(u32, u32, u32), UnsupportedHash> {
    let malformed = UnsupportedHash::Malformed;
    let mut fields = costs.split(',');
    let mut next = |name, parameter, limit| {
        let digits = fields.next().and_then(|f| f.strip_prefix(name)).ok_or(malformed)?;
        super::crypt_text::parse_cost(digits, parameter, limit)
    };
    let memory = next("m=", "argon2 memory (m)", ARGON2_MEMORY_MAX_KIB)?;
    let passes = next("t=", "argon2 passes (t)", ARGON2_PASSES_MAX)?;
    let lanes = next("p=", "argon2 lanes (p)", ARGON2_LANES_MAX)?;
    if memory * passes > ARGON2_WORK_MAX_KIB {
        return Err(UnsupportedHash::TooCostly {
            parameter: "argon2 memory times passes (m·t)",
            limit: ARGON2_WORK_MAX_KIB,
        });
    }
    if fields.next().is_some() { Err(malformed) } else { Ok((memory, passes, lanes)) }
}

impl Argon2Hash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut computed = vec![0; self.hash.len()];
        argon2.hash_password_into(password, &self.salt, &mut computed).is_ok()
            && same_bytes(&computed, &self.hash)
    }

    pub(super) fn is_strong(&self) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.hash.len() >= HASH_LEN_BYTES
            && self.salt.len() >= 16
            && self.params.m_cost() >= ARGON2_MEMORY_KIB
            && self.params.t_cost() >= ARGON2_PASSES
    }
}

/// Hashes with the parameters of new hashes.
pub(super) fn hash(password: &[u8], salt: &[u8; 16]) -> String {
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, Some(HASH_LEN_BYTES))
        .expect("the constants are within what Argon2 allows");
    let mut hash = [0; HASH_LEN_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut hash)
        .expect("salt, password and hash have lengths that Argon2 allows");
    format!(
        "$argon2id$v=19$m={ARGON2_MEMORY_KIB},t={ARGON2_PASSES},p={ARGON2_LANES}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash)
    )
}
