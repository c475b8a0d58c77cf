//! The base64 lines that carry an exchange in SMTP (RFC 4954 §4), IMAP (RFC 9051 §6.2.2) and
//! POP3 (RFC 5034 §4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::failure::{Failure, Malformed};
use crate::limits::RESPONSE_LEN_MAX_BYTES;
use crate::secret::Secret;

/// Decodes the initial response of an AUTH command; `=` stands for an empty one.
///
/// # Errors
/// [`Failure::TooLong`], [`Malformed::Base64`]; an empty argument is no initial response, but a
/// broken one.
pub fn decode_initial(argument: &[u8]) -> Result<Secret, Failure> {
    match argument {
        b"=" => Ok(Secret::new(Vec::new())),
        b"" => Err(Malformed::Base64.into()),
        _ => decode(argument),
    }
}

/// Decodes a line that answers a challenge, without its CRLF; an empty line is an empty response.
///
/// # Errors
/// [`Failure::Cancelled`] for `*`, [`Failure::TooLong`], [`Malformed::Base64`].
pub fn decode_line(line: &[u8]) -> Result<Secret, Failure> {
    match line {
        b"*" => Err(Failure::Cancelled),
        _ => decode(line),
    }
}

fn decode(text: &[u8]) -> Result<Secret, Failure> {
    if text.len() > RESPONSE_LEN_MAX_BYTES {
        return Err(Failure::TooLong { limit_bytes: RESPONSE_LEN_MAX_BYTES });
    }
    // Decoded in place, so that what is left of a broken response is overwritten as well.
    let mut data = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = STANDARD.decode_slice(text, &mut data).map_err(|_| Malformed::Base64)?;
    data.truncate(length);
    Ok(Secret::new(std::mem::take(&mut *data)))
}

/// Encodes a challenge or a response, as it stands on a line of its own.
pub fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// Encodes a client's initial response, as it stands in an AUTH command: empty is `=`.
pub fn encode_initial(data: &[u8]) -> String {
    if data.is_empty() { "=".to_owned() } else { encode(data) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Decoded = Result<Vec<u8>, Failure>;

    fn plain(result: Result<Secret, Failure>) -> Decoded {
        result.map(|s| s.expose().to_vec())
    }

    #[test]
    fn lines() {
        let bad = Err(Failure::Malformed(Malformed::Base64));
        let cases: [(&[u8], Decoded); 12] = [
            (b"", Ok(vec![])),
            (b"*", Err(Failure::Cancelled)),
            (b"AA==", Ok(vec![0])),
            (b"AGEAYg==", Ok(b"\0a\0b".to_vec())),
            (b"=", bad.clone()),
            (b"!!!", bad.clone()),
            (b"AA", bad.clone()),
            (b"AA=", bad.clone()),
            (b"AB==", bad.clone()),
            (b"AA==AA==", bad.clone()),
            (b" AA==", bad.clone()),
            (b"_-==", bad),
        ];
        for (line, expected) in cases {
            assert_eq!(plain(decode_line(line)), expected, "{:?}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn initial_responses() {
        assert_eq!(plain(decode_initial(b"=")), Ok(vec![]));
        assert_eq!(plain(decode_initial(b"")), Err(Failure::Malformed(Malformed::Base64)));
        assert_eq!(plain(decode_initial(b"*")), Err(Failure::Malformed(Malformed::Base64)));
        assert_eq!(encode_initial(b""), "=");
    }

    #[test]
    fn length_limit() {
        let full = vec![b'A'; RESPONSE_LEN_MAX_BYTES];
        assert!(decode_line(&full).is_ok());
        let over = vec![b'A'; RESPONSE_LEN_MAX_BYTES + 4];
        let too_long = Failure::TooLong { limit_bytes: RESPONSE_LEN_MAX_BYTES };
        assert_eq!(plain(decode_line(&over)), Err(too_long));
        assert_eq!(plain(decode_initial(&over)), Err(too_long));
    }

    proptest! {
        #[test]
        fn round_trip(data: Vec<u8>) {
            prop_assert_eq!(plain(decode_initial(encode_initial(&data).as_bytes())), Ok(data.clone()));
            prop_assert_eq!(plain(decode_line(encode(&data).as_bytes())), Ok(data));
        }

        #[test]
        fn only_one_spelling(line in "[A-Za-z0-9+/=*]{0,12}") {
            if let Ok(data) = decode_line(line.as_bytes()) {
                prop_assert_eq!(encode(data.expose()), line);
            }
        }
    }
}
