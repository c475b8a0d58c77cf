//! Binding a login to its TLS connection (RFC 5929 §4): the digest of the server's certificate, by which
//! SCRAM-SHA-256-PLUS notices who stands in between.

use sha2::{Digest, Sha256, Sha384, Sha512};

/// `tls-server-end-point` of a certificate (DER): its digest by the algorithm of its signature, or SHA-256 if that is
/// MD5 or SHA-1 (RFC 5929 §4.1).
///
/// Nothing where the signature has no single such algorithm (Ed25519), or where servers before PostgreSQL 16 find none
/// (RSASSA-PSS): the login goes without binding, unless `channel_binding=require` forbids that.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } (RFC 5280 §4.1).
    let (fields, _) = element(certificate, SEQUENCE)?;
    let (_, behind_body) = element(fields, SEQUENCE)?;
    let (algorithm, _) = element(behind_body, SEQUENCE)?;
    let (identifier, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    let (_, digest) = DIGESTS.iter().find(|(known, _)| *known == identifier)?;
    Some(digest(certificate))
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

type ToDigest = fn(&[u8]) -> Vec<u8>;

/// Signature algorithms, as their identifiers are encoded, and how certificates with them are digested.
const DIGESTS: &[(&[u8], ToDigest)] = &[
    // 1.2.840.113549.1.1: RSA (PKCS #1, version 1.5) with MD5, SHA-1, SHA-256, SHA-384, SHA-512.
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", sha256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", sha256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", sha256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", sha384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", sha512),
    // 1.2.840.10045.4: ECDSA with SHA-1, SHA-256, SHA-384, SHA-512.
    (b"\x2a\x86\x48\xce\x3d\x04\x01", sha256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", sha256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", sha384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", sha512),
];

fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn sha384(bytes: &[u8]) -> Vec<u8> {
    Sha384::digest(bytes).to_vec()
}

fn sha512(bytes: &[u8]) -> Vec<u8> {
    Sha512::digest(bytes).to_vec()
}

/// The content of the element at the beginning, which must be of this kind, and what comes behind it.
fn element(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // So many bytes of length follow; no certificate is longer than three of them can say.
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (found == kind).then(|| rest.split_at_checked(len)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    fn certificate(algorithm: &'static SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::new(["db.example.org".to_owned()]).unwrap().self_signed(&key);
        certificate.unwrap().der().to_vec()
    }

    #[test]
    fn the_signature_says_how_a_certificate_is_digested() {
        let table: [(_, ToDigest); 5] = [
            (&rcgen::PKCS_RSA_SHA256, sha256),
            (&rcgen::PKCS_RSA_SHA384, sha384),
            (&rcgen::PKCS_RSA_SHA512, sha512),
            (&rcgen::PKCS_ECDSA_P256_SHA256, sha256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, sha384),
        ];
        for (algorithm, digest) in table {
            let certificate = certificate(algorithm);
            assert_eq!(end_point(&certificate), Some(digest(&certificate)), "{algorithm:?}");
        }
        assert_eq!(end_point(&certificate(&rcgen::PKCS_ED25519)), None);
    }

    #[test]
    fn old_signatures_are_digested_by_sha_256() {
        let certificate = certificate(&rcgen::PKCS_RSA_SHA256);
        for last in [0x04, 0x05] {
            let identifier: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
            let mut old = certificate.clone();
            let places: Vec<usize> =
                (0..old.len()).filter(|at| old[*at..].starts_with(identifier)).map(|at| at + 8).collect();
            places.into_iter().for_each(|at| old[at] = last);
            assert_eq!(end_point(&old), Some(sha256(&old)));
        }
    }

    #[test]
    fn what_is_no_certificate_binds_nothing() {
        let certificate = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        for len in 0..certificate.len() {
            assert_eq!(end_point(&certificate[..len]), None, "cut to {len}");
        }
        for at in 0..certificate.len() {
            let mut damaged = certificate.clone();
            damaged[at] ^= 0xff;
            // Whatever it gives, it ends.
            let _ = end_point(&damaged);
        }
    }
}
