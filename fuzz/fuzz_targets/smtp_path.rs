//! Paths: what is printed is read back as the same, and holds nothing that would not be fit for a
//! header, a log or another command.
#![no_main]

mod words;

use libfuzzer_sys::fuzz_target;
use smtp::{Domain, ForwardPath, Mailbox, ReversePath};
use std::fmt::Display;

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"a", b"alice", b"@", b".", b"-", b"_", b"\"", b"\\", b" ", b"example.org", b"[", b"]", b"[IPv6:", b"::1",
    b"::ffff:192.0.2.1", b"192.0.2.1", b"@a,@b:", b":", b",", b"postmaster", "é".as_bytes(), "例え".as_bytes(),
    b"\r\n", b"\0", b">", &[b'x'; 62], &[b'y'; 200],
];

fuzz_target!(|input: (bool, Vec<(u8, Vec<u8>)>)| {
    let (smtputf8, parts) = input;
    let bytes = words::text(WORDS, &parts);
    if let Ok(path) = ForwardPath::parse(&bytes, smtputf8) {
        let shown = is_fit(&path, smtputf8);
        assert_eq!(ForwardPath::parse(shown.as_bytes(), smtputf8), Ok(path));
    }
    if let Ok(path) = ReversePath::parse(&bytes, smtputf8) {
        let shown = is_fit(&path, smtputf8);
        assert_eq!(ReversePath::parse(shown.as_bytes(), smtputf8), Ok(path));
    }
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    if let Ok(mailbox) = Mailbox::parse(text, smtputf8) {
        let shown = is_fit(&mailbox, smtputf8);
        assert_eq!(mailbox.is_ascii(), shown.is_ascii());
        assert_eq!(Mailbox::parse(&shown, smtputf8), Ok(mailbox));
    }
    if let Ok(domain) = Domain::parse(text, smtputf8) {
        assert_eq!(Domain::parse(domain.as_str(), smtputf8), Ok(domain));
    }
});

fn is_fit(path: &impl Display, smtputf8: bool) -> String {
    let shown = path.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert!(smtputf8 || shown.is_ascii(), "{shown:?}");
    shown
}
