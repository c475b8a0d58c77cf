//! Address lists as the wild writes them, and addresses that may be trusted.

use mime::address::{self, Address, AddressError, Entry};
use mime::limits::ADDRESSES_MAX;

/// One entry a line: `name|route|local|domain`, `name:` and `;`.
fn shown(value: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines: Vec<String> = address::parse_list(value.as_bytes())
        .iter()
        .map(|entry| match entry {
            Entry::Mailbox(m) => {
                let optional =
                    |part: &Option<std::borrow::Cow<'_, [u8]>>| part.as_deref().map_or("-".into(), text);
                format!("{}|{}|{}|{}", optional(&m.name), optional(&m.route), text(&m.local), text(&m.domain))
            }
            Entry::GroupStart(name) => format!("{}:", text(name)),
            Entry::GroupEnd => ";".into(),
        })
        .collect();
    lines.join(" / ")
}

#[test]
fn lists() {
    let table = [
        ("", ""),
        (" \r\n ", ""),
        ("a@b", "-|-|a|b"),
        ("<a@b>", "-|-|a|b"),
        ("A B <a@b>", "A B|-|a|b"),
        ("A  B\r\n C <a@b>", "A B C|-|a|b"),
        ("\"A, B\" <a@b>, c@d", "A, B|-|a|b / -|-|c|d"),
        ("\"A \\\"X\\\" B\" <a@b>", "A \"X\" B|-|a|b"),
        ("John Q. Public <j.q@x.org>", "John Q. Public|-|j.q|x.org"),
        ("a@b (Real Name)", "Real Name|-|a|b"),
        ("a (x) @ b (y (z)) . c", "y (z)|-|a|b.c"),
        ("Name (c) <a@b>", "Name|-|a|b"),
        ("(c) <a@b>", "c|-|a|b"),
        ("<@r1,@r2:a@b>", "-|@r1,@r2|a|b"),
        ("X <@r1 , @r2 :a@b>", "X|@r1,@r2|a|b"),
        ("\"quoted local\"@b", "-|-|quoted local|b"),
        ("a@[127.0.0.1]", "-|-|a|[127.0.0.1]"),
        ("a . b @ c . d", "-|-|a.b|c.d"),
        ("g: a@b, C <c@d>;", "g: / -|-|a|b / C|-|c|d / ;"),
        ("g: a@b; , h: c@d;", "g: / -|-|a|b / ; / h: / -|-|c|d / ;"),
        ("g: a@b;, c@d", "g: / -|-|a|b / ; / -|-|c|d"),
        ("undisclosed-recipients:;", "undisclosed-recipients: / ;"),
        ("My Group: a@b", "My Group: / -|-|a|b / ;"),
        ("g:", "g: / ;"),
        ("a@b,,c@d,", "-|-|a|b / -|-|c|d"),
        ("lonely", "-|-|lonely|"),
        ("two words", "-|-|two words|"),
        ("=?utf-8?Q?M=C3=BCller,_A?= <a@b>", "=?utf-8?Q?M=C3=BCller,_A?=|-|a|b"),
        ("=?utf-8?q?a?= =?utf-8?q?b?= <a@b>", "=?utf-8?q?a?= =?utf-8?q?b?=|-|a|b"),
        ("Müller <m@b>", "Müller|-|m|b"),
        ("a@b <c@d>", "a@b|-|c|d"),
        ("Name <a@b", "Name|-|a|b"),
        ("Name <a@b, c@d", "Name|-|a|b / -|-|c|d"),
        ("Name <>", "Name|-||"),
        ("<>", ""),
        ("<a@b> junk, c@d", "-|-|a|b / -|-|c|d"),
        ("g: <a@b>; c@d", "g: / -|-|a|b / ; / -|-|c|d"),
        ("a@b; c@d", "-|-|a|b / -|-|c|d"),
        ("a@@b", "-|-|a|@b"),
        ("@b", "-|-||b"),
        ("\"open <a@b>", "-|-|open <a@b>|"),
        ("a\\b@c", "-|-|a\\b|c"),
        ("[x] <a@b>", "[x]|-|a|b"),
        (">>>", ""),
        ("::", ": / ;"),
    ];
    for (value, expected) in table {
        assert_eq!(shown(value), expected, "{value:?}");
    }
}

#[test]
fn lists_are_bounded() {
    let many = "a@b,".repeat(ADDRESSES_MAX + 10);
    assert!(address::parse_list(many.as_bytes()).len() <= ADDRESSES_MAX);
    let groups = "g:".repeat(ADDRESSES_MAX * 2);
    assert!(address::parse_list(groups.as_bytes()).len() <= ADDRESSES_MAX);
    let deep = "(".repeat(200_000);
    assert_eq!(address::parse_list(deep.as_bytes()), []);
}

#[test]
fn trusted_addresses() {
    let good = [
        ("a@b.org", "a@b.org"),
        ("A.B+c@b.org", "A.B+c@b.org"),
        ("\"x y\"@b", "\"x y\"@b"),
        ("x y@b", "\"x y\"@b"),
        ("a@b@c", "\"a@b\"@c"),
        ("\"a\\\"b\"@c", "\"a\\\"b\"@c"),
        ("grün@bücher.example", "grün@bücher.example"),
        ("a@[127.0.0.1]", "a@[127.0.0.1]"),
        (".a@b", "\".a\"@b"),
    ];
    for (text, shown) in good {
        assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        assert_eq!(Address::parse(shown).unwrap(), Address::parse(text).unwrap());
    }
    let long = format!("{}@b", "x".repeat(address::LOCAL_LEN_MAX_BYTES + 1));
    let long_domain = format!("a@{}", "x".repeat(address::DOMAIN_LEN_MAX_BYTES + 1));
    let bad = [
        ("", AddressError::Incomplete),
        ("a", AddressError::Incomplete),
        ("@b", AddressError::Incomplete),
        ("a@", AddressError::Incomplete),
        ("a\r\nX: y@b", AddressError::BadByte),
        ("a@b\nc", AddressError::BadByte),
        ("a\0@b", AddressError::BadByte),
        ("a@b>c", AddressError::BadByte),
        ("a@b c", AddressError::BadByte),
        ("a@[x>]", AddressError::BadByte),
        (&long, AddressError::TooLong),
        (&long_domain, AddressError::TooLong),
    ];
    for (text, error) in bad {
        assert_eq!(Address::parse(text), Err(error), "{text:?}");
    }
}
