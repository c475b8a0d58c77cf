//! SEARCH.

use super::{Client, Server};

/// Four messages with something of everything.
async fn with_mail(server: &Server) -> Client {
    let mut client = server.logged_in().await;
    for (flags, date, message) in [
        (
            "\\Seen",
            " 1-Jan-2026 12:00:00 +0000",
            "From: Ann Alpha <ann@example.org>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
             Date: Thu, 1 Jan 2026 12:00:00 +0000\r\n\r\nA needle in the hay\r\n",
        ),
        (
            "\\Flagged",
            " 2-Jan-2026 12:00:00 +0000",
            "From: bob@example.com\r\nCc: ann@example.org\r\nSubject: Re: plans\r\n\
             Date: Sat, 10 Jan 2026 23:30:00 -0500\r\nX-Own: Some Value\r\n\
             Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nTsOEREVMCg==\r\n",
        ),
        ("$Work", " 3-Jan-2026 12:00:00 +0000", "Subject: needle\r\nX-Own:\r\n\r\nno date, NEEDLES none\r\n"),
        ("\\Seen \\Deleted", " 4-Jan-2026 12:00:00 +0000", "From: c@example.net\r\n\r\nlarge: \r\n"),
    ] {
        let message = match message.ends_with("large: \r\n") {
            true => format!("{message}{}", "filler of sixteen\r\n".repeat(100)),
            false => message.to_owned(),
        };
        let command = format!("APPEND INBOX ({flags}) \"{date}\" {{{}+}}\r\n{message}", message.len());
        client.ok(&command).await;
    }
    client.ok("SELECT INBOX").await;
    client.ok("UNSELECT").await;
    client.ok("SELECT INBOX").await;
    client
}

#[tokio::test]
async fn keys_and_what_they_find() {
    let server = Server::start().await;
    let mut client = with_mail(&server).await;
    // Twice: what the first round reads, the second finds in memory.
    for _ in 0..2 {
        for (key, expected) in [
            ("ALL", "1 2 3 4"),
            ("2:3", "2 3"),
            ("UID 3:*", "3 4"),
            ("SEEN", "1 4"),
            ("UNSEEN", "2 3"),
            ("NOT SEEN FLAGGED", "2"),
            ("OR FLAGGED DELETED", "2 4"),
            ("KEYWORD $work", "3"),
            ("UNKEYWORD $Work", "1 2 4"),
            ("LARGER 1000", "4"),
            ("SMALLER 1000 1:2", "1 2"),
            ("BEFORE 2-Jan-2026", "1"),
            ("ON 2-Jan-2026", "2"),
            ("SINCE 2-Jan-2026", "2 3 4"),
            ("SENTON 10-Jan-2026", "2"),
            ("SENTBEFORE 5-Jan-2026", "1"),
            ("SENTSINCE 1-Jan-2026", "1 2"),
            ("SUBJECT needle", "3"),
            ("SUBJECT \"PLAN\"", "2"),
            ("FROM ann", "1"),
            ("FROM Alpha", "1"),
            ("CC ann@EXAMPLE", "2"),
            ("TO bob", "1"),
            ("BCC bob", ""),
            ("HEADER X-Own \"\"", "2 3"),
            ("HEADER X-Own \"some v\"", "2"),
            ("HEADER X-None \"\"", ""),
            ("HEADER Date Jan", "1 2"),
            ("BODY needle", "1 3"),
            ("TEXT needle", "1 3"),
            ("TEXT needle NOT BODY needles", "1"),
            ("TEXT needle UNSEEN", "3"),
            ("NOT TEXT needle", "2 4"),
            ("OR BODY hay SEEN", "1 4"),
            ("TEXT \"\"", "1 2 3 4"),
            ("BODY \"needle in\" SUBJECT x", ""),
            ("BODY sixteen", "4"),
            ("TEXT c@example.net", "4"),
        ] {
            let expected = format!("SEARCH {expected}");
            assert_eq!(client.said(&format!("SEARCH {key}")).await, expected.trim_end(), "{key}");
        }
        for (literal, key, expected) in [
            ("grüße", "SUBJECT", "1"),
            ("GRÜSSE", "SUBJECT", ""),
            ("nädel", "BODY", "2"),
            ("NÄDEL", "TEXT", "2"),
        ] {
            let command = format!("SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{literal}", literal.len());
            assert_eq!(
                client.said(&command).await,
                format!("SEARCH {expected}").trim_end(),
                "{key} {literal}"
            );
        }
    }
    assert!(server.house.texts.used_bytes() > 0);
    assert!(client.tagged("SEARCH CHARSET KOI8-R ALL").await.starts_with("NO [BADCHARSET"));
}

#[tokio::test]
async fn results_in_the_form_asked_for() {
    let server = Server::start().await;
    let mut client = with_mail(&server).await;
    client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    client.ok("EXPUNGE").await;
    client.fill("INBOX", 2).await;
    client.ok("NOOP").await;
    // UIDs 5 and 6 now; 1 and 3 were left.
    for (command, expected) in [
        ("UID SEARCH ALL", "SEARCH 1 3 5 6"),
        ("SEARCH RETURN () ALL", "ESEARCH (TAG \"%\") ALL 1:4"),
        ("UID SEARCH RETURN (MIN MAX COUNT) ALL", "ESEARCH (TAG \"%\") UID MIN 1 MAX 6 COUNT 4"),
        ("SEARCH RETURN (MIN ALL) SUBJECT nothing", "ESEARCH (TAG \"%\")"),
        ("SEARCH RETURN (SAVE) SUBJECT needle", ""),
        ("SEARCH $", "SEARCH 2"),
        ("FETCH $ UID", "2 FETCH (UID 3)"),
        ("UID SEARCH RETURN (SAVE MIN) UID 5:*", "ESEARCH (TAG \"%\") UID MIN 5"),
        ("UID SEARCH $", "SEARCH 5"),
        ("UID STORE $ +FLAGS.SILENT (\\Answered)", ""),
        ("SEARCH ANSWERED", "SEARCH 3"),
    ] {
        let said = client.said(command).await;
        let tag = format!("\"a{}\"", client.tag);
        assert_eq!(said.replace(&tag, "\"%\""), expected, "{command}");
    }
    client.ok("ENABLE IMAP4rev2").await;
    assert!(client.said("SEARCH UNSEEN").await.starts_with("ESEARCH (TAG \"a"));
    client.ok("SELECT INBOX").await;
    assert_eq!(client.said("FETCH $ UID").await, "");
}

#[tokio::test]
async fn what_has_just_arrived_is_found() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 3).await;
    client.ok("SELECT INBOX").await;
    assert_eq!(client.said("SEARCH BODY \"body 2\"").await, "SEARCH 2");
    let mut other = server.logged_in().await;
    for n in 4..40 {
        other.fill("INBOX", 2).await;
        let said = client.said("UID SEARCH BODY \"body 2\" SUBJECT 2").await;
        assert!(said.ends_with(&format!(" {}", 2 * n - 3)), "{said}");
    }
}

#[tokio::test]
async fn searching_without_memory_to_keep_anything() {
    let mut server = Server::start().await;
    super::speed::fill_fast(&server, 700, 200).await;
    for cache_bytes in [0, 100_000, 64 << 20] {
        let clock = crate::clock::Clock::new();
        server.house = std::sync::Arc::new(super::House::new(server.store.clone(), clock, cache_bytes));
        let mut client = server.selected("INBOX").await;
        for _ in 0..2 {
            assert_eq!(client.said("UID SEARCH TEXT \"letter number 70\"").await, "SEARCH 70 700");
            assert_eq!(client.said("UID SEARCH BODY \"line 699 of\"").await, "SEARCH 699");
            assert_eq!(client.said("UID SEARCH SUBJECT \"number 33\" UID 1:100").await, "SEARCH 33");
            assert_eq!(
                client.said("UID SEARCH RETURN (COUNT) NOT BODY words").await.rsplit(' ').next(),
                Some("0")
            );
        }
        assert!(server.house.texts.used_bytes() <= cache_bytes);
    }
}

#[tokio::test]
async fn header_looks_into_the_text_and_to_into_the_addresses() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.append("INBOX", "", "To: undisclosed-recipients:;\r\n\r\n").await;
    let many: Vec<String> = (0..5000).map(|n| format!("reader{n}@example.org")).collect();
    client.append("INBOX", "", &format!("To: {}\r\n\r\n", many.join(",\r\n "))).await;
    client.append("INBOX", "", "To: Ann (of the office) <ann@example.org>\r\n\r\n").await;
    client.ok("SELECT INBOX").await;
    for (keys, expected) in [
        ("HEADER To \"undisclosed-recipients:;\"", "SEARCH 1"),
        ("HEADER To \"of the office\"", "SEARCH 3"),
        ("TO \"of the office\"", "SEARCH"),
        ("TO \"ann <ann@\"", "SEARCH 3"),
        ("TO reader4999@", "SEARCH 2"),
        ("HEADER TO reader4999@", "SEARCH 2"),
        ("TO \"\"", "SEARCH 1 2 3"),
    ] {
        assert_eq!(client.said(&format!("SEARCH {keys}")).await, expected, "{keys}");
    }
}

#[tokio::test]
async fn an_unknown_charset_empties_what_was_saved() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 2).await;
    client.ok("SELECT INBOX").await;
    for (search, left) in [
        ("SEARCH CHARSET KOI8-R ALL", "1 FETCH (UID 1)|2 FETCH (UID 2)"),
        ("SEARCH RETURN (SAVE) CHARSET KOI8-R FROM x", ""),
    ] {
        client.ok("SEARCH RETURN (SAVE) ALL").await;
        assert!(client.tagged(search).await.starts_with("NO [BADCHARSET ("));
        assert_eq!(client.said("FETCH $ UID").await, left, "{search}");
    }
}
