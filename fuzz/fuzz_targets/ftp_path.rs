//! Paths: whatever is resolved is absolute and normal, leads not above the root, and resolves to itself.
#![no_main]

mod words;

use ftp::VirtualPath;
use ftp::path::{DEPTH_MAX, NAME_LEN_MAX_BYTES, PATH_LEN_MAX_BYTES};
use libfuzzer_sys::fuzz_target;

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"/", b"..", b".", b"../", b"a", b"name/", b"~", b"*", b"\\", b"\"", b" ", "é".as_bytes(), b"\r\n", b"\0", b"\xff",
    &[b'x'; 255], &[b'y'; 256],
];

fuzz_target!(|input: (Vec<(u8, Vec<u8>)>, Vec<(u8, Vec<u8>)>)| {
    let (here, there) = (words::text(WORDS, &input.0), words::text(WORDS, &input.1));
    let Ok(here) = VirtualPath::root().resolve(&here) else { return };
    is_normal(&here);
    if let Ok(path) = here.resolve(&there) {
        is_normal(&path);
        is_normal(&path.parent());
        assert!(there.first() != Some(&b'/') || VirtualPath::root().resolve(&there) == Ok(path));
    }
});

fn is_normal(path: &VirtualPath) {
    let text = path.as_str();
    assert!(text.starts_with('/') && !text.contains(['\0', '\r', '\n']) && text.len() <= PATH_LEN_MAX_BYTES);
    assert!(path.is_root() || !text.ends_with('/'));
    assert!(path.names().count() <= DEPTH_MAX);
    assert!(path.names().all(|name| name != "." && name != ".." && name.len() <= NAME_LEN_MAX_BYTES));
    assert_eq!(VirtualPath::root().resolve(text.as_bytes()).as_ref(), Ok(path));
}
