//! Values of header fields: encoded words both ways, subjects, addresses, dates, identifiers,
//! parameters and transfer encodings.
#![no_main]

mod words;

use libfuzzer_sys::fuzz_target;
use mime::transfer::{base64_decode, base64_encode, quoted_printable_decode, quoted_printable_encode};
use mime::{ContentType, Date, Disposition, word};

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"=?utf-8?q?", b"=?utf-8?b?", b"=?iso-2022-jp?b?", b"=?utf-16*de?q?", b"?=", b"=?", b"=C3", b"w7w=", b"_",
    b" ", b"\r\n ", b"\t", b"a", b"Re: ", b"Fwd: ", b"[x]", b"(fwd)", b"\"", b"\\", b"(", b")", b"<", b">", b"@",
    b",", b";", b":", b".", b"a@b", b"Thu, 1 Jan 1970 00:00:00 +0000", b"29 Feb 00 24:60:60 EST", b" -9999",
    b"text/plain; charset=", b"; name*0*=utf-8''%C3", b"; name*1*=%BC", b"=", b"\r\n", "ü".as_bytes(),
    "日本語".as_bytes(), "\u{1F4E7}".as_bytes(), &[b'('; 200], &[b'x'; 300],
];

fuzz_target!(|parts: Vec<(u8, Vec<u8>)>| {
    let bytes = words::text(WORDS, &parts);
    encoded_words(&bytes);
    let decoded = word::decode(&bytes);
    mime::subject::base(&decoded);
    mime::subject::sort_key(&decoded);
    let _ = mime::address::parse_list(&bytes);
    let _ = mime::message_id::parse_list(&bytes);
    let _ = ContentType::parse(&bytes);
    let _ = Disposition::parse(&bytes);
    mime::content::languages(&bytes);
    let folded = mime::fold(&bytes);
    assert_eq!(mime::fold(&folded), folded);
    dates(&bytes);
    assert_eq!(base64_decode(&base64_encode(&bytes)), bytes);
    base64_decode(&bytes);
    quoted_printable_decode(&bytes);
    let lines = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\r\\n", "\\n");
    assert_eq!(lines(&quoted_printable_decode(&quoted_printable_encode(&bytes))), lines(&bytes));
});

fn encoded_words(bytes: &[u8]) {
    let encoded = word::encode(bytes);
    assert!(encoded.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')), "{}", encoded.escape_ascii());
    assert!(!word::needs_encoding(&encoded));
    // Text in which nothing looks like an encoded word means the same afterwards.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let plain = !text.contains("=?") && !text.contains(|c: char| c.is_ascii_control());
    assert!(
        !plain || word::decode(&encoded) == word::decode(bytes),
        "{text:?} became {}",
        encoded.escape_ascii()
    );
}

fn dates(bytes: &[u8]) {
    let Some(date) = Date::parse(bytes) else { return };
    date.local_days();
    date.to_imap();
    assert_eq!(Date::parse(date.to_rfc5322().as_bytes()), Some(date), "{}", date.to_rfc5322());
}
