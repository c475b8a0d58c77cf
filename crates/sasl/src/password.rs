//! Checking passwords against stored hashes, and making new ones.
//!
//! New hashes are argon2id. Those of other servers are accepted so that accounts can move here
//! with their passwords, and should be replaced when [`Verdict::rehash`] says so:
//!
//! | form | what |
//! |---|---|
//! | `$argon2id$`, `$argon2i$` | Argon2 in PHC form (RFC 9106) |
//! | `$2a$`, `$2b$`, `$2y$` | bcrypt |
//! | `$6$`, `$5$`, with or without `rounds=` | sha512-crypt, sha256-crypt |
//! | `$1$`, `$apr1$` | md5-crypt, and Apache's |
//! | `{SSHA256}`, `{SSHA512}` | one salted SHA-2, base64 (RFC 2307 style) |
//! | `SCRAM-SHA-256$`, `{SCRAM-SHA-256}` | a SCRAM secret, PostgreSQL's and Dovecot's form |
//!
//! Dovecot's prefixes (`{CRYPT}`, `{BLF-CRYPT}`, …) are understood before any of the `$` forms.
//! Cleartext is never accepted.

mod argon;
mod blowfish;
mod crypt_text;
mod md5_crypt;
mod salted;
mod sha_crypt;

use std::fmt;

use crate::limits::PASSWORD_LEN_MAX_BYTES;
use crate::prepare;
use crate::scram::secret::ScramSecret;

pub use argon::{
    ARGON2_LANES, ARGON2_LANES_MAX, ARGON2_MEMORY_KIB, ARGON2_MEMORY_MAX_KIB, ARGON2_PASSES,
    ARGON2_PASSES_MAX, ARGON2_WORK_MAX_KIB,
};
pub use blowfish::BCRYPT_COST_MAX;
pub use sha_crypt::SHA_CRYPT_ROUNDS_MAX;

/// A stored hash for users that do not exist: with the parameters of [`hash_argon2id`], so that
/// refusing them takes as long as refusing a wrong password. No password is known to match, and
/// [`verify_dummy`] would not let it in.
pub const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4uLg$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The password is the right one.
    pub ok: bool,
    /// It is right, and its stored form is weaker than what [`hash_argon2id`] makes: replace it
    /// now, while the password is at hand.
    pub rehash: bool,
}

/// Why a stored hash cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsupportedHash {
    /// Not a form of the table in [`password`](self).
    Unknown,
    /// yescrypt (`$y$`, `$7$`, `$gy$`), which is not implemented here.
    Yescrypt,
    /// A password that is not hashed. Hash it first.
    Cleartext,
    /// One of the known forms, with a part missing or broken.
    Malformed,
    /// A cost so high that each login would stall the server.
    TooCostly {
        /// The parameter in question.
        parameter: &'static str,
        /// The most that is accepted.
        limit: u32,
    },
}

/// Whether `password` is the one that `stored` was made of.
///
/// Takes as long as the stored hash demands, about 25 ms for our own: not for a thread that
/// serves connections. The password is tried as typed and, where that is something else, prepared
/// ([`prepare::password`]). One that is empty, holds NUL or is longer than
/// [`PASSWORD_LEN_MAX_BYTES`] never matches.
///
/// # Errors
/// [`UnsupportedHash`], which [`check_form`] tells in advance.
pub fn verify(stored: &str, password: &[u8]) -> Result<Verdict, UnsupportedHash> {
    let stored = Stored::parse(stored)?;
    let length_ok = (1..=PASSWORD_LEN_MAX_BYTES).contains(&password.len());
    if !length_ok || password.contains(&0) {
        return Ok(Verdict { ok: false, rehash: false });
    }
    let prepared = prepare::password(password);
    // What decides over the second try is the password alone, so that its time tells nothing.
    let ok = stored.matches(password) || (prepared.expose() != password && stored.matches(prepared.expose()));
    Ok(Verdict { ok, rehash: ok && !stored.is_strong() })
}

/// Spends the time of [`verify`] with a hash of our own, for a user who does not exist; never `ok`.
pub fn verify_dummy(password: &[u8]) -> Verdict {
    // Nothing depends on the outcome, but the work has to be done.
    let _ = std::hint::black_box(verify(DUMMY, password));
    Verdict { ok: false, rehash: false }
}

/// Whether [`verify`] will be able to use this, without the work of checking a password.
///
/// # Errors
/// [`UnsupportedHash`]: refuse to import it.
pub fn check_form(stored: &str) -> Result<(), UnsupportedHash> {
    Stored::parse(stored).map(|_| ())
}

/// Hashes a new password with argon2id, in PHC form.
///
/// - `password`: as typed; prepared here ([`prepare::password`]).
/// - `salt`: random, for this hash only.
///
/// Parameters: [`ARGON2_MEMORY_KIB`], [`ARGON2_PASSES`], [`ARGON2_LANES`].
pub fn hash_argon2id(password: &[u8], salt: [u8; 16]) -> String {
    argon::hash(prepare::password(password).expose(), &salt)
}

/// A stored hash, taken apart and within the limits.
#[derive(Debug)]
enum Stored<'a> {
    Argon2(argon::Argon2Hash),
    Bcrypt(blowfish::BcryptHash),
    Sha(sha_crypt::ShaCryptHash<'a>),
    Md5(md5_crypt::Md5CryptHash<'a>),
    Salted(salted::SaltedHash),
    Scram(Box<ScramSecret>),
}

impl<'a> Stored<'a> {
    fn parse(stored: &'a str) -> Result<Stored<'a>, UnsupportedHash> {
        let Some((scheme, rest)) = stored.strip_prefix('{').and_then(|s| s.split_once('}')) else {
            return Stored::parse_crypt(stored);
        };
        match scheme.to_ascii_uppercase().as_str() {
            "ARGON2ID" | "ARGON2I" | "BLF-CRYPT" | "SHA256-CRYPT" | "SHA512-CRYPT" | "MD5-CRYPT"
            | "CRYPT" => Stored::parse_crypt(rest),
            "SSHA256" => Ok(Stored::Salted(salted::parse(rest, salted::Digest::Sha256)?)),
            "SSHA512" => Ok(Stored::Salted(salted::parse(rest, salted::Digest::Sha512)?)),
            "SCRAM-SHA-256" => dovecot_scram(rest).map(Stored::Scram),
            "PLAIN" | "CLEAR" | "CLEARTEXT" | "PLAIN-TRUNC" => Err(UnsupportedHash::Cleartext),
            _ => Err(UnsupportedHash::Unknown),
        }
    }

    fn parse_crypt(stored: &'a str) -> Result<Stored<'a>, UnsupportedHash> {
        if stored.starts_with("SCRAM-SHA-256$") {
            let secret = stored.parse().map_err(|_| UnsupportedHash::Malformed)?;
            return Ok(Stored::Scram(Box::new(secret)));
        }
        let (id, rest) =
            stored.strip_prefix('$').and_then(|s| s.split_once('$')).ok_or(UnsupportedHash::Unknown)?;
        match id {
            "argon2id" | "argon2i" => argon::parse(id, rest).map(Stored::Argon2),
            "2a" | "2b" | "2y" => blowfish::parse(rest).map(Stored::Bcrypt),
            "5" => sha_crypt::parse(rest, sha_crypt::Digest::Sha256).map(Stored::Sha),
            "6" => sha_crypt::parse(rest, sha_crypt::Digest::Sha512).map(Stored::Sha),
            "1" => md5_crypt::parse(rest, "$1$").map(Stored::Md5),
            "apr1" => md5_crypt::parse(rest, "$apr1$").map(Stored::Md5),
            "y" | "7" | "gy" => Err(UnsupportedHash::Yescrypt),
            _ => Err(UnsupportedHash::Unknown),
        }
    }

    fn matches(&self, password: &[u8]) -> bool {
        match self {
            Stored::Argon2(hash) => hash.matches(password),
            Stored::Bcrypt(hash) => hash.matches(password),
            Stored::Sha(hash) => hash.matches(password),
            Stored::Md5(hash) => hash.matches(password),
            Stored::Salted(hash) => hash.matches(password),
            Stored::Scram(secret) => secret.verify(password),
        }
    }

    /// At least as strong as what [`hash_argon2id`] makes.
    fn is_strong(&self) -> bool {
        matches!(self, Stored::Argon2(hash) if hash.is_strong())
    }
}

/// Dovecot's `iterations,salt,stored,server`, in our text form.
fn dovecot_scram(text: &str) -> Result<Box<ScramSecret>, UnsupportedHash> {
    let fields: Vec<&str> = text.split(',').collect();
    let [iterations, salt, stored, server] = fields[..] else { return Err(UnsupportedHash::Malformed) };
    let ours = format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}");
    ours.parse().map(Box::new).map_err(|_| UnsupportedHash::Malformed)
}

impl fmt::Display for UnsupportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnsupportedHash::Unknown => f.write_str("not a known form of password hash"),
            UnsupportedHash::Yescrypt => {
                f.write_str("yescrypt ($y$) is not supported; set the password anew, or use $6$ or argon2id")
            }
            UnsupportedHash::Cleartext => f.write_str("a password in clear text; it has to be hashed"),
            UnsupportedHash::Malformed => f.write_str("a known form of password hash, but a broken one"),
            UnsupportedHash::TooCostly { parameter, limit } => {
                write!(f, "{parameter} is over {limit}: each login would stall the server")
            }
        }
    }
}

impl std::error::Error for UnsupportedHash {}

#[cfg(test)]
mod tests;
