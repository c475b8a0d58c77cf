//! Forms of stored passwords: no panic; what is said of a form in advance is what checking says; and
//! secrets of SCRAM come back as they were written.
#![no_main]

mod words;

use libfuzzer_sys::fuzz_target;
use sasl::{ScramSecret, password};

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"$argon2id$", b"$argon2i$", b"v=19$", b"m=19456,t=2,p=1$", b"m=", b",t=", b",p=", b"$2a$", b"$2b$10$",
    b"$2y$05$", b"$5$", b"$6$", b"rounds=", b"5000$", b"$1$", b"$apr1$", b"{SSHA256}", b"{SSHA512}",
    b"{SCRAM-SHA-256}", b"SCRAM-SHA-256$4096:", b"{CRYPT}", b"{BLF-CRYPT}", b"{ARGON2ID}", b"{MD5-CRYPT}",
    b"{SHA512-CRYPT}", b"{PLAIN}", b"{", b"}", b"$y$", b"$", b":", b",", b"=", b"/", b".", b"4096",
    b"CQkJCQkJCQkJCQkJCQkJCQ==", b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", b"bm9ib2R5J3Mgc2FsdC4uLg", b"ss", b"saltsalt",
    b"I6aEo8OpFCxWFMPmBr9Bz0", b"N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    &[b'a'; 43], &[b'a'; 86], &[b'9'; 20],
];

fuzz_target!(|input: (Vec<(u8, Vec<u8>)>, Vec<u8>)| {
    let (parts, password) = input;
    let bytes = words::text(WORDS, &parts);
    let Ok(stored) = std::str::from_utf8(&bytes) else { return };
    match password::check_form(stored) {
        Err(error) => {
            assert_eq!(password::verify(stored, &password), Err(error));
            assert!(!error.to_string().is_empty());
        }
        // The other forms are made to be slow.
        Ok(()) if stored.starts_with("{SSHA") || stored.starts_with("$1$") => {
            let verdict = password::verify(stored, &password).expect("the form was good");
            assert!(!verdict.rehash || verdict.ok);
        }
        Ok(()) => {}
    }
    if let Ok(secret) = stored.parse::<ScramSecret>() {
        let text = secret.to_text();
        let again: ScramSecret = text.parse().expect("our own form");
        assert_eq!(again.to_text(), text);
        assert!(password::check_form(&text).is_ok());
    }
});
