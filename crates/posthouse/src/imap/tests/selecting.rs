//! SELECT, EXAMINE, CLOSE, UNSELECT, `\Recent`.

use super::Server;

#[tokio::test]
async fn select_tells_what_it_must() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.append("INBOX", "\\Seen", "Subject: a\r\n\r\n").await;
    client.append("INBOX", "$Work", "Subject: b\r\n\r\n").await;
    let said = client.said("SELECT inbox").await;
    for part in [
        "FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)",
        "OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work \\*)]",
        "2 EXISTS",
        "2 RECENT",
        "OK [UNSEEN 2]",
        "OK [UIDVALIDITY ",
        "OK [UIDNEXT 3]",
        "OK [HIGHESTMODSEQ ",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    assert!(!said.contains("LIST"));
    let (untagged, tagged) = client.command("EXAMINE INBOX").await;
    assert!(untagged[0].starts_with("* OK [CLOSED]"), "{untagged:?}");
    assert!(untagged.join("|").contains("[PERMANENTFLAGS ()]") && untagged.join("|").contains("* 0 RECENT"));
    assert!(tagged.starts_with("OK [READ-ONLY]"), "{tagged}");
    assert!(client.tagged("STORE 1 FLAGS (\\Seen)").await.starts_with("NO [READ-ONLY]"));
    assert!(client.tagged("UNSELECT").await.starts_with("OK"));
    assert!(client.tagged("FETCH 1 FLAGS").await.starts_with("BAD"));
    let (untagged, tagged) = client.command("SELECT Nowhere").await;
    assert!(untagged.is_empty() && tagged.starts_with("NO [NONEXISTENT]"));
}

#[tokio::test]
async fn rev2_has_list_and_neither_recent_nor_unseen() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.append("INBOX", "", "Subject: a\r\n\r\n").await;
    client.ok("ENABLE IMAP4rev2").await;
    let said = client.said("SELECT INBOX").await;
    assert!(!said.contains("RECENT") && !said.contains("UNSEEN"), "{said}");
    assert!(said.contains("LIST () \"/\" INBOX"), "{said}");
    assert_eq!(client.said("FETCH 1 FLAGS").await, "1 FETCH (FLAGS ())");
}

#[tokio::test]
async fn one_session_sees_a_message_as_recent() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.append("INBOX", "", "Subject: a\r\n\r\n").await;
    assert!(first.said("SELECT INBOX").await.contains("1 RECENT"));
    assert_eq!(first.said("FETCH 1 FLAGS").await, "1 FETCH (FLAGS (\\Recent))");
    let mut second = server.logged_in().await;
    assert!(second.said("SELECT INBOX").await.contains("0 RECENT"));
    assert_eq!(second.said("FETCH 1 FLAGS").await, "1 FETCH (FLAGS ())");
    // Who hears of it first has it.
    let mut third = server.logged_in().await;
    third.append("INBOX", "", "Subject: b\r\n\r\n").await;
    assert_eq!(second.said("NOOP").await, "2 EXISTS|1 RECENT");
    assert_eq!(first.said("NOOP").await, "2 EXISTS|1 RECENT");
    assert_eq!(second.said("SEARCH RECENT").await, "SEARCH 2");
    assert_eq!(first.said("SEARCH RECENT").await, "SEARCH 1");
    assert_eq!(third.said("STATUS INBOX (RECENT MESSAGES)").await, "STATUS INBOX (RECENT 0 MESSAGES 2)");
    second.ok("UNSELECT").await;
    assert!(third.said("SELECT INBOX").await.contains("0 RECENT"));
}

#[tokio::test]
async fn close_expunges_without_a_word_unless_read_only() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 3).await;
    client.ok("SELECT INBOX").await;
    client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    client.ok("EXAMINE INBOX").await;
    assert!(client.ok("CLOSE").await.is_empty());
    assert!(client.said("SELECT INBOX").await.contains("3 EXISTS"));
    assert!(client.ok("CLOSE").await.is_empty());
    assert!(client.said("SELECT INBOX").await.contains("2 EXISTS"));
    assert_eq!(client.said("UID SEARCH ALL").await, "SEARCH 1 3");
}

#[tokio::test]
async fn a_deleted_mailbox_ends_its_sessions() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.ok("CREATE Gone").await;
    let mut second = server.selected("Gone").await;
    first.ok("SELECT Gone").await;
    assert!(first.ok("DELETE Gone").await.is_empty());
    assert!(first.tagged("CHECK").await.starts_with("BAD"));
    second.send("x NOOP\r\n").await;
    assert!(second.line().await.starts_with("* BYE "));
    assert_eq!(second.line().await, "(closed)");
}
