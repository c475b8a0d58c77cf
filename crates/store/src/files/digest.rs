//! Digests of files: kept ones at once, others by reading.

use std::ops::{ControlFlow, Range};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::content::OpenedFile;
use super::entry::EntryKind;
use crate::error::StoreError;

/// A way to make a digest. Only the first two say anything against an adversary; clients ask for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the algorithm of its name")]
pub enum DigestAlgorithm {
    Sha256,
    Blake3,
    Sha512,
    Sha1,
    Md5,
    Crc32,
}

/// A digest, most significant byte first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest(pub Vec<u8>);

impl std::fmt::Display for FileDigest {
    /// In lower-case hexadecimal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in &self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A digest in the making.
enum Making {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
    Sha512(Sha512),
    Sha1(Sha1),
    Md5(Md5),
    Crc32(crc32fast::Hasher),
}

impl Making {
    fn new(algorithm: DigestAlgorithm) -> Making {
        match algorithm {
            DigestAlgorithm::Sha256 => Making::Sha256(Sha256::new()),
            DigestAlgorithm::Blake3 => Making::Blake3(Box::default()),
            DigestAlgorithm::Sha512 => Making::Sha512(Sha512::new()),
            DigestAlgorithm::Sha1 => Making::Sha1(Sha1::new()),
            DigestAlgorithm::Md5 => Making::Md5(Md5::new()),
            DigestAlgorithm::Crc32 => Making::Crc32(crc32fast::Hasher::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Making::Sha256(hasher) => hasher.update(bytes),
            Making::Blake3(hasher) => drop(hasher.update(bytes)),
            Making::Sha512(hasher) => hasher.update(bytes),
            Making::Sha1(hasher) => hasher.update(bytes),
            Making::Md5(hasher) => hasher.update(bytes),
            Making::Crc32(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> FileDigest {
        FileDigest(match self {
            Making::Sha256(hasher) => hasher.finalize().to_vec(),
            Making::Blake3(hasher) => hasher.finalize().as_bytes().to_vec(),
            Making::Sha512(hasher) => hasher.finalize().to_vec(),
            Making::Sha1(hasher) => hasher.finalize().to_vec(),
            Making::Md5(hasher) => hasher.finalize().to_vec(),
            Making::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
        })
    }
}

impl OpenedFile {
    /// The digest of the file, or of the bytes of `range`. SHA-256 and BLAKE3 of the whole are known;
    /// anything else reads the bytes, in blocks: call it off the runtime.
    ///
    /// - `go_on` is asked after each block; false gives the digest up.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a range outside the file; [`StoreError::Abandoned`] if `go_on` said no.
    pub fn digest(
        &self,
        algorithm: DigestAlgorithm,
        range: Option<Range<u64>>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<FileDigest, StoreError> {
        let whole = 0..self.content.size_bytes();
        let range = range.unwrap_or_else(|| whole.clone());
        if range == whole {
            match (algorithm, self.entry.kind) {
                (DigestAlgorithm::Sha256, EntryKind::File { sha256, .. }) => {
                    return Ok(FileDigest(sha256.into()));
                }
                (DigestAlgorithm::Blake3, _) => return Ok(FileDigest(self.blake3.into())),
                _ => {}
            }
        }
        let (mut making, mut is_given_up) = (Making::new(algorithm), false);
        self.content.each_block(range, &mut |block| {
            making.update(block);
            is_given_up = !go_on();
            Ok(if is_given_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if is_given_up {
            return Err(StoreError::Abandoned("the digest is not wanted any more".to_owned()));
        }
        Ok(making.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        // "abc": the examples of FIPS 180-4 and of MD5's own text, BLAKE3's tool, and the CRC of ISO 3309.
        let table = [
            (DigestAlgorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (DigestAlgorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (DigestAlgorithm::Crc32, "352441c2"),
            (DigestAlgorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (DigestAlgorithm::Blake3, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
            (
                DigestAlgorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ];
        for (algorithm, expected) in table {
            let mut making = Making::new(algorithm);
            making.update(b"a");
            making.update(b"bc");
            assert_eq!(making.finish().to_string(), expected, "{algorithm:?}");
        }
    }
}
