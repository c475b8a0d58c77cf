//! FETCH.

use super::{Client, Server};
use tokio::io::AsyncReadExt;

const MIXED: &str = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: ann@example.org\r\n\
    Date: Mon, 2 Feb 2026 10:00:00 +0100\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\
    References: <0@example.org>\r\nX-Own: mine\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nplain text\r\n\
    --b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n\
    --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-odd\r\n\r\nodd\r\n--b--\r\n";

async fn with_mixed(server: &Server) -> Client {
    let mut client = server.logged_in().await;
    assert!(client.append("INBOX", "", MIXED).await.starts_with("OK [APPENDUID "));
    client.ok("EXAMINE INBOX").await;
    client
}

#[tokio::test]
async fn items_and_what_they_show() {
    let server = Server::start().await;
    let mut client = with_mixed(&server).await;
    let size = MIXED.len();
    let header = &MIXED[..MIXED.find("--b\r\n").unwrap()];
    for (items, expected) in [
        ("RFC822.SIZE", format!("1 FETCH (RFC822.SIZE {size})")),
        ("(UID BODY.PEEK[])", format!("1 FETCH (UID 1 BODY[] {{{size}}}\r\n{MIXED})")),
        ("BODY.PEEK[HEADER]", format!("1 FETCH (BODY[HEADER] {{{}}}\r\n{header})", header.len())),
        ("BODY.PEEK[1]", "1 FETCH (BODY[1] \"plain text\")".into()),
        ("BODY.PEEK[1.MIME]", "1 FETCH (BODY[1.MIME] {28}\r\nContent-Type: text/plain\r\n\r\n)".into()),
        ("BODY.PEEK[9]", "1 FETCH (BODY[9] NIL)".into()),
        ("BODY.PEEK[1]<6.100>", "1 FETCH (BODY[1]<6> \"text\")".into()),
        ("BODY.PEEK[1]<6.2>", "1 FETCH (BODY[1]<6> \"te\")".into()),
        ("BODY.PEEK[1]<600.2>", "1 FETCH (BODY[1]<600> \"\")".into()),
        ("BODY.PEEK[]<0.4>", "1 FETCH (BODY[]<0> \"From\")".into()),
        (
            "BODY.PEEK[HEADER.FIELDS (X-OWN)]",
            "1 FETCH (BODY[HEADER.FIELDS (X-OWN)] {15}\r\nX-Own: mine\r\n\r\n)".into(),
        ),
        (
            "BODY.PEEK[HEADER.FIELDS (REFERENCES LIST-ID)]",
            "1 FETCH (BODY[HEADER.FIELDS (REFERENCES LIST-ID)] {31}\r\nReferences: <0@example.org>\r\n\r\n)"
                .into(),
        ),
        ("BODY.PEEK[HEADER.FIELDS (LIST-ID)]", "1 FETCH (BODY[HEADER.FIELDS (LIST-ID)] {2}\r\n\r\n)".into()),
        ("BODY.PEEK[HEADER.FIELDS (TO)]<3.5>", "1 FETCH (BODY[HEADER.FIELDS (TO)]<3> \" ann@\")".into()),
        ("BINARY.PEEK[2]", "1 FETCH (BINARY[2] ~{4}\r\n\u{0}\u{1}\u{2}\u{3})".into()),
        ("BINARY.PEEK[2]<1.2>", "1 FETCH (BINARY[2]<1> {2}\r\n\u{1}\u{2})".into()),
        ("BINARY.SIZE[2]", "1 FETCH (BINARY.SIZE[2] 4)".into()),
        ("BINARY.PEEK[7]", "1 FETCH (BINARY[7] NIL)".into()),
        ("RFC822.HEADER", format!("1 FETCH (RFC822.HEADER {{{}}}\r\n{header})", header.len())),
    ] {
        assert_eq!(client.said(&format!("FETCH 1 {items}")).await, expected, "{items}");
    }
    assert!(client.tagged("FETCH 1 BINARY.PEEK[3]").await.starts_with("NO [UNKNOWN-CTE]"));
    for (items, expected) in [("BINARY.SIZE[3]", &[][..]), ("(UID BINARY.SIZE[3])", &["* 1 FETCH (UID 1)"])] {
        let (untagged, tagged) = client.command(&format!("FETCH 1 {items}")).await;
        assert!(tagged.starts_with("NO [UNKNOWN-CTE]"), "{tagged}");
        assert_eq!(untagged, expected);
    }
}

#[tokio::test]
async fn overviews_and_contents_tell_the_same() {
    let server = Server::start().await;
    let mut client = with_mixed(&server).await;
    let envelope = client.said("FETCH 1 (ENVELOPE)").await;
    assert!(envelope.contains("(\"Mon, 2 Feb 2026 10:00:00 +0100\" \"Hello\" ((\"=?utf-8?q?J=C3=BCrgen?=\" NIL \"j\" \"example.org\"))"), "{envelope}");
    let structure = client.said("FETCH 1 BODYSTRUCTURE").await;
    assert!(
        structure.contains("\"application\" \"octet-stream\"")
            || structure.contains("\"APPLICATION\" \"OCTET-STREAM\""),
        "{structure}"
    );
    // The same beside what needs the message, and with a field that no overview keeps.
    let both = client.said("FETCH 1 (ENVELOPE BODY.PEEK[HEADER.FIELDS (TO X-OWN)] UID)").await;
    let inner = envelope.strip_prefix("1 FETCH (").unwrap().strip_suffix(")").unwrap();
    assert!(both.contains(inner) && both.contains("X-Own: mine") && both.contains("UID 1 "), "{both}");
    let whole = client.said("FETCH 1 (BODY.PEEK[] ENVELOPE BODYSTRUCTURE FLAGS)").await;
    assert!(whole.contains(inner) && whole.ends_with("--b--\r\n)"), "{whole}");
    let macros = client.said("FETCH 1 FULL").await;
    assert!(
        macros.contains("INTERNALDATE \"") && macros.contains(" BODY ((") && macros.contains(inner),
        "{macros}"
    );
}

#[tokio::test]
async fn sets_and_numbers() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.ok("SELECT INBOX").await;
    assert!(client.said("UID FETCH 1:* FLAGS").await.is_empty());
    assert!(client.said("FETCH 1:* FLAGS").await.is_empty());
    assert!(client.tagged("FETCH 1 FLAGS").await.starts_with("BAD"));
    client.fill("INBOX", 5).await;
    client.ok("STORE 2 +FLAGS (\\Deleted)").await;
    client.ok("EXPUNGE").await;
    for (command, expected) in [
        ("FETCH 1:* UID", "1 FETCH (UID 1)|2 FETCH (UID 3)|3 FETCH (UID 4)|4 FETCH (UID 5)"),
        ("FETCH 3,1 UID", "1 FETCH (UID 1)|3 FETCH (UID 4)"),
        ("UID FETCH 2:3 UID", "2 FETCH (UID 3)"),
        ("UID FETCH 9:* UID", "4 FETCH (UID 5)"),
        ("UID FETCH 2 UID", ""),
        ("FETCH * UID", "4 FETCH (UID 5)"),
        ("FETCH 9:* UID", "4 FETCH (UID 5)"),
        ("FETCH *:3 UID", "3 FETCH (UID 4)|4 FETCH (UID 5)"),
    ] {
        assert_eq!(client.said(command).await, expected, "{command}");
    }
    assert!(client.tagged("FETCH 5 UID").await.starts_with("BAD"));
}

#[tokio::test]
async fn reading_marks_as_seen_once_and_tells_it() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 2).await;
    client.ok("SELECT INBOX").await;
    assert_eq!(client.said("FETCH 1 BODY.PEEK[TEXT]").await, "1 FETCH (BODY[TEXT] {8}\r\nbody 1\r\n)");
    assert_eq!(
        client.said("UID FETCH 1 BODY[TEXT]").await,
        "1 FETCH (UID 1 BODY[TEXT] {8}\r\nbody 1\r\n FLAGS (\\Seen \\Recent))"
    );
    assert_eq!(client.said("FETCH 1 BODY[TEXT]").await, "1 FETCH (BODY[TEXT] {8}\r\nbody 1\r\n)");
    assert_eq!(client.said("NOOP").await, "");
    let all = client.said("FETCH 2 (FLAGS BODY[])").await;
    assert!(all.starts_with("2 FETCH (FLAGS (\\Seen \\Recent) BODY[] {"), "{all}");
    assert_eq!(client.said("STATUS INBOX (UNSEEN)").await, "STATUS INBOX (UNSEEN 0)");
}

#[tokio::test]
async fn large_messages_come_whole_and_in_windows() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n";
    let message = format!("Subject: large\r\n\r\n{}", line.repeat(20_000));
    client.append("INBOX", "", &message).await;
    client.fill("INBOX", 1).await;
    client.ok("SELECT INBOX").await;
    let said = client.said("FETCH 1:2 BODY.PEEK[]").await;
    assert!(said.starts_with(&format!("1 FETCH (BODY[] {{{}}}\r\n{message})|2 FETCH", message.len())));
    let mut whole = String::new();
    while whole.len() < message.len() {
        let at = whole.len();
        let said = client.said(&format!("FETCH 1 BODY.PEEK[]<{at}.393216>")).await;
        let (label, rest) = said.split_once("}\r\n").unwrap();
        assert!(label.starts_with(&format!("1 FETCH (BODY[]<{at}> {{")));
        whole.push_str(rest.strip_suffix(')').unwrap());
    }
    assert_eq!(whole, message);
}

#[tokio::test]
async fn many_rows_come_in_batches_and_all() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    super::speed::fill_fast(&server, 6000, 100).await;
    client.ok("SELECT INBOX").await;
    let lines = client.ok("FETCH 1:* (UID FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (X-NONE)])").await;
    assert_eq!(lines.len(), 6000);
    for (n, line) in (1..).zip(&lines) {
        assert!(line.starts_with(&format!("* {n} FETCH (UID {n} FLAGS ")), "{line}");
    }
    let scattered: Vec<String> = (1..=6000).step_by(3).map(|uid: u32| uid.to_string()).collect();
    let lines = client.ok(&format!("UID FETCH {} UID", scattered.join(","))).await;
    assert_eq!(lines.len(), 2000);
}

#[tokio::test]
async fn changed_since_and_modseq() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 3).await;
    client.ok("SELECT INBOX").await;
    let modseq = |line: &str| -> u64 {
        let (_, rest) = line.split_once("MODSEQ (").unwrap();
        rest.split(')').next().unwrap().parse().unwrap()
    };
    let lines = client.ok("FETCH 1:3 (MODSEQ)").await;
    let last = modseq(&lines[2]);
    assert!(modseq(&lines[0]) < modseq(&lines[1]) && modseq(&lines[1]) < last);
    assert_eq!(client.said(&format!("FETCH 1:* (FLAGS) (CHANGEDSINCE {last})")).await, "");
    let changed = client.said("STORE 2 +FLAGS (\\Flagged)").await;
    assert!(changed.starts_with("2 FETCH (FLAGS (\\Flagged \\Recent) MODSEQ ("), "{changed}");
    let said = client.said(&format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {last})")).await;
    assert_eq!(said, changed.replace(" MODSEQ", " UID 2 MODSEQ"));
    assert_eq!(client.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE 0)").await.len(), 3);
}

#[tokio::test]
async fn contents_of_all_sizes_come_in_order_and_whole() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    let sizes = [10, 1_500_000, 20, 300_000, 300_000, 2_000_000, 1_100_000, 5];
    for (n, size) in (1..).zip(sizes) {
        let message = format!("Subject: {n}\r\n\r\n{}", "x".repeat(size));
        assert!(client.append("INBOX", "", &message).await.starts_with("OK"));
    }
    client.fill("INBOX", 150).await;
    client.ok("EXAMINE INBOX").await;
    for items in ["(UID BODY.PEEK[])", "(UID BODY.PEEK[TEXT])", "(UID ENVELOPE BODY.PEEK[])"] {
        let lines = client.ok(&format!("FETCH 1:* {items}")).await;
        assert_eq!(lines.len(), 158, "{items}");
        for (n, line) in (1..).zip(&lines) {
            assert!(line.starts_with(&format!("* {n} FETCH (UID {n} ")), "{items}");
            let size = sizes.get(n - 1).copied().unwrap_or(0);
            assert!(line.len() > size && line.len() < size + 500, "{items} {n}: {}", line.len());
        }
    }
}

#[tokio::test]
async fn headers_too_large_for_an_overview_come_from_the_message() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    let many: Vec<String> = (0..3000).map(|n| format!("reader{n}@example.org")).collect();
    let message = format!("To: {}\r\nSubject: many\r\n\r\nbody\r\n", many.join(",\r\n "));
    assert!(client.append("INBOX", "", &message).await.starts_with("OK"));
    client.fill("INBOX", 1).await;
    client.ok("EXAMINE INBOX").await;
    assert_eq!(
        client.said("FETCH 1:2 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await,
        "2 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: 1\r\n\r\n)|\
         1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: many\r\n\r\n)"
    );
    // Beside all of the message too, which alone would go from the store to the client.
    let said = client.said("FETCH 1 (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[])").await;
    let head = "1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: many\r\n\r\n BODY[] {";
    assert!(said.starts_with(head) && said.ends_with("\r\nbody\r\n)"), "{}", &said[..200]);
    assert_eq!(client.said("SEARCH SUBJECT many").await, "SEARCH 1");
    assert_eq!(client.said("SEARCH TO reader2999").await, "SEARCH 1");
}

#[tokio::test]
async fn many_items_of_a_large_message_come_one_after_the_other() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 1).await;
    let message = format!("Subject: large\r\n\r\n{}", "0123456789abcdef".repeat(75_000));
    client.append("INBOX", "", &message).await;
    client.fill("INBOX", 1).await;
    client.ok("SELECT INBOX").await;
    let windows: Vec<String> = (0..60).map(|n| format!("BODY[]<{n}.99999999>")).collect();
    client.send(&format!("w FETCH 1:3 (UID {} BODY[HEADER])\r\n", windows.join(" "))).await;
    assert_eq!(client.line().await.split_once(" BODY").unwrap().0, "* 1 FETCH (UID 1");
    // What waits for the client is one item beside the message, not seventy times the message.
    let mut first = vec![0; 3 << 20];
    client.stream.read_exact(&mut first).await.unwrap();
    let used = super::super::fetch::LARGE_UNITS_MAX - server.house.large.available_permits();
    assert_eq!(used, (2 * message.len()).div_ceil(1 << 20));
    let (rest, tagged) = client.until("w ").await;
    assert!(tagged.starts_with("OK"), "{tagged}");
    let said = format!("{}{}", String::from_utf8(first).unwrap(), rest[0]);
    let mut expected = String::from("* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent)");
    for n in 0..60 {
        let window = &message[n..];
        expected.push_str(&format!(" BODY[]<{n}> {{{}}}\r\n{window}", window.len()));
    }
    expected.push_str(" BODY[HEADER] {18}\r\nSubject: large\r\n\r\n)");
    assert!(said == expected, "{} and {} bytes", said.len(), expected.len());
    assert!(rest[1].starts_with("* 3 FETCH (UID 3 BODY[]<0> {"), "{}", rest[1]);
    assert_eq!(server.house.large.available_permits(), super::super::fetch::LARGE_UNITS_MAX);
}

#[tokio::test]
async fn the_part_that_stands_in_for_none_is_empty() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\nno part\r\n";
    client.append("INBOX", "", message).await;
    client.ok("EXAMINE INBOX").await;
    let shown = client.said("FETCH 1 (BODY.PEEK[1] BODY.PEEK[1.MIME] BINARY.PEEK[1] BODY.PEEK[2])").await;
    assert_eq!(shown, "1 FETCH (BODY[1] \"\" BODY[1.MIME] \"\" BINARY[1] \"\" BODY[2] NIL)");
}
