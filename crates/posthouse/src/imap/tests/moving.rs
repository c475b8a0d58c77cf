//! APPEND, COPY, MOVE, EXPUNGE, and the rules of telling.

use super::Server;

#[tokio::test]
async fn append_and_its_refusals() {
    let server = Server::start().await;
    let mut client = server.selected("INBOX").await;
    let (lines, tagged) = client
        .command("APPEND INBOX (\\Seen Work) \" 1-Feb-1994 12:00:00 +0100\" {14+}\r\nSubject: a\r\n\r\n")
        .await;
    assert!(tagged.starts_with("OK [APPENDUID ") && tagged.contains(" 1]"), "{tagged}");
    assert_eq!(lines[..2], ["* 1 EXISTS", "* 1 RECENT"]);
    assert_eq!(
        client.ok("FETCH 1 (FLAGS INTERNALDATE)").await.last().unwrap(),
        "* 1 FETCH (FLAGS (\\Seen Work \\Recent) INTERNALDATE \" 1-Feb-1994 11:00:00 +0000\")"
    );
    assert!(client.append("Nowhere", "", "x").await.starts_with("NO [TRYCREATE]"));
    assert!(client.append("INBOX", "", "a\0b").await.starts_with("BAD"));
    let account = server.account;
    server.store.write(move |tx| tx.set_quota(account, Some(100))).await.unwrap();
    assert!(client.append("INBOX", "", &"x".repeat(100)).await.starts_with("NO [OVERQUOTA]"));
    assert!(client.append("INBOX", "", "Subject: b\r\n\r\n").await.starts_with("OK"));
    // Not a message at all is a message, too; nothing at all is shown as "".
    assert!(client.append("INBOX", "", "x").await.starts_with("OK"));
    assert_eq!(client.said("FETCH 3 (BODY.PEEK[TEXT] BODY.PEEK[HEADER])").await.matches("\"\"").count(), 1);
}

#[tokio::test]
async fn copies_and_moves() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 4).await;
    client.ok("SELECT INBOX").await;
    client.ok("STORE 2 +FLAGS.SILENT (\\Flagged $Tag)").await;
    let tagged = client.tagged("COPY 2:3 Archive").await;
    assert!(tagged.starts_with("OK [COPYUID ") && tagged.contains(" 2:3 1:2]"), "{tagged}");
    assert!(client.tagged("COPY 1 Nowhere").await.starts_with("NO [TRYCREATE]"));
    assert!(client.tagged("UID COPY 99 Archive").await.starts_with("OK COPY"));
    let lines = client.ok("MOVE 1,4 Archive").await;
    assert!(lines[0].starts_with("* OK [COPYUID ") && lines[0].contains(" 1,4 3:4]"), "{lines:?}");
    assert_eq!(lines[1..], ["* 1 EXPUNGE", "* 3 EXPUNGE"]);
    assert!(client.tagged("UID MOVE 2 Nowhere").await.starts_with("NO [TRYCREATE]"));
    assert_eq!(client.said("UID SEARCH ALL").await, "SEARCH 2 3");
    // Into the mailbox itself: new UIDs.
    let lines = client.ok("COPY 1 INBOX").await;
    assert_eq!(lines, ["* 3 EXISTS", "* 3 RECENT"]);
    let lines = client.ok("UID MOVE 2 INBOX").await;
    assert_eq!(lines[1..], ["* 1 EXPUNGE", "* 3 EXISTS", "* 3 RECENT"]);
    client.ok("SELECT Archive").await;
    assert_eq!(client.said("FETCH 1 FLAGS").await, "1 FETCH (FLAGS (\\Flagged $Tag \\Recent))");
}

#[tokio::test]
async fn expunge_all_or_some() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 5).await;
    client.ok("SELECT INBOX").await;
    assert_eq!(client.said("EXPUNGE").await, "");
    client.ok("STORE 1:4 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(client.said("UID EXPUNGE 2,4:9").await, "2 EXPUNGE|3 EXPUNGE");
    assert_eq!(client.said("EXPUNGE").await, "1 EXPUNGE|1 EXPUNGE");
    assert_eq!(client.said("FETCH 1:* UID").await, "1 FETCH (UID 5)");
}

#[tokio::test]
async fn expunges_wait_for_a_command_that_may_tell_them() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.fill("INBOX", 4).await;
    first.ok("SELECT INBOX (CONDSTORE)").await;
    let mut second = server.selected("INBOX").await;
    first.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    first.ok("EXPUNGE").await;
    // Numbers stay as they were while the client may be using them.
    assert_eq!(second.said("FETCH 3 UID").await, "3 FETCH (UID 3)");
    assert_eq!(second.said("SEARCH ALL").await, "SEARCH 1 3 4");
    assert_eq!(second.said("STORE 4 +FLAGS (\\Seen)").await, "4 FETCH (FLAGS (\\Seen))");
    assert_eq!(second.said("FETCH 2 UID").await, "");
    first.append("INBOX", "", "Subject: new\r\n\r\n").await;
    assert_eq!(second.said("FETCH 1 UID").await, "5 EXISTS|0 RECENT|1 FETCH (UID 1)");
    // With UIDs nothing can be mistaken.
    assert_eq!(second.said("UID FETCH 3 UID").await, "2 EXPUNGE|2 FETCH (UID 3)");
    assert_eq!(second.said("NOOP").await, "");
    assert_eq!(
        second.said("FETCH 1:* UID").await,
        "1 FETCH (UID 1)|2 FETCH (UID 3)|3 FETCH (UID 4)|4 FETCH (UID 5)"
    );
}

#[tokio::test]
async fn modseqs_are_never_ahead_of_what_was_told() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.fill("INBOX", 3).await;
    let said = first.said("SELECT INBOX (CONDSTORE)").await;
    let number = |text: &str| -> u64 {
        let rest = text.split("HIGHESTMODSEQ ").nth(1).unwrap();
        rest.split([']', ')']).next().unwrap().parse().unwrap()
    };
    let at_select = number(&said);
    let mut second = server.selected("INBOX").await;
    second.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    second.ok("EXPUNGE").await;
    // The expunge is held back here, so that the EXPUNGE below is the first to tell it.
    first.ok("FETCH 3 UID").await;
    first.ok("STORE 3 +FLAGS.SILENT (\\Deleted)").await;
    let (lines, tagged) = first.command("EXPUNGE").await;
    assert_eq!(lines, ["* 1 EXPUNGE", "* 2 EXPUNGE"]);
    assert!(number(&tagged) > at_select);
    assert_eq!(number(&tagged), number(&second.said("STATUS INBOX (HIGHESTMODSEQ)").await));
}

#[tokio::test]
async fn messages_that_are_gone_are_not_copied_in_silence() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 3).await;
    client.ok("SELECT INBOX").await;
    let mut other = server.selected("INBOX").await;
    for command in ["COPY 1:2 Archive", "MOVE 1:2 Archive", "FETCH 1:2 (UID)", "STORE 1:2 +FLAGS (\\Seen)"] {
        client.fill("INBOX", 1).await;
        client.ok("NOOP").await;
        other.ok("NOOP").await;
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
        other.ok("EXPUNGE").await;
        let tagged = client.tagged(command).await;
        let is_copy = command.contains("Archive");
        let expected = if is_copy { "NO [EXPUNGEISSUED]" } else { "OK [EXPUNGEISSUED]" };
        assert!(tagged.starts_with(expected), "{command}: {tagged}");
        let said = client.said("STATUS Archive (MESSAGES)").await;
        assert!(said.starts_with("STATUS Archive (MESSAGES 0)"), "{command}: {said}");
        client.ok("NOOP").await;
    }
    assert!(client.said("STATUS Archive (MESSAGES)").await.ends_with("(MESSAGES 0)"));
    assert!(client.tagged("UID COPY 1:9 Archive").await.starts_with("OK [COPYUID "));
}

#[tokio::test]
async fn a_removed_account_is_not_an_empty_one() {
    for command in ["LIST \"\" *", "LSUB \"\" *", "STATUS INBOX (MESSAGES)", "SELECT INBOX", "CREATE x"] {
        let server = Server::start().await;
        let mut client = server.logged_in().await;
        let account = server.account;
        server.store.write(move |tx| tx.remove_account(account)).await.unwrap();
        client.send(&format!("a {command}\r\n")).await;
        assert_eq!(client.line().await, "* BYE The account was removed", "{command}");
    }
}
