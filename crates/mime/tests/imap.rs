//! Messages as IMAP shows them: envelopes, structures, sections.

use mime::section::{BinaryError, binary};
use mime::{Message, Section, What, body_structure, envelope, section};

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn envelope_of(raw: &str) -> String {
    text(&envelope(&Message::parse(&crlf(raw))))
}

fn structure_of(raw: &str, extended: bool) -> String {
    text(&body_structure(&Message::parse(&crlf(raw)), extended))
}

#[test]
fn envelopes() {
    let me = r#"((NIL NIL "me" "x"))"#;
    let table = [
        ("\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)".to_owned()),
        ("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)".to_owned()),
        ("Subject:\nDate: \n\n", r#"("" "" NIL NIL NIL NIL NIL NIL NIL NIL)"#.to_owned()),
        (
            "Date: Sat, 01 Feb 2007 01:02:03 +0200\nSubject: a\n \"b\" \\c\nFrom: me@x\nMessage-ID: <m@id>\n\
             In-Reply-To: <r@id>\n\n",
            format!(
                "(\"Sat, 01 Feb 2007 01:02:03 +0200\" \"a \\\"b\\\" \\\\c\" {me} {me} {me} NIL NIL NIL \
                 \"<r@id>\" \"<m@id>\")"
            ),
        ),
        (
            "From: me@x\nSender: \nReply-To: R <r@y>\nTo: me@x\nTo: two@x\nCc: g: me@x;\nBcc: me@x\n\n",
            format!(
                "(NIL NIL {me} {me} ((\"R\" NIL \"r\" \"y\")) ((NIL NIL \"me\" \"x\")(NIL NIL \"two\" \"x\")) \
                 ((NIL NIL \"g\" NIL)(NIL NIL \"me\" \"x\")(NIL NIL NIL NIL)) {me} NIL NIL)"
            ),
        ),
        (
            "Subject: =?utf-8?q?gr=C3=BCn?= bleibt\nFrom: <@route:me@x>\n\n",
            "(NIL \"=?utf-8?q?gr=C3=BCn?= bleibt\" ((NIL \"@route\" \"me\" \"x\")) \
             ((NIL \"@route\" \"me\" \"x\")) ((NIL \"@route\" \"me\" \"x\")) NIL NIL NIL NIL NIL)"
                .to_owned(),
        ),
        ("Subject: grün ist\nFrom: Jürgen Groß <j@x>\n\n", {
            let from = "((\"=?utf-8?q?J=C3=BCrgen_Gro=C3=9F?=\" NIL \"j\" \"x\"))";
            format!("(NIL \"=?utf-8?q?gr=C3=BCn?= ist\" {from} {from} {from} NIL NIL NIL NIL NIL)")
        }),
        ("To: lonely\n\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"lonely\" \"\")) NIL NIL NIL NIL)".to_owned()),
    ];
    for (raw, expected) in table {
        assert_eq!(envelope_of(raw), expected, "{raw:?}");
    }
    let long = "x".repeat(3000);
    let shown = envelope_of(&format!("Subject: {long}\n\n"));
    assert!(shown.starts_with(&format!("(NIL {{3000}}\r\n{long} NIL")), "{shown}");
}

#[test]
fn structures_of_leaves() {
    let plain = r#""text" "plain" ("charset" "us-ascii") NIL NIL "7BIT""#;
    let table = [
        ("", format!("({plain} 0 0)")),
        ("Subject: x\n\na\nb\nc", format!("({plain} 7 2)")),
        ("Content-Type: text\n\na\n", format!("({plain} 3 1)")),
        ("Content-Type: multipart/mixed\n\na\n", format!("({plain} 3 1)")),
        ("Content-Type: TEXT/Html\n\na\n", r#"("TEXT" "Html" NIL NIL NIL "7BIT" 3 1)"#.to_owned()),
        (
            "Content-Type: image/png; name=\"a b\"\nContent-Transfer-Encoding: base64\nContent-ID: <i@d>\n\
             Content-Description: grün\n\nAAAA\n",
            r#"("image" "png" ("name" "a b") "<i@d>" "=?utf-8?q?gr=C3=BCn?=" "BASE64" 6)"#.to_owned(),
        ),
    ];
    for (raw, expected) in table {
        assert_eq!(structure_of(raw, false), expected, "{raw:?}");
    }
    let raw = "Content-Type: image/png\nContent-Transfer-Encoding:\nContent-MD5: Q2hlY2s=\n\
        Content-Disposition: attachment; filename*0*=utf-8''gr%C3%BC; filename*1=\"n x\"; size=3\n\
        Content-Language: de, en\nContent-Location: http://x/\n y\n\nAAA";
    assert_eq!(
        structure_of(raw, true),
        "(\"image\" \"png\" NIL NIL NIL \"7BIT\" 3 \"Q2hlY2s=\" (\"attachment\" (\"filename*\" \
         \"utf-8''gr%C3%BCn%20x\" \"size\" \"3\")) (\"de\" \"en\") \"http://x/y\")"
    );
    let raw = "Content-Type: text/plain; name=grün.txt\nContent-Language: de\n\n";
    assert_eq!(
        structure_of(raw, true),
        "(\"text\" \"plain\" (\"name*\" \"utf-8''gr%C3%BCn.txt\") NIL NIL \"7BIT\" 0 0 NIL NIL \"de\" NIL)"
    );
}

#[test]
fn structures_of_containers() {
    let part = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" "#;
    let empty = format!("({part}0 0)").replace("((", "(");
    let table = [
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n\n--b--\n",
            format!("({part}3 0){part}5 1) \"mixed\")"),
        ),
        // Nothing in it.
        ("Content-Type: multipart/mixed; boundary=b\n\nno parts\n", format!("({empty} \"mixed\")")),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b--\n", format!("({empty} \"mixed\")")),
        // The end is missing.
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n", format!("({part}5 1) \"mixed\")")),
        // A part that is nothing but a delimiter.
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\nx\n--b--",
            format!("({part}0 0){part}1 0) \"mixed\")"),
        ),
        // White space behind delimiters; look-alikes.
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\n--bc\n--b-\n --b\n--b--  \n--b\n",
            format!("({part}16 2) \"mixed\")"),
        ),
        // The inner boundary begins like the outer one, and the other way round.
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n\
             --bb\n\nx\n--bb--\n--b\n\ny\n--b--\n",
            format!("(({part}1 0) \"alternative\"){part}1 0) \"mixed\")"),
        ),
        (
            "Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/alternative; boundary=b\n\n\
             --b\n\nx\n--b--\n--bb\n\ny\n--bb--\n",
            format!("(({part}1 0) \"alternative\"){part}1 0) \"mixed\")"),
        ),
        // The inner end is missing: the outer delimiter ends both.
        (
            "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n\
             --i\n\nx\n--o\n\ny\n--o--\n",
            format!("(({part}1 0) \"alternative\"){part}1 0) \"mixed\")"),
        ),
        // The quoted boundary is folded.
        (
            "Content-Type: multipart/mixed; boundary=\"foo\n bar\"\n\n--foo bar\n\nhello\n\n--foo bar--\n",
            format!("({part}7 1) \"mixed\")"),
        ),
    ];
    for (raw, expected) in table {
        assert_eq!(structure_of(raw, false), expected, "{raw:?}");
    }
    assert_eq!(
        structure_of("Content-Type: multipart/mixed; boundary=b\nContent-Language: de\n\n--b--\n", true),
        "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL) \"mixed\" \
         (\"boundary\" \"b\") NIL \"de\" NIL)"
    );
}

#[test]
fn structures_of_messages_inside() {
    let none = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
    let plain = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" "#;
    assert_eq!(
        structure_of("Content-Type: message/rfc822\n\nSubject: in\n\nx\ny\n", false),
        format!(
            "(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 21 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             {plain}6 2) 4)"
        )
    );
    // A digest's parts are messages unless they say otherwise.
    let digest = "Content-Type: multipart/digest; boundary=b\n\n--b\n\n\nx\n--b\nContent-Type: text/plain\n\ny\n--b--\n";
    assert_eq!(
        structure_of(digest, false),
        format!(
            "((\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 3 {none} {plain}1 0) 1)\
             (\"text\" \"plain\" NIL NIL NIL \"7BIT\" 1 0) \"digest\")"
        )
    );
    // Encoded, so nothing can be seen inside.
    assert_eq!(
        structure_of("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA", false),
        r#"("application" "octet-stream" NIL NIL NIL "BASE64" 4)"#
    );
    // The header of the part breaks off.
    let cut = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n--b--\n";
    assert_eq!(
        structure_of(cut, false),
        format!("((\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 0 {none} {plain}0 0) 0) \"mixed\")")
    );
}

/// A mixed message: text, a message with two alternatives, and a digest of one.
const NESTED: &str = "Subject: outer\nFrom: a@b\nContent-Type: multipart/mixed; boundary=o\n\npreamble\n--o\n\
X-Part: 1\n\nfirst\n\n--o\nContent-Type: message/rfc822\nX-Part: 2\n\nSubject: inner\n\
Content-Type: multipart/alternative; boundary=i\n\n--i\nX-Part: 2.1\n\nplain\n--i\nX-Part: 2.2\n\nrich\n--i--\n\
inner epilogue\n--o\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: digested\n\nletter\n--d--\n--o--\nepilogue\n";

fn at(path: &[u32], what: What) -> Option<String> {
    let raw = crlf(NESTED);
    let message = Message::parse(&raw);
    section(&message, &Section { path: path.to_vec(), what }).map(|found| text(&found).replace("\r\n", "\n"))
}

#[test]
fn sections_of_nested_messages() {
    let fields = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
    let table: &[(&[u32], What, Option<&str>)] = &[
        (&[], What::Whole, Some(NESTED)),
        (&[], What::Header, Some("Subject: outer\nFrom: a@b\nContent-Type: multipart/mixed; boundary=o\n\n")),
        (&[], What::Fields(fields(&["FROM", "subject", "x"])), Some("Subject: outer\nFrom: a@b\n\n")),
        (&[], What::FieldsNot(fields(&["content-type"])), Some("Subject: outer\nFrom: a@b\n\n")),
        (&[], What::Fields(fields(&["nothing"])), Some("\n")),
        (&[], What::Mime, None),
        (&[1], What::Whole, Some("first\n")),
        (&[1], What::Mime, Some("X-Part: 1\n\n")),
        (&[1], What::Header, None),
        (&[1], What::Text, None),
        (&[1, 1], What::Whole, None),
        (&[2], What::Mime, Some("Content-Type: message/rfc822\nX-Part: 2\n\n")),
        (&[2], What::Header, Some("Subject: inner\nContent-Type: multipart/alternative; boundary=i\n\n")),
        (&[2], What::Fields(fields(&["subject"])), Some("Subject: inner\n\n")),
        (
            &[2],
            What::Text,
            Some("--i\nX-Part: 2.1\n\nplain\n--i\nX-Part: 2.2\n\nrich\n--i--\ninner epilogue"),
        ),
        (&[2, 1], What::Whole, Some("plain")),
        (&[2, 2], What::Mime, Some("X-Part: 2.2\n\n")),
        (&[2, 2], What::Whole, Some("rich")),
        (&[2, 3], What::Whole, None),
        (&[3], What::Mime, Some("Content-Type: multipart/digest; boundary=d\n\n")),
        (&[3, 1], What::Whole, Some("Subject: digested\n\nletter")),
        (&[3, 1], What::Mime, Some("\n")),
        (&[3, 1], What::Header, Some("Subject: digested\n\n")),
        (&[3, 1], What::Text, Some("letter")),
        (&[3, 1, 1], What::Whole, Some("letter")),
        (&[3, 1, 1, 1], What::Whole, None),
        (&[4], What::Whole, None),
        (&[0], What::Whole, None),
        (&[u32::MAX], What::Whole, None),
    ];
    for (path, what, expected) in table {
        assert_eq!(at(path, what.clone()).as_deref(), *expected, "{path:?} {what:?}");
    }
}

#[test]
fn sections_of_single_parts() {
    let raw = crlf("A: 1\nContent-Transfer-Encoding: base64\n\nZm9v\n");
    let message = Message::parse(&raw);
    let get =
        |path: &[u32], what| section(&message, &Section { path: path.to_vec(), what }).map(|s| text(&s));
    assert_eq!(get(&[1], What::Whole).unwrap(), "Zm9v\r\n");
    assert_eq!(get(&[], What::Text).unwrap(), "Zm9v\r\n");
    assert_eq!(get(&[1], What::Mime), get(&[], What::Header));
    assert_eq!(get(&[1, 1], What::Whole), None);
    assert_eq!(get(&[2], What::Whole), None);
    assert_eq!(binary(&message, &[1]).unwrap(), &b"foo"[..]);
    assert_eq!(binary(&message, &[]).unwrap(), &raw[..]);
    assert_eq!(binary(&message, &[2]), Err(BinaryError::NoSuchPart));
    let raw = crlf("Content-Transfer-Encoding: x-uue\n\nx");
    assert_eq!(binary(&Message::parse(&raw), &[1]), Err(BinaryError::UnknownEncoding));
    // A message in a message, nothing else.
    let raw = crlf("Content-Type: message/rfc822\n\nSubject: in\n\nbody\n");
    let message = Message::parse(&raw);
    let get =
        |path: &[u32], what| section(&message, &Section { path: path.to_vec(), what }).map(|s| text(&s));
    assert_eq!(get(&[1], What::Whole).unwrap(), "Subject: in\r\n\r\nbody\r\n");
    assert_eq!(get(&[1], What::Header).unwrap(), "Subject: in\r\n\r\n");
    assert_eq!(get(&[1, 1], What::Whole).unwrap(), "body\r\n");
    // A header that breaks off, and junk in it.
    let raw = b"junk\r\nA: 1\r\nB: 2";
    let message = Message::parse(raw);
    let names = vec![b"b".to_vec()];
    let get = |what| section(&message, &Section { path: vec![], what }).map(|s| text(&s)).unwrap();
    assert_eq!(get(What::Fields(names.clone())), "B: 2\r\n\r\n");
    assert_eq!(get(What::FieldsNot(names)), "junk\r\nA: 1\r\n\r\n");
    assert_eq!(get(What::Text), "");
}

/// A message that broke off anywhere is still a message.
#[test]
fn messages_cut_at_every_byte() {
    let raw = crlf(NESTED);
    for cut in 0..=raw.len() {
        let raw = &raw[..cut];
        let message = Message::parse(raw);
        let all = Section { path: vec![], what: What::Whole };
        assert_eq!(section(&message, &all).unwrap(), raw, "cut at {cut}");
        for shown in [envelope(&message), body_structure(&message, false), body_structure(&message, true)] {
            let count = |byte| shown.iter().filter(|b| **b == byte).count();
            assert_eq!((count(b'('), count(b'"') % 2), (count(b')'), 0), "cut at {cut}: {}", text(&shown));
        }
        let parts = (1..5u32).flat_map(|a| (0..3u32).map(move |b| if b == 0 { vec![a] } else { vec![a, b] }));
        for path in parts {
            let found = section(&message, &Section { path, what: What::Whole });
            assert!(found.is_none_or(|found| found.len() <= cut));
        }
    }
}
