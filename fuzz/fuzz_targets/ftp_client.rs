//! What servers send to the client: replies and listings are read alike in any pieces, and no name leaves
//! its folder.
#![no_main]

mod pieces;

use ftp::client::{Form, Item, ListingReader, Reply, ReplyFault, ReplyReader, Stamp, Way};
use libfuzzer_sys::fuzz_target;
use pieces::pieces;
use wire::Input;

fn replies<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Reply, ReplyFault>> {
    let (mut reader, mut input, mut replies) = (ReplyReader::new(), Input::new(), Vec::new());
    for piece in pieces {
        input.push(piece);
        while let Some(reply) = reader.next(&mut input) {
            let failed = reply.is_err();
            replies.push(reply);
            if failed {
                return replies;
            }
        }
    }
    replies
}

fn listing<'a>(form: Form, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Item> {
    let today = Stamp::parse(b"20261123084500").expect("a time");
    let (mut reader, mut items) = (ListingReader::new(form, today), Vec::new());
    for piece in pieces {
        reader.push(piece, |item| items.push(item)).expect("few entries");
    }
    reader.finish(|item| items.push(item)).expect("few entries");
    items
}

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (bytes, lengths) = input;
    let whole = replies(std::iter::once(bytes.as_slice()));
    assert_eq!(replies(pieces(&bytes, &lengths)), whole);
    for reply in whole.iter().flatten() {
        assert!(!reply.to_string().chars().any(char::is_control));
        for verb in ["XSHA256", "XMD5", "XCRC"] {
            let _ = Way::from_verb(verb).and_then(|way| way.read(reply));
        }
    }
    for form in [Form::Human, Form::Machine] {
        let items = listing(form, std::iter::once(bytes.as_slice()));
        assert_eq!(listing(form, pieces(&bytes, &lengths)), items);
        for item in items {
            if let Item::Entry(entry) = item {
                let name = entry.name.as_bytes();
                assert!(!name.iter().any(|b| *b == b'/' || b.is_ascii_control()) && name != b"..");
            }
        }
    }
});
