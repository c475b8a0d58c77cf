//! What holds for any bytes whatever.

use mime::header::Headers;
use mime::section::{Section, What, binary, section};
use mime::transfer::{base64_decode, base64_encode, quoted_printable_decode, quoted_printable_encode};
use mime::{Message, Overview, OverviewRef, Part, SearchText, Span, body_structure, envelope};
use proptest::prelude::*;

/// Bytes, and pieces of messages in odd orders.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "\r\n",
        "\n",
        "\r\n\r\n",
        ": ",
        "--b\r\n",
        "--b--\r\n",
        "--bb\n",
        "--bb--",
        "\r\n--b\r\n",
        " ",
        "\t",
        ";",
        "\"",
        "\\",
        "(",
        ")",
        "<",
        ">",
        "@",
        ",",
        "[",
        "]",
        "=",
        "=?utf-8?q?=C3?=",
        "=?iso-8859-1?b?/A==?=",
        "=?",
        "?=",
        "ü",
        "x",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/digest; boundary=bb\r\n\r\n",
        "Content-Type: message/rfc822\r\n\r\n",
        "Content-Type: text/html; charset=utf-16\r\n",
        "Content-Type: ",
        "Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1=x\r\n",
        "Content-Language: de, en\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "Content-MD5: ",
        "Content-Location: ",
        "Content-ID: ",
        "Content-Description: ",
        "From: A <a@b>\r\n",
        "To: g: a@b, c;\r\n",
        "Subject: ",
        "Date: Thu, 1 Jan 1970 00:00:00 GMT\r\n",
        "Message-ID: <a@b>\r\n",
        "<style>",
        "</style>",
        "<p>",
        "&amp;",
        "a@b",
    ])
    .prop_map(|piece| piece.as_bytes().to_vec());
    let piece = prop_oneof![8 => pieces, 1 => prop::collection::vec(any::<u8>(), 0..4)];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn parts(root: &Part) -> Vec<&Part> {
    let mut parts = Vec::new();
    root.visit(&mut |part| parts.push(part));
    parts
}

/// Reads one value of IMAP's grammar, as a client would; gives what is behind it.
fn value(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first()? {
        (b'(', rest) => {
            let mut rest = rest;
            while !rest.starts_with(b")") {
                rest = value(rest)?;
                // Bodies and addresses stand without spaces between them, other values do not.
                rest = match rest {
                    [b' ', behind @ ..] if !behind.starts_with(b")") => behind,
                    [b'(' | b')', ..] => rest,
                    _ => return None,
                };
            }
            Some(&rest[1..])
        }
        (b'"', rest) => {
            let mut rest = rest;
            loop {
                rest = match rest {
                    [b'"', behind @ ..] => return Some(behind),
                    [b'\\', b'"' | b'\\', behind @ ..] => behind,
                    [b'\\' | b'\r' | b'\n' | 0 | 0x80.., ..] | [] => return None,
                    [_, behind @ ..] => behind,
                }
            }
        }
        (b'{', rest) => {
            let end = rest.windows(3).position(|w| w == b"}\r\n")?;
            let len: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
            let text = rest.get(end + 3..end + 3 + len)?;
            (len > 0 && !text.contains(&0)).then_some(&rest[end + 3 + len..])
        }
        (b'0'..=b'9', _) => {
            let len = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            Some(&bytes[len..])
        }
        _ => bytes.strip_prefix(b"NIL"),
    }
}

fn is_one_value(bytes: &[u8]) -> bool {
    bytes.is_ascii() && bytes.starts_with(b"(") && value(bytes) == Some(b"")
}

fn naive_base64(bytes: &[u8]) -> String {
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let bits: String = bytes.iter().map(|b| format!("{b:08b}")).collect();
    let groups: Vec<String> =
        bits.as_bytes().chunks(6).map(|c| format!("{:0<6}", String::from_utf8_lossy(c))).collect();
    let mut out: String =
        groups.iter().map(|g| letters[usize::from_str_radix(g, 2).expect("six bits")]).collect();
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// Quoted-printable by the letter of RFC 2045 §6.7: every byte that is not a letter or digit in
/// hexadecimal, soft breaks after each 25.
fn naive_quoted_printable(bytes: &[u8]) -> String {
    let letters: Vec<String> = bytes
        .iter()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(*b).to_string() } else { format!("={b:02x}") })
        .collect();
    letters.chunks(25).map(|line| line.concat()).collect::<Vec<_>>().join("=\r\n")
}

/// Lines of multiparts in any order, most of which make trees.
fn multiparts() -> impl Strategy<Value = String> {
    let lines = prop::sample::select(vec![
        "T: b", "T: bb", "T: c", "", "", "--b", "--b", "--bb", "--c", "--b--", "--bb-- ", "--c--", "--b\t",
        "--bc", "x", "A: 1",
    ]);
    prop::collection::vec((lines, prop::sample::select(vec!["\n", "\r\n"])), 0..30).prop_map(|lines| {
        let text: String = lines.iter().flat_map(|(line, end)| [*line, *end]).collect();
        format!("T: b\n\n{text}").replace("T: ", "Content-Type: multipart/mixed; boundary=")
    })
}

/// Leaves as their bodies, multiparts in parentheses; cut the slow way: the outer multipart is
/// split at its delimiters first, then each piece is looked at alone. `None` if a multipart has the
/// boundary of one around it, where the order matters.
fn naive_tree(raw: &str, around: &[&str]) -> Option<String> {
    let lines: Vec<&str> = raw.split_inclusive('\n').collect();
    let blank = lines.iter().position(|line| matches!(*line, "\n" | "\r\n"));
    let header = &lines[..blank.unwrap_or(lines.len())];
    let body = &lines[blank.map_or(lines.len(), |at| at + 1)..];
    let Some(boundary) =
        header.iter().find_map(|line| line.trim_end().split_once("boundary=")).map(|(_, b)| b)
    else {
        return Some(format!("{:?}", body.concat()));
    };
    if around.contains(&boundary) {
        return None;
    }
    let (delimiter, close) = (format!("--{boundary}"), format!("--{boundary}--"));
    let (mut pieces, mut open): (Vec<String>, bool) = (Vec::new(), false);
    for line in body {
        if line.trim_end() == close {
            break;
        } else if line.trim_end() == delimiter {
            pieces.push(String::new());
            open = true;
        } else if let (true, Some(piece)) = (open, pieces.last_mut()) {
            piece.push_str(line);
        }
    }
    let ended = body.iter().any(|line| line.trim_end() == close);
    let last = pieces.len().wrapping_sub(1);
    let mut shown = String::from("(");
    for (i, piece) in pieces.iter().enumerate() {
        let whole = piece.as_str();
        let kept =
            whole.strip_suffix('\n').map(|kept| kept.strip_suffix('\r').unwrap_or(kept)).unwrap_or(whole);
        let kept = if i == last && !ended { whole } else { kept };
        shown += &naive_tree(kept, &[around, &[boundary]].concat())?;
    }
    Some(shown + ")")
}

fn tree(raw: &[u8], part: &Part) -> String {
    if part.is_multipart() {
        return format!("({})", part.children.iter().map(|child| tree(raw, child)).collect::<String>());
    }
    format!("{:?}", String::from_utf8_lossy(part.body.of(raw)))
}

fn inside(inner: Span, outer: Span) -> bool {
    outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn ranges_are_in_bounds_and_nested(raw in messages()) {
        let message = Message::parse(&raw);
        prop_assert_eq!(message.root.whole, Span::new(0, raw.len()));
        for part in parts(&message.root) {
            prop_assert!(inside(part.whole, message.root.whole));
            prop_assert_eq!(part.header.start, part.whole.start);
            prop_assert_eq!(part.header.end, part.body.start);
            prop_assert_eq!(part.body.end, part.whole.end);
            let lines = part.body.of(&raw).iter().filter(|b| **b == b'\n').count();
            prop_assert_eq!(part.body_lines, lines);
            let below = part.children.iter().chain(part.message.as_deref());
            for child in below {
                prop_assert!(inside(child.whole, part.body));
            }
            for pair in part.children.windows(2) {
                prop_assert!(pair[0].whole.end <= pair[1].whole.start);
            }
            if let Some(inner) = &part.message {
                prop_assert_eq!(inner.whole, part.body);
            }
            prop_assert_eq!(part.is_multipart() || part.content_type.is_message(), part.is_multipart() || part.message.is_some());
            message.decoded_text(part);
        }
    }

    #[test]
    fn multiparts_are_cut_as_a_naive_reader_cuts_them(raw in multiparts()) {
        if let Some(expected) = naive_tree(&raw, &[]) {
            prop_assert_eq!(tree(raw.as_bytes(), &Message::parse(raw.as_bytes()).root), expected);
        }
    }

    #[test]
    fn header_fields_are_the_header(raw in messages()) {
        let headers = Headers::of_message(&raw);
        let mut at = 0;
        for field in headers.iter() {
            prop_assert_eq!(field.span.start, at);
            prop_assert_eq!(field.span.of(&raw), field.whole);
            prop_assert_eq!(field.value_span.of(&raw), field.value);
            at = field.span.end;
        }
        prop_assert!(matches!(&raw[at..headers.body_start()], b"" | b"\n" | b"\r\n"));
        prop_assert_eq!(headers.span().end, headers.body_start());
    }

    #[test]
    fn renderings_are_one_value(raw in messages()) {
        let message = Message::parse(&raw);
        for shown in [envelope(&message), body_structure(&message, false), body_structure(&message, true)] {
            prop_assert!(is_one_value(&shown), "{}", String::from_utf8_lossy(&shown));
        }
    }

    #[test]
    fn overviews_come_back(raw in messages()) {
        let message = Message::parse(&raw);
        let built = Overview::build(&message);
        let bytes = built.to_bytes();
        prop_assert_eq!(OverviewRef::parse(&bytes), Some(built.as_ref()));
        prop_assert_eq!(&built.envelope, &envelope(&message));
        prop_assert!(built.preview.len() <= 256);
        let names = vec![b"From".to_vec(), b"content-type".to_vec(), b"SUBJECT".to_vec()];
        let cached = built.as_ref().cached_header_fields(&names, false);
        let whole = section(&message, &Section { path: vec![], what: What::Fields(names) });
        prop_assert_eq!(cached, whole.map(|s| s.into_owned()));
    }

    #[test]
    fn arbitrary_overviews_are_no_trouble(bytes: Vec<u8>, version in 0u8..3) {
        let bytes = [&[version][..], &bytes].concat();
        if let Some(overview) = OverviewRef::parse(&bytes) {
            overview.cached_header_fields(&["from"], false);
        }
    }

    #[test]
    fn sections_are_no_trouble(raw in messages(), path in prop::collection::vec(0u32..4, 0..5)) {
        let message = Message::parse(&raw);
        let names = vec![b"from".to_vec()];
        for what in [What::Whole, What::Header, What::Text, What::Mime, What::Fields(names.clone()), What::FieldsNot(names)] {
            let _ = section(&message, &Section { path: path.clone(), what });
        }
        let _ = binary(&message, &path);
        let all = section(&message, &Section { path: vec![], what: What::FieldsNot(vec![]) }).unwrap();
        prop_assert!(all.starts_with(raw[..message.root.header.end].trim_ascii_end()));
    }

    #[test]
    fn search_texts_are_folded(raw in messages()) {
        let text = SearchText::build(&Message::parse(&raw));
        prop_assert_eq!(mime::fold(&text.body), text.body);
        prop_assert_eq!(mime::fold(&text.headers), text.headers);
    }

    #[test]
    fn values_of_any_kind(bytes: Vec<u8>) {
        let _ = mime::address::parse_list(&bytes);
        let _ = mime::message_id::parse_list(&bytes);
        let _ = mime::word::decode(&bytes);
        let _ = mime::content::ContentType::parse(&bytes);
        let _ = mime::content::Disposition::parse(&bytes);
        let _ = mime::content::languages(&bytes);
        let encoded = mime::word::encode(&bytes).into_owned();
        prop_assert!(encoded.iter().all(|b| matches!(b, b' '..=b'~' | b'\t')));
    }

    #[test]
    fn base64_is_what_a_naive_coder_writes(bytes: Vec<u8>) {
        let encoded = base64_encode(&bytes);
        prop_assert_eq!(String::from_utf8(encoded.clone()).unwrap(), naive_base64(&bytes));
        prop_assert_eq!(base64_decode(&encoded), bytes);
    }

    #[test]
    fn quoted_printable_is_read_and_written(bytes: Vec<u8>) {
        prop_assert_eq!(quoted_printable_decode(naive_quoted_printable(&bytes).as_bytes()), &bytes[..]);
        let encoded = quoted_printable_encode(&bytes);
        prop_assert!(encoded.is_ascii() && encoded.split(|b| *b == b'\n').all(|line| line.len() <= 77));
        // The coder makes CRLF of LF; all else comes back.
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        prop_assert_eq!(lines(&quoted_printable_decode(&encoded)), lines(&bytes));
    }
}
