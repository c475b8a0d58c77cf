//! What a server keeps instead of a password.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::{self, KEY_LEN_BYTES, Key};
use crate::limits::{
    SALT_LEN_MAX_BYTES, SCRAM_ITERATIONS_DEFAULT, SCRAM_ITERATIONS_MAX, SCRAM_ITERATIONS_MIN,
};
use crate::prepare;
use crate::secret::same_bytes;

const TEXT_PREFIX: &str = "SCRAM-SHA-256$";

/// The stored form of a password for SCRAM-SHA-256 (RFC 5802 §3, RFC 5803).
///
/// Its text form is `SCRAM-SHA-256$iterations:salt$stored:server` with base64 fields, the form of
/// PostgreSQL and of RFC 5803; [`FromStr`] reads it and [`ScramSecret::to_text`] writes it. Who
/// holds it can impersonate the server and guess passwords: treat it like a password hash. `Debug`
/// shows the iterations only.
#[derive(Clone)]
pub struct ScramSecret {
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Key,
    server_key: Key,
}

/// The text is not a SCRAM secret, or one outside of the limits of [`limits`](crate::limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAScramSecret;

impl ScramSecret {
    /// Computes the secret of a password; costs `iterations` rounds of HMAC-SHA-256.
    ///
    /// - `password`: as typed; prepared here ([`prepare::password`]).
    /// - `salt`: random, 1 to [`SALT_LEN_MAX_BYTES`] bytes, 16 for new ones.
    /// - `iterations`: [`SCRAM_ITERATIONS_MIN`] to [`SCRAM_ITERATIONS_MAX`]. All secrets of an
    ///   installation should have [`SCRAM_ITERATIONS_DEFAULT`]: the number is shown to whoever
    ///   asks, and names that do not exist are given that one.
    ///
    /// # Errors
    /// [`NotAScramSecret`] when salt or iterations are outside of the limits.
    pub fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Result<ScramSecret, NotAScramSecret> {
        check_parameters(salt, iterations)?;
        Ok(ScramSecret::compute(password, salt, iterations))
    }

    fn compute(password: &[u8], salt: &[u8], iterations: u32) -> ScramSecret {
        let salted = keys::salted_password(prepare::password(password).expose(), salt, iterations);
        let (client_key, server_key) = keys::client_and_server_key(&salted);
        ScramSecret { salt: salt.to_vec(), iterations, stored_key: keys::hash(&*client_key), server_key }
    }

    /// The secret of nobody: for names that do not exist. The same name gives the same secret, so
    /// that asking twice shows nothing; no password is known to match it.
    ///
    /// - `server_key_material`: random, made once per installation.
    pub fn fake(user: &str, server_key_material: &[u8; 32]) -> ScramSecret {
        let part = |label: &[u8]| {
            let labelled = keys::hmac(server_key_material, label);
            keys::hmac(&*labelled, user.as_bytes())
        };
        ScramSecret {
            salt: part(b"salt")[..16].to_vec(),
            iterations: SCRAM_ITERATIONS_DEFAULT,
            stored_key: part(b"stored key"),
            server_key: part(b"server key"),
        }
    }

    /// Whether this is the secret of that password; costs as much as [`ScramSecret::derive`].
    pub fn verify(&self, password: &[u8]) -> bool {
        let other = ScramSecret::compute(password, &self.salt, self.iterations);
        same_bytes(&*self.stored_key, &*other.stored_key)
    }

    /// The salt, as the client is told.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The iterations, as the client is told.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(crate) fn stored_key(&self) -> &[u8; KEY_LEN_BYTES] {
        &self.stored_key
    }

    pub(crate) fn server_key(&self) -> &[u8; KEY_LEN_BYTES] {
        &self.server_key
    }

    /// The text form, for the store only.
    pub fn to_text(&self) -> String {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        format!(
            "{TEXT_PREFIX}{}:{}${}:{}",
            self.iterations,
            base64(&self.salt),
            base64(&*self.stored_key),
            base64(&*self.server_key)
        )
    }
}

pub(crate) fn check_parameters(salt: &[u8], iterations: u32) -> Result<(), NotAScramSecret> {
    let salt_ok = (1..=SALT_LEN_MAX_BYTES).contains(&salt.len());
    let iterations_ok = (SCRAM_ITERATIONS_MIN..=SCRAM_ITERATIONS_MAX).contains(&iterations);
    if salt_ok && iterations_ok { Ok(()) } else { Err(NotAScramSecret) }
}

/// A decimal number of 1 to 10 digits without leading zero or sign.
pub(crate) fn parse_count(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

impl FromStr for ScramSecret {
    type Err = NotAScramSecret;

    fn from_str(text: &str) -> Result<ScramSecret, NotAScramSecret> {
        parse(text).ok_or(NotAScramSecret)
    }
}

fn parse(text: &str) -> Option<ScramSecret> {
    let (parameters, keys) = text.strip_prefix(TEXT_PREFIX)?.split_once('$')?;
    let (iterations, salt) = parameters.split_once(':')?;
    let (stored_key, server_key) = keys.split_once(':')?;
    let iterations = parse_count(iterations)?;
    let salt = STANDARD.decode(salt).ok()?;
    check_parameters(&salt, iterations).ok()?;
    let key = |text| Some(Key::new(STANDARD.decode(text).ok()?.try_into().ok()?));
    Some(ScramSecret { salt, iterations, stored_key: key(stored_key)?, server_key: key(server_key)? })
}

impl fmt::Debug for ScramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramSecret").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl fmt::Display for NotAScramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a SCRAM-SHA-256 secret, or its salt or iterations are outside of the limits")
    }
}

impl std::error::Error for NotAScramSecret {}
