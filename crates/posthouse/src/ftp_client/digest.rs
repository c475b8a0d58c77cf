//! Digests of files of this machine, to compare with a server's.

use super::error::Error;
use aws_lc_rs::digest::{self, Context};
use ftp::client::Algorithm;
use md5::{Digest as _, Md5};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// What is read at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// The digest of a file's whole contents in hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub fn of_file(algorithm: Algorithm, file: &mut File, shown: &Path) -> Result<String, Error> {
    let fault = |error: std::io::Error| Error::local(shown, &error);
    file.rewind().map_err(fault)?;
    of_reader(algorithm, file).map_err(fault)
}

/// The digest of a file's first `len_bytes` bytes.
///
/// # Errors
/// As [`of_file`].
pub fn of_beginning(
    algorithm: Algorithm,
    file: &mut File,
    len_bytes: u64,
    shown: &Path,
) -> Result<String, Error> {
    let fault = |error: std::io::Error| Error::local(shown, &error);
    file.rewind().map_err(fault)?;
    of_reader(algorithm, &mut file.take(len_bytes)).map_err(fault)
}

/// What a name that is too long is called by: its SHA-256.
pub fn of_name(name: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, name).as_ref())
}

fn of_reader(algorithm: Algorithm, reader: &mut dyn Read) -> std::io::Result<String> {
    let mut digest = Running::new(algorithm);
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match reader.read(&mut block)? {
            0 => return Ok(digest.finish_hex()),
            count => digest.add(&block[..count]),
        }
    }
}

/// A digest of what passes by.
pub enum Running {
    /// SHA-1 and SHA-2.
    Sha(Context),
    /// MD5.
    Md5(Box<Md5>),
    /// CRC-32.
    Crc32(u32),
}

impl Running {
    /// Before the first byte.
    pub fn new(algorithm: Algorithm) -> Running {
        match algorithm {
            Algorithm::Sha256 => Running::Sha(Context::new(&digest::SHA256)),
            Algorithm::Sha512 => Running::Sha(Context::new(&digest::SHA512)),
            Algorithm::Sha1 => Running::Sha(Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
            Algorithm::Md5 => Running::Md5(Box::new(Md5::new())),
            Algorithm::Crc32 => Running::Crc32(!0),
        }
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        match self {
            Running::Sha(context) => context.update(bytes),
            Running::Md5(md5) => md5.update(bytes),
            Running::Crc32(crc) => {
                for byte in bytes {
                    *crc = CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (*crc >> 8);
                }
            }
        }
    }

    /// The digest in hexadecimal digits.
    pub fn finish_hex(self) -> String {
        hex(&self.finish())
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Running::Sha(context) => context.finish().as_ref().to_vec(),
            Running::Md5(md5) => md5.finalize().to_vec(),
            Running::Crc32(crc) => (!crc).to_be_bytes().to_vec(),
        }
    }
}

/// CRC-32 with the reversed polynomial of ISO 3309, a byte at a time.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let (mut crc, mut bit) = (at as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // Of `123456789`, as sha256sum, sha1sum and md5sum print them; the CRC is the usual check value.
        let table = [
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::Crc32, "cbf43926"),
        ];
        for (algorithm, expected) in table {
            let mut digest = Running::new(algorithm);
            digest.add(b"1234");
            digest.add(b"56789");
            assert_eq!(hex(&digest.finish()), expected, "{algorithm}");
        }
        assert_eq!(Running::new(Algorithm::Sha512).finish().len(), Algorithm::Sha512.len_bytes());
    }
}
