//! Hostile messages: each limit holds, and time stays in bounds.

use mime::limits::{ADDRESSES_MAX, DEPTH_MAX, PARTS_MAX, STRUCTURE_LEN_MAX_BYTES};
use mime::{Message, Overview, Part, SearchText, body_structure, envelope};

fn depth(part: &Part) -> usize {
    let below = part.children.iter().chain(part.message.as_deref());
    1 + below.map(depth).max().unwrap_or(0)
}

fn count(part: &Part) -> usize {
    let mut count = 0;
    part.visit(&mut |_| count += 1);
    count
}

#[test]
fn nesting_ends() {
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(5000);
    let multiparts: String = (0..5000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    for raw in [messages, multiparts] {
        let message = Message::parse(raw.as_bytes());
        assert_eq!(depth(&message.root), DEPTH_MAX + 1);
        let mut deepest = &message.root;
        while let Some(next) = deepest.children.first().or(deepest.message.as_deref()) {
            deepest = next;
        }
        assert!(deepest.content_type.is("application", "octet-stream"));
        Overview::build(&message);
        SearchText::build(&message);
    }
}

#[test]
fn parts_end() {
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}\r\nrest",
        "--b\r\n".repeat(PARTS_MAX * 2)
    );
    let message = Message::parse(raw.as_bytes());
    assert_eq!(count(&message.root), PARTS_MAX);
    assert_eq!(message.root.whole.end, raw.len());
    // Digests make two parts of one.
    let raw =
        format!("Content-Type: multipart/digest; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(PARTS_MAX * 2));
    assert!(count(&Message::parse(raw.as_bytes()).root) <= PARTS_MAX);
}

#[test]
fn addresses_end() {
    for value in ["a@b,", "g:a@b;,", "<", "(", "\"", "a@", "\\", "[", "=?a?q?", "<a@b>:", "(x)"] {
        let raw = format!("To: {}\r\n", value.repeat(50_000 / value.len())).repeat(8) + "\r\n";
        let shown = envelope(&Message::parse(raw.as_bytes()));
        let addresses = shown.windows(4).filter(|w| *w == b"(NIL" || *w == b"(\"x\"").count();
        assert!(addresses <= ADDRESSES_MAX + 8, "{value}: {addresses}");
    }
}

#[test]
fn structures_end() {
    let fat = format!(
        "Content-Type: message/rfc822; x={}\r\n\r\nSubject: {}\r\n\r\n",
        "x".repeat(900),
        "y".repeat(900)
    );
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        format!("--b\r\n{fat}").repeat(PARTS_MAX)
    );
    let message = Message::parse(raw.as_bytes());
    assert_eq!(count(&message.root), PARTS_MAX);
    let shown = body_structure(&message, true);
    assert!((STRUCTURE_LEN_MAX_BYTES..STRUCTURE_LEN_MAX_BYTES * 3).contains(&shown.len()), "{}", shown.len());
    let message_parts = shown.windows(12).filter(|w| w == b"(\"message\" \"").count();
    assert_eq!(message_parts, PARTS_MAX / 2 - 1 + PARTS_MAX % 2);
}

/// Inputs that are quadratic in careless readers; each is a megabyte or so.
#[test]
fn nothing_is_quadratic() {
    let seeds = [
        "--b\n",
        "=?",
        "=?utf-8?q?",
        "=?utf-8?q?a?= ",
        "(",
        "<",
        "\"",
        "\\",
        ",",
        ";",
        ":",
        "\n",
        "\r",
        "a:\n",
        " \n",
        "<a",
        "</",
        "&",
        "<!--",
        "<style>",
        "<head>",
        "ü ",
        "a=b;",
        "a*0=b;",
        ";=",
        "\0",
        "=",
        "=\n",
        "Content-Type: a/b\n",
    ];
    let heads = [
        "Subject: ",
        "To: ",
        "References: ",
        "Date: ",
        "Content-Type: text/plain; ",
        "Content-Disposition: x; ",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "Content-Type: text/html\n\n",
        "Content-Transfer-Encoding: base64\n\n",
        "Content-Transfer-Encoding: quoted-printable\n\n",
        "\n",
        "Content-Language: ",
        "",
    ];
    for seed in seeds {
        for head in heads {
            let raw = format!("{head}{}", seed.repeat(600_000 / seed.len()));
            let message = Message::parse(raw.as_bytes());
            let overview = Overview::build(&message);
            assert!(overview.envelope.is_ascii() && overview.body_structure.is_ascii());
            SearchText::build(&message);
        }
    }
}
