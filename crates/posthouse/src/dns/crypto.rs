//! The private halves of zone keys, and the cryptography of signatures: what the crate `dns` asks for.

use std::fmt;

use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dns::dnssec::bind::PrivateFile;
use dns::dnssec::sign::Verify;
use dns::dnssec::{Algorithm, DnsKey};
use dns::roll::{Role, ZoneKeys};

/// An uncompressed point begins with this byte, which DNSKEY leaves out (RFC 6605 §4).
const UNCOMPRESSED: u8 = 4;
/// Where a private key begins and ends in PEM (RFC 7468 §10).
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// How often a key is made anew because its tag is taken: one in some ten thousand is.
const TAG_ATTEMPTS_MAX: usize = 16;

/// Why there is no private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// Keys of this algorithm are not made and not used here.
    Algorithm(Algorithm),
    /// The bytes are no private key of this algorithm.
    Malformed(Algorithm),
    /// Neither PEM nor a private key in it.
    Pem,
    /// The private half is not that of the public one.
    Mismatch,
    /// The system gave no key.
    NotMade,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Algorithm(algorithm) => {
                write!(f, "{algorithm} cannot sign here: ECDSAP256SHA256 and ED25519 can")
            }
            KeyError::Malformed(algorithm) => write!(f, "not a private key of {algorithm}"),
            KeyError::Pem => f.write_str("not a private key in PEM (PKCS #8)"),
            KeyError::Mismatch => f.write_str("the private key does not belong to the public one"),
            KeyError::NotMade => f.write_str("the system gave no key"),
        }
    }
}

impl std::error::Error for KeyError {}

/// The private half of a zone key. Shows nothing of itself in logs.
pub struct PrivateKey(Pair);

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm())
    }
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`], [`KeyError::NotMade`].
    pub fn generate(algorithm: Algorithm) -> Result<PrivateKey, KeyError> {
        Ok(PrivateKey(match algorithm {
            Algorithm::ECDSAP256SHA256 => Pair::P256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError::NotMade)?,
            ),
            Algorithm::ED25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(|_| KeyError::NotMade)?),
            _ => return Err(KeyError::Algorithm(algorithm)),
        }))
    }

    /// A new key whose tag no other key of the zone has.
    ///
    /// # Errors
    /// Those of [`PrivateKey::generate`].
    pub fn generate_for(zone: &ZoneKeys, role: Role, algorithm: Algorithm) -> Result<PrivateKey, KeyError> {
        for _ in 0..TAG_ATTEMPTS_MAX {
            let key = PrivateKey::generate(algorithm)?;
            let tag = DnsKey::new(role, algorithm, key.public_key()).key_tag();
            if !zone.tag_taken(algorithm, tag) {
                return Ok(key);
            }
        }
        Err(KeyError::NotMade)
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Pair::P256(_) => Algorithm::ECDSAP256SHA256,
            Pair::Ed25519(_) => Algorithm::ED25519,
        }
    }

    /// The public half as DNSKEY records hold it (RFC 6605 §4, RFC 8080 §3).
    pub fn public_key(&self) -> Vec<u8> {
        match &self.0 {
            Pair::P256(pair) => pair.public_key().as_ref()[1..].to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// A key as [`PrivateKey::to_pkcs8`] wrote it, or anyone else.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`], [`KeyError::Malformed`].
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<PrivateKey, KeyError> {
        let malformed = |_| KeyError::Malformed(algorithm);
        Ok(PrivateKey(match algorithm {
            Algorithm::ECDSAP256SHA256 => Pair::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(malformed)?,
            ),
            Algorithm::ED25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(malformed)?)
            }
            _ => return Err(KeyError::Algorithm(algorithm)),
        }))
    }

    /// The key as PKCS #8 (RFC 5208), for the store.
    ///
    /// # Errors
    /// [`KeyError::NotMade`] if the library gives none.
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let der = match &self.0 {
            Pair::P256(pair) => pair.to_pkcs8v1(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
        };
        der.map(|der| der.as_ref().to_vec()).map_err(|_| KeyError::NotMade)
    }

    /// Reads the first private key of a PEM text.
    ///
    /// # Errors
    /// [`KeyError::Pem`], and those of [`PrivateKey::from_pkcs8`].
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<PrivateKey, KeyError> {
        let body = text.split_once(PEM_BEGIN).and_then(|(_, rest)| rest.split_once(PEM_END));
        let body: String = body.ok_or(KeyError::Pem)?.0.split_whitespace().collect();
        PrivateKey::from_pkcs8(algorithm, &STANDARD.decode(body).map_err(|_| KeyError::Pem)?)
    }

    /// The key as PEM.
    ///
    /// # Errors
    /// Those of [`PrivateKey::to_pkcs8`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let encoded = STANDARD.encode(self.to_pkcs8()?);
        let mut text = format!("{PEM_BEGIN}\n");
        for line in encoded.as_bytes().chunks(64) {
            text.extend(line.iter().map(|letter| char::from(*letter)));
            text.push('\n');
        }
        Ok(text + PEM_END + "\n")
    }

    /// The key of a `.private` file, with the public half of its `.key` file.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`], [`KeyError::Malformed`], [`KeyError::Mismatch`].
    pub fn from_bind(file: &PrivateFile, public: &DnsKey) -> Result<PrivateKey, KeyError> {
        let algorithm = file.algorithm;
        if algorithm != public.algorithm() {
            return Err(KeyError::Mismatch);
        }
        let pair = match algorithm {
            Algorithm::ECDSAP256SHA256 => {
                let secret = file.secret().ok_or(KeyError::Malformed(algorithm))?;
                let point = [&[UNCOMPRESSED], public.public_key()].concat();
                let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, secret, &point);
                Pair::P256(pair.map_err(|_| KeyError::Mismatch)?)
            }
            Algorithm::ED25519 => {
                let secret = file.secret().ok_or(KeyError::Malformed(algorithm))?;
                let pair = Ed25519KeyPair::from_seed_and_public_key(secret, public.public_key());
                Pair::Ed25519(pair.map_err(|_| KeyError::Mismatch)?)
            }
            _ => return Err(KeyError::Algorithm(algorithm)),
        };
        Ok(PrivateKey(pair))
    }

    /// The key as a `.private` file.
    ///
    /// # Errors
    /// [`KeyError::NotMade`] if the library does not give the secret out.
    pub fn to_bind(&self) -> Result<PrivateFile, KeyError> {
        let secret = match &self.0 {
            Pair::P256(pair) => {
                let secret: EcPrivateKeyBin<'_> =
                    pair.private_key().as_be_bytes().map_err(|_| KeyError::NotMade)?;
                secret.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => {
                let seed = pair.seed().map_err(|_| KeyError::NotMade)?;
                seed.as_be_bytes().map_err(|_| KeyError::NotMade)?.as_ref().to_vec()
            }
        };
        Ok(PrivateFile::of_secret(self.algorithm(), secret))
    }

    /// The signature of `data` as RRSIG records hold it.
    ///
    /// # Errors
    /// Why there is none, for the log.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, String> {
        match &self.0 {
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), data);
                Ok(signature.map_err(|_| "signing failed")?.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(data).as_ref().to_vec()),
        }
    }
}

/// Checks signatures of the algorithms 8, 10, 13, 14 and 15.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verifier;

impl Verify for Verifier {
    fn verify(&self, algorithm: Algorithm, public_key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool> {
        let by = |with: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(with, key).verify(data, signature).is_ok()
        };
        let point = || [&[UNCOMPRESSED], public_key].concat();
        Some(match algorithm {
            Algorithm::ECDSAP256SHA256 => by(&ECDSA_P256_SHA256_FIXED, &point()),
            Algorithm::ECDSAP384SHA384 => by(&ECDSA_P384_SHA384_FIXED, &point()),
            Algorithm::ED25519 => by(&ED25519, public_key),
            Algorithm::RSASHA256 | Algorithm(10) => {
                let with = match algorithm {
                    Algorithm::RSASHA256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                    _ => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                };
                let key = rsa_key(public_key);
                key.is_some_and(|(n, e)| {
                    RsaPublicKeyComponents { n, e }.verify(with, data, signature).is_ok()
                })
            }
            _ => return None,
        })
    }
}

/// Modulus and exponent of an RSA key as DNSKEY records hold it (RFC 3110 §2).
fn rsa_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (exponent_len, rest) = match key {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [len, rest @ ..] => (usize::from(*len), rest),
        [] => return None,
    };
    let (exponent, modulus) = rest.split_at_checked(exponent_len)?;
    Some((modulus, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dns::dnssec::Rrsig;
    use dns::dnssec::bind::read_public;
    use dns::{Name, RData, RRset, RecordType, Ttl};

    /// A set, its signature and the key: examples of the RFCs, as master files write them.
    fn verifies(key: &str, owner: &str, set: RRset, rrsig: [u32; 3], tag: u16, signature: &str) -> bool {
        let (zone, key) = read_public(key).unwrap();
        let owner: Name = owner.parse().unwrap();
        let [original_ttl_seconds, expiration, inception] = rrsig;
        let rrsig = Rrsig {
            covered: set.rtype(),
            algorithm: key.algorithm(),
            labels: owner.label_count() as u8,
            original_ttl_seconds,
            expiration,
            inception,
            key_tag: tag,
            signer: zone,
            signature: STANDARD.decode(signature).unwrap(),
        };
        assert_eq!(key.key_tag(), tag);
        let bytes = rrsig.signed_bytes(&owner, &set);
        Verifier.verify(key.algorithm(), key.public_key(), &bytes, &rrsig.signature).unwrap()
    }

    /// RFC 6605 §6.1: an A record at www.example.net, 3600, 20100909100439 to 20100812100439.
    #[test]
    fn the_example_of_rfc_6605_verifies() {
        let key = "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb\
                   krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
        let signature =
            "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==";
        let set = || RRset::new(Ttl::from_wire(3600), RData::a([192, 0, 2, 1].into()));
        let times = [3600, 1_284_026_679, 1_281_607_479];
        assert!(verifies(key, "www.example.net.", set(), times, 55648, signature));
        assert!(!verifies(key, "web.example.net.", set(), times, 55648, signature));
    }

    /// RFC 8080 §6.1: an MX record at example.com, 3600, 1440021600 to 1438207200.
    #[test]
    fn the_example_of_rfc_8080_verifies() {
        let key = "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=";
        let signature =
            "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==";
        let set = RRset::new(Ttl::from_wire(3600), RData::mx(10, &"mail.example.com.".parse().unwrap()));
        let times = [3600, 1_440_021_600, 1_438_207_200];
        assert!(verifies(key, "example.com.", set, times, 3613, signature));
    }

    #[test]
    fn keys_come_back_from_every_form() {
        let apex: Name = "example.".parse().unwrap();
        for algorithm in [Algorithm::ECDSAP256SHA256, Algorithm::ED25519] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let public = DnsKey::new(Role::Csk, algorithm, key.public_key());
            let text = dns::dnssec::bind::write_public(&apex, &public, 60);
            let (_, public) = read_public(&text).unwrap();
            let file = PrivateFile::read(&key.to_bind().unwrap().write()).unwrap();
            for again in [
                PrivateKey::from_pkcs8(algorithm, &key.to_pkcs8().unwrap()),
                PrivateKey::from_pem(algorithm, &key.to_pem().unwrap()),
                PrivateKey::from_bind(&file, &public),
            ] {
                let again = again.unwrap();
                assert_eq!(again.public_key(), key.public_key());
                let signature = again.sign(b"data").unwrap();
                assert_eq!(Verifier.verify(algorithm, public.public_key(), b"data", &signature), Some(true));
                assert_eq!(Verifier.verify(algorithm, public.public_key(), b"date", &signature), Some(false));
            }
            let other = PrivateKey::generate(algorithm).unwrap();
            let other = DnsKey::new(Role::Csk, algorithm, other.public_key());
            assert_eq!(PrivateKey::from_bind(&file, &other).err(), Some(KeyError::Mismatch));
            assert!(!format!("{key:?}").contains(&STANDARD.encode(key.to_pkcs8().unwrap())));
        }
        assert_eq!(PrivateKey::generate(Algorithm(8)).err(), Some(KeyError::Algorithm(Algorithm(8))));
        assert_eq!(PrivateKey::from_pem(Algorithm::ED25519, "no").err(), Some(KeyError::Pem));
    }

    #[test]
    fn a_key_of_no_known_form_verifies_nothing() {
        for algorithm in [8, 10, 13, 14, 15] {
            for key in [&b""[..], b"\0", b"\x03\x01\x00\x01", b"\0\xff\xff\x01", &[7; 64], &[0xff; 300]] {
                let verdict = Verifier.verify(Algorithm(algorithm), key, b"data", &[1; 64]);
                assert_eq!(verdict, Some(false), "{algorithm} {key:?}");
            }
        }
        assert_eq!(Verifier.verify(Algorithm(5), b"", b"", b""), None);
        assert_eq!(RecordType::RRSIG.0, 46);
    }
}
