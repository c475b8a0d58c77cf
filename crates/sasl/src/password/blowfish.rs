//! bcrypt: `$2b$12$` with 22 characters of salt and 31 of hash.

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{Engine, alphabet};
use zeroize::Zeroizing;

use super::UnsupportedHash;
use crate::secret::same_bytes;

/// Highest cost of an imported hash, as the exponent of two: 14 takes about a second. Common are
/// 10 and 12.
pub const BCRYPT_COST_MAX: u32 = 14;

/// Lowest cost that bcrypt knows.
const COST_MIN: u32 = 4;
/// What bcrypt reads of a password, in bytes with its final NUL.
const KEY_LEN_MAX_BYTES: usize = 72;
/// Bytes of a stored hash: the last one of the 24 is left out.
const HASH_LEN_BYTES: usize = 23;

/// Its own alphabet. Old implementations left stray bits in the last character of the salt.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// A parsed hash within the limits.
pub(super) struct BcryptHash {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; HASH_LEN_BYTES],
}

impl std::fmt::Debug for BcryptHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BcryptHash")
    }
}

/// Parses what follows `$2b$`. The letters differ in bugs of implementations that are long gone.
pub(super) fn parse(rest: &str) -> Result<BcryptHash, UnsupportedHash> {
    let malformed = UnsupportedHash::Malformed;
    let (cost, text) = rest.split_once('$').ok_or(malformed)?;
    let digits = cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit());
    let cost: u32 = cost.parse().map_err(|_| malformed)?;
    if !digits || cost < COST_MIN || text.len() != 53 || !text.is_ascii() {
        return Err(malformed);
    }
    if cost > BCRYPT_COST_MAX {
        return Err(UnsupportedHash::TooCostly { parameter: "bcrypt cost", limit: BCRYPT_COST_MAX });
    }
    let decode = |part: &str| BASE64.decode(part).map_err(|_| malformed);
    let salt = decode(&text[..22])?.try_into().map_err(|_| malformed)?;
    let hash = decode(&text[22..])?.try_into().map_err(|_| malformed)?;
    Ok(BcryptHash { cost, salt, hash })
}

impl BcryptHash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new(Vec::with_capacity(password.len() + 1));
        key.extend_from_slice(password);
        key.push(0);
        key.truncate(KEY_LEN_MAX_BYTES);
        same_bytes(&bcrypt::bcrypt(self.cost, self.salt, &key)[..HASH_LEN_BYTES], &self.hash)
    }
}
