//! Messages: ranges in bounds and nested, renderings that are one value of IMAP's grammar, sections,
//! overviews that come back, and search text.
#![no_main]

mod value;
mod words;

use libfuzzer_sys::fuzz_target;
use mime::section::{Section, What, binary, section};
use mime::{Message, Overview, OverviewRef, Part, SearchText, Span, body_structure, envelope};

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"\r\n", b"\n", b"\r\n\r\n", b": ", b"--b\r\n", b"--b--\r\n", b"--bb\n", b"--bb--", b"\r\n--b\r\n", b" ",
    b"\t", b";", b"\"", b"\\", b"(", b")", b"<", b">", b"@", b",", b"[", b"]", b"=", b"=?utf-8?q?=C3?=",
    b"=?iso-8859-1?b?/A==?=", b"=?", b"?=", "ü".as_bytes(),
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"Content-Type: multipart/digest; boundary=bb\r\n\r\n--bb\r\n", b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n", b"Content-Type: text/html\r\n\r\n", b"Content-Type: ",
    b"Content-Type: text/plain; charset=iso-2022-jp\r\n", b"Content-Type: text/plain; charset=utf-7\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1=x\r\n", b"; filename*99=",
    b"Content-Language: de, en\r\n", b"Content-Transfer-Encoding: base64\r\n\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Content-MD5: ", b"Content-Location: ", b"Content-ID: ", b"Content-Description: ", b"From: A <a@b>\r\n",
    b"To: g: a@b, c;\r\n", b"Subject: ", b"Subject: Re: [x] =?utf-8?b?w7w=?=\r\n",
    b"Date: Thu, 1 Jan 1970 00:00:00 GMT\r\n", b"Date: ", b"Message-ID: <a@b>\r\n", b"References: ", b"<style>",
    b"</style>", b"<p>", b"<!--", b"&amp;", b"&#x110000;", b"a@b", b"%", b"''", &[b'('; 200], &[b'a'; 3000],
];

fuzz_target!(|input: (Vec<(u8, Vec<u8>)>, Vec<u8>)| {
    let (parts, path) = input;
    let raw = words::text(WORDS, &parts);
    let message = Message::parse(&raw);
    assert_eq!(message.root.whole, Span::new(0, raw.len()));
    message.root.visit(&mut |part| is_well_cut(&message, part));
    for shown in [envelope(&message), body_structure(&message, false), body_structure(&message, true)] {
        assert!(value::is_one_list(&shown), "{}", shown.escape_ascii());
    }
    overview_comes_back(&message);
    sections(&message, &path);
    let text = SearchText::build(&message);
    assert_eq!(mime::fold(&text.headers), text.headers);
    assert_eq!(mime::fold(&text.body), text.body);
});

fn is_well_cut(message: &Message<'_>, part: &Part) {
    let inside = |inner: Span, outer: Span| {
        outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
    };
    assert!(inside(part.whole, message.root.whole));
    assert_eq!((part.header.start, part.header.end), (part.whole.start, part.body.start));
    assert_eq!(part.body.end, part.whole.end);
    assert!(part.children.iter().chain(part.message.as_deref()).all(|child| inside(child.whole, part.body)));
    assert!(part.children.windows(2).all(|pair| pair[0].whole.end <= pair[1].whole.start));
    let lines = part.body.of(message.raw).iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(part.body_lines, lines);
    message.decoded_text(part);
    message.file_name(part);
    message.is_attachment(part);
}

fn overview_comes_back(message: &Message<'_>) {
    let built = Overview::build(message);
    let bytes = built.to_bytes();
    assert_eq!(OverviewRef::parse(&bytes), Some(built.as_ref()));
    assert_eq!(built.envelope, envelope(message));
    let names = [b"From".to_vec(), b"content-type".to_vec(), b"SUBJECT".to_vec()];
    if let Some(cached) = built.as_ref().cached_header_fields(&names, false) {
        let whole = section(message, &Section { path: vec![], what: What::Fields(names.to_vec()) });
        assert_eq!(whole.as_deref(), Some(cached.as_slice()));
    }
}

/// What a client may ask for, at any path, and at all paths that there are.
fn sections(message: &Message<'_>, path: &[u8]) {
    let path: Vec<u32> = path.iter().map(|number| u32::from(*number)).collect();
    let names = vec![b"from".to_vec()];
    let whats = [
        What::Whole,
        What::Header,
        What::Text,
        What::Mime,
        What::Fields(names.clone()),
        What::FieldsNot(names),
    ];
    for what in whats {
        let _ = section(message, &Section { path: path.clone(), what });
    }
    let _ = binary(message, &path);
    let whole = section(message, &Section::default());
    assert_eq!(whole.as_deref(), Some(message.raw));
    if message.root.is_multipart() {
        for (at, child) in (1..).zip(&message.root.children) {
            let found = section(message, &Section { path: vec![at], what: What::Whole });
            assert_eq!(found.as_deref(), Some(child.body.of(message.raw)));
        }
    }
}
