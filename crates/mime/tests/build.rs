//! Messages that are built come back as they were meant.

use mime::{Address, Body, Builder, Date, FieldError, Message, envelope};
use proptest::prelude::*;

#[test]
fn a_letter_with_an_attachment() {
    let from = Address::parse("jürgen@example.org").unwrap();
    let to = Address::parse("a b@example.org").unwrap();
    let raw = Builder::new()
        .field("Subject", &format!("Grüße {}", "und mehr ".repeat(20)))
        .unwrap()
        .addresses("From", &[(Some("Jürgen"), &from)])
        .unwrap()
        .addresses("To", &[(Some("Doe, \"J\""), &to), (None, &to), (Some("Plain Name"), &to)])
        .unwrap()
        .date(Date::utc(0))
        .body(
            Body::multipart(
                "mixed",
                vec![
                    Body::text("Grüße\nund\r\nFrom there\n.\n"),
                    Body::attachment("application/octet-stream", "Plan ü.bin", vec![0, 1, 2, 255]).unwrap(),
                    Body::attachment("text/csv", "a\"b.csv", b"x".to_vec()).unwrap(),
                    Body::verbatim("message/rfc822", b"Subject: in\r\n\r\nx\r\n".to_vec()).unwrap(),
                ],
            )
            .unwrap(),
        )
        .build();
    assert!(raw.split(|b| *b == b'\n').all(|line| line.len() <= 79), "{}", String::from_utf8_lossy(&raw));
    let message = Message::parse(&raw);
    let [text, plan, csv, inner] = message.root.children.as_slice() else { panic!("four parts") };
    assert_eq!(message.decoded_text(text), "Grüße\r\nund\r\nFrom there\r\n.\r\n");
    assert_eq!(message.decoded_body(plan), &[0, 1, 2, 255][..]);
    assert_eq!(message.decoded_body(csv), &b"x"[..]);
    assert!(inner.message.is_some());
    let structure = String::from_utf8(mime::body_structure(&message, true)).unwrap();
    assert!(structure.contains(r#"("filename*" "utf-8''Plan%20%C3%BC.bin")"#), "{structure}");
    assert!(structure.contains(r#"("filename" "a\"b.csv")"#), "{structure}");
    let shown = String::from_utf8(envelope(&message)).unwrap();
    let expected = r#"(("Doe, \"J\"" NIL "a b" "example.org")(NIL NIL "a b" "example.org")("Plain Name" NIL "a b" "example.org"))"#;
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn fields_refuse_what_could_break_out() {
    let refused = |name: &str, text: &str| Builder::new().field(name, text).err();
    let table = [
        ("Subject", "a\r\nBcc: x", Some(FieldError::Control)),
        ("Subject", "a\nb", Some(FieldError::Control)),
        ("Subject", "a\rb", Some(FieldError::Control)),
        ("Subject", "a\0b", Some(FieldError::Control)),
        ("Subject", "a\u{85}b", Some(FieldError::Control)),
        ("Sub ject", "a", Some(FieldError::BadName)),
        ("Subject:", "a", Some(FieldError::BadName)),
        ("", "a", Some(FieldError::BadName)),
        ("Sübject", "a", Some(FieldError::BadName)),
        ("Subject", "a\tb", None),
        ("Subject", "", None),
    ];
    for (name, text, error) in table {
        assert_eq!(refused(name, text), error, "{name:?} {text:?}");
    }
    assert_eq!(refused("Subject", &"x".repeat(998)), Some(FieldError::LongWord));
    assert_eq!(refused("Subject", &" ".repeat(998)), Some(FieldError::LongWord));
    assert_eq!(refused("Subject", &"x".repeat(980)), None);
    let a = Address::parse("a@b").unwrap();
    assert_eq!(Builder::new().addresses("To", &[(Some("x\r\ny"), &a)]).err(), Some(FieldError::Control));
    assert_eq!(Body::attachment("a/b", "x\ny", vec![]).err(), Some(FieldError::Control));
    assert_eq!(Body::attachment("a/b\r\nX: y", "x", vec![]).err(), Some(FieldError::Control));
    assert_eq!(Body::multipart("mixed\r\n", vec![]).err(), Some(FieldError::Control));
    assert_eq!(Body::multipart("mixéd", vec![]).err(), Some(FieldError::BadName));
}

#[test]
fn a_bounce_is_a_report() {
    let returned = "Subject: grün\r\n\r\n".as_bytes().to_vec();
    let parts = vec![
        Body::text("It did not work."),
        Body::verbatim("message/delivery-status", b"Reporting-MTA: dns; mx\r\n".to_vec()).unwrap(),
        Body::verbatim("text/rfc822-headers", returned).unwrap(),
    ];
    let raw =
        Builder::new().body(Body::multipart("report; report-type=delivery-status", parts).unwrap()).build();
    let message = Message::parse(&raw);
    assert!(message.root.content_type.is("multipart", "report"));
    assert_eq!(message.root.content_type.param("report-type").unwrap().text(), "delivery-status");
    assert_eq!((message.root.encoding.name(), message.root.children.len()), ("8BIT", 3));
}

proptest! {
    #[test]
    fn subjects_and_texts_come_back(subject in "[^\\p{C}\\p{Z}=]{1,40}( [^\\p{C}\\p{Z}=]{1,40}){0,9}", text in "\\PC{0,200}(\r\n\\PC{0,1200}){0,5}") {
        let raw = Builder::new().field("Subject", &subject).unwrap().body(Body::text(&text)).build();
        prop_assert!(raw.is_ascii());
        prop_assert!(raw.split(|b| *b == b'\n').all(|line| line.len() <= 999));
        let message = Message::parse(&raw);
        prop_assert_eq!(mime::word::decode(message.headers().get(b"subject").unwrap().value), subject);
        prop_assert_eq!(message.decoded_text(&message.root), text);
    }
}
