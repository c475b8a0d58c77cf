//! Keys as BIND keeps them in files, which every signer reads: `K….key` with the DNSKEY, `K….private` with the
//! private half.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::algorithm::Algorithm;
use super::key::DnsKey;
use crate::name::Name;

/// A private key as its file holds it: fields by name, each of bytes. Not to be logged: there is no `Debug`.
pub struct PrivateFile {
    /// The algorithm.
    pub algorithm: Algorithm,
    fields: Vec<(String, Vec<u8>)>,
}

/// Why a file of a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFileError {
    /// A `.key` file without a DNSKEY record, or with two.
    NoKey,
    /// Its DNSKEY record cannot be read.
    BadKey,
    /// A `.private` file that does not begin with a format that we know (1.2 and 1.3).
    Format,
    /// A line that is not `Name: value`, or a value that is not base64.
    Line(usize),
}

impl std::fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyFileError::NoKey => f.write_str("not exactly one DNSKEY record"),
            KeyFileError::BadKey => f.write_str("the DNSKEY record cannot be read"),
            KeyFileError::Format => f.write_str("not a private key of format v1.2 or v1.3"),
            KeyFileError::Line(line) => write!(f, "line {line} cannot be read"),
        }
    }
}

impl std::error::Error for KeyFileError {}

/// `Kexample.org.+013+12345`: how the two files of a key are called, without `.key` and `.private`.
pub fn file_stem(zone: &Name, key: &DnsKey) -> String {
    format!("K{}+{:03}+{:05}", zone.to_lowercase(), key.algorithm().0, key.key_tag())
}

/// The text of the `.key` file.
pub fn write_public(zone: &Name, key: &DnsKey, ttl_seconds: u32) -> String {
    let kind = if key.is_entry_point() { "key-signing" } else { "zone-signing" };
    let encoded = STANDARD.encode(key.public_key());
    format!(
        "; This is a {kind} key, keyid {}, for {zone}\n{zone} {ttl_seconds} IN DNSKEY {} 3 {} {encoded}\n",
        key.key_tag(),
        key.flags(),
        key.algorithm().0,
    )
}

/// Reads a `.key` file: the owner as it is written, and the key.
///
/// # Errors
/// [`KeyFileError::NoKey`], [`KeyFileError::BadKey`].
pub fn read_public(text: &str) -> Result<(Name, DnsKey), KeyFileError> {
    let without_comments = text.lines().map(|line| line.split(';').next().unwrap_or_default());
    let text: String = without_comments.collect::<Vec<_>>().join(" ").replace(['(', ')'], " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| word.eq_ignore_ascii_case("DNSKEY")).ok_or(KeyFileError::NoKey)?;
    let [flags, protocol, algorithm, encoded @ ..] = &words[at + 1..] else {
        return Err(KeyFileError::BadKey);
    };
    if encoded.iter().any(|word| word.eq_ignore_ascii_case("DNSKEY")) {
        return Err(KeyFileError::NoKey);
    }
    let owner: Name = words[0].parse().map_err(|_| KeyFileError::BadKey)?;
    let flags: u16 = flags.parse().map_err(|_| KeyFileError::BadKey)?;
    let mut wire = flags.to_be_bytes().to_vec();
    for number in [protocol, algorithm] {
        wire.push(number.parse().map_err(|_| KeyFileError::BadKey)?);
    }
    wire.extend(STANDARD.decode(encoded.concat()).map_err(|_| KeyFileError::BadKey)?);
    Ok((owner, DnsKey::from_wire(&wire).ok_or(KeyFileError::BadKey)?))
}

impl PrivateFile {
    /// A key of one secret: the scalar of an ECDSA key, the seed of an Ed25519 key.
    pub fn of_secret(algorithm: Algorithm, secret: Vec<u8>) -> PrivateFile {
        PrivateFile { algorithm, fields: vec![("PrivateKey".into(), secret)] }
    }

    /// A field by its name, such as `PrivateKey`, or `Modulus` of an RSA key.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice())
    }

    /// The secret of an ECDSA or Ed25519 key.
    pub fn secret(&self) -> Option<&[u8]> {
        self.field("PrivateKey")
    }

    /// Reads a `.private` file. Lines about timing are passed over.
    ///
    /// # Errors
    /// [`KeyFileError::Format`], [`KeyFileError::Line`].
    pub fn read(text: &str) -> Result<PrivateFile, KeyFileError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let format = lines.next().and_then(|(_, line)| line.split_once(':'));
        if !matches!(format, Some(("Private-key-format", version)) if matches!(version.trim(), "v1.2" | "v1.3"))
        {
            return Err(KeyFileError::Format);
        }
        let (mut algorithm, mut fields) = (None, Vec::new());
        for (at, line) in lines {
            let bad = KeyFileError::Line(at + 1);
            let (name, value) = line.split_once(':').ok_or(bad)?;
            let (name, value) = (name.trim(), value.trim());
            match name {
                "Algorithm" => {
                    let number = value.split_whitespace().next().and_then(|number| number.parse().ok());
                    algorithm = Some(Algorithm(number.ok_or(bad)?));
                }
                "Created" | "Publish" | "Activate" | "Inactive" | "Delete" | "Revoke" | "SyncPublish"
                | "SyncDelete" | "Predecessor" | "Successor" | "DSPublish" | "DSDelete" => {}
                _ => fields.push((name.to_owned(), STANDARD.decode(value).map_err(|_| bad)?)),
            }
        }
        Ok(PrivateFile { algorithm: algorithm.ok_or(KeyFileError::Format)?, fields })
    }

    /// The text of the `.private` file.
    pub fn write(&self) -> String {
        let number = self.algorithm.0;
        let mnemonic = self.algorithm.mnemonic().unwrap_or("?");
        let mut text = format!("Private-key-format: v1.3\nAlgorithm: {number} ({mnemonic})\n");
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {}\n", STANDARD.encode(value)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 6605 §6.1.
    const PRIVATE: &str = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n\
                           PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\nCreated: 20100101000000\n";
    const PUBLIC: &str = "; a comment DNSKEY\nexample.net. 3600 IN DNSKEY 257 3 13 (\n  \
                          GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb\n  \
                          krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA== ) ; 55648\n";

    #[test]
    fn files_are_read_and_written_again() {
        let (zone, key) = read_public(PUBLIC).unwrap();
        assert_eq!((zone.to_string(), key.key_tag()), ("example.net.".into(), 55648));
        assert_eq!(read_public(&write_public(&zone, &key, 60)).unwrap(), (zone.clone(), key.clone()));
        assert_eq!(file_stem(&zone, &key), "Kexample.net.+013+55648");
        let private = PrivateFile::read(PRIVATE).unwrap();
        assert_eq!(private.algorithm, Algorithm::ECDSAP256SHA256);
        assert_eq!(private.secret().map(<[u8]>::len), Some(32));
        let again = PrivateFile::read(&private.write()).unwrap();
        assert_eq!((again.algorithm, again.secret()), (private.algorithm, private.secret()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (text, error) in [
            ("", KeyFileError::NoKey),
            ("x. IN TXT a", KeyFileError::NoKey),
            ("x. IN DNSKEY 257 3", KeyFileError::BadKey),
            ("x. IN DNSKEY 257 3 13 ==", KeyFileError::BadKey),
            ("x. IN DNSKEY 257 4 13 AAAA", KeyFileError::BadKey),
            ("x. IN DNSKEY 257 3 13 AAAA\nx. IN DNSKEY 256 3 13 AAAA", KeyFileError::NoKey),
        ] {
            assert_eq!(read_public(text), Err(error), "{text}");
        }
        for (text, error) in [
            ("", KeyFileError::Format),
            ("Private-key-format: v2.0\n", KeyFileError::Format),
            ("Private-key-format: v1.3\nPrivateKey: AAAA\n", KeyFileError::Format),
            ("Private-key-format: v1.3\nAlgorithm: x\n", KeyFileError::Line(2)),
            ("Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: *\n", KeyFileError::Line(3)),
            ("Private-key-format: v1.3\nAlgorithm: 13\n\nnothing\n", KeyFileError::Line(4)),
        ] {
            assert_eq!(PrivateFile::read(text).err(), Some(error), "{text}");
        }
    }
}
