//! Digests that a server computes, so that what was moved can be compared.

use super::reply::Reply;
use std::fmt;

/// How a digest is made, the best first: it is used to find faults of transport and storage, for
/// which each of these does, and SHA-256 is what servers keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1.
    Sha1,
    /// MD5.
    Md5,
    /// CRC-32 as Ethernet has it.
    Crc32,
}

impl Algorithm {
    /// By its name in HASH (draft-bryan-ftpext-hash §3, the IANA names of hash functions).
    pub fn named(name: &str) -> Option<Algorithm> {
        Some(match name.to_ascii_uppercase().as_str() {
            "SHA-256" => Algorithm::Sha256,
            "SHA-512" => Algorithm::Sha512,
            "SHA-1" => Algorithm::Sha1,
            "MD5" => Algorithm::Md5,
            "CRC32" => Algorithm::Crc32,
            _ => return None,
        })
    }

    /// Its name in HASH.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512 => "SHA-512",
            Algorithm::Sha1 => "SHA-1",
            Algorithm::Md5 => "MD5",
            Algorithm::Crc32 => "CRC32",
        }
    }

    /// How many bytes the digest has.
    pub fn len_bytes(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
            Algorithm::Sha1 => 20,
            Algorithm::Md5 => 16,
            Algorithm::Crc32 => 4,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By which command a digest is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// HASH, with the algorithm that OPTS HASH chose; `chosen` tells that no OPTS is needed.
    Hash {
        /// What is computed.
        algorithm: Algorithm,
        /// True if the server uses it unless told otherwise.
        chosen: bool,
    },
    /// A verb of its own for one algorithm: XSHA256, XMD5, XCRC …
    Verb(Algorithm),
}

impl Way {
    /// By the verb that a FEAT line names.
    pub fn from_verb(verb: &str) -> Option<Way> {
        Some(Way::Verb(match verb {
            "XSHA256" => Algorithm::Sha256,
            "XSHA512" => Algorithm::Sha512,
            "XSHA1" | "XSHA" => Algorithm::Sha1,
            "XMD5" => Algorithm::Md5,
            "XCRC" => Algorithm::Crc32,
            _ => return None,
        }))
    }

    /// What is computed.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Way::Hash { algorithm, .. } | Way::Verb(algorithm) => algorithm,
        }
    }

    /// The verb to send.
    pub fn verb(self) -> &'static str {
        match self {
            Way::Hash { .. } => "HASH",
            Way::Verb(Algorithm::Sha256) => "XSHA256",
            Way::Verb(Algorithm::Sha512) => "XSHA512",
            Way::Verb(Algorithm::Sha1) => "XSHA1",
            Way::Verb(Algorithm::Md5) => "XMD5",
            Way::Verb(Algorithm::Crc32) => "XCRC",
        }
    }

    pub(super) fn verb_and_algorithm(self) -> (&'static str, Algorithm) {
        (self.verb(), self.algorithm())
    }

    /// Reads the digest off a positive reply. HASH answers `213 SHA-256 0-49 6169fa… name`
    /// (draft-bryan-ftpext-hash §3.2); the other verbs answer 250 or 213 with the digest somewhere, so
    /// the first word of the right length in hexadecimal digits is it.
    pub fn read(self, reply: &Reply) -> Option<Digest> {
        let text =
            reply.lines().iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(" ");
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let algorithm = match self {
            Way::Hash { .. } => Algorithm::named(words.first()?)?,
            Way::Verb(algorithm) => algorithm,
        };
        let word = match self {
            Way::Hash { .. } => words.get(1..)?.iter().take(2).find(|word| is_digest(word, algorithm)),
            Way::Verb(_) => words.iter().find(|word| is_digest(word, algorithm)),
        }?;
        Some(Digest { algorithm, hex: word.to_ascii_lowercase() })
    }
}

impl PartialOrd for Way {
    fn partial_cmp(&self, other: &Way) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Way {
    fn cmp(&self, other: &Way) -> std::cmp::Ordering {
        let rank = |way: &Way| (way.algorithm(), way.verb() != "HASH");
        rank(self).cmp(&rank(other))
    }
}

fn is_digest(word: &str, algorithm: Algorithm) -> bool {
    word.len() == algorithm.len_bytes() * 2 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A digest of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How it was made.
    pub algorithm: Algorithm,
    /// In hexadecimal digits, lower case.
    pub hex: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reply::reply;

    #[test]
    fn digests_in_replies() {
        let sha1 = "80bc95fd391772fa61c91ed68567f0980bb45fd9";
        let hash = Way::Hash { algorithm: Algorithm::Sha1, chosen: true };
        let table: &[(Way, String, Option<Algorithm>)] = &[
            (hash, format!("213 SHA-1 0-255 {sha1} filename.ext"), Some(Algorithm::Sha1)),
            (hash, format!("213 SHA-1 {sha1} filename.ext"), Some(Algorithm::Sha1)),
            (hash, format!("213 SHA-256 0-255 {sha1} filename.ext"), None),
            (hash, format!("213 sha-1 0-255 {} filename.ext", sha1.to_uppercase()), Some(Algorithm::Sha1)),
            // A file of such a name must not be taken for its digest.
            (hash, format!("213 SHA-1 0-255 x {sha1}"), None),
            (hash, "213 ".into(), None),
            (Way::Verb(Algorithm::Sha1), format!("250 {sha1}"), Some(Algorithm::Sha1)),
            (Way::Verb(Algorithm::Sha1), format!("250 XSHA1 \"f\" {sha1}"), Some(Algorithm::Sha1)),
            (Way::Verb(Algorithm::Sha1), format!("250-{sha1}\r\n250 done"), Some(Algorithm::Sha1)),
            (Way::Verb(Algorithm::Crc32), "250 DEADBEEF".into(), Some(Algorithm::Crc32)),
            (Way::Verb(Algorithm::Md5), "250 nonsense".into(), None),
        ];
        for (way, text, expected) in table {
            assert_eq!(way.read(&reply(text)).map(|digest| digest.algorithm), *expected, "{text}");
        }
        let digest = Way::Verb(Algorithm::Crc32).read(&reply("250 DEADBEEF")).unwrap();
        assert_eq!(digest.hex, "deadbeef");
    }

    #[test]
    fn names_are_read_as_written() {
        use Algorithm::*;
        for algorithm in [Sha256, Sha512, Sha1, Md5, Crc32] {
            assert_eq!(Algorithm::named(&algorithm.name().to_lowercase()), Some(algorithm));
            assert_eq!(Way::from_verb(Way::Verb(algorithm).verb()), Some(Way::Verb(algorithm)));
        }
    }
}
