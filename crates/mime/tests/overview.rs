//! Overviews: what they keep, and how they are stored.

use mime::limits::{CACHED_FIELDS_MAX_BYTES, PREVIEW_MAX_BYTES};
use mime::overview::is_cached_field;
use mime::{CACHED_FIELDS, Date, Message, Overview, OverviewRef, body_structure, envelope};

const LETTER: &str = "Return-Path: <a@b>\r\nReceived: from x\r\nFrom: A <a@b>\r\nTo: c@d\r\nX-Odd: 1\r\n\
    Subject: folded\r\n subject\r\nDate: Sat, 01 Feb 2007 01:02:03 +0200\r\nMessage-ID: (x) <m@id>\r\n\r\n\
    Dear  reader,\r\n\r\n\tgood day. \r\n";

#[test]
fn overview_of_a_letter() {
    let message = Message::parse(LETTER.as_bytes());
    let built = Overview::build(&message);
    let bytes = built.to_bytes();
    let overview = OverviewRef::parse(&bytes).unwrap();
    assert_eq!(overview, built.as_ref());
    assert_eq!(overview.envelope, envelope(&message));
    assert_eq!(overview.body, body_structure(&message, false));
    assert_eq!(overview.body_structure, body_structure(&message, true));
    assert_eq!(overview.sent, Some(Date { unix_s: 1_170_284_523, zone_minutes: 120 }));
    assert_eq!((overview.preview, overview.message_id), ("Dear reader, good day.", &b"m@id"[..]));
    let fields =
        |names: &[&str]| overview.cached_header_fields(names, false).map(|f| String::from_utf8(f).unwrap());
    assert_eq!(fields(&["SUBJECT", "From"]).unwrap(), "From: A <a@b>\r\nSubject: folded\r\n subject\r\n\r\n");
    assert_eq!(fields(&["Cc"]).unwrap(), "\r\n");
    assert_eq!(fields(&["Subject", "X-Odd"]), None);
    assert_eq!(overview.cached_header_fields(&["Subject"], true), None);
    for cut in 0..bytes.len() {
        assert_eq!(OverviewRef::parse(&bytes[..cut]), None, "cut at {cut}");
    }
    let mut later = bytes.clone();
    later.extend_from_slice(b"more");
    assert_eq!(OverviewRef::parse(&later), Some(overview));
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(OverviewRef::parse(&other), None);
}

#[test]
fn cached_fields_are_bounded_and_say_so() {
    assert!(is_cached_field(b"Message-Id") && !is_cached_field(b"Received"));
    assert!(CACHED_FIELDS.iter().all(|name| *name == name.to_ascii_lowercase()));
    let raw = format!("Subject: s\r\nTo: {}\r\nFrom: f\r\n\r\n", "x".repeat(CACHED_FIELDS_MAX_BYTES));
    let built = Overview::build(&Message::parse(raw.as_bytes()));
    assert!(!built.fields_complete);
    assert_eq!(built.fields, b"Subject: s\r\nFrom: f\r\n");
    assert_eq!(built.as_ref().cached_header_fields(&["from"], false), None);
}

#[test]
fn previews() {
    let html = "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        <html><head><style>p {color: red}</style></head><body><p>Gr=FC=DFe</p>&amp; so<br>on";
    let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\nno\r\n\
        --b\r\nContent-Type: image/png\r\n\r\nno\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\r\nyes\r\n--b--";
    let umlauts = format!("\r\n{}", "ü".repeat(4000));
    let broad = "ü".repeat(PREVIEW_MAX_BYTES / 2);
    let table = [
        ("", ""),
        ("Subject: x\r\n\r\n", ""),
        (html, "Grüße & so on"),
        (mixed, "yes"),
        ("Content-Transfer-Encoding: base64\r\n\r\nZsO8cg==\r\n", "für"),
        ("Content-Type: image/png\r\n\r\nx", ""),
        (&umlauts, &broad),
        ("\r\na\0b\x07c", "a b c"),
    ];
    for (raw, expected) in table {
        assert_eq!(Overview::build(&Message::parse(raw.as_bytes())).preview, *expected, "{raw:?}");
    }
}

#[test]
fn attachments_are_noticed() {
    let mixed = |part: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n{part}\r\n--b--\r\n"
        )
    };
    let pdf = "Content-Type: application/pdf; name=\"old \u{fc}.pdf\"\r\n";
    let table = [
        (mixed("\r\ntext"), false, None),
        (mixed(&format!("{pdf}\r\nx")), true, Some("old \u{fc}.pdf")),
        (mixed(&format!("{pdf}Content-Disposition: inline; filename=x.pdf\r\n\r\nx")), false, Some("x.pdf")),
        (mixed(&format!("{pdf}Content-ID: <picture>\r\n\r\nx")), false, Some("old \u{fc}.pdf")),
        (
            mixed("Content-Disposition: attachment; filename*=utf-8''n%C3%BC.txt\r\n\r\nx"),
            true,
            Some("n\u{fc}.txt"),
        ),
        (mixed("Content-Type: message/rfc822\r\n\r\n\r\nx"), true, None),
        (mixed("Content-Type: application/pgp-signature\r\n\r\nx"), false, None),
        (mixed(&mixed(&format!("{pdf}\r\nx")).replace("=b", "=c").replace("--b", "--c")), true, None),
    ];
    for (raw, expected, name) in table {
        let message = Message::parse(raw.as_bytes());
        let bytes = Overview::build(&message).to_bytes();
        assert_eq!(OverviewRef::parse(&bytes).unwrap().has_attachment, expected, "{raw}");
        assert_eq!(message.file_name(&message.root.children[1]).as_deref(), name, "{raw}");
    }
    let alone = Message::parse(b"Content-Type: application/pdf\r\n\r\nx");
    assert!(Overview::build(&alone).has_attachment);
}
